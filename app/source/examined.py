"""Which of the mempool's transactions have been looked at: eight bytes for each, whatever its size."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from app.core.observations import (
    Observation,
    TransactionGlimpsed,
    TransactionReplaced,
    TransactionSeen,
    TransactionTold,
)
from app.core.units import Txid


class Examined:
    """A set of txids by their first 8 bytes; forgets what is no longer listed as waiting."""

    def __init__(self) -> None:
        self._settled: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._fresh: set[int] = set()

    def __len__(self) -> int:
        return len(self._settled) + len(self._fresh)

    def add(self, txid: Txid) -> None:
        self._fresh.add(_prefix(txid))

    def noting(self, observations: Iterable[Observation]) -> Iterator[Observation]:
        """Pass observations on, adding what they tell a transaction of."""
        for observation in observations:
            match observation:
                case TransactionSeen(tx=tx) | TransactionTold(tx=tx) | TransactionReplaced(by=tx):
                    self.add(tx.txid)
                case TransactionGlimpsed(txid=txid):
                    self.add(txid)
            yield observation

    def reconcile(self, listed: Sequence[Txid]) -> list[Txid]:
        """Return those of `listed` that nobody looked at yet; all of `listed` counts as looked at then."""
        prefixes = _prefixes(listed)
        known = np.concatenate([self._settled, np.fromiter(self._fresh, np.uint64, len(self._fresh))])
        new = np.isin(prefixes, known, invert=True)
        self._settled = prefixes
        self._fresh = set()
        return [listed[int(position)] for position in np.flatnonzero(new)]


def _prefix(txid: str) -> int:
    return int(txid[:16], 16)


def _prefixes(txids: Iterable[str]) -> NDArray[np.uint64]:
    joined = bytes.fromhex("".join(txid[:16] for txid in txids))
    return np.frombuffer(joined, dtype=">u8").astype(np.uint64)
