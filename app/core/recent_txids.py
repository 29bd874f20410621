"""The same as `Recent` for txids that come by the thousand: 30 bytes an entry where an OrderedDict takes 280.

An open-addressed table of places; at each place a txid's hash, its value, and the places before and after it
in age. A txid is known by its hash alone: 64 bits, salted anew in each process, so that nobody can make two
that share one.
"""

from array import array
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from app.core.units import Txid

V = TypeVar("V")
_SMALLEST: Final = 64
_ENDS: Final = 0
"""The place before the oldest and after the newest. Nothing is kept at it; a slot that has it is empty."""


class RecentTxids(Generic[V]):
    """A dictionary of at most `capacity` txids; putting one again makes it the newest."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._count = 0
        self._table = array("i", [_ENDS]) * _SMALLEST
        """Places, each at or behind the slot that its hash names, without an empty one between."""
        self._hashes = array("q", [0])
        self._values: list[V | None] = [None]
        self._older, self._newer = array("i", [_ENDS]), array("i", [_ENDS])
        self._free: list[int] = []

    def __contains__(self, txid: Txid) -> bool:
        return self._table[self._slot(hash(txid))] != _ENDS

    def __len__(self) -> int:
        return self._count

    def get(self, txid: Txid) -> V | None:
        return self._values[self._table[self._slot(hash(txid))]]

    def put(self, txid: Txid, value: V) -> V | None:
        """Insert or refresh an entry; return the value that was evicted for it, if any."""
        name, older, newer = hash(txid), self._older, self._newer
        slot = self._slot(name)
        place, evicted = self._table[slot], None
        if not place and self._count < self._capacity:
            place = self._new_place(name)
            self._table[self._slot(name)] = place
        else:
            if not place:
                place, evicted = self._oldest_given_to(name)
            before, after = older[place], newer[place]
            newer[before], older[after] = after, before
        self._values[place] = value
        before = older[_ENDS]
        older[place], newer[place] = before, _ENDS
        newer[before] = older[_ENDS] = place
        return evicted

    def pop(self, txid: Txid) -> V | None:
        slot = self._slot(hash(txid))
        return self._remove(slot) if self._table[slot] else None

    def _slot(self, name: int) -> int:
        """Return where in the table a hash is, or where it would be."""
        table, hashes, last = self._table, self._hashes, len(self._table) - 1
        slot = name & last
        while (place := table[slot]) and hashes[place] != name:
            slot = (slot + 1) & last
        return slot

    def _new_place(self, name: int) -> int:
        self._count += 1
        if 2 * self._count > len(self._table):
            self._widen()
        if self._free:
            place = self._free.pop()
            self._hashes[place] = name
            return place
        self._hashes.append(name)
        self._values.append(None)
        self._older.append(_ENDS)
        self._newer.append(_ENDS)
        return len(self._values) - 1

    def _oldest_given_to(self, name: int) -> tuple[int, V | None]:
        """Return the place of the oldest entry, which is another's now, and the value that was there."""
        place = self._newer[_ENDS]
        self._close_gap(self._slot(self._hashes[place]))
        self._hashes[place] = name
        self._table[self._slot(name)] = place
        return place, self._values[place]

    def _remove(self, slot: int) -> V | None:
        place = self._table[slot]
        value, self._values[place] = self._values[place], None
        before, after = self._older[place], self._newer[place]
        self._newer[before], self._older[after] = after, before
        self._free.append(place)
        self._count -= 1
        self._close_gap(slot)
        return value

    def _close_gap(self, gap: int) -> None:
        """Move up what stands behind an emptied slot and could not stand at it before."""
        table, hashes, last = self._table, self._hashes, len(self._table) - 1
        slot = (gap + 1) & last
        while place := table[slot]:
            if (slot - hashes[place]) & last >= (slot - gap) & last:
                table[gap], gap = place, slot
            slot = (slot + 1) & last
        table[gap] = _ENDS

    def _widen(self) -> None:
        self._table = array("i", [_ENDS]) * (2 * len(self._table))
        for place in self._places():
            self._table[self._slot(self._hashes[place])] = place

    def _places(self) -> Iterator[int]:
        """Yield those in use, the oldest first."""
        place = self._newer[_ENDS]
        while place:
            yield place
            place = self._newer[place]
