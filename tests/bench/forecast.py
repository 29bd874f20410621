"""How right the forecasts are, and what they cost: all of `forecast.*`."""

from collections.abc import Iterator

from tests.bench import (
    forecast_cost,
    forecast_recorded,
    forecast_reference,
    forecast_simulated,
    forecast_told,
)
from tests.bench.rows import BenchRow


def rows() -> Iterator[BenchRow]:
    for part in (forecast_reference, forecast_simulated, forecast_recorded, forecast_told, forecast_cost):
        yield from part.rows()
