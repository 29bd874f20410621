"""Arrival rate of new vbytes by feerate, the input with most effect on a forecast.

New vbytes are counted at their package feerate: a replacement, or a parent whose child pays for it (CPFP),
counts again at the new feerate.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.core.forecasting.feerates import BUCKETS, Floats, ahead_of_each_bucket, bucket_of
from app.core.forecasting.market import Queue

SHORT_SECONDS: Final = 600.0
MIDDLE_SECONDS: Final = 7_200.0
LONG_SECONDS: Final = 28_800.0
_WINDOWS: Final = np.array([SHORT_SECONDS, MIDDLE_SECONDS, LONG_SECONDS])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InflowRates:
    """Vbytes per second that arrive above each feerate (half of its own bucket included), by window."""

    short: Floats
    middle: Floats
    long: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Inflow:
    """Exponentially weighted arrivals on three windows. Immutable: `observed` returns the next state.

    `weighted` is vbytes per second by (window, bucket), not yet corrected for a short history.
    """

    weighted: Floats
    observed_seconds: float = 0.0
    _above: Floats = field(init=False, repr=False)
    """Corrected vbytes per second above each bucket, by (window, bucket): once for all that ask."""

    def __post_init__(self) -> None:
        above = np.zeros_like(self.weighted)
        if self.observed_seconds > 0:
            correction = 1.0 / self._start_up(self.observed_seconds)
            above = np.array([ahead_of_each_bucket(rates) for rates in self.weighted]) * correction[:, None]
        object.__setattr__(self, "_above", above)  # frozen for everybody else

    def observed(self, arrived: Floats, elapsed_seconds: float) -> "Inflow":
        """Return the state after `arrived` (vbytes by bucket) came in during `elapsed_seconds` (> 0)."""
        keep = np.exp(-elapsed_seconds / _WINDOWS)[:, None]
        rate = arrived / elapsed_seconds
        return Inflow(self.weighted * keep + rate * (1.0 - keep), self.observed_seconds + elapsed_seconds)

    def unobserved(self, elapsed_seconds: float) -> "Inflow":
        """Return the state after a gap without observation, with less weight on the history.

        The estimate is kept, but its weight (`observed_seconds`) decays with the short window.
        """
        left = self.observed_seconds * float(np.exp(-elapsed_seconds / SHORT_SECONDS))
        now = self._start_up(self.observed_seconds)
        then = self._start_up(left)
        return Inflow(self.weighted * (then / np.maximum(now, 1e-12))[:, None], left)

    def above(self, feerates: Floats) -> InflowRates:
        """Return the arrival rate above each feerate, corrected for a history shorter than the window."""
        short, middle, long = self._above[:, bucket_of(feerates)]
        return InflowRates(short=short, middle=middle, long=long)

    @staticmethod
    def _start_up(seconds: float) -> Floats:
        return np.asarray(1.0 - np.exp(-seconds / _WINDOWS))


def no_inflow_seen() -> Inflow:
    return Inflow(np.zeros((len(_WINDOWS), BUCKETS)))


def arrivals_between(before: Queue, after: Queue, mined_vbytes: float = 0.0) -> Floats:
    """Estimate new vbytes by bucket from two states of the queue, where single arrivals were not observed.

    A lower bound: arrivals that left in between are missed, and departures hide arrivals. The states are
    built from smoothed percentiles, so take them 30 s apart or more: each pair adds its rounding error.
    `mined_vbytes` is what blocks removed from the top in between.
    """
    start = before.without_top(mined_vbytes)
    growth = np.cumsum((after.waiting - start.waiting)[::-1])
    # Arrivals above a feerate never shrink as the feerate falls; noise and departures make `growth` do so.
    arrived_above = np.maximum.accumulate(np.maximum(growth, 0.0))
    return np.diff(arrived_above, prepend=0.0)[::-1].copy()
