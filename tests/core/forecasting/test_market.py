"""The queue from each of its sources."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.forecasting.market import QueueSource, limit_vbytes, queue_of_bins, queue_of_projected_blocks
from app.core.forecasting.queue import bins_of_histogram
from app.core.models import SourceName
from app.core.observations import FeeBin, MempoolMeasured
from app.core.units import SatPerVb, Sats, VBytes
from tests.core.fee_markets import a_projected_block, queue_of_transactions

SEVEN = (2.0, 3.0, 4.0, 6.0, 9.0, 20.0, 80.0)


def ahead(queue: object, feerate: float) -> float:
    return float(queue.vbytes_ahead(np.array([feerate]))[0])  # type: ignore[attr-defined]


def test_projected_blocks_keep_their_size() -> None:
    queue = queue_of_projected_blocks([a_projected_block(SEVEN), a_projected_block((1, 1, 1, 1, 1.5, 2, 2))])

    assert queue.total == pytest.approx(2 * 998_000.0)
    assert queue.source is QueueSource.PROJECTED_BLOCKS


def test_percentiles_tell_how_much_of_a_block_lies_ahead() -> None:
    queue = queue_of_projected_blocks([a_projected_block(SEVEN)])

    assert ahead(queue, 100.0) == 0.0
    assert ahead(queue, 6.0) == pytest.approx(499_000.0, rel=0.02)
    assert ahead(queue, 20.0) == pytest.approx(99_800.0, rel=0.03)


def test_the_median_is_counted_by_size_and_corrects_percentiles_counted_by_transactions() -> None:
    queue = queue_of_projected_blocks([a_projected_block(SEVEN, median=4.0)])

    assert ahead(queue, 4.0) == pytest.approx(500_000.0, rel=0.02)


def test_the_filler_of_a_full_block_is_not_taken_for_its_edge() -> None:
    first = a_projected_block((1.0, 8.0, 12.0, 16.0, 24.0, 32.0, 45.0))
    second = a_projected_block((2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 7.5))

    assert ahead(queue_of_projected_blocks([first, second]), 7.6) > 960_000.0


def test_a_single_transaction_is_laid_at_its_own_feerate() -> None:
    block = a_projected_block((0.0,) * 7, vsize=200.0, count=1)  # pays 3 sat/vB in total

    queue = queue_of_projected_blocks([block])

    assert ahead(queue, 3.5) == 0.0
    assert ahead(queue, 2.5) == pytest.approx(200.0)


def test_what_lies_beyond_the_projected_blocks_is_laid_down_to_the_floor() -> None:
    queue = queue_of_projected_blocks([a_projected_block(SEVEN)], mempool_vbytes=50e6, floor=1.0)

    assert queue.total == pytest.approx(50e6)
    assert ahead(queue, 2.1) < 1.1e6
    assert ahead(queue, 1.0) > 45e6


def test_no_projected_blocks_is_an_empty_queue() -> None:
    queue = queue_of_projected_blocks([])

    assert queue.total == 0.0
    assert queue.percentile(0.5) is None


def test_an_electrum_histogram_lies_between_its_feerates() -> None:
    bins = bins_of_histogram([(20.0, 1_000.0), (5.0, 3_000.0), (1.0, 9_000.0)])
    queue = queue_of_bins(bins, QueueSource.ELECTRS)

    assert queue.total == pytest.approx(13_000.0)
    assert ahead(queue, 21.0) == 0.0
    assert ahead(queue, 4.99) == pytest.approx(4_000.0, rel=0.01)
    assert queue.source is QueueSource.ELECTRS


def test_histogram_and_transactions_agree_where_they_can() -> None:
    pairs = [(float(rate), 500.0) for rate in range(1, 40)]
    exact = queue_of_transactions(pairs, QueueSource.BITCOIND)
    binned = queue_of_bins(bins_of_histogram(reversed(pairs)), QueueSource.ELECTRS)

    for rate in (1.5, 7.5, 33.5):
        assert ahead(binned, rate) == pytest.approx(ahead(exact, rate), abs=501.0)


def a_group(mean: float, lowest: float, highest: float, vsize: float = 100_000.0) -> FeeBin:
    return FeeBin(SatPerVb(mean), VBytes(vsize), lowest=SatPerVb(lowest), highest=SatPerVb(highest))


def test_a_group_is_spread_over_its_range_and_keeps_its_mean() -> None:
    queue = queue_of_bins([a_group(1.2, 1.0, 2.0)], QueueSource.BITCOIND)

    assert ahead(queue, 0.98) == pytest.approx(100_000.0)
    assert ahead(queue, 1.21) == pytest.approx(20_000.0, rel=0.05)
    assert ahead(queue, 2.1) == 0.0


def test_behind_the_bins_lies_what_else_the_mempool_holds() -> None:
    template = [FeeBin(SatPerVb(rate), VBytes(250_000.0)) for rate in (9.0, 7.0, 5.0, 4.0)]
    queue = queue_of_bins(template, QueueSource.BITCOIND, mempool_vbytes=20e6, floor=1.0)

    assert queue.total == pytest.approx(20e6)
    assert ahead(queue, 4.1) == pytest.approx(750_000.0)
    assert ahead(queue, 1.0) > 19e6


def test_no_bins_are_an_empty_queue() -> None:
    assert queue_of_bins([], QueueSource.ELECTRS, mempool_vbytes=20e6, floor=1.0).total == 0.0


@given(st.lists(st.tuples(st.floats(0.1, 500), st.floats(1, 1e6)), max_size=20), st.floats(0, 1e7))
def test_a_block_takes_from_the_top_and_no_more_than_there_is(
    pairs: list[tuple[float, float]], taken: float
) -> None:
    queue = queue_of_transactions(pairs, QueueSource.BITCOIND)
    left = queue.without_top(taken)

    assert left.total == pytest.approx(max(0.0, queue.total - taken), abs=1.0)
    assert np.all(left.waiting <= queue.waiting + 1e-9)


def measured(usage: int | None, limit: int | None = 300_000_000, vbytes: int = 40_000_000) -> MempoolMeasured:
    return MempoolMeasured(
        count=1,
        vbytes=vbytes,
        usage_bytes=usage,
        limit_bytes=limit,
        minimum_feerate=None,
        loaded=True,
        source=SourceName.BITCOIND,
    )


def test_the_limit_on_memory_is_told_in_vbytes() -> None:
    assert limit_vbytes(measured(120_000_000)) == 100_000_000.0


@pytest.mark.parametrize(
    "one", [measured(None), measured(9, None), measured(4_000), measured(9_000_000, vbytes=0)]
)
def test_a_limit_that_cannot_be_told_is_unknown(one: MempoolMeasured) -> None:
    assert limit_vbytes(one) is None


@pytest.mark.parametrize(("total_fees", "feerate"), [(Sats(998_000 * 12), 12.0), (None, 7.0)])
def test_a_block_of_one_feerate_waits_at_its_mean_or_where_fees_are_not_reported_at_its_lowest(
    total_fees: Sats | None, feerate: float
) -> None:
    queue = queue_of_projected_blocks([replace(a_projected_block((7.0,)), total_fees=total_fees)])

    assert ahead(queue, feerate * 0.98) == pytest.approx(998_000.0)
    assert ahead(queue, feerate * 1.02) == 0.0
