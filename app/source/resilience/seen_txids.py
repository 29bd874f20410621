"""The set of mempool transactions already read: eight bytes each."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.observations import (
    Observation,
    ProjectedTransaction,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
    TransactionsSeen,
)
from app.core.units import Txid

RECENT: Final = 16_384
"""Held one by one before they join the sorted array: a Python integer takes ten times the memory."""


class SeenTxids:
    """A set of txids, each by a hash of 64 bits.

    Python salts its hashes, so nobody can make a transaction that passes for another one.
    """

    def __init__(self) -> None:
        self._settled: NDArray[np.int64] = np.empty(0, np.int64)
        self._fresh: set[int] = set()

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, txid: Txid) -> bool:
        mark = hash(txid)
        return mark in self._fresh or self._is_settled(mark)

    def add(self, txid: Txid) -> None:
        self._fresh.add(hash(txid))
        self._settle_many()

    def update(self, txids: Iterable[Txid]) -> None:
        self._fresh.update(map(hash, txids))
        self._settle_many()

    def clear(self) -> None:
        """Clear: the whole mempool must be read again."""
        self._settled = np.empty(0, np.int64)
        self._fresh = set()

    def noting(self, observations: Iterable[Observation]) -> Iterator[Observation]:
        """Pass observations on, adding the txid of each transaction that they report."""
        for observation in observations:
            match observation:
                case TransactionSeen(tx=tx) | TransactionReply(tx=tx) | TransactionReplaced(by=tx):
                    self.add(tx.txid)
                case TransactionsSeen(batch=batch):
                    self.update(batch.txids)
                case ProjectedTransaction(txid=txid):
                    self.add(txid)
            yield observation

    def reconcile(self, listed: Sequence[Txid]) -> list[Txid]:
        """Drop all that are not in `listed`; return those of it that were not read yet.

        These stay so until `add` is called for them.
        """
        marks = np.fromiter(map(hash, listed), np.int64, len(listed))
        new = np.isin(marks, self._all(), invert=True)
        self._settled = np.sort(marks[~new])
        self._fresh = set()
        return [listed[int(position)] for position in np.flatnonzero(new)]

    def _settle_many(self) -> None:
        if len(self._fresh) > RECENT:
            self._settled = self._all()
            self._fresh = set()

    def _is_settled(self, mark: int) -> bool:
        at = int(np.searchsorted(self._settled, mark))
        return at < len(self._settled) and int(self._settled[at]) == mark

    def _all(self) -> NDArray[np.int64]:
        fresh = np.sort(np.fromiter(self._fresh, np.int64, len(self._fresh)))
        # Two sorted runs: a stable sort merges them in one pass.
        every: NDArray[np.int64] = np.sort(np.concatenate([self._settled, fresh]), kind="stable")
        again = np.flatnonzero(every[1:] == every[:-1])
        return np.delete(every, again)
