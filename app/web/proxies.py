"""The trusted proxies (`SPOUT_TRUSTED_PROXIES`), and the client that their headers report."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from app.clock import Clock
from app.settings import plain_address

RESOLVE_SECONDS = 30.0
"""Host names are resolved again at this interval: a container's address changes when it is recreated."""
RESOLVE_SOON_SECONDS = 1.0
"""Minimum interval of an additional resolution when a connection comes from an unknown peer."""
FORGET_SECONDS = 120.0
"""A name that cannot be resolved keeps its last addresses for this time."""
LOOPBACK = ("127.0.0.0/8", "::1")
_MOST_HOPS = 20


@dataclass(frozen=True, slots=True)
class Visitor:
    """The client of a request, as far as known.

    `address` is the client's: the peer's own, or what a trusted proxy forwarded. `hosts` are the names that
    the browser may have requested. `trusted`: the peer is one of the operator's proxies.
    """

    peer: str
    address: str
    https: bool
    hosts: tuple[str, ...]
    trusted: bool


LookUp = Callable[[str], Awaitable[frozenset[str]]]


async def look_up(name: str) -> frozenset[str]:
    """Return the addresses of a host name, as the system resolves it.

    Raises:
        OSError: if it cannot be resolved.
    """
    found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return frozenset(plain_address(str(entry[4][0])) for entry in found)


class TrustedProxies:
    """Configured addresses and networks, and the current addresses of host names."""

    def __init__(self, entries: Iterable[str], clock: Clock, look_up: LookUp = look_up) -> None:
        """Take `look_up`, which returns the addresses of a host name, or raises OSError."""
        self._clock = clock
        self._look_up = look_up
        self._networks: list[IPv4Network | IPv6Network] = []
        self._names: list[str] = []
        for entry in entries:
            try:
                self._networks.append(ip_network(entry, strict=False))
            except ValueError:
                self._names.append(entry)
        self._resolved: dict[str, tuple[frozenset[str], float]] = {}
        self._asked_at: float | None = None
        self._unknown_came = asyncio.Event()

    def holds(self, peer: str) -> bool:
        """Whether the address is trusted; an unknown one triggers a new resolution of the names."""
        plain = plain_address(peer)
        try:
            address = ip_address(plain)
        except ValueError:
            return False
        if any(address in network for network in self._networks):
            return True
        now = self._clock.monotonic()
        for addresses, at in self._resolved.values():
            if plain in addresses and now - at <= FORGET_SECONDS:
                return True
        if self._names:
            self._unknown_came.set()
        return False

    async def keep_resolved(self) -> None:
        """Resolve the names periodically until cancelled; returns at once if there are none."""
        while self._names:
            self._unknown_came.clear()
            await self.resolve()
            await self._clock.sleep(RESOLVE_SOON_SECONDS)
            waiting = {
                asyncio.create_task(self._unknown_came.wait()),
                asyncio.create_task(self._clock.sleep(RESOLVE_SECONDS)),
            }
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waiting:
                    task.cancel()

    async def resolve(self) -> None:
        """Resolve each name once."""
        for name in self._names:
            try:
                addresses = await self._look_up(name)
            except OSError:
                continue
            self._resolved[name] = (addresses, self._clock.monotonic())

    def visitor(self, request: HTTPServerRequest) -> Visitor:
        """Return the client; forwarding headers count from a trusted peer only."""
        peer = plain_address(request.remote_ip or "")
        headers = request.headers
        host = headers.get("Host", "")
        if not self.holds(peer):
            return Visitor(peer, peer, request.protocol == "https", (host,), trusted=False)
        forwarded = _last(headers, "X-Forwarded-Host")
        return Visitor(
            peer,
            self._client(peer, headers),
            https=(_last(headers, "X-Forwarded-Proto") or request.protocol).lower() == "https",
            hosts=(host, forwarded) if forwarded else (host,),
            trusted=True,
        )

    def _client(self, peer: str, headers: HTTPHeaders) -> str:
        """Return the rightmost address of `X-Forwarded-For` that is no trusted proxy; else the leftmost."""
        client = peer
        hops = [hop for line in headers.get_list("X-Forwarded-For") for hop in line.split(",")]
        for hop in reversed(hops[-_MOST_HOPS:]):
            address = _address(hop)
            if address is None:
                break
            client = address
            if not self.holds(address):
                break
        return client


def _address(hop: str) -> str | None:
    """Parse an address; some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`. None if invalid."""
    bare = hop.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return plain_address(str(ip_address(bare)))
    except ValueError:
        return None


def _last(headers: Mapping[str, str], name: str) -> str:
    """Return the nearest proxy's value, if several have appended to the header."""
    return headers.get(name, "").rpartition(",")[2].strip()
