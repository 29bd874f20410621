"""The operator's session: a signed cookie that survives a restart, expires, and can be ended."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.keyring import Keyring
from app.settings import Secret
from app.web.ended import EndedSessions

COOKIE = "spout_session"
"""Prefix of the cookie's name; the rest distinguishes several Spouts on one host."""
_LONGEST_COOKIE = 200
_LONGEST_EXPIRY = 11
_NO_SESSION = ""


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    expires_at: datetime
    era: int = 0
    """The password under which it began: the number of password changes since the start."""


class Sessions:
    """Signs with a key derived from the secret and the password: a new password ends every session.

    Cookies ignore ports, so the cookie's name distinguishes two Spouts on one host: by their secrets, or else
    by their ports. A session that was logged out is kept in `ended` until its expiry.
    """

    def __init__(
        self,
        keyring: Keyring,
        password: Secret | None,
        now: Callable[[], datetime],
        *,
        port: int = 0,
        ended: EndedSessions | None = None,
    ) -> None:
        self._keyring = keyring
        self._key = self._derived(password)
        self._now = now
        self._era = 0
        self._ended = ended or EndedSessions(None)
        self._until: dict[str, datetime] = {}
        """Expiry of watched sessions: a page loaded meanwhile has prolonged them."""
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        instance = keyring.derive("instance", str(port).encode()).hex()[:8]
        self.cookie_name = f"{COOKIE}_{instance}"
        self.device_cookie_name = f"spout_device_{instance}"

    def begin(self, lifetime: timedelta, name: str | None = None) -> tuple[Session, str]:
        """Return a new session and its cookie; `name`: that of a session to prolong."""
        expires_at = self._now().replace(microsecond=0) + lifetime
        session = Session(name or secrets.token_urlsafe(16), expires_at, self._era)
        if session.id in self._watchers:
            self._until[session.id] = expires_at
        payload = f"{session.id}.{int(expires_at.timestamp())}"
        return session, f"{payload}.{self._signature(payload)}"

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of this cookie; None if it is invalid, expired or ended."""
        if not cookie or len(cookie) > _LONGEST_COOKIE or not cookie.isascii():
            return None
        payload, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(payload)):
            return None
        name, _, expiry = payload.partition(".")
        if not expiry.isdigit() or len(expiry) > _LONGEST_EXPIRY:
            return None  # signed by us, but for another purpose
        session = Session(name, datetime.fromtimestamp(int(expiry), UTC), self._era)
        if name in self._ended or session.expires_at <= self._now():
            return None
        return session

    def page_token(self, session: Session) -> str:
        """Return the token in this session's pages: proof, beside the cookie, that a page was read."""
        return self._signature(f"page:{session.id}")

    def is_page_token(self, session: Session, given: str) -> bool:
        return given.isascii() and hmac.compare_digest(given, self.page_token(session))

    def device_token(self) -> str:
        """Return the token of a browser that has logged in: no session, but throttled separately."""
        name = secrets.token_urlsafe(12)
        return f"{name}.{self._signature(f'device:{name}')}"

    def device(self, cookie: str | None) -> str | None:
        """Return the name of a browser that has logged in before; None for an unknown one."""
        if not cookie or len(cookie) > _LONGEST_COOKIE or not cookie.isascii():
            return None
        name, _, signature = cookie.rpartition(".")
        return name if hmac.compare_digest(signature, self._signature(f"device:{name}")) else None

    def end(self, session: Session) -> None:
        """Log out: the cookie is invalid from now on, also after a restart; watchers are notified."""
        until = max(session.expires_at, self._until.pop(session.id, session.expires_at))
        self._ended.add(session.id, until, now=self._now())
        for notify in tuple(self._watchers.pop(session.id, ())):
            notify()

    def change_password(self, password: Secret | None) -> None:
        """End every session: they began under another password."""
        self._key = self._derived(password)
        self._era += 1
        watchers, self._watchers = self._watchers, {}
        self._until.clear()
        for notify in [notify for those in watchers.values() for notify in those]:
            notify()

    def seconds_left(self, session: Session) -> float:
        """Return the time to the expiry, 0 or less if ended; page loads have prolonged it."""
        if session.id in self._ended or session.era != self._era:
            return 0.0
        until = max(session.expires_at, self._until.get(session.id, session.expires_at))
        return (until - self._now()).total_seconds()

    def watch(self, session: Session | None, notify: Callable[[], None]) -> Callable[[], None]:
        """Call `notify` when the session is ended; return the function that ends the watching.

        `session` None: of a client that needs no login until a password is set.
        """
        name = _NO_SESSION if session is None else session.id
        self._watchers.setdefault(name, set()).add(notify)
        return lambda: self._forget(name, notify)

    def _forget(self, name: str, notify: Callable[[], None]) -> None:
        watchers = self._watchers.get(name)
        if watchers is None:
            return
        watchers.discard(notify)
        if not watchers:
            del self._watchers[name]
            self._until.pop(name, None)

    def _derived(self, password: Secret | None) -> bytes:
        proof = hashlib.sha256(password.reveal().encode()).digest() if password else b""
        return self._keyring.derive("session", proof)

    def _signature(self, payload: str) -> str:
        digest = hmac.digest(self._key, payload.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
