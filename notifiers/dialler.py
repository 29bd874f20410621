"""The one way out for alerts: resolves, checks the address really dialled, connects, and ends in time.

A sending thread holds one `Dial` at a time; whatever a plugin of Apprise opens goes through it, and an audit
hook refuses what tries to go past it. Everything of one attempt ends `DEADLINE_SECONDS` after its first dial:
`Dial.abort`, run by whoever keeps the time, shuts the sockets down under their reader.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import certifi

from app.api.models import Reach
from app.errors import SendError, SettingsError, TargetRefusedError
from app.tls import verifying
from notifiers import walls
from notifiers.proxy import Proxy
from notifiers.targets import Address, TargetPolicy, literal, unmapped

DEADLINE_SECONDS: Final = 15.0
"""From the first dial of an attempt to the last byte of its answer."""
LARGEST_ANSWER: Final = 64 * 1024
_CONNECT_SECONDS: Final = 10.0
_RESOLVE_SECONDS: Final = 5.0

Resolve = Callable[[str, int], list[Address]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the other side said last: HTTP's status or SMTP's code, and the beginning of its answer."""

    status: int
    retry_after: str | None = None
    body: bytes = b""


@dataclass(slots=True, kw_only=True)
class Dial:
    """One attempt, as seen from beneath: where it went, what was answered, why it was refused."""

    dialler: "Dialler"
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


class Dialler:
    def __init__(
        self,
        policy: TargetPolicy,
        *,
        proxy: Proxy | None = None,
        ca_file: Path | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        """`ca_file`: the box's own authority; it counts for lan and onion alone.

        Raises:
            SettingsError: if it cannot be read.
        """
        self._policy = policy
        self._proxy = proxy
        self._resolve = resolve or _resolve
        self._resolvers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="resolve")
        self._public = _context()
        self._own = _context(ca_file) if ca_file else self._public

    def context(self, reach: Reach) -> ssl.SSLContext:
        return self._public if reach is Reach.PUBLIC else self._own

    @property
    def proxied(self) -> bool:
        return self._proxy is not None

    def check(self, host: str, reach: Reach) -> None:
        """Refuse what can be refused by its name alone, as when an endpoint is saved.

        Raises:
            TargetRefusedError: if it may never be called.
        """
        self._policy.host(host, reach)

    @contextmanager
    def call(self, reach: Reach) -> Iterator[Dial]:
        """Make this thread a sending one: until the end it reaches others only through the `Dial`."""
        made = Dial(dialler=self, reach=reach)
        _here.call = made
        try:
            with walls.raised():
                yield made
        finally:
            _here.call = None
            made.close()

    def connect(self, host: str, port: int, call: Dial) -> socket.socket:
        """Use `Dial.connect`."""
        target = self._policy.host(host, call.reach)
        call.dials += 1
        if self._proxy is not None and call.reach is not Reach.LAN:
            return self._through(self._proxy, str(target), port, call)
        call.called(host.strip("[]").rstrip(".").lower())
        if not isinstance(target, str):
            return self._to((target,), host, port, call)
        allowed = self._allowed(target, port, call)
        return self._to(allowed, target, port, call)

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    def _allowed(self, name: str, port: int, call: Dial) -> tuple[Address, ...]:
        found = self._resolved(name, port, call)
        allowed, refusal = [], TargetRefusedError(f"{name} has no address")
        for address in dict.fromkeys(found):
            try:
                self._policy.address(address, call.reach, name=name)
            except TargetRefusedError as error:
                refusal = error
            else:
                allowed.append(address)
        if not allowed:
            raise refusal
        return tuple(allowed)

    def _resolved(self, name: str, port: int, call: Dial) -> list[Address]:
        asked: Future[list[Address]] = self._resolvers.submit(self._resolve, name, port)
        try:
            return asked.result(timeout=min(_RESOLVE_SECONDS, call.remaining()))
        except (OSError, FutureTimeoutError, UnicodeError) as error:
            raise SendError(f"{name} cannot be resolved") from error

    def _to(self, addresses: tuple[Address, ...], name: str, port: int, call: Dial) -> socket.socket:
        trouble = SendError(f"{name} has no address")
        for address in addresses:
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            connecting = socket.socket(family, socket.SOCK_STREAM)
            try:
                connecting.settimeout(min(_CONNECT_SECONDS, call.remaining()))
                connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with walls.gate():
                    connecting.connect((str(address), port))
                call.guard(connecting)
                connecting.settimeout(call.remaining())
            except OSError as error:
                connecting.close()
                trouble = SendError(f"{name}:{port}: {error.strerror or 'no connection in time'}")
                trouble.__cause__ = error
            except BaseException:
                connecting.close()
                raise
            else:
                return connecting
        raise trouble

    def _through(self, proxy: Proxy, host: str, port: int, call: Dial) -> socket.socket:
        """Names are resolved by the proxy, never here; if it is down nothing goes direct."""
        where = f"SPOUT_OUTBOUND_PROXY ({proxy.host}:{proxy.port})"
        try:
            at = literal(proxy.host)
            addresses = (at,) if at is not None else tuple(self._resolved(proxy.host, proxy.port, call))
            connected = self._to(addresses, proxy.host, proxy.port, call)
        except SendError as error:
            raise SendError(f"{where}: {error}") from error
        try:
            proxy.lead(connected, host, port, call.remaining())
            connected.settimeout(call.remaining())
        except SendError as error:
            connected.close()
            late = SendError(f"no connection within {DEADLINE_SECONDS:g} s") if call.aborted else error
            raise SendError(f"{where}: {late}") from error
        return connected


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


def _context(ca_file: Path | None = None) -> ssl.SSLContext:
    context = verifying(certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"SPOUT_CA_FILE: {ca_file} cannot be read: {error}") from error
    return context


def _resolve(name: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [unmapped(ip_address(str(place[0]).partition("%")[0])) for *_, place in found]


class _Here(threading.local):
    call: Dial | None = None


_here = _Here()
