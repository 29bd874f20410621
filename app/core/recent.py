"""A bounded dictionary that evicts the oldest entry first."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A dictionary of at most `capacity` entries; putting a key again makes it the newest."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[K]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def has_any(self, keys: Iterable[K]) -> bool:
        return not self._entries.keys().isdisjoint(keys)

    def get(self, key: K) -> V | None:
        return self._entries.get(key)

    def values(self) -> Iterator[V]:
        return iter(self._entries.values())

    def items(self) -> tuple[tuple[K, V], ...]:
        return tuple(self._entries.items())

    def put(self, key: K, value: V) -> V | None:
        """Insert or refresh an entry; return the value that was evicted for it, if any."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            return self._entries.popitem(last=False)[1]
        return None

    def pop(self, key: K) -> V | None:
        return self._entries.pop(key, None)
