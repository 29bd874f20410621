"""Whales of the real backend's recordings, as the product forecast them when it first saw them."""

from collections.abc import Iterator

from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from tests.bench.rows import BenchRow
from tests.bench.told import told_rows


def rows() -> Iterator[BenchRow]:
    yield from told_rows(PassageTable(MinerBeliefs()))
