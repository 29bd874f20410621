"""What a forecast must beat, on the same transactions."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.forecasting.feerates import Floats
from app.core.prediction import HORIZONS
from tests.bench.scoring import Counts, Outcomes, Stated

_LAST_OF_CLASS: Final = np.array([1, 2, 3, 4, 6, 9, 13, 25, 50])  # classes of index + 1; the tenth is beyond


def percentile_rule(feerates: Floats, tiers: Floats) -> Stated:
    """B1: at or over the 75th percentile of the five recommended fees 1 block, the 50th 3, else 6."""
    ordered = np.sort(tiers, axis=1)
    blocks = np.where(feerates >= ordered[:, 3], 1, np.where(feerates >= ordered[:, 2], 3, 6))
    return Stated.from_steps(blocks)


def position_rule(index: Counts) -> Stated:
    """B2: the projected block it stands in, 1 = next."""
    return Stated.from_steps(index)


@dataclass(frozen=True, slots=True, eq=False)
class Frequencies:
    """Observed shares by class and horizon, learned from past outcomes."""

    table: Floats

    def stated(self, classes: Counts) -> Stated:
        return Stated.from_chances(self.table[classes])


def position_class(index: Counts) -> Counts:
    return np.searchsorted(_LAST_OF_CLASS, index)


def learn_frequencies(classes: Counts, outcomes: Outcomes, number: int = 10) -> Frequencies:
    """B2c with classes of position; climatology with one class. A class never met takes its neighbour's."""
    table = np.full((number, len(HORIZONS)), np.nan)
    for column, horizon in enumerate(HORIZONS):
        counted = outcomes.evaluable(horizon)
        true = outcomes.came_true(horizon)
        for which in range(number):
            rows = counted & (classes == which)
            if rows.any():
                table[which, column] = true[rows].mean()
            elif which > 0:
                table[which, column] = table[which - 1, column]
    return Frequencies(np.maximum.accumulate(np.nan_to_num(table), axis=1))
