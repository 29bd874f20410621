"""`/api/v1/password` and `/api/v1/confirm`: the operator's password, changed and asked for again."""

from collections.abc import Mapping
from typing import ClassVar

import structlog

from app.api.base import ApiHandler
from app.api.keys import ADMIN
from app.api.models import Confirmation, Confirmed, NewPassword
from app.api.problems import Problem
from app.core.access import Scope
from app.core.units import counted
from app.errors import AuthError, Fault, SettingsError

_log = structlog.get_logger(__name__)


class _Asking(ApiHandler):
    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def verify(self, tried: str) -> None:
        """Compare with the password in force; guesses are slowed down as at the login.

        Raises:
            Problem: 403 if it is another, 429 after too many tries.
        """
        parts = self.parts
        tried_by = f"again:{self.caller.name}"
        wait = parts.throttle.begin(tried_by, parts.clock.monotonic(), known=True)
        if wait:
            raise Problem(
                429,
                "too_many_requests",
                f"Too many tries. Wait {counted(wait, 'second')}",
                {"Retry-After": str(wait)},
            )
        if not await parts.passwords.is_right(tried):
            _log.warning("password_refused", who=self.caller.who)
            raise Problem(403, "wrong_password", "That is not the password")
        parts.throttle.succeeded(tried_by)


class ConfirmHandler(_Asking):
    """The same session is not asked again for ten minutes; a key needs no confirmation."""

    async def get(self) -> None:
        self.answer(self._state())

    async def post(self) -> None:
        given = self.asked_body(Confirmation)
        if self.parts.passwords.exists:
            await self.verify(given.password)
            if self.caller.session is not None:
                self.parts.confirmations.confirm(self.caller.session)
        self.answer(self._state())

    def _state(self) -> Confirmed:
        parts, session = self.parts, self.caller.session
        return Confirmed(
            needed=session is not None and parts.passwords.exists and not parts.confirmations.holds(session),
            has_password=parts.passwords.exists,
            may_change=not parts.passwords.fixed,
        )


class PasswordHandler(_Asking):
    """A new password needs the old one, and ends all sessions and sockets."""

    async def post(self) -> None:
        given = self.asked_body(NewPassword)
        passwords = self.parts.passwords
        if passwords.fixed:
            raise Problem(
                409, "in_environment", "The password stands in SPOUT_PASSWORD: change it there, and restart"
            )
        if passwords.exists:
            await self.verify(given.old)
        try:
            await passwords.change(given.new)
        except AuthError as error:
            words = str(error).removeprefix("the new password ")
            raise Problem(400, "bad_parameter", str(error), faults=[Fault("new", words)]) from error
        except SettingsError as error:
            raise Problem(503, "not_kept", str(error)) from error
        await self.note("password changed; all sessions ended")
        self.set_status(204)
        await self.finish()
