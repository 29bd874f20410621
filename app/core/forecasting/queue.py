"""Fee bins of the mempool, and the projected blocks cut from them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.core.observations import FeeBin, ProjectedBlock
from app.core.units import SatPerVb, Sats, VBytes
from app.errors import ParseError

BLOCK_VBYTES = 1_000_000
MOST_BLOCKS = 8
"""Most projected blocks; the last one holds all the rest."""
SHARES = (0.0, 0.10, 0.25, 0.50, 0.75, 0.90, 1.0)
"""Shares of a block's size, from its lowest feerate: the percentiles that make up a `fee_range`."""

_JUST_BELOW = 1.01
_MOST = 2.0**53
"""In sat/vB, or vbytes."""


def bins_of_histogram(histogram: Iterable[tuple[float, float]]) -> tuple[FeeBin, ...]:
    """Return the bins of [(feerate, vsize), ...], highest feerate first.

    Each vsize pays from its feerate up to the feerate before it (Electrum protocol,
    `mempool.get_fee_histogram`); the first has no upper end and is put at its own feerate.

    Raises:
        ParseError: if a feerate or a size is negative, no number, or larger than any mempool's.
    """
    bins: list[FeeBin] = []
    for feerate, vsize in sorted(histogram, reverse=True):
        if not (0 <= feerate <= _MOST and 0 <= vsize <= _MOST):
            raise ParseError(f"fee histogram: {vsize} vB at {feerate} sat/vB cannot be")
        above = bins[-1].feerate / _JUST_BELOW if bins else feerate
        highest = SatPerVb(max(feerate, above))
        bins.append(FeeBin(SatPerVb(feerate), VBytes(vsize), lowest=SatPerVb(feerate), highest=highest))
    return tuple(bins)


def project(bins: Iterable[FeeBin]) -> tuple[ProjectedBlock, ...]:
    """Cut the queue into blocks, highest feerates first; the bins may be in any order.

    A bin that is cut leaves count and fees of both blocks unknown.
    """
    blocks: list[list[FeeBin]] = []
    room = 0.0
    for one in sorted(bins, key=lambda one: one.feerate, reverse=True):
        left = one
        while left.vsize > 0:
            if room <= 0 and len(blocks) < MOST_BLOCKS:
                blocks.append([])
                room = float(BLOCK_VBYTES)
            last = len(blocks) == MOST_BLOCKS
            taken = left.vsize if last else min(left.vsize, room)
            whole = taken == one.vsize
            blocks[-1].append(one if whole else FeeBin(one.feerate, VBytes(taken)))
            room -= taken
            left = replace(left, vsize=VBytes(left.vsize - taken))
    return tuple(_block(block) for block in blocks)


def _block(bins: Sequence[FeeBin]) -> ProjectedBlock:
    size = sum(one.vsize for one in bins)
    counts = [one.count for one in bins]
    fees = [one.fees for one in bins]
    feerates = _shares(bins[::-1], size)
    return ProjectedBlock(
        vsize=VBytes(size),
        count=None if None in counts else sum(count or 0 for count in counts),
        total_fees=None if None in fees else Sats(sum(fee or 0 for fee in fees)),
        median=SatPerVb(feerates[3] if size >= BLOCK_VBYTES / 2 else 0.0),
        fee_range=feerates,
    )


def _shares(ascending: Sequence[FeeBin], size: float) -> tuple[float, ...]:
    found = []
    for share in SHARES:
        passed = 0.0
        for one in ascending:
            passed += one.vsize
            if passed >= share * size:
                break
        found.append(float(one.feerate))
    return tuple(found)
