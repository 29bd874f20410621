"""Limits the connections of unauthenticated clients. Pure but for closing them.

Idle sockets cost an attacker nothing and us a file descriptor each. So unauthenticated connections are
limited, in total and per address, and at a limit the one idle longest is closed for the new one: `/healthz`
always answers. A connection that presented a valid key, token or session does not count.
"""

import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tornado.httputil import HTTPServerRequest

STRANGERS = 256
STRANGERS_EACH = 64
"""Per address. A browser opens six, and a socket or two per page; behind a plain proxy all share one."""
RESERVED_DESCRIPTORS = 256
"""Descriptors reserved for databases, sources and alerts."""
WANTED_DESCRIPTORS = 8_192


class Closable(Protocol):
    def closed(self) -> bool: ...

    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class Connection:
    """A client's connection; `proved` once it has presented a valid credential."""

    stream: Closable
    peer: str
    active_at: float
    proved: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    strangers: int = STRANGERS
    strangers_each: int = STRANGERS_EACH
    all: int = WANTED_DESCRIPTORS - RESERVED_DESCRIPTORS

    @classmethod
    def for_descriptors(cls, descriptors: int) -> "ConnectionLimits":
        """Return the limits for a process with that many descriptors."""
        most = max(16, descriptors - RESERVED_DESCRIPTORS)
        strangers = min(STRANGERS, max(8, most // 2))
        return cls(strangers=strangers, strangers_each=min(STRANGERS_EACH, max(4, strangers // 2)), all=most)


@dataclass(slots=True, eq=False)
class Connections:
    """The open connections. `is_proxy`: clients share a proxy's address, so it has no limit of its own."""

    limits: ConnectionLimits
    is_proxy: Callable[[str], bool]
    turned_away: int = 0
    """Number of connections closed to make room, since the start."""
    _open: list[Connection] = field(default_factory=list)

    def enter(self, stream: Closable, peer: str, at: float) -> Connection:
        """Register a connection, and close the one that has to make room for it. `at`: monotonic seconds."""
        self._open = [one for one in self._open if not one.stream.closed()]
        strangers = [one for one in self._open if not one.proved]
        same = [one for one in strangers if one.peer == peer]
        if len(same) >= self.limits.strangers_each and not self.is_proxy(peer):
            self._close_idlest(same)
        elif len(strangers) >= self.limits.strangers or len(self._open) >= self.limits.all:
            self._close_idlest(strangers or self._open)
        connection = Connection(stream, peer, at)
        self._open.append(connection)
        return connection

    def make_room(self) -> bool:
        """Close an unauthenticated connection because no descriptor is left; False if there is none."""
        strangers = [one for one in self._open if not one.proved and not one.stream.closed()]
        if strangers:
            self._close_idlest(strangers)
        return bool(strangers)

    def __len__(self) -> int:
        return sum(not one.stream.closed() for one in self._open)

    def _close_idlest(self, among: list[Connection]) -> None:
        idlest = min(among, key=lambda one: one.active_at)
        self._open.remove(idlest)
        idlest.stream.close()
        self.turned_away += 1


def let_in(request: HTTPServerRequest) -> None:
    """Mark the request's connection as authenticated."""
    found = connection_of(request)
    if found is not None:
        found.proved = True


def remember(request: HTTPServerRequest, connection: Connection) -> None:
    """Associate a connection with its request, for `connection_of`, also after a WebSocket upgrade."""
    request.spout_connection = connection  # type: ignore[attr-defined]  # Tornado lets it be kept there


def connection_of(request: HTTPServerRequest) -> Connection | None:
    """Return the request's connection; None if there is none, as in a test of a handler alone."""
    found: Connection | None = getattr(request, "spout_connection", None)
    return found


def raise_descriptor_limit() -> int:
    """Raise the soft limit as far as wanted and permitted; return the resulting limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(WANTED_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            return soft
        return wanted
    return WANTED_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
