"""Whales of the real backend's recordings, as the product forecast them when it first saw them."""

from collections.abc import Iterator

from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from tests.bench.reported import published_rows
from tests.bench.rows import BenchRow


def rows() -> Iterator[BenchRow]:
    yield from published_rows(PassageTable(MinerBeliefs()))
