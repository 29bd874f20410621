"""Whether a series of samples grows: a robust slope and how far it is known.

The slope is Theil and Sen's, the median of the slopes between all pairs: one sample in four may lie anywhere.
Samples that follow each other are alike (a cache that was just trimmed, a block that was just mined), so its
interval is not made of single ones: what is left beside the line is drawn anew in blocks of two hours, a
thousand times, and the slope found again (a moving block bootstrap, seeded: a series has one verdict).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 1_000
BLOCK = 8
"""Samples that are drawn together: two hours of quarters."""
LEVEL = 0.95
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Slope:
    """An hour, in what the series counts; `low` to `high` is the interval of 95 %."""

    an_hour: float
    low: float
    high: float

    @property
    def may_be_zero(self) -> bool:
        return self.low <= 0.0 <= self.high

    def stays_below(self, bound: float) -> bool:
        """Whether more growth than `bound` an hour is ruled out: a wide interval proves nothing."""
        return self.high < bound

    def __str__(self) -> str:
        return f"{self.an_hour:+,.0f} an hour ({self.low:+,.0f} to {self.high:+,.0f})"


def slope_of(hours: Sequence[float], values: Sequence[float], *, seed: int = 0) -> Slope:
    """Return the slope of samples taken at even distances, two blocks of them at least."""
    if len(hours) < 2 * BLOCK:
        raise ValueError(f"{len(hours)} samples say nothing of a slope: {2 * BLOCK} at least")
    x, y = np.asarray(hours, np.float64), np.asarray(values, np.float64)
    earlier, later = np.triu_indices(len(x), 1)
    found = _median_slope(x, y, earlier, later)
    left = y - found * x
    left -= np.median(left)
    chance = np.random.default_rng(seed)
    blocks = -(-len(x) // BLOCK)
    slopes = np.empty(DRAWS)
    for draw in range(DRAWS):
        begins = chance.integers(0, len(x) - BLOCK + 1, blocks)
        drawn = np.concatenate([left[at : at + BLOCK] for at in begins])[: len(x)]
        slopes[draw] = _median_slope(x, found * x + drawn, earlier, later)
    low, high = np.quantile(slopes, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Slope(found, float(low), float(high))


def _median_slope(x: Floats, y: Floats, earlier: NDArray[np.intp], later: NDArray[np.intp]) -> float:
    return float(np.median((y[later] - y[earlier]) / (x[later] - x[earlier])))
