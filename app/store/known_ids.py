"""Which predictions have rows: most that come have none, and to ask DuckDB is a seventh of their append.

What it takes grows with the history, too, for ids are in no order.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.store.connections import Connection
from app.store.parsed_statements import execute
from app.store.records import name_hash

SINGLY: Final = 512
"""Held one by one before they join the sorted array: a Python integer takes ten times the memory."""


class KnownIds:
    """Holds 8 bytes of each id; may take a new one for a stored one, never a stored one for new."""

    def __init__(self) -> None:
        self._read: NDArray[np.uint64] | None = None
        """Ascending."""
        self._since: set[int] = set()

    def may_be_stored(self, connection: Connection, ids: Iterable[str]) -> list[str]:
        """Return, ascending, those for which there may be a row."""
        if self._read is None:
            self._read = execute(
                connection, "SELECT md5_number_lower(prediction_id) AS half FROM predictions ORDER BY half"
            ).fetchnumpy()["half"]
        return sorted(one for one in ids if self._holds(name_hash(one)))

    def add(self, ids: Iterable[str]) -> None:
        """Note ids that are stored now."""
        self._since.update(map(name_hash, ids))
        if self._read is not None and len(self._since) > SINGLY:
            fresh = np.fromiter(self._since, np.uint64, len(self._since))
            self._read = np.sort(np.concatenate([self._read, fresh]))
            self._since = set()

    def forget(self) -> None:
        """What is stored is not known for certain: it is read again."""
        self._read, self._since = None, set()

    def _holds(self, half: int) -> bool:
        if self._read is None or half in self._since:
            return True
        place = int(np.searchsorted(self._read, np.uint64(half)))
        return place < len(self._read) and int(self._read[place]) == half
