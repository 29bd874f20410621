"""One attempt as seen from beneath: what it dialled, what was answered, when it must end.

A sending thread holds one `Dial` at a time; whatever a plugin of Apprise opens goes through it, and an audit
hook refuses what tries to go past it. Everything of one attempt ends `DEADLINE_SECONDS` after its first dial:
`Dial.abort`, run by whoever keeps the time, shuts the sockets down under their reader.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from app.api.models import Reach
from app.errors import SendError, TargetRefusedError

DEADLINE_SECONDS: Final = 15.0
"""From the first dial of an attempt to the last byte of its answer."""
LARGEST_ANSWER: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the other side said last: HTTP's status or SMTP's code, and the beginning of its answer."""

    status: int
    retry_after: str | None = None
    date: str | None = None
    """When it was said, by the other side's clock."""
    body: bytes = b""


class Way(Protocol):
    """What a `Dial` goes out through: `notifiers.dialler.Dialler`."""

    def context(self, reach: Reach) -> ssl.SSLContext: ...

    def connect(self, host: str, port: int, call: "Dial") -> socket.socket: ...


@dataclass(slots=True, kw_only=True)
class Dial:
    """One attempt, as seen from beneath: where it went, what was answered, why it was refused."""

    dialler: Way
    reach: Reach
    answers: list[Answered] = field(default_factory=list)
    smtp_answer: tuple[int, str] | None = None
    hosts: list[str] = field(default_factory=list)
    dials: int = 0
    error: SendError | TargetRefusedError | None = None
    """The first refusal or failure beneath the plugin, which itself only says yes or no."""
    ends_at: float | None = None
    aborted: bool = False
    only: frozenset[str] | None = None
    """The hosts that may be called in this attempt, in lower case; None for whatever the policy allows."""
    _settled: bool = False
    _guards: list[socket.socket] = field(default_factory=list)

    @property
    def left_alone(self) -> bool:
        """Whether the other side wants to be left alone: nothing else is asked of it in this attempt."""
        last = self.answers[-1] if self.answers else None
        return last is not None and (
            last.status == 429 or (last.status == 503 and last.retry_after is not None)
        )

    @property
    def tls(self) -> ssl.SSLContext:
        return self.dialler.context(self.reach)

    def connect(self, host: str, port: int) -> socket.socket:
        """Return a connected socket.

        Raises:
            TargetRefusedError: if this may not be called.
            SendError: if there is no connection.
        """
        if self.ends_at is None:
            self.ends_at = time.monotonic() + DEADLINE_SECONDS
        called = host.strip("[]").rstrip(".").lower()
        if self.only is not None and called not in self.only:
            words = f"it leads to {host}, which the URL does not name: write that host there to call it"
            raise self.fail(TargetRefusedError(words))
        try:
            connected = self.dialler.connect(host, port, self)
        except (SendError, TargetRefusedError) as error:
            self.fail(error)
            raise
        self.called(called)
        return connected

    def called(self, host: str) -> None:
        """A host counts as called once its name was looked up or it was dialled, whatever came of it."""
        self.hosts.append(host)

    def guard(self, connected: socket.socket) -> None:
        """Have it end with the attempt."""
        self._guards.append(connected.dup())
        if self.aborted:
            self.abort()

    def secure(self, connected: socket.socket, host: str) -> ssl.SSLSocket:
        """Speak TLS on it, with the certificates that this reach trusts.

        Raises:
            SendError: if the other side does not, or cannot prove its name.
        """
        try:
            return self.tls.wrap_socket(connected, server_hostname=host.strip("[]").rstrip("."))
        except OSError as error:
            connected.close()
            raise self.fail(SendError(tls_words(error, self))) from error

    def remaining(self) -> float:
        """Seconds that are left.

        Raises:
            SendError: if none are.
        """
        left = DEADLINE_SECONDS if self.ends_at is None else self.ends_at - time.monotonic()
        if left <= 0 or self.aborted:
            raise self.fail(SendError(f"no whole answer within {DEADLINE_SECONDS:g} s"))
        return left

    def answered(self, answer: Answered) -> None:
        """Keep what was said."""
        if not self._settled:
            self.answers.append(answer)

    def settle(self) -> None:
        """What is said from here on, like a goodbye, changes nothing of the outcome."""
        self._settled = True

    def fail(self, error: SendError | TargetRefusedError) -> SendError | TargetRefusedError:
        if self.error is None and not self._settled:
            self.error = error
        return error

    def abort(self) -> None:
        """End every connection of this attempt under its reader. From any thread; safe to call again."""
        self.aborted = True
        for guard in tuple(self._guards):
            with suppress(OSError):
                guard.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.abort()
        for guard in self._guards:
            guard.close()
        self._guards.clear()


@contextmanager
def in_this_thread(call: Dial) -> Iterator[None]:
    """Make it this thread's attempt; at the end it is closed."""
    _here.call = call
    try:
        yield
    finally:
        _here.call = None
        call.close()


def current_call() -> Dial:
    """The attempt of this thread.

    Raises:
        SendError: in a thread that sends nothing.
    """
    call: Dial | None = getattr(_here, "call", None)
    if call is None:
        raise SendError("nothing is sent outside of an attempt")
    return call


def tls_words(error: OSError, call: Dial) -> str:
    """One line about a TLS handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if call.reach is Reach.PUBLIC:
            return f"its certificate is not good for this name: {error.verify_message}"
        return (
            f"its certificate is not good for this name: {error.verify_message} "
            "(SPOUT_CA_FILE names the box's own authority)"
        )
    if isinstance(error, ssl.SSLError) and "WRONG_VERSION" in str(error.reason or ""):
        return "it does not speak TLS there"
    return f"no TLS: {getattr(error, 'reason', None) or error.strerror or error}"


class _Here(threading.local):
    call: Dial | None = None


_here = _Here()
