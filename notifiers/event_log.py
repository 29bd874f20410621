"""The numbered events, as the store keeps them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from app.core.events import Event, EventType, Happening
from app.core.prediction import Prediction

T = TypeVar("T")


class EventLog(Protocol):
    @property
    def last_sequence(self) -> int: ...

    async def append(
        self, happenings: Sequence[Happening], predictions: Sequence[Prediction]
    ) -> tuple[Event, ...]:
        """Number and store events among the others, in a transaction that the outbox rides in.

        Raises:
            StoreError: nothing was stored.
        """
        ...

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        """Return stored events with a greater sequence, ascending."""
        ...

    async def events_since(self, start: datetime, types: Collection[EventType]) -> tuple[Event, ...]:
        """Return events of these types since `start`, ascending; the newest where there are many."""
        ...

    async def events_of(self, prediction_id: str) -> tuple[Event, ...]:
        """Return all events about one whale, ascending."""
        ...

    async def of_detected(
        self, start: datetime, end: datetime, take: Callable[[Prediction], Iterable[T]]
    ) -> list[T]:
        """Return what `take` makes of each whale first seen in [start, end), in no order; of a few hours."""
        ...

    async def one(self, txid: str) -> Prediction | None:
        """Return the prediction that has or had this txid, or has this id."""
        ...
