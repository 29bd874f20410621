"""How right the forecasts are, and what they cost."""

from collections.abc import Iterator

import numpy as np

from app.core.forecast import ForecastModel
from app.core.passagetable import Beliefs, PassageTable
from tests.bench import comparison
from tests.bench.comparison import REGIMES
from tests.bench.reference import FILE, LEARNED_FROM, Cases, in_pieces, read_reference
from tests.bench.rows import BenchRow, shown
from tests.bench.scoring import Flags


def rows() -> Iterator[BenchRow]:
    model = ForecastModel(table=PassageTable(Beliefs()))
    yield from reference_rows(model)


def reference_rows(model: ForecastModel) -> Iterator[BenchRow]:
    """Yield (a): the reference forecasts, fitted on seeds 1-4, reported on 5-8."""
    if not FILE.exists():
        yield shown("forecast.reference", "absent: shared/forecast_reference", "")
        return
    cases = read_reference()
    past = np.isin(cases.seed, LEARNED_FROM)
    yield from scored_rows("forecast.reference", cases, past, model, absolute=True)


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
