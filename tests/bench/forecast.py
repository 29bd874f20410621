"""How right the forecasts are, and what they cost: all of `forecast.*`."""

from collections.abc import Iterator

from tests.bench import (
    forecast_cost,
    forecast_published,
    forecast_recorded,
    forecast_reference,
    forecast_simulated,
)
from tests.bench.rows import BenchRow


def rows() -> Iterator[BenchRow]:
    for part in (
        forecast_reference,
        forecast_simulated,
        forecast_recorded,
        forecast_published,
        forecast_cost,
    ):
        yield from part.rows()
