"""The fee market at one moment: who waits, paying what; and who tells us so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from app.core.forecasting.feerates import (
    Floats,
    ahead_of_each_rung,
    by_rung,
    feerate_of_rung,
    rung_of,
    spread,
)
from app.core.forecasting.queue import BLOCK_VBYTES, SHARES
from app.core.observations import FeeBin, FeesTold, MempoolMeasured, ProjectedBlock
from app.core.units import Height

_TELLING_USAGE_BYTES: Final = 5_000_000


class QueueSource(StrEnum):
    """Where the queue was read from, best first."""

    PROJECTED_BLOCKS = "projected_blocks"
    BITCOIND = "bitcoind"
    ELECTRS = "electrs"


class Queue:
    """Waiting vbytes by package feerate. Immutable."""

    __slots__ = ("ahead", "source", "total", "waiting")

    def __init__(self, waiting: Floats, source: QueueSource) -> None:
        self.waiting: Final = waiting
        self.source: Final = source
        self.total: Final = float(waiting.sum())
        self.ahead: Final = ahead_of_each_rung(waiting)
        waiting.flags.writeable = False
        self.ahead.flags.writeable = False

    def vbytes_ahead(self, feerates: Floats) -> Floats:
        """Return the vbytes mined before each feerate: all that pays more, and half of its own rung."""
        return np.asarray(self.ahead[rung_of(feerates)])

    def percentile(self, share: float) -> float | None:
        """Return the feerate that `share` (0..1) of the waiting vbytes do not exceed; None if none wait."""
        if self.total <= 0:
            return None
        below = np.cumsum(self.waiting)
        rung = int(np.searchsorted(below, share * self.total))
        return float(feerate_of_rung(min(rung, len(below) - 1)))

    def without_top(self, vbytes: float) -> "Queue":
        """Return the queue after a block has taken that much from the top."""
        above = np.cumsum(self.waiting[::-1])[::-1] - self.waiting
        taken = np.clip(vbytes - above, 0.0, self.waiting)
        return Queue(self.waiting - taken, self.source)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Market:
    """All a forecast needs to know of the moment; what a source does not tell is None.

    `floor` is the feerate below which the node takes nothing in. `mempool_vbytes` counts all that waits,
    `mempool_limit_vbytes` is where the node begins to evict.
    """

    tip_height: Height
    queue: Queue
    mempool_vbytes: float | None = None
    mempool_limit_vbytes: float | None = None
    floor: float | None = None
    recommended: FeesTold | None = None


def queue_of_projected_blocks(
    blocks: Sequence[ProjectedBlock],
    *,
    mempool_vbytes: float | None = None,
    floor: float | None = None,
    source: QueueSource = QueueSource.PROJECTED_BLOCKS,
) -> Queue:
    """Build the queue from the backend's projected blocks; the last one may hold many blocks' worth.

    What the mempool holds beyond the projected blocks is laid between `floor` and the last block's edge.
    """
    waiting = by_rung([], [])
    for index, block in enumerate(blocks):
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        waiting += _laid_out(block, following)
    if blocks:
        waiting += _rest(waiting, _edge(blocks[-1]), mempool_vbytes, floor)
    return Queue(waiting, source)


def queue_of_bins(
    bins: Sequence[FeeBin],
    source: QueueSource,
    *,
    mempool_vbytes: float | None = None,
    floor: float | None = None,
) -> Queue:
    """Build the queue from bins in any order, each spread over its range so that its mean is kept.

    What the mempool holds beyond them is laid between `floor` and the lowest of them.
    """
    if not bins:
        return Queue(by_rung([], []), source)
    mean = np.array([one.feerate for one in bins], dtype=np.float64)
    low = np.minimum([one.feerate if one.lowest is None else one.lowest for one in bins], mean)
    high = np.maximum([one.feerate if one.highest is None else one.highest for one in bins], mean)
    vbytes = np.array([one.vsize for one in bins], dtype=np.float64)
    # Even on both sides of the mean; where only the lowest is told there is nothing below it.
    below = np.where(mean > low, (high - mean) / np.maximum(high - low, 1e-12), 0.0)
    waiting = spread(low, mean, vbytes * below) + spread(mean, high, vbytes * (1.0 - below))
    return Queue(waiting + _rest(waiting, float(low.min()), mempool_vbytes, floor), source)


def queue_of_transactions(pairs: Iterable[tuple[float, float]], source: QueueSource) -> Queue:
    """Build the queue from (package feerate, vsize) of every waiting transaction, in any order."""
    table = np.array(list(pairs), dtype=np.float64).reshape(-1, 2)
    return Queue(by_rung(table[:, 0], table[:, 1]), source)


def limit_vbytes(mempool: MempoolMeasured) -> float | None:
    """Return where eviction begins, in vbytes; None while too little waits to tell.

    The node's limit is on memory, not on vbytes: the ratio of now is taken to hold.
    """
    usage, limit = mempool.usage_bytes, mempool.limit_bytes
    if usage is None or limit is None or usage < _TELLING_USAGE_BYTES or mempool.vbytes <= 0:
        return None
    return limit * mempool.vbytes / usage


def _rest(waiting: Floats, edge: float, mempool_vbytes: float | None, floor: float | None) -> Floats:
    """Return by rung what the mempool holds beyond what is laid out: from the floor up to its edge."""
    missing = (mempool_vbytes or 0.0) - float(waiting.sum())
    if floor is None or missing <= BLOCK_VBYTES / 10:
        return by_rung([], [])
    return spread([floor], [max(edge, floor)], [missing])


def _mean_feerate(block: ProjectedBlock) -> float:
    """What it pays a vbyte; its lowest feerate where the fees were not told."""
    if block.total_fees is None or block.vsize <= 0:
        return _edge(block)
    return block.total_fees / block.vsize


def _edge(block: ProjectedBlock) -> float:
    return block.fee_range[0] if block.fee_range else 0.0


def _laid_out(block: ProjectedBlock, following: ProjectedBlock | None) -> Floats:
    """Spread one projected block over the rungs between its known percentiles."""
    rates = np.array(block.fee_range, dtype=np.float64)
    if len(rates) < 2 or rates[-1] <= 0:
        return by_rung([_mean_feerate(block)], [block.vsize])
    rates = np.maximum.accumulate(rates)
    if following is not None and following.fee_range:
        # What fills the last gap of a full block may pay far less than its edge does.
        rates[0] = max(rates[0], min(rates[1], following.fee_range[-1]))
    shares = SHARES if len(rates) == len(SHARES) else np.linspace(0.0, 1.0, len(rates))
    below = _anchored(np.array(shares) * block.vsize, rates, block)
    return spread(rates[:-1], rates[1:], np.diff(below))


def _anchored(below: Floats, rates: Floats, block: ProjectedBlock) -> Floats:
    """Bend "vbytes below each percentile" so that it meets the median, which is counted by size.

    The percentiles are counted by transactions, and large transactions pay less than small ones.
    """
    median = block.median
    if not rates[0] < median < rates[-1] or block.vsize > 1.2 * BLOCK_VBYTES:
        return below
    told = block.vsize - BLOCK_VBYTES / 2  # vbytes that pay less than the median
    read = float(np.interp(median, rates, below))
    if not (0 < told < block.vsize and 0 < read < block.vsize):
        return below
    bent: Floats = np.interp(below, [0.0, read, block.vsize], [0.0, told, block.vsize])
    return bent
