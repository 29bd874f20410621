"""What the API's handlers work with, handed to them by the composition root."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.api.limits import Limiter
from app.api.problems import starting
from app.api.tokens import Tokens
from app.bus import Bus
from app.clock import Clock
from app.core.access import ApiKey
from app.core.events import Event
from app.core.labels import Label
from app.metrics import Metrics
from app.views import History, Live
from app.web.gate import Gate


class Keys(Protocol):
    """The API keys there are; the store keeps them."""

    async def find(self, key: str) -> ApiKey | None:
        """Return the key whose hash is this one's, unless it is revoked."""
        ...

    async def is_revoked(self, key_id: str) -> bool:
        """Whether it was revoked, or is not known at all."""
        ...


class Labels(Protocol):
    """The operator's own labels; the store keeps them."""

    async def put(self, labels: Iterable[Label]) -> int:
        """Keep all of them or none; one for the same script is replaced."""
        ...

    async def listed(self) -> Sequence[Label]: ...

    async def remove(self, script_or_address: str) -> bool:
        """False if nothing was labelled so."""
        ...


@dataclass(slots=True, kw_only=True)
class Parts:
    """`history`, `keys` and `labels` are None until they are open; what needs them answers 503 till then."""

    live: Live
    bus: Bus[Event]
    gate: Gate
    tokens: Tokens
    clock: Clock
    metrics: Metrics
    limiter: Limiter = field(default_factory=Limiter)
    history: History | None = None
    keys: Keys | None = None
    labels: Labels | None = None

    @property
    def demo(self) -> bool:
        return self.live.snapshot.demo

    def open_history(self) -> History:
        """Raises Problem (503) until it is open."""
        if self.history is None:
            raise starting("The database")
        return self.history

    def open_keys(self) -> Keys:
        """Raises Problem (503) until they can be read."""
        if self.keys is None:
            raise starting("The database")
        return self.keys

    def open_labels(self) -> Labels:
        """Raises Problem (503) until they can be read."""
        if self.labels is None:
            raise starting("The database")
        return self.labels
