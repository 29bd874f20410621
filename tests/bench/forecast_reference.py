"""(a) The reference forecasts: fitted on seeds 1-4, reported on 5-8."""

from collections.abc import Iterator

import numpy as np

from app.core.forecasting.model import ForecastModel
from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from tests.bench.comparison import scored_rows
from tests.bench.reference import FILE, LEARNED_FROM, read_reference
from tests.bench.rows import BenchRow, shown


def rows() -> Iterator[BenchRow]:
    if not FILE.exists():
        yield shown("forecast.reference", "absent: shared/forecast_reference", "")
        return
    cases = read_reference()
    model = ForecastModel(table=PassageTable(MinerBeliefs()))
    past = np.isin(cases.seed, LEARNED_FROM)
    yield from scored_rows("forecast.reference", cases, past, model, absolute=True)
