"""The fee market at one moment, as waiting vbytes by feerate, mempool size and limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from app.core.forecasting.feerates import (
    Floats,
    ahead_of_each_bucket,
    bucket_of,
    by_bucket,
    feerate_of_bucket,
    nothing,
    spread,
)
from app.core.forecasting.queue import BLOCK_VBYTES, SHARES
from app.core.observations import FeeBin, FeesRecommended, MempoolMeasured, ProjectedBlock
from app.core.units import Height

_MEANINGFUL_USAGE_BYTES: Final = 5_000_000
_FILLER: Final = 0.02
"""Share of a block's vbytes that may be there only because they fitted into the last gap."""


class QueueSource(StrEnum):
    """The source of the queue, best first."""

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
        self.ahead: Final = ahead_of_each_bucket(waiting)
        waiting.flags.writeable = False
        self.ahead.flags.writeable = False

    def vbytes_ahead(self, feerates: Floats) -> Floats:
        """Return the vbytes mined before each feerate: all that pay more, and half of its own bucket."""
        return np.asarray(self.ahead[bucket_of(feerates)])

    def percentile(self, share: float) -> float | None:
        """Return the feerate that `share` (0..1) of the waiting vbytes do not exceed; None if none wait."""
        if self.total <= 0:
            return None
        below = np.cumsum(self.waiting)
        bucket = int(np.searchsorted(below, share * self.total))
        return float(feerate_of_bucket(min(bucket, len(below) - 1)))

    def without_top(self, vbytes: float) -> "Queue":
        """Return the queue after a block has removed that many vbytes from the top."""
        above = np.cumsum(self.waiting[::-1])[::-1] - self.waiting
        taken = np.clip(vbytes - above, 0.0, self.waiting)
        return Queue(self.waiting - taken, self.source)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Market:
    """The market data a forecast needs; a value that no source reports is None.

    `floor` is the feerate below which the node accepts no transaction (mempoolminfee). `mempool_vbytes` is
    the size of the whole mempool, `mempool_limit_vbytes` the size at which the node begins to evict.
    """

    tip_height: Height
    queue: Queue
    mempool_vbytes: float | None = None
    mempool_limit_vbytes: float | None = None
    floor: float | None = None
    recommended: FeesRecommended | None = None


def queue_of_projected_blocks(
    blocks: Sequence[ProjectedBlock],
    *,
    mempool_vbytes: float | None = None,
    floor: float | None = None,
    source: QueueSource = QueueSource.PROJECTED_BLOCKS,
) -> Queue:
    """Build the queue from the backend's projected blocks; the last one may hold many blocks' worth.

    What the mempool holds beyond the projected blocks is spread between `floor` and the lowest feerate of
    the last block.
    """
    waiting = nothing()
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

    What the mempool holds beyond them is spread between `floor` and what nearly all of them pay: what fills
    the last gap of a block may pay far less than what waits for the next one.
    """
    if not bins:
        return Queue(nothing(), source)
    mean = np.array([one.feerate for one in bins], dtype=np.float64)
    low = np.minimum([one.feerate if one.lowest is None else one.lowest for one in bins], mean)
    high = np.maximum([one.feerate if one.highest is None else one.highest for one in bins], mean)
    vbytes = np.array([one.vsize for one in bins], dtype=np.float64)
    # Even on both sides of the mean; where only the lowest is reported there is nothing below it.
    below = np.where(mean > low, (high - mean) / np.maximum(high - low, 1e-12), 0.0)
    waiting = spread(low, mean, vbytes * below) + spread(mean, high, vbytes * (1.0 - below))
    return Queue(waiting + _rest(waiting, _lowest(low, vbytes), mempool_vbytes, floor), source)


def limit_vbytes(mempool: MempoolMeasured) -> float | None:
    """Return the mempool size at which eviction begins, in vbytes; None while the mempool is too small.

    The node's limit (-maxmempool) is on memory usage, not on vbytes; the current ratio is assumed to hold.
    """
    usage, limit = mempool.usage_bytes, mempool.limit_bytes
    if usage is None or limit is None or usage < _MEANINGFUL_USAGE_BYTES or mempool.vbytes <= 0:
        return None
    return limit * mempool.vbytes / usage


def _rest(waiting: Floats, edge: float, mempool_vbytes: float | None, floor: float | None) -> Floats:
    """Return by bucket the vbytes of the mempool beyond `waiting`, spread from the floor up to `edge`."""
    missing = (mempool_vbytes or 0.0) - float(waiting.sum())
    if floor is None or missing <= BLOCK_VBYTES / 10:
        return nothing()
    return spread([floor], [max(edge, floor)], [missing])


def _lowest(feerates: Floats, vbytes: Floats) -> float:
    """Return the feerate that all but the lowest `_FILLER` of the vbytes pay at least."""
    order = np.argsort(feerates)
    below = np.cumsum(vbytes[order])
    first = int(np.searchsorted(below, _FILLER * below[-1], side="right"))
    return float(feerates[order[min(first, len(order) - 1)]])


def _mean_feerate(block: ProjectedBlock) -> float:
    """Return the block's mean feerate, or its lowest feerate where the fees were not reported."""
    if block.total_fees is None or block.vsize <= 0:
        return _edge(block)
    return block.total_fees / block.vsize


def _edge(block: ProjectedBlock) -> float:
    return block.fee_range[0] if block.fee_range else 0.0


def _laid_out(block: ProjectedBlock, following: ProjectedBlock | None) -> Floats:
    """Spread one projected block over the buckets between its known percentiles."""
    rates = np.array(block.fee_range, dtype=np.float64)
    if len(rates) < 2 or rates[-1] <= 0:
        return by_bucket([_mean_feerate(block)], [block.vsize])
    rates = np.maximum.accumulate(rates)
    if following is not None and following.fee_range:
        # The transactions that fill the last gap of a full block may pay far less than the rest.
        rates[0] = max(rates[0], min(rates[1], following.fee_range[-1]))
    shares = SHARES if len(rates) == len(SHARES) else np.linspace(0.0, 1.0, len(rates))
    below = _anchored(np.array(shares) * block.vsize, rates, block)
    return spread(rates[:-1], rates[1:], np.diff(below))


def _anchored(below: Floats, rates: Floats, block: ProjectedBlock) -> Floats:
    """Adjust the vbytes below each percentile so that they fit the median, which is weighted by size.

    The percentiles are counted by transaction, and large transactions pay less than small ones.
    """
    median = block.median
    if not rates[0] < median < rates[-1] or block.vsize > 1.2 * BLOCK_VBYTES:
        return below
    reported = block.vsize - BLOCK_VBYTES / 2  # vbytes that pay less than the median
    if reported <= 0:
        return below
    read = float(np.interp(median, rates, below))
    bent: Floats = np.interp(below, [0.0, read, block.vsize], [0.0, reported, block.vsize])
    return bent
