"""How right the forecasts are, and what they cost."""

from collections.abc import Iterator

import numpy as np

from app.core.firstpassage import HORIZONS
from app.core.forecast import ForecastModel
from app.core.passagetable import Beliefs, PassageTable
from app.core.recalibration import fit_recalibration
from tests.bench import comparison
from tests.bench.comparison import REGIMES
from tests.bench.forecast_cost import cost_rows
from tests.bench.recorded import recorded_rows
from tests.bench.reference import FILE, LEARNED_FROM, Cases, in_pieces, read_reference
from tests.bench.rows import BenchRow, at_least, shown
from tests.bench.scoring import Flags
from tests.bench.simulated import HELD_OUT_SEEDS, TRAINING_SEEDS, simulate_cases


def rows() -> Iterator[BenchRow]:
    model = ForecastModel(table=PassageTable(Beliefs()))
    yield from reference_rows(model)
    yield from simulated_rows(model)
    yield from recorded_rows(model.table)
    yield from cost_rows(model)


def reference_rows(model: ForecastModel) -> Iterator[BenchRow]:
    """Yield (a): the reference forecasts, fitted on seeds 1-4, reported on 5-8."""
    if not FILE.exists():
        yield shown("forecast.reference", "absent: shared/forecast_reference", "")
        return
    cases = read_reference()
    past = np.isin(cases.seed, LEARNED_FROM)
    yield from scored_rows("forecast.reference", cases, past, model, absolute=True)


def simulated_rows(model: ForecastModel) -> Iterator[BenchRow]:
    """Yield (b): our own simulator, recalibrated on its training seeds, reported on held-out seeds."""
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
    groups = {(regime, seed) for regime, seed in zip(cases.regime, cases.seed.tolist(), strict=True)}
    fewest = min(
        int(((cases.regime == regime) & (cases.seed == seed)).sum())
        for regime, seed in groups
        if seed in HELD_OUT_SEEDS
    )
    yield at_least("forecast.simulated.fewest_whales", fewest, 3_000, "whales")
    yield from scored_rows("forecast.simulated", cases, past, taught, absolute=False)


def scored_rows(
    prefix: str, cases: Cases, past: Flags, model: ForecastModel, *, absolute: bool
) -> Iterator[BenchRow]:
    """Yield figures of the rows that are not `past`, per regime (median over seeds) and pooled."""
    held = comparison.contest(cases, in_pieces(model, cases.standings), comparison.learn(cases, past))
    seeds = sorted(set(cases.seed[~past].tolist()))
    yield shown(f"{prefix}.forecasts", int((~past).sum()), "whales")
    for regime in REGIMES:
        parts = [
            comparison.figures(held.of(~past & (cases.regime == regime) & (cases.seed == seed)))
            for seed in seeds
        ]
        found = comparison.medians(parts)
        yield from comparison.regime_rows(prefix, regime, found, absolute=absolute)
    found = comparison.figures(held.of(~past))
    yield from comparison.pooled_rows(prefix, found, absolute=absolute)
