"""Logarithmic feerate buckets of 1 % width, for the queue and its inflow.

All feerates are sat/vB, all sizes vbytes.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

LOWEST_FEERATE: Final = 0.05  # half of what the most permissive node relays today
STEP: Final = 1.01
BUCKETS: Final = 1230  # the highest bucket begins above 10,000 sat/vB and holds all higher feerates

_LOG_LOWEST: Final = float(np.log(LOWEST_FEERATE))
_LOG_STEP: Final = float(np.log(STEP))
_BELOW_RANGE: Final = LOWEST_FEERATE / 2  # stands for all lower ones: zero has no logarithm
_ROUNDING: Final = 1e-9  # so that a feerate made by `feerate_of_bucket` is in its own bucket


def bucket_of(feerates: ArrayLike) -> Indices:
    """Return the bucket of each feerate; feerates below the range are in bucket 0, above it in the last."""
    logs = np.log(np.maximum(feerates, _BELOW_RANGE))
    steps = np.floor((logs - _LOG_LOWEST) / _LOG_STEP + _ROUNDING)
    buckets: Indices = clipped(steps, 0.0, BUCKETS - 1.0).astype(np.intp)
    return buckets


def clipped(values: Floats | float, low: float, high: Floats | float) -> Floats:
    """Return `np.clip` of the values, for a third of what that costs for a single one."""
    return np.asarray(np.minimum(np.maximum(values, low), high))


def feerate_of_bucket(buckets: ArrayLike) -> Floats:
    """Return the lowest feerate of each bucket; a bucket reaches 1 % higher."""
    return np.asarray(LOWEST_FEERATE * STEP ** np.asarray(buckets, dtype=np.float64))


def ahead_of_each_bucket(vbytes_by_bucket: Floats) -> Floats:
    """Return, for each bucket, the vbytes in higher buckets plus half of its own.

    Half of its own, because the order among equal feerates is random.
    """
    at_or_above = np.cumsum(vbytes_by_bucket[::-1])[::-1]
    return np.asarray(at_or_above - vbytes_by_bucket / 2.0)


def nothing() -> Floats:
    """Return no vbytes in any bucket."""
    return np.zeros(BUCKETS)


def spread(low: ArrayLike, high: ArrayLike, vbytes: ArrayLike) -> Floats:
    """Return vbytes by bucket: each amount spread evenly over the buckets from its low to its high."""
    first, last = bucket_of(low), bucket_of(high)
    share = np.asarray(vbytes, dtype=np.float64) / (last - first + 1)
    steps = np.zeros(BUCKETS + 1)
    np.add.at(steps, first, share)
    np.subtract.at(steps, last + 1, share)
    return np.maximum(np.cumsum(steps)[:-1], 0.0)


def by_bucket(feerates: ArrayLike, vbytes: ArrayLike) -> Floats:
    """Return vbytes by bucket of transactions (or packages) known one by one."""
    return np.bincount(
        bucket_of(feerates), weights=np.asarray(vbytes, dtype=np.float64), minlength=BUCKETS
    ).astype(np.float64)
