"""The operator's password: verified, asked for again, changed."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.clock import Clock
from app.core.recent import Recent
from app.errors import AuthError, SettingsError
from app.settings import LONGEST_PASSWORD, SHORTEST_PASSWORD, Secret
from app.web import Door, Gate, PasswordFile, Session

CONFIRMED_SECONDS = 600.0
"""So long after the password was typed the same session is not asked again."""
FOLLOW_SECONDS = 1.0
_MOST_SESSIONS = 1_000
_log = structlog.get_logger(__name__)


def hashed(password: str) -> str:
    """Return the argon2id hash; takes tens of milliseconds."""
    return _hasher().hash(password)


def refuse_bad_password(password: str) -> None:
    """Raise AuthError for one that nobody could type, or that the login does not take."""
    if not password:
        raise AuthError("the new password must not be empty")
    if len(password) < SHORTEST_PASSWORD:
        raise AuthError(
            f"the new password is shorter than {SHORTEST_PASSWORD} characters: take a few words that you can "
            "remember"
        )
    if len(password) > LONGEST_PASSWORD:
        raise AuthError(f"the new password is longer than {LONGEST_PASSWORD} characters: shorten it")
    if not password.isprintable():
        raise AuthError("the new password has characters that cannot be typed")


class Passwords:
    """The password in force: the environment's, else the one set by `spout password` or on the page.

    Holds its argon2id hash; verifies one at a time, off the event loop.
    """

    def __init__(self, given: Secret | None, file: PasswordFile, gate: Gate) -> None:
        self._file = file
        self._gate = gate
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="password")
        self.fixed = given is not None
        """Whether it stands in the environment, where alone it can be changed."""
        self._stamp = file.stamp()
        kept = None if self.fixed else file.read()
        self._hash = self._thread.submit(lambda: hashed(given.reveal()) if given else kept)

    @property
    def exists(self) -> bool:
        return self._gate.door is Door.PASSWORD

    async def is_right(self, tried: str) -> bool:
        """Verify a password; takes as long for a right one as for a wrong one."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._check, tried)

    async def change(self, new: str) -> None:
        """Keep a new one: every session ends, and every socket.

        Raises:
            AuthError: if it stands in the environment, or the new one is no password.
            SettingsError: if it cannot be kept.
        """
        if self.fixed:
            raise AuthError("the password stands in SPOUT_PASSWORD: change it there, and start Spout again")
        refuse_bad_password(new)
        loop = asyncio.get_running_loop()
        kept = await loop.run_in_executor(self._thread, hashed, new)
        await loop.run_in_executor(self._thread, self._file.write, kept)
        self._adopt(kept)

    async def follow(self, clock: Clock) -> None:
        """Adopt what `spout password` sets in another process, within a second; until cancelled."""
        while not self.fixed:
            await clock.sleep(FOLLOW_SECONDS)
            stamp = self._file.stamp()
            if stamp is None or stamp == self._stamp:
                continue
            try:
                kept = self._file.read()
            except SettingsError as error:
                _log.warning("the password cannot be read", error=str(error))
                self._stamp = stamp
                continue
            if kept is not None:
                self._adopt(kept)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _adopt(self, kept: str) -> None:
        self._stamp = self._file.stamp()
        self._hash = self._thread.submit(lambda: kept)
        self._gate.change_password(Secret(kept))
        _log.info("the password was changed: every session has ended")

    def _check(self, tried: str) -> bool:
        kept = self._hash.result()
        try:
            right = kept is not None and _hasher().verify(kept, tried[:LONGEST_PASSWORD])
            return right and len(tried) <= LONGEST_PASSWORD
        except (VerificationError, InvalidHashError):
            return False


class Confirmations:
    """Sessions whose password was typed within the last ten minutes; in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: Recent[str, float] = Recent(_MOST_SESSIONS)

    def confirm(self, session: Session) -> None:
        self._until.put(session.id, self._clock.monotonic() + CONFIRMED_SECONDS)

    def holds(self, session: Session) -> bool:
        return (self._until.get(session.id) or 0.0) > self._clock.monotonic()


def _hasher() -> PasswordHasher:
    # 19 MiB, 2 passes: OWASP's parameters for small machines; one at a time bounds the memory.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
