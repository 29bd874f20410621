"""The queue from each of its sources."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.forecasting.feerates import BUCKETS, bucket_of, feerate_of_bucket, spread
from app.core.forecasting.market import (
    Queue,
    QueueSource,
    limit_vbytes,
    queue_of_bins,
    queue_of_projected_blocks,
)
from app.core.forecasting.queue import bins_of_histogram
from app.core.models import SourceName
from app.core.observations import FeeBin, MempoolMeasured, ProjectedBlock
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


def test_a_queue_cannot_be_changed_by_those_that_share_it() -> None:
    queue = queue_of_transactions([(5.0, 100.0)], QueueSource.BITCOIND)

    for shared in (queue.waiting, queue.ahead):
        with pytest.raises(ValueError, match="read-only"):
            shared[0] = 1.0


def test_a_share_of_less_than_a_vbyte_has_its_feerate_and_the_highest_bucket_is_one() -> None:
    little = queue_of_transactions([(5.0, 0.4)], QueueSource.BITCOIND)
    dear = queue_of_transactions([(1e6, 1e6)], QueueSource.BITCOIND)

    assert little.percentile(0.5) == float(feerate_of_bucket(bucket_of(5.0)))
    assert dear.percentile(0.5) == float(feerate_of_bucket(BUCKETS - 1))


def test_a_share_that_rounding_puts_above_all_that_waits_is_the_highest_there_is() -> None:
    """Sums are made in two ways, that differ in the last bit."""
    sizes = np.random.default_rng(2).random(BUCKETS)
    queues = [Queue(sizes * 1.1**power, QueueSource.BITCOIND) for power in range(200)]
    above = [queue for queue in queues if queue.total > np.cumsum(queue.waiting)[-1]]

    assert above
    assert {queue.percentile(1.0) for queue in above} == {float(feerate_of_bucket(BUCKETS - 1))}


def test_what_a_block_left_is_of_the_source_it_was_of() -> None:
    assert queue_of_transactions([], QueueSource.ELECTRS).without_top(5.0).source is QueueSource.ELECTRS
    assert queue_of_bins([], QueueSource.ELECTRS).source is QueueSource.ELECTRS


def test_the_edge_of_each_block_is_that_of_the_one_after_it() -> None:
    first = a_projected_block((1.0, 8.0, 12.0, 16.0, 24.0, 32.0, 45.0))
    second = a_projected_block((2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 7.5))
    third = a_projected_block((1.0, 1.0, 1.0, 1.0, 1.0, 1.5, 1.8))
    apart = [queue_of_projected_blocks(pair).waiting for pair in ([first, second], [second, third])]
    last = queue_of_projected_blocks([third]).waiting
    own = queue_of_projected_blocks([second]).waiting

    assert queue_of_projected_blocks([first, second, third]).waiting == pytest.approx(
        apart[0] - own + apart[1] - last + last
    )


def laid(block: ProjectedBlock, *following: ProjectedBlock) -> dict[float, float]:
    """What of the first block pays less than each of these feerates, as a share of it."""
    waiting = queue_of_projected_blocks([block, *following]).waiting
    for other in following:
        waiting = waiting - queue_of_projected_blocks([other]).waiting
    below = np.cumsum(waiting)
    return {
        rate: round(float(below[int(bucket_of(rate)) - 1]) / block.vsize, 2)
        for rate in (1.1, 2.01, 4.01, 8.01, 16.01, 33.0)
    }


FIVE = (2.0, 4.0, 8.0, 16.0, 32.0)


def test_percentiles_of_another_number_are_taken_as_even() -> None:
    assert laid(a_projected_block(FIVE)) == pytest.approx(
        {1.1: 0.0, 2.01: 0.0, 4.01: 0.25, 8.01: 0.5, 16.01: 0.75, 33.0: 1.0}, abs=0.02
    )
    assert laid(a_projected_block((2.0, 32.0))) == pytest.approx(
        {1.1: 0.0, 2.01: 0.0, 4.01: 0.25, 8.01: 0.5, 16.01: 0.75, 33.0: 1.0}, abs=0.02
    )


def test_percentiles_of_whole_feerates_are_as_good() -> None:
    whole = a_projected_block((2, 4, 8, 16, 32))
    after = a_projected_block((1.5, 1.5, 1.5, 1.5, 3.9))

    assert laid(whole) == laid(a_projected_block(FIVE))
    assert laid(whole, after) == laid(a_projected_block(FIVE), after)


def test_the_lowest_feerate_of_a_full_block_is_no_higher_than_its_second_nor_lower_than_it_is() -> None:
    dear, cheap = a_projected_block((90.0,) * 5), a_projected_block((1.0,) * 5)

    assert laid(a_projected_block(FIVE), dear)[4.01] == pytest.approx(0.0, abs=0.02)
    assert laid(a_projected_block(FIVE), dear)[8.01] == pytest.approx(0.5, abs=0.02)
    assert laid(a_projected_block(FIVE), cheap)[4.01] == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("rates", [(0.0, 0.0, 9.0), (0.2, 0.5, 0.9)])
def test_feerates_of_less_than_one_are_laid_out_too(rates: tuple[float, ...]) -> None:
    queue = queue_of_projected_blocks([a_projected_block(rates, vsize=1_000.0)])

    assert ahead(queue, rates[-1] * 1.02) == pytest.approx(0.0, abs=1e-9)
    assert ahead(queue, rates[-1] * 0.98) < 100.0
    assert ahead(queue, rates[-1] * 0.6) > 1.0
    assert queue.total == pytest.approx(1_000.0)


@pytest.mark.parametrize(
    ("vsize", "median", "below"),
    [
        # Percentiles alone have a quarter below 4, half below 8, three quarters below 16.
        (1_000_000.0, 2.0, (0.25, 0.5, 0.75)),  # the lowest and the highest say nothing
        (1_000_000.0, 32.0, (0.25, 0.5, 0.75)),
        (1_000_000.0, 1.0, (0.25, 0.5, 0.75)),
        (1_000_000.0, 33.0, (0.25, 0.5, 0.75)),
        # By them an eighth is below 3, and by the median half of a block is above it.
        (1_000_000.0, 3.0, (0.5 + 0.5 / 7, 0.5 + 1.5 / 7, 0.5 + 2.5 / 7)),
        (1_000_000.0, 4.0, (0.5, 0.5 + 0.5 / 3, 0.5 + 1 / 3)),
        (1_000_000.0, 20.0, (0.5 * 4 / 13, 0.5 * 8 / 13, 0.5 * 12 / 13)),  # by them 13 of 16 are below 20
        (400_000.0, 4.0, (0.25, 0.5, 0.75)),  # less than half a block
        (500_000.0, 4.0, (0.25, 0.5, 0.75)),
        (500_000.5, 4.0, (1e-6, 1e-6 + (1 - 1e-6) / 3, 1e-6 + (1 - 1e-6) * 2 / 3)),
        (1_200_000.0, 4.0, (7 / 12, 7 / 12 + 5 / 36, 7 / 12 + 10 / 36)),
        (1_200_001.0, 4.0, (0.25, 0.5, 0.75)),  # more than one block
    ],
)
def test_a_block_has_half_a_block_above_its_median_where_that_says_anything(
    vsize: float, median: float, below: tuple[float, ...]
) -> None:
    parts = np.diff([0.0, *below, 1.0]) * vsize
    queue = queue_of_projected_blocks([a_projected_block(FIVE, vsize=vsize, median=median)])

    assert queue.waiting == pytest.approx(spread(FIVE[:-1], FIVE[1:], parts), rel=1e-6, abs=1e-6)


def test_a_block_of_which_no_feerate_is_told_pays_its_mean_or_else_nothing() -> None:
    known = replace(a_projected_block(()), total_fees=Sats(998_000 * 12))
    unknown = replace(known, total_fees=None)

    assert ahead(queue_of_projected_blocks([known]), 11.8) == pytest.approx(998_000.0)
    assert ahead(queue_of_projected_blocks([unknown]), 0.052) == 0.0
    assert queue_of_projected_blocks([unknown]).total == 998_000.0


@pytest.mark.parametrize(("vsize", "paid", "feerate"), [(1.0, 5, 5.0), (0.5, 5, 10.0), (0.0, 0, 7.0)])
def test_a_block_of_next_to_nothing_pays_its_mean_and_an_empty_one_is_empty(
    vsize: float, paid: int, feerate: float
) -> None:
    block = replace(a_projected_block((7.0,), vsize=vsize), total_fees=Sats(paid))
    queue = queue_of_projected_blocks([block])

    assert ahead(queue, feerate * 0.98) == vsize
    assert ahead(queue, feerate * 1.02) == 0.0


@pytest.mark.parametrize(
    ("mean", "lowest", "highest", "below"),
    [(1.1, 1.0, 1.25, 0.6), (30.0, 20.0, 60.0, 0.75), (30.0, 29.9, 30.3, 0.75)],
)
def test_of_a_group_the_share_below_its_mean_is_such_that_the_mean_is_kept(
    mean: float, lowest: float, highest: float, below: float
) -> None:
    queue = queue_of_bins([a_group(mean, lowest, highest)], QueueSource.BITCOIND)
    (bucket,) = bucket_of([mean])
    own = float(queue.waiting[bucket])

    assert float(queue.waiting[:bucket].sum()) == pytest.approx(below * 100_000.0, abs=own)
    assert float(queue.waiting[bucket + 1 :].sum()) == pytest.approx((1 - below) * 100_000.0, abs=own)


@pytest.mark.parametrize(
    ("mempool", "rest"),
    [(None, 0.0), (1_000_000.0, 0.0), (1_095_000.0, 0.0), (1_100_000.0, 0.0), (1_100_001.0, 100_001.0)],
)
def test_what_else_the_mempool_holds_counts_from_more_than_a_tenth_of_a_block(
    mempool: float | None, rest: float
) -> None:
    bins = [FeeBin(SatPerVb(9.0), VBytes(1_000_000.0))]
    queue = queue_of_bins(bins, QueueSource.BITCOIND, mempool_vbytes=mempool, floor=1.0)

    assert queue.total - 1_000_000.0 == pytest.approx(rest)


def test_without_a_floor_nothing_is_known_of_what_else_there_is() -> None:
    bins = [FeeBin(SatPerVb(9.0), VBytes(1_000_000.0))]

    assert queue_of_bins(bins, QueueSource.BITCOIND, mempool_vbytes=9e6).total == 1_000_000.0
    assert queue_of_projected_blocks([a_projected_block(SEVEN)], mempool_vbytes=9e6).total == pytest.approx(
        998_000.0
    )


@pytest.mark.parametrize(
    ("low_vbytes", "edge"),
    [(19_000.0, 9.0), (20_000.0, 9.0), (21_000.0, 3.0)],
)
def test_a_fiftieth_of_the_bins_may_be_what_fitted_into_a_gap(low_vbytes: float, edge: float) -> None:
    """Exactly a fiftieth too: the rest of the mempool lies below what the others pay."""
    bins = [(3.0, low_vbytes), (9.0, 1_000_000.0 - low_vbytes)]
    queue = queue_of_bins(
        [FeeBin(SatPerVb(rate), VBytes(size)) for rate, size in bins],
        QueueSource.BITCOIND,
        mempool_vbytes=9e6,
        floor=1.0,
    )
    (between,) = bucket_of([6.0])

    assert (queue.waiting[between] > 0) is np.bool_(edge == 9.0)


def test_bins_that_hold_nothing_leave_the_mempool_below_the_dearest_of_them() -> None:
    empty = [FeeBin(SatPerVb(rate), VBytes(0.0)) for rate in (3.0, 9.0)]
    queue = queue_of_bins(empty, QueueSource.BITCOIND, mempool_vbytes=9e6, floor=1.0)

    assert queue.total == pytest.approx(9e6)
    assert ahead(queue, 9.2) == 0.0
    assert ahead(queue, 8.5) > 0.0


@pytest.mark.parametrize(("usage", "vbytes"), [(5_000_000, 40_000_000), (6_000_000, 1)])
def test_a_limit_can_be_told_from_five_million_bytes_and_one_vbyte_on(usage: int, vbytes: int) -> None:
    assert limit_vbytes(measured(usage, vbytes=vbytes)) == pytest.approx(300_000_000 * vbytes / usage)
