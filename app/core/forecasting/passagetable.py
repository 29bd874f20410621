"""The look-up table of first-passage probabilities, averaged over future inflow."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.forecasting.feerates import Floats, clipped
from app.core.forecasting.firstpassage import CELL, first_passage
from app.core.forecasting.pace import TARGET_SECONDS
from app.core.forecasting.recalibration import Line, Recalibration
from app.core.prediction import HORIZONS

# The coming inflow above a transaction, in blocks per block, is expected at
#   drift_n * (inflow now + 0.02) ^ 0.70 * (vbytes ahead + 0.05) ^ 0.15      (blocks)
# and known within a factor of exp(+-spread_n). The market reacts: fewer transactions than before bid above
# a feerate far above the rest, more above one at the margin. Fitted to simulated markets (docs/accuracy.md).
INFLOW_POWER: Final = 0.70
AHEAD_POWER: Final = 0.15
_INFLOW_OFFSET: Final = 0.02
_AHEAD_OFFSET: Final = 0.05
_LOG_DRIFT: Final = (-0.044, -0.088, -0.165, -0.233, -0.351, -0.514, -2.000)
_SPREAD: Final = (0.541, 0.559, 0.625, 0.557, 0.546, 0.542, 0.900)
_GAUSS_HERMITE: Final = ((-(3.0**0.5), 1 / 6), (0.0, 2 / 3), (3.0**0.5, 1 / 6))

_RHOS: Final = np.concatenate([[0.0], np.geomspace(0.02, 14.0, 47)])
_FIRST_PRESSURE: Final = -3.2
_PRESSURE_STEP: Final = 0.1
_PRESSURES: Final = 61
_FINE_STEP: Final = 0.025  # of the blocks ahead, below two, where the probabilities change fastest
_FINE_STEPS: Final = 80
_COARSE_STEPS: Final = 72
_LOG_COARSE_STEP: Final = float(np.log(155.0 / 2.0)) / _COARSE_STEPS
_AHEADS: Final = _FINE_STEPS + _COARSE_STEPS + 1

# Made by tests/bench/fit_lines.py from simulated markets: used until a node has outcomes of its own.
SIMULATED_LINES: Final[tuple[Line, ...]] = (
    (-0.033, 0.507, 0.823, 1.069, 0.935, 1.000),
    (-0.005, 0.334, 1.048, 1.008, 1.009, 0.641),
    (-0.059, 0.156, 1.130, 1.033, 1.086, 0.568),
    (0.027, 0.044, 1.092, 1.022, 1.065, 0.523),
    (-0.044, 0.020, 0.684, 1.079, 1.165, 0.456),
    (-0.081, 0.020, 0.272, 0.925, 1.372, 0.439),
    (1.498, 0.175, 0.859, 0.423, 0.657, 0.869),
)
SIMULATED_LINES_BELOW_ONE: Final[tuple[Line, ...]] = (
    (-0.105, 1.214, 0.893, 1.140, 1.403, 1.000),
    (-0.019, 0.270, 1.240, 0.989, 1.255, 1.013),
    (-0.033, 0.032, 1.555, 1.028, 1.088, 1.223),
    (-0.154, 0.025, 0.843, 1.166, 1.031, 1.174),
    (-0.216, 0.020, 0.582, 1.009, 1.157, 0.945),
    (-0.184, 0.020, 0.238, 1.022, 1.175, 0.600),
    (0.155, 1.000, 1.000, 1.122, 0.998, 0.787),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerBeliefs:
    """Assumptions about miners, until the node's own blocks give better ones.

    `empty_share` of blocks take nothing from our mempool; `refusing_share` of the hash rate mines nothing
    below 1 sat/vB; a block's template is `template_age_seconds` old on average when the block is found.
    """

    empty_share: float = 0.023
    refusing_share: float = 0.10
    template_age_seconds: float = 30.0


class PassageTable:
    """P(confirmed within n) by blocks ahead and inflow, recalibrated once with lines from simulations.

    Immutable; takes about half a second to build.
    """

    def __init__(
        self,
        beliefs: MinerBeliefs,
        lines: tuple[Line, ...] = SIMULATED_LINES,
        lines_below_one: tuple[Line, ...] = SIMULATED_LINES_BELOW_ONE,
    ) -> None:
        refused = 1.0 - (1.0 - beliefs.empty_share) * (1.0 - beliefs.refusing_share)
        taken_by_all = _straight(_premixed(beliefs.empty_share, beliefs.template_age_seconds), lines)
        below_one = _straight(_premixed(refused, beliefs.template_age_seconds), lines_below_one)
        # By kind: old, fresh; then the same below 1 sat/vB, which never has better probabilities.
        straight = np.concatenate([taken_by_all, np.minimum(below_one, taken_by_all)])
        self._rows: Final = _never_rising(straight).reshape(-1, len(HORIZONS))

    def chances(
        self,
        ahead_blocks: Floats,
        inflow_blocks: Floats,
        *,
        fresh: NDArray[np.bool_],
        below_one: NDArray[np.bool_],
        log_shift: Floats | float,
    ) -> Floats:
        """Return [transaction, horizon]. `log_shift` shifts the expected inflow, for averaging over it.

        Several shifts, given as [shift, 1], give [shift, transaction, horizon].
        """
        pressure = pressure_of(ahead_blocks, inflow_blocks) + log_shift
        row = clipped((pressure - _FIRST_PRESSURE) / _PRESSURE_STEP, 0.0, _PRESSURES - 1.000001)
        column = _column_of(ahead_blocks)
        i, j = row.astype(np.intp), column.astype(np.intp)
        u, v = (row - i)[..., None], (column - j)[..., None]
        kind = 2 * below_one + fresh
        at = (kind * _PRESSURES + i) * _AHEADS + j
        rows = self._rows
        low = rows[at] * (1.0 - v) + rows[at + 1] * v
        high = rows[at + _AHEADS] * (1.0 - v) + rows[at + _AHEADS + 1] * v
        return np.asarray(low * (1.0 - u) + high * u)


@lru_cache(maxsize=1)
def default_table() -> PassageTable:
    """Return the table of the default beliefs, built at the first call: the demo and the node share it."""
    return PassageTable(MinerBeliefs())


def pressure_of(ahead_blocks: Floats, inflow_blocks: Floats) -> Floats:
    """Return the logarithm of the coming inflow above, before drift."""
    inflow = INFLOW_POWER * np.log(inflow_blocks + _INFLOW_OFFSET)
    return np.asarray(inflow + AHEAD_POWER * np.log(ahead_blocks + _AHEAD_OFFSET))


def _column_of(ahead_blocks: Floats) -> Floats:
    ahead = np.maximum(ahead_blocks, 0.0)
    coarse = _FINE_STEPS + np.log(np.maximum(ahead, 2.0) / 2.0) / _LOG_COARSE_STEP
    return np.minimum(np.where(ahead < 2.0, ahead / _FINE_STEP, coarse), _AHEADS - 1.000001)


def _ahead_nodes() -> Floats:
    fine = np.arange(_FINE_STEPS) * _FINE_STEP
    return np.concatenate([fine, 2.0 * np.exp(np.arange(_COARSE_STEPS + 1) * _LOG_COARSE_STEP)])


def _premixed(empty_share: float, template_age_seconds: float) -> Floats:
    """Return [old or fresh, pressure, ahead, horizon], averaged over the spread of the future rate."""
    steps = {n - back for n in HORIZONS for back in (0, 1)}
    within = first_passage(_RHOS, empty_share, steps)
    pressures = _FIRST_PRESSURE + _PRESSURE_STEP * np.arange(_PRESSURES)
    ahead = _ahead_nodes()
    in_template = float(np.exp(-template_age_seconds / TARGET_SECONDS))
    mixed = np.zeros((2, len(pressures), len(ahead), len(HORIZONS)))
    for column, n in enumerate(HORIZONS):
        for node, weight in _GAUSS_HERMITE:
            rhos = np.exp(pressures + _LOG_DRIFT[column] + _SPREAD[column] * node)
            now = _read(within[n], rhos, ahead)
            missed_one = _read(within[n - 1], rhos, np.maximum(ahead - 1.0, 0.0))
            mixed[0, :, :, column] += weight * now
            mixed[1, :, :, column] += weight * (in_template * now + (1.0 - in_template) * missed_one)
    return np.maximum.accumulate(mixed, axis=-1)


def _straight(table: Floats, lines: tuple[Line, ...]) -> Floats:
    return Recalibration(lines=lines, outcomes=0, fitted_at=None).recalibrated(table)


def _read(grid: Floats, rhos: Floats, ahead: Floats) -> Floats:
    """Return the grid at each (rho, ahead), linear between its points."""
    row = clipped(np.interp(rhos, _RHOS, np.arange(len(_RHOS))), 0, len(_RHOS) - 1.000001)
    i = row.astype(np.intp)
    u = (row - i)[:, None]
    column = ahead / CELL
    j = column.astype(np.intp)
    v = column - j
    lines = grid[i] * (1.0 - u) + grid[i + 1] * u
    return np.asarray(lines[:, j] * (1.0 - v) + lines[:, j + 1] * v)


def _never_rising(table: Floats) -> Floats:
    """Remove rounding errors: more pressure or more vbytes ahead never gives a higher probability."""
    falling = np.minimum.accumulate(np.minimum.accumulate(table, axis=1), axis=2)
    return np.maximum.accumulate(falling, axis=-1)
