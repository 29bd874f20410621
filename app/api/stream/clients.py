"""The clients of the event stream: their limits, their places, and what serves those that listen."""

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from app.api.stream.fanout import Fanout, Reader
from app.api.stream.frames import Frames
from app.bus import Bus
from app.clock import Clock
from app.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Seconds and counts. `stall`: how long a client may take nothing before it is disconnected.

    `guest`: how long a client that needs no key is given to send one before it is admitted without.
    """

    auth_seconds: float = 10
    guest_seconds: float = 0.5
    check_seconds: float = 5
    stall_seconds: float = 10
    queue: int = 1_000
    clients: int = 100
    clients_each: int = 20
    anteroom: int = 16
    """Number of unauthenticated connections, not counted as clients; the longest waiting one makes room."""


class Client(Protocol):
    def goodbye(self) -> None: ...

    def make_room(self) -> None:
        """Close: it has waited too long without authenticating."""
        ...


class Streams:
    def __init__(self, bus: Bus[Event], clock: Clock, limits: StreamLimits | None = None) -> None:
        self.limits = limits or StreamLimits()
        self._bus = bus
        self._clock = clock
        self._waiting: dict[Client, None] = {}
        """In the order of their arrival."""
        self._seated: dict[Client, str] = {}
        self._each: Counter[str] = Counter()
        self._frames = Frames()
        self._fanout: Fanout | None = None
        """None while nobody listens."""
        self._listening: set[Reader] = set()

    def enter(self, client: Client) -> None:
        """Add a connection that is not authenticated yet."""
        if len(self._waiting) >= self.limits.anteroom:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.make_room()
        self._waiting[client] = None

    def leave(self, client: Client) -> None:
        self._waiting.pop(client, None)
        name = self._seated.pop(client, None)
        if name is not None:
            self._unseat(name)

    def seat(self, client: Client, name: str) -> str | None:
        """Count a client authenticated as `name`; return the reason as text if it must be refused."""
        before = self._seated.get(client)
        if before is None and len(self._seated) >= self.limits.clients:
            return "Spout has as many streams open as it may (SPOUT_STREAM_CLIENTS)"
        if self._each[name] >= self.limits.clients_each:
            return "This key has as many streams open as it may"
        if before is not None:
            self._unseat(before)
        self._waiting.pop(client, None)
        self._seated[client] = name
        self._each[name] += 1
        return None

    def _unseat(self, name: str) -> None:
        self._each[name] -= 1
        if self._each[name] <= 0:
            del self._each[name]

    @property
    def listening(self) -> int:
        """Number of clients that are sent events."""
        return len(self._listening)

    def listen(self, reader: Reader, *, replayed: bool) -> None:
        """Send what happens from now on; `replayed`: what is stored after its sequence first."""
        if self._fanout is None:
            self._fanout = Fanout(
                self._bus,
                self._clock,
                self._frames.of,
                queue=self.limits.queue,
                stall_seconds=self.limits.stall_seconds,
            )
        self._listening.add(reader)
        if replayed:
            self._fanout.replay(reader)
        else:
            self._fanout.follow(reader)

    def mute(self, reader: Reader) -> None:
        """Send nothing more."""
        self._listening.discard(reader)
        if self._fanout is None:
            return
        self._fanout.leave(reader)
        if not self._listening:
            self._fanout.close()
            self._fanout = None

    def close(self) -> None:
        """Notify all clients that the server stops."""
        for client in (*self._waiting, *self._seated):
            client.goodbye()
