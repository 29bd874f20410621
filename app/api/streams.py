"""All clients of the event stream together: how many there may be, and each event encoded once for all."""

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from app.api.predictions import event_body
from app.api.problems import to_json
from app.core.events import Event
from app.core.recent import Recent

_TEXTS_KEPT = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Seconds and counts. `stall`: how long one write may wait for a reader before it is let go.

    `guest`: after so long, whoever needs no key and says nothing is welcome without one.
    """

    auth_seconds: float = 10
    guest_seconds: float = 0.5
    check_seconds: float = 5
    stall_seconds: float = 10
    queue: int = 1_000
    clients: int = 200
    clients_each: int = 20


class Client(Protocol):
    def goodbye(self) -> None: ...


class Streams:
    def __init__(self, limits: StreamLimits | None = None) -> None:
        self.limits = limits or StreamLimits()
        self._clients: set[Client] = set()
        self._each: Counter[str] = Counter()
        self._texts: Recent[int, str] = Recent(_TEXTS_KEPT)

    @property
    def full(self) -> bool:
        return len(self._clients) >= self.limits.clients

    def enter(self, client: Client) -> None:
        self._clients.add(client)

    def leave(self, client: Client, name: str | None) -> None:
        self._clients.discard(client)
        if name is not None:
            self.unseat(name)

    def seat(self, name: str) -> bool:
        """Count one more client of this caller; False if it has all it may."""
        if self._each[name] >= self.limits.clients_each:
            return False
        self._each[name] += 1
        return True

    def unseat(self, name: str) -> None:
        self._each[name] -= 1
        if self._each[name] <= 0:
            del self._each[name]

    def text(self, event: Event) -> str:
        """The event as it is sent."""
        text = self._texts.get(event.sequence)
        if text is None:
            text = to_json(event_body(event))
            self._texts.put(event.sequence, text)
        return text

    def close(self) -> None:
        """Tell everybody that the server stops."""
        for client in tuple(self._clients):
            client.goodbye()
