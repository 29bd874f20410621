"""Feerates: of a package, and the ladder of 1 % steps on which the queue and its inflow are counted.

All feerates are sat/vB, all sizes vbytes.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

LOWEST_FEERATE: Final = 0.05  # half of what the most permissive node relays today
STEP: Final = 1.01
RUNGS: Final = 1230  # the top rung begins above 10,000 sat/vB and holds all that pays more

_LOG_LOWEST: Final = float(np.log(LOWEST_FEERATE))
_LOG_STEP: Final = float(np.log(STEP))
_ROUNDING: Final = 1e-9  # so that a feerate made by `feerate_of_rung` is on its own rung


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One transaction of a package: its own fee and its own size."""

    fee_sat: int
    vsize: float


def package_feerate(package: Collection[Member]) -> float | None:
    """Return what a miner earns per vbyte by taking the whole package; None if there is nothing to take.

    Fees and sizes are summed before dividing: this is not the mean of the members' feerates.
    Source: Bitcoin Core, doc/policy/packages.md, "Package Fees and Feerate".
    """
    size = sum(member.vsize for member in package)
    return sum(member.fee_sat for member in package) / size if size > 0 else None


def mining_feerate(
    own: Member, ancestors: Collection[Member] = (), descendants: Collection[Member] = ()
) -> float | None:
    """Return the feerate at which a miner takes a transaction, its unconfirmed relatives considered.

    Parents that pay less drag it down (they must be taken first); a child that pays more lifts it (CPFP).
    Where the backend tells `effectiveFeePerVsize`, that is the better number: it solves the whole cluster.
    """
    alone = package_feerate([own])
    with_parents = package_feerate([own, *ancestors])
    cluster = package_feerate([own, *ancestors, *descendants])
    if alone is None or with_parents is None or cluster is None:
        return None
    dragged = min(alone, with_parents)
    return max(dragged, cluster) if descendants else dragged


def rung_of(feerates: ArrayLike) -> Indices:
    """Return the rung each feerate stands on; below the ladder is rung 0, above it the last one."""
    with np.errstate(divide="ignore"):
        logs = np.log(np.asarray(feerates, dtype=np.float64))
    steps = np.floor((logs - _LOG_LOWEST) / _LOG_STEP + _ROUNDING)
    rungs: Indices = np.clip(steps, 0, RUNGS - 1).astype(np.intp)
    return rungs


def feerate_of_rung(rungs: ArrayLike) -> Floats:
    """Return the lowest feerate of each rung; a rung reaches 1 % higher."""
    return np.asarray(LOWEST_FEERATE * STEP ** np.asarray(rungs, dtype=np.float64))


def ahead_of_each_rung(vbytes_by_rung: Floats) -> Floats:
    """Return, for each rung, the vbytes on higher rungs plus half of its own.

    Half of its own, because among equals the order is chance.
    """
    at_or_above = np.cumsum(vbytes_by_rung[::-1])[::-1]
    return np.asarray(at_or_above - vbytes_by_rung / 2.0)


def spread(low: ArrayLike, high: ArrayLike, vbytes: ArrayLike) -> Floats:
    """Return vbytes by rung: each amount spread evenly over the rungs from its low to its high feerate."""
    first, last = rung_of(low), rung_of(high)
    share = np.asarray(vbytes, dtype=np.float64) / (last - first + 1)
    steps = np.zeros(RUNGS + 1)
    np.add.at(steps, first, share)
    np.subtract.at(steps, last + 1, share)
    return np.maximum(np.cumsum(steps)[:-1], 0.0)


def by_rung(feerates: ArrayLike, vbytes: ArrayLike) -> Floats:
    """Return vbytes by rung of transactions (or packages) known one by one."""
    return np.bincount(
        rung_of(feerates), weights=np.asarray(vbytes, dtype=np.float64), minlength=RUNGS
    ).astype(np.float64)
