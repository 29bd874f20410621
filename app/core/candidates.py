"""What is remembered for a while only: bounded memories that forget their oldest first."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from app.core.models import Block, SourceName, Transaction
from app.core.questions import Question
from app.core.units import Txid

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A dictionary of at most `capacity` entries."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        return self._entries.get(key)

    def values(self) -> Iterator[V]:
        return iter(self._entries.values())

    def items(self) -> tuple[tuple[K, V], ...]:
        return tuple(self._entries.items())

    def put(self, key: K, value: V) -> V | None:
        """Return what had to be forgotten for it."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            return self._entries.popitem(last=False)[1]
        return None

    def pop(self, key: K) -> V | None:
        return self._entries.pop(key, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A transaction big enough by its total, while something that decides is still being asked.

    `contests`: pending whales that spend one of its coins; `lost` are those of them that are known to be
    gone, while others are still asked about. `block`: where it was found, if not waiting.
    """

    tx: Transaction
    source: SourceName
    at: datetime
    late: bool
    waits_for: frozenset[Question] = frozenset()
    contests: tuple[Txid, ...] = ()
    lost: tuple[Txid, ...] = ()
    block: Block | None = None


class Candidates(Recent[Txid, Candidate]):
    def waiting_for(self, question: Question) -> tuple[Candidate, ...]:
        return tuple(one for one in self.values() if question in one.waits_for)
