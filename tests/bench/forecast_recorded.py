"""Recordings of the real backend: their chains are too short for bars."""

from collections.abc import Iterator

from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from tests.bench.recorded import recorded_rows
from tests.bench.rows import BenchRow


def rows() -> Iterator[BenchRow]:
    yield from recorded_rows(PassageTable(MinerBeliefs()))
