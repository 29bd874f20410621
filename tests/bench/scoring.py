"""The metrics of forecasts, by the definitions of docs/accuracy.md."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from app.core.forecasting.feerates import Floats
from app.core.forecasting.model import blocks_at, chance_within
from app.core.prediction import HORIZONS

NEVER: Final = 200  # stands for "not within 144 blocks", in forecasts and in outcomes
CONFIRMED, DROPPED, REPLACED, PENDING = range(4)
FATES: Final = {"confirmed": CONFIRMED, "dropped": DROPPED, "replaced": REPLACED, "pending": PENDING}

Flags = NDArray[np.bool_]
Counts = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """What became of each: its fate, and after how many blocks (pending: the blocks observed)."""

    fate: Counts
    blocks: Counts

    def __len__(self) -> int:
        return len(self.fate)

    def of(self, chosen: Flags) -> Self:
        return type(self)(fate=self.fate[chosen], blocks=self.blocks[chosen])

    def came_true(self, horizon: int) -> Flags:
        return np.asarray((self.fate == CONFIRMED) & (self.blocks <= horizon))

    def evaluable(self, horizon: int) -> Flags:
        """Dropped is never left out; replaced and pending are, beyond the blocks observed."""
        censored = (self.fate == REPLACED) | (self.fate == PENDING)
        return np.asarray(~(censored & (horizon > self.blocks)))

    @property
    def settled(self) -> Flags:
        """Confirmed, dropped, or watched for 144 blocks."""
        return np.asarray((self.fate == CONFIRMED) | (self.fate == DROPPED) | (self.blocks >= HORIZONS[-1]))

    @property
    def confirmed_after(self) -> Counts:
        inside = (self.fate == CONFIRMED) & (self.blocks <= HORIZONS[-1])
        return np.where(inside, self.blocks, NEVER)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stated:
    """A forecaster's word: chances by (transaction, horizon), and the blocks it predicts."""

    chances: Floats
    predicted: Counts

    @classmethod
    def from_chances(cls, chances: Floats) -> Self:
        return cls(chances=chances, predicted=_or_never(blocks_at(chances, 0.8)))

    @classmethod
    def from_steps(cls, blocks: Counts) -> Self:
        """Return a forecaster that says exactly one number of blocks, with certainty."""
        return cls(chances=(blocks[:, None] <= np.array(HORIZONS)) * 1.0, predicted=np.asarray(blocks))

    def of(self, chosen: Flags) -> Self:
        return type(self)(chances=self.chances[chosen], predicted=self.predicted[chosen])


def brier(stated: Stated, outcomes: Outcomes, horizon: int) -> float:
    column = HORIZONS.index(horizon)
    counted = outcomes.evaluable(horizon)
    error = stated.chances[counted, column] - outcomes.came_true(horizon)[counted]
    return float((error**2).mean()) if counted.any() else float("nan")


def rps(stated: Stated, outcomes: Outcomes) -> float:
    """Mean squared error over all evaluable pairs of a forecast and a horizon."""
    total, pairs = 0.0, 0
    for horizon in HORIZONS:
        number = int(outcomes.evaluable(horizon).sum())
        if number:
            total += brier(stated, outcomes, horizon) * number
            pairs += number
    return total / pairs


def calibration_error(stated: Stated, outcomes: Outcomes, horizon: int) -> float:
    """Ten bins of equal width, weighted by their share, in percent."""
    column = HORIZONS.index(horizon)
    counted = outcomes.evaluable(horizon)
    chance = stated.chances[counted, column]
    true = outcomes.came_true(horizon)[counted].astype(np.float64)
    bins = np.minimum((chance * 10).astype(np.intp), 9)
    gap = np.bincount(bins, weights=chance - true, minlength=10)
    return float(100.0 * np.abs(gap).sum() / len(chance))


def pinball(stated: Stated, outcomes: Outcomes) -> float:
    rows = outcomes.settled
    late = np.log2(outcomes.confirmed_after[rows]) - np.log2(stated.predicted[rows])
    return float(np.where(late >= 0, 0.8 * late, -0.2 * late).mean())


