"""(b) Our own simulator: recalibrated on training seeds as a node would be, reported on held-out ones."""

from collections.abc import Iterator

import numpy as np

from app.core.forecasting.model import ForecastModel
from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from app.core.forecasting.recalibration import fit_recalibration
from app.core.prediction import HORIZONS
from tests.bench.comparison import REGIMES, scored_rows
from tests.bench.reference import in_pieces
from tests.bench.rows import BenchRow, at_least
from tests.bench.simulated import HELD_OUT_SEEDS, TRAINING_SEEDS, simulate_cases


def rows() -> Iterator[BenchRow]:
    model = ForecastModel(table=PassageTable(MinerBeliefs()))
    cases = simulate_cases(TRAINING_SEEDS + HELD_OUT_SEEDS)
    past = np.isin(cases.seed, TRAINING_SEEDS)
    chances = in_pieces(model, cases.standings)
    learned = fit_recalibration(
        chances[past],
        np.stack([cases.outcomes.came_true(n)[past] for n in HORIZONS], axis=1),
        np.stack([cases.outcomes.evaluable(n)[past] for n in HORIZONS], axis=1),
        None,
    )
    taught = ForecastModel(table=model.table, pace=model.pace, recalibration=learned)
    fewest = min(
        int(((cases.regime == regime) & (cases.seed == seed)).sum())
        for regime in REGIMES
        for seed in HELD_OUT_SEEDS
    )
    yield at_least("forecast.simulated.seeds", len(HELD_OUT_SEEDS), 8, "held out")
    yield at_least("forecast.simulated.fewest_whales", fewest, 3_000, "a seed")
    yield from scored_rows("forecast.simulated", cases, past, taught, absolute=False)
