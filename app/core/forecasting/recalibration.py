"""Recalibration of probabilities by outcomes, piecewise linear on each horizon's logit.

A plain slope and intercept (Platt scaling) makes every horizon but the first worse: stated probabilities
saturate at the top and have a long tail at the bottom. So the slope may change at four knots, and is never
negative: the order of the probabilities is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.forecasting.feerates import Floats
from app.core.prediction import HORIZONS

Line = tuple[float, ...]
"""Value at logit 0, then the slopes below -3, -3..-1, -1..1, 1..3 and above 3."""

KNOTS: Final = (-3.0, -1.0, 1.0, 3.0)
IDENTITY_LINE: Final[Line] = (0.0, 1.0, 1.0, 1.0, 1.0, 1.0)
FEWEST_OUTCOMES: Final = 300
TRUSTED_OUTCOMES: Final = 1_000
RIDGE: Final = 5.0  # pulls toward the identity, not toward zero

_CLIP: Final = 1e-4
_STRAIGHT_FROM: Final = 48  # horizons from here on have too few failures to fit
_MOST_STEPS: Final = 50
"""A convex loss takes some ten."""
_SMALLEST_SLOPE: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibration:
    """One line per horizon, with the number of outcomes and the time it was fitted."""

    lines: tuple[Line, ...]
    outcomes: int
    fitted_at: datetime | None

    @property
    def changes_nothing(self) -> bool:
        return all(line == IDENTITY_LINE for line in self.lines)

    def age_seconds(self, at: datetime) -> float | None:
        """Return how long ago it was fitted; None if it never was, 0 after a backward clock step."""
        return None if self.fitted_at is None else max(0.0, (at - self.fitted_at).total_seconds())

    def recalibrated(self, probabilities: Floats) -> Floats:
        """Return the probabilities ([..., horizon]) recalibrated, still rising with the horizon, in 0..1."""
        if self.changes_nothing:
            return probabilities
        bent = np.stack(
            [
                probabilities[..., column]
                if line == IDENTITY_LINE
                else _chance(_segments(probabilities[..., column]) @ np.array(line))
                for column, line in enumerate(self.lines)
            ],
            axis=-1,
        )
        return np.maximum.accumulate(bent, axis=-1)


def no_recalibration() -> Recalibration:
    return Recalibration(lines=(IDENTITY_LINE,) * len(HORIZONS), outcomes=0, fitted_at=None)


def fit_recalibration(
    stated: Floats, came_true: NDArray[np.bool_], evaluable: NDArray[np.bool_], fitted_at: datetime | None
) -> Recalibration:
    """Fit to outcomes: `stated`, `came_true` and `evaluable` are [outcome, horizon].

    Below 300 outcomes nothing is changed; from there the fit is weighted in proportion, fully at 1,000.
    """
    outcomes = len(stated)
    if outcomes < FEWEST_OUTCOMES:
        return Recalibration(lines=no_recalibration().lines, outcomes=outcomes, fitted_at=fitted_at)
    trust = min(1.0, outcomes / TRUSTED_OUTCOMES)
    lines = []
    for column, horizon in enumerate(HORIZONS):
        counted = evaluable[:, column]
        line: Line = IDENTITY_LINE
        if horizon < _STRAIGHT_FROM and counted.any():
            line = fit_line(stated[counted, column], came_true[counted, column])
        lines.append(_shrunk(line, trust))
    return Recalibration(lines=tuple(lines), outcomes=outcomes, fitted_at=fitted_at)


def fit_line(stated: Floats, came_true: NDArray[np.bool_]) -> Line:
    """Return the line of greatest penalised likelihood among those with no negative slope."""
    basis = _segments(stated)
    free = list(range(len(IDENTITY_LINE)))
    line = np.array(IDENTITY_LINE)
    while True:
        line = _newton(basis, came_true.astype(np.float64), line, free)
        falling = [index for index in free if index > 0 and line[index] < _SMALLEST_SLOPE]
        if not falling:
            return tuple(float(value) for value in line)
        line[falling] = _SMALLEST_SLOPE
        free = [index for index in free if index not in falling]


def _newton(basis: Floats, truth: Floats, start: Floats, free: Sequence[int]) -> Floats:
    """Newton's method, halving the step while the loss rises: from the identity the full step diverges."""
    identity = np.array(IDENTITY_LINE)

    def loss(line: Floats) -> float:
        logits = basis @ line
        unlikely = np.logaddexp(0.0, logits).sum() - (truth * logits).sum()
        return float(unlikely + RIDGE / 2 * ((line - identity) ** 2).sum())

    line, current = start.copy(), loss(start)
    moving = basis[:, free]
    gained, steps = np.inf, 0
    while gained >= 1e-6 * max(1.0, abs(current)) and steps < _MOST_STEPS:
        steps += 1
        chance = _chance(basis @ line)
        slope = moving.T @ (chance - truth) + RIDGE * (line - identity)[free]
        curve = (moving * (chance * (1 - chance))[:, None]).T @ moving + RIDGE * np.eye(len(free))
        step = np.zeros_like(line)
        step[free] = np.linalg.solve(curve, slope)
        scale = 1.0
        while (reached := loss(line - scale * step)) > current and scale > 1e-6:
            scale /= 2
        gained = current - reached
        if gained > 0:
            line, current = line - scale * step, reached
    return line


def _segments(probabilities: Floats) -> Floats:
    """Return [1, the logit's part below -3, in -3..-1, in -1..1, in 1..3, above 3]; the parts sum to it."""
    chance = np.clip(probabilities, _CLIP, 1.0 - _CLIP)
    logit = np.log(chance / (1.0 - chance))
    lowest, low, high, highest = KNOTS
    return np.stack(
        [
            np.ones_like(logit),
            np.minimum(logit - lowest, 0.0),
            np.clip(logit, lowest, low) - low,
            np.clip(logit, low, high),
            np.clip(logit, high, highest) - high,
            np.maximum(logit - highest, 0.0),
        ],
        axis=-1,
    )


def _chance(logits: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def _shrunk(line: Line, trust: float) -> Line:
    return tuple(
        identity + trust * (value - identity) for value, identity in zip(line, IDENTITY_LINE, strict=True)
    )