def winkler(stated: Stated, outcomes: Outcomes) -> float:
    rows = outcomes.settled
    low = np.log2(_or_never(blocks_at(stated.chances[rows], 0.1)))
    high = np.log2(_or_never(blocks_at(stated.chances[rows], 0.9)))
    true = np.log2(outcomes.confirmed_after[rows])
    return float((high - low + 10 * np.maximum(0, low - true) + 10 * np.maximum(0, true - high)).mean())


def pit_shares(stated: Stated, outcomes: Outcomes, seed: int = 1) -> tuple[float, float, float]:
    """Return the shares, in percent, of randomised u in [.1, .9], below, and above."""
    rows = outcomes.settled
    chances, true = stated.chances[rows], outcomes.confirmed_after[rows]
    before = chance_within(chances, np.minimum(true - 1, HORIZONS[-1]))
    after = np.where(true == NEVER, 1.0, chance_within(chances, np.minimum(true, HORIZONS[-1])))
    u = before + np.random.default_rng(seed).random(len(true)) * (after - before)
    inside = (u >= 0.1) & (u <= 0.9)
    return tuple(float(100 * part.mean()) for part in (inside, u < 0.1, u > 0.9))  # type: ignore[return-value]


def on_time(stated: Stated, outcomes: Outcomes) -> tuple[float, float]:
    """Return the share confirmed by the predicted block, and the mean chance stated for it, in percent.

    Evaluable as at any horizon: who was replaced before the predicted block is left out, later is late.
    """
    predicted = np.minimum(stated.predicted, HORIZONS[-1])
    left_out = (outcomes.fate == REPLACED) | (outcomes.fate == PENDING)
    rows = ~(left_out & (predicted > outcomes.blocks))
    kept = (outcomes.confirmed_after <= predicted)[rows]
    said = chance_within(stated.chances[rows], predicted[rows])
    return float(100 * kept.mean()), float(100 * said.mean())


def next_block(stated: Stated, outcomes: Outcomes) -> tuple[float, float, float]:
    """Return precision and recall of predicted_block = 1, and accuracy of P(1) >= 0.5, in percent."""
    rows = outcomes.evaluable(1)
    true = outcomes.came_true(1)[rows]
    said = stated.predicted[rows] == 1
    right = (stated.chances[rows, 0] >= 0.5) == true
    precision = true[said].mean() if said.any() else float("nan")
    recall = said[true].mean() if true.any() else float("nan")
    return float(100 * precision), float(100 * recall), float(100 * right.mean())


def miss_of_twelve(stated: Stated, outcomes: Outcomes) -> tuple[float, float]:
    """Return the share not in 12 blocks among P(12) >= .95, and the share of that set, in percent."""
    rows = outcomes.evaluable(12)
    sure = stated.chances[rows, HORIZONS.index(12)] >= 0.95
    missed = ~outcomes.came_true(12)[rows]
    return float(100 * missed[sure].mean()) if sure.any() else float("nan"), float(100 * sure.mean())


def top_tenth(stated: Stated, outcomes: Outcomes, rank_by: Floats) -> tuple[float, float, float]:
    """Return on time, within a block more, and by the 95 % block, in percent, of the tenth ranked highest."""
    rows = outcomes.settled & (rank_by >= np.quantile(rank_by, 0.9))
    true, predicted = outcomes.confirmed_after[rows], stated.predicted[rows]
    surely = _or_never(blocks_at(stated.chances[rows], 0.95))
    shares = (true <= predicted, true <= predicted + 1, true <= surely)
    return tuple(float(100 * part.mean()) for part in shares)  # type: ignore[return-value]


def sharpness(stated: Stated) -> float:
    """Geometric mean of the predicted number of blocks."""
    return float(np.exp(np.log(stated.predicted).mean()))


def _or_never(blocks: Counts) -> Counts:
    return np.where(blocks > 0, blocks, NEVER)
