"""The one way out for alerts: resolves, checks the address really dialled, connects."""

import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import certifi

from app.api.models import Reach
from app.errors import SendError, SettingsError, TargetRefusedError
from app.tls import verifying
from notifiers import walls
from notifiers.dial import DEADLINE_SECONDS, Dial, in_this_thread
from notifiers.proxy import Proxy
from notifiers.targets import Address, TargetPolicy, literal, unmapped

_CONNECT_SECONDS: Final = 10.0
_RESOLVE_SECONDS: Final = 5.0

Resolve = Callable[[str, int], list[Address]]


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
        with in_this_thread(made), walls.raised():
            yield made

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
        with walls.gate():  # the pool may start a thread of its own
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
        call.called(host.strip("[]").rstrip(".").lower())  # the proxy is told its name, whatever comes of it
        try:
            proxy.lead(connected, host, port, call.remaining())
            connected.settimeout(call.remaining())
        except SendError as error:
            connected.close()
            late = SendError(f"no connection within {DEADLINE_SECONDS:g} s") if call.aborted else error
            raise SendError(f"{where}: {late}") from error
        return connected


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
