"""Joins transactions reported in bulk one after the other.

Each step of the pipeline has its own cost, whether a batch brings one transaction or a thousand. While a
source is ahead of us, frames of a dozen wait.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from app.core.models import Transaction
from app.core.observations import Observation, TransactionBatch, TransactionsSeen
from app.core.units import Txid

MOST_JOINED: Final = 1_000
"""Transactions: where one of them is related to a whale, each of the batch is looked at by itself."""


class JoinedBatch:
    """Batches as one, in their order (`app.core.observations.TransactionBatch`)."""

    __slots__ = ("_ends", "_parts", "gross", "parents", "txids")

    def __init__(self, parts: Sequence[TransactionBatch]) -> None:
        self._parts = parts
        self._ends = tuple(accumulate(len(part.txids) for part in parts))
        self.txids = [txid for part in parts for txid in part.txids]
        self.gross = [gross for part in parts for gross in part.gross]
        self.parents = [parent for part in parts for parent in part.parents]

    def parents_of(self, index: int) -> Sequence[Txid]:
        part, within = self._place(index)
        return part.parents_of(within)

    def paid(self) -> Sequence[tuple[Txid, tuple[float, float]]]:
        return [one for part in self._parts for one in part.paid()]

    def whole(self, index: int) -> Transaction:
        part, within = self._place(index)
        return part.whole(within)

    def _place(self, index: int) -> tuple[TransactionBatch, int]:
        place = bisect_right(self._ends, index)
        return self._parts[place], index - (self._ends[place - 1] if place else 0)


def joined(observations: Iterable[Observation]) -> Iterator[Observation]:
    """Yield the observations; of those in bulk that follow each other, by the same source, one for all."""
    run: list[TransactionsSeen] = []
    count = 0
    for one in observations:
        if not isinstance(one, TransactionsSeen):
            yield from _as_one(run)
            run, count = [], 0
            yield one
            continue
        size = len(one.batch.txids)
        if run and (count + size > MOST_JOINED or (one.source, one.late) != (run[0].source, run[0].late)):
            yield from _as_one(run)
            run, count = [], 0
        run.append(one)
        count += size
    yield from _as_one(run)


def _as_one(run: Sequence[TransactionsSeen]) -> Iterator[TransactionsSeen]:
    if len(run) > 1:
        batch = JoinedBatch([one.batch for one in run])
        yield TransactionsSeen(batch=batch, source=run[0].source, late=run[0].late)
    else:
        yield from run
