"""What the API's handlers work with, handed to them by the composition root."""

from dataclasses import dataclass, field
from typing import Protocol

from app.api.limits import Limiter
from app.api.problems import starting
from app.api.tokens import Tokens
from app.bus import Bus
from app.clock import Clock
from app.core.access import ApiKey
from app.core.events import Event
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


@dataclass(slots=True, kw_only=True)
class Parts:
    """`history` and `keys` are None until the database is open; what needs them answers 503 till then."""

    live: Live
    bus: Bus[Event]
    gate: Gate
    tokens: Tokens
    clock: Clock
    metrics: Metrics
    limiter: Limiter = field(default_factory=Limiter)
    history: History | None = None
    keys: Keys | None = None

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
