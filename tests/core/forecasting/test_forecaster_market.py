"""What the forecaster hears of the market: arrivals counted once at what they pay, blocks, spikes."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from app.core.events import EventType
from app.core.forecasting.forecaster import Forecaster
from app.core.forecasting.inflowwatch import (
    FLUSH_SECONDS,
    FORGOTTEN_AT_ONCE,
    REMEMBERED,
    SILENT_SECONDS,
    InflowWatch,
)
from app.core.forecasting.market import QueueSource
from app.core.forecasting.queue import bins_of_histogram, project
from app.core.forecasting.recentblocks import RecentBlocks
from app.core.models import Block, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    ChainListed,
    Gap,
    MempoolMeasured,
    Observation,
    PackageReply,
    ProjectedBlock,
    ProjectedTransaction,
    QueueProjected,
    SourceConnected,
    SourceSynced,
    TransactionReplaced,
    TransactionSeen,
    TransactionsSeen,
)
from app.core.prediction import Prediction
from app.core.tracking import lifecycle
from app.core.units import BlockHash, Height, SatPerVb, Sats, Txid, VBytes
from tests.core.fee_markets import AT, a_projected_block, a_table, queue_of_transactions
from tests.core.forecasting.frames import NOTHING_KNOWN, PaidFrame, paying

SECOND = timedelta(seconds=1)
WS = SourceName.MEMPOOL_WS
SEVEN = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 9.0)


def seen(name: str, feerate: float, *, late: bool = False, source: SourceName = WS) -> TransactionSeen:
    return TransactionSeen(tx=paying(name, feerate), source=source, late=late)


def reported(name: str, feerate: float) -> PackageReply:
    return PackageReply(txid=Txid(name * 32), package_feerate=SatPerVb(feerate), related=None, source=WS)


def a_line(name: str, feerate: float) -> ProjectedTransaction:
    return ProjectedTransaction(
        txid=Txid(name * 32),
        value=Sats(1),
        fee=None,
        vsize=VBytes(1_000.0),
        package_feerate=SatPerVb(feerate),
        source=WS,
    )


def projected(*blocks: ProjectedBlock, source: SourceName = WS) -> QueueProjected:
    return QueueProjected(blocks=blocks, source=source)


def above(watch: InflowWatch, feerate: float) -> float:
    """Vbytes a second above `feerate`, on the short window."""
    return float(watch.inflow.above(np.array([feerate])).short[0])


def after(*received: Observation, seconds: float = FLUSH_SECONDS) -> InflowWatch:
    """A watch that heard this at once, then nothing until it counted."""
    watch = InflowWatch()
    watch.flush(AT)
    for observation in received:
        watch.receive(observation, AT)
    watch.flush(AT + seconds * SECOND)
    return watch


def test_a_new_transaction_is_inflow_at_what_it_pays() -> None:
    watch = after(seen("aa", 5.0))

    assert above(watch, 4.0) == pytest.approx(100.0)
    assert above(watch, 6.0) == 0.0


def test_a_transaction_told_twice_is_counted_once() -> None:
    assert above(after(seen("aa", 5.0), seen("aa", 5.0, source=SourceName.BITCOIND)), 4.0) == 100.0


@pytest.mark.parametrize("lift", [reported("aa", 9.0), a_line("aa", 9.0)])
def test_a_lifted_parent_is_inflow_at_its_new_feerate(lift: Observation) -> None:
    assert above(after(seen("aa", 5.0), lift), 8.0) == pytest.approx(100.0)


def test_a_lift_told_twice_is_counted_once() -> None:
    assert above(after(seen("aa", 5.0), reported("aa", 9.0), a_line("aa", 9.0)), 8.0) == pytest.approx(100.0)


def test_a_line_of_a_projected_block_is_no_arrival_by_itself() -> None:
    assert above(after(a_line("aa", 9.0)), 1.0) == 0.0


def test_a_parent_that_is_dragged_down_is_no_inflow() -> None:
    assert above(after(seen("aa", 5.0), reported("aa", 2.0)), 1.0) == pytest.approx(100.0)


@pytest.mark.parametrize("both", [True, False])
def test_a_replacement_is_counted_once_whether_or_not_it_is_told_as_an_arrival_too(both: bool) -> None:  # noqa: FBT001
    wins = TransactionReplaced(victims=(Txid("aa" * 32),), by=paying("bb", 9.0), mined=False, source=WS)
    watch = after(wins, *([seen("bb", 9.0)] if both else []))

    assert above(watch, 8.0) == pytest.approx(100.0)


def test_a_mined_rival_is_no_arrival() -> None:
    wins = TransactionReplaced(victims=(Txid("aa" * 32),), by=paying("bb", 9.0), mined=True, source=WS)

    assert above(after(wins), 1.0) == 0.0


def test_what_waited_before_is_no_arrival() -> None:
    flood = [seen(f"{number:02x}", 5.0, late=True) for number in range(200)]

    assert above(after(*flood), 1.0) == 0.0


def test_the_time_a_backend_takes_to_fill_its_mempool_is_no_quiet_time() -> None:
    watch = after(seen("aa", 5.0))
    before = above(watch, 4.0)
    watch.receive(seen("bb", 5.0, late=True), AT + 600 * SECOND)

    assert above(watch, 4.0) == pytest.approx(before)


def test_one_looked_up_later_does_not_disturb_the_count() -> None:
    watch = after(seen("aa", 5.0), seen("bb", 5.0, late=True, source=SourceName.MEMPOOL_REST))

    assert above(watch, 4.0) == pytest.approx(100.0)


def test_a_late_one_that_is_lifted_later_counts_then() -> None:
    assert above(after(seen("aa", 5.0, late=True), reported("aa", 9.0)), 8.0) == pytest.approx(100.0)


def test_silence_is_no_inflow() -> None:
    watch = after(seen("aa", 5.0))
    watch.flush(AT + 2 * FLUSH_SECONDS * SECOND)

    assert above(watch, 4.0) < 60.0


def test_a_market_that_cannot_be_heard_is_not_taken_for_a_quiet_one() -> None:
    watch = InflowWatch()
    watch.receive(projected(), AT)
    watch.receive(seen("aa", 5.0), AT)
    watch.flush(AT + FLUSH_SECONDS * SECOND)
    before, trusted = above(watch, 4.0), watch.inflow.observed_seconds
    watch.flush(AT + 10 * SILENT_SECONDS * SECOND)
    watch.receive(projected(), AT + 10 * SILENT_SECONDS * SECOND)

    assert above(watch, 4.0) == pytest.approx(before)
    assert watch.inflow.observed_seconds < trusted


def test_a_clock_that_is_set_back_does_not_stop_the_count() -> None:
    watch = after(seen("aa", 5.0))
    back = AT - 86_400 * SECOND
    watch.flush(back)
    watch.receive(seen("bb", 5.0), back)
    watch.flush(back + FLUSH_SECONDS * SECOND)

    assert watch.inflow.observed_seconds == 2 * FLUSH_SECONDS
    assert above(watch, 4.0) == pytest.approx(100.0)


def test_a_clock_that_is_set_back_does_not_stop_the_comparison_of_pictures() -> None:
    watch, back = InflowWatch(), AT - 86_400 * SECOND
    watch.pictured(queue_of_transactions([(5.0, 1e6)], QueueSource.ELECTRS), AT)
    watch.pictured(queue_of_transactions([(5.0, 1.01e6)], QueueSource.ELECTRS), back)
    watch.pictured(queue_of_transactions([(5.0, 1.07e6)], QueueSource.ELECTRS), back + 60 * SECOND)

    assert above(watch, 4.0) == pytest.approx(1_000.0, rel=0.01)


def test_only_the_source_that_tells_arrivals_can_have_missed_some() -> None:
    watch = after(seen("aa", 5.0))
    trusted = watch.inflow.observed_seconds
    watch.receive(SourceConnected(source=SourceName.ELECTRS, again=True), AT + 60 * SECOND)
    assert watch.inflow.observed_seconds == trusted

    watch.receive(SourceConnected(source=WS, again=True), AT + 60 * SECOND)
    assert watch.inflow.observed_seconds < trusted


def test_the_memory_of_what_was_paid_is_bounded() -> None:
    txids = [Txid(f"{number:016x}" + "0" * 48) for number in range(REMEMBERED + FORGOTTEN_AT_ONCE + 1)]
    first, *others = [TransactionSeen(tx=replace(paying("aa", 5.0), txid=txid), source=WS) for txid in txids]

    assert above(after(first, *others, first), 4.0) > above(after(first, *others), 4.0)


def test_where_arrivals_have_no_fee_the_inflow_is_read_from_pictures_of_the_queue() -> None:
    watch = InflowWatch()
    for step in range(11):
        grown = queue_of_transactions([(5.0, 1e6 + step * 60_000.0)], QueueSource.ELECTRS)
        watch.pictured(grown, AT + 60 * step * SECOND)
        watch.flush(AT + 60 * step * SECOND)

    assert above(watch, 4.0) == pytest.approx(1_000.0, rel=0.01)


def test_what_a_block_took_between_two_pictures_hides_no_arrivals() -> None:
    watch = InflowWatch()
    watch.pictured(queue_of_transactions([(5.0, 2e6)], QueueSource.ELECTRS), AT)
    watch.mined(1e6)
    watch.pictured(queue_of_transactions([(5.0, 1.06e6)], QueueSource.ELECTRS), AT + 60 * SECOND)

    assert above(watch, 4.0) == pytest.approx(1_000.0, rel=0.01)


# --- blocks


def a_block(height: int) -> BlockConnected:
    block = Block(
        hash=BlockHash(f"{height:064x}"), height=Height(height), time=AT + (height - 900) * 600 * SECOND
    )
    return BlockConnected(block=block, source=WS)


def received(*published_at: tuple[float, Observation]) -> Forecaster:
    forecaster = Forecaster(a_table())
    for seconds, observation in published_at:
        tuple(forecaster.receive(observation, AT + seconds * SECOND))
    return forecaster


def test_what_a_full_block_took_of_our_queue_is_its_capacity() -> None:
    full, rest = a_projected_block(SEVEN), a_projected_block(SEVEN, vsize=48_000.0)
    one = received(
        (0, a_block(900)), (0, projected(full, full)), (600, a_block(901)), (600, projected(full, rest))
    )

    assert one.measured_blocks == (pytest.approx(950_000.0),)


def test_a_queue_told_after_the_block_says_nothing_of_what_it_took() -> None:
    full = a_projected_block(SEVEN)
    one = received((0, a_block(900)), (0, projected(full, full)), (600, a_block(901)), (602, projected(full)))

    assert one.measured_blocks == ()


def test_blocks_after_a_hole_are_not_measured() -> None:
    full = a_projected_block(SEVEN)
    one = received((0, a_block(900)), (0, projected(full, full)), (600, a_block(903)), (600, projected(full)))

    assert one.measured_blocks == ()


def test_two_blocks_between_two_pictures_are_not_measured_as_one() -> None:
    full = a_projected_block(SEVEN)
    one = received(
        (0, a_block(900)),
        (0, projected(full, full, full)),
        (600, a_block(901)),
        (600, a_block(902)),
        (600, projected(full)),
    )

    assert one.measured_blocks == ()


def another_block(height: int, *, after_seconds: float) -> BlockConnected:
    block = Block(hash=BlockHash(f"ee{height:062x}"), height=Height(height), time=AT + after_seconds * SECOND)
    return BlockConnected(block=block, source=WS)


def height_of(forecaster: Forecaster) -> int:
    figures = forecaster.figures(AT + 3_000 * SECOND)
    assert figures is not None
    return figures.block_height


def test_after_a_reorg_the_tip_is_that_of_the_new_branch_even_while_it_is_lower() -> None:
    before = [(0.0, a_block(height)) for height in (900, 901, 902)]
    lower = received(
        *before, (0, projected(a_projected_block(SEVEN))), (1, another_block(901, after_seconds=5))
    )

    assert height_of(lower) == 901


def test_after_a_reorg_the_pace_is_that_of_the_new_branch() -> None:
    blocks = RecentBlocks()
    for reported_block in (
        a_block(900),
        a_block(901),
        another_block(901, after_seconds=700),
        another_block(902, after_seconds=1_000),
    ):
        blocks.connect(reported_block.block)

    assert blocks.intervals_seconds == (700.0, 300.0)


def test_a_reorg_that_is_told_from_its_end_leaves_its_tip() -> None:
    blocks = RecentBlocks()
    parent = another_block(901, after_seconds=700).block
    child = replace(another_block(902, after_seconds=1_000).block, previous=parent.hash)
    for reported_block in (a_block(900).block, a_block(901).block, child, parent):
        blocks.connect(reported_block)

    assert blocks.tip == child
    assert blocks.intervals_seconds == (700.0, 300.0)


def test_a_list_that_ends_below_the_tip_is_an_old_view_and_moves_nothing() -> None:
    known = received((0, a_block(900)), (0, a_block(901)), (0, projected(a_projected_block(SEVEN))))
    old_view = ChainListed(blocks=(another_block(900, after_seconds=0).block,), source=WS)
    tuple(known.receive(old_view, AT + SECOND))

    assert height_of(known) == 901


def test_blocks_found_within_a_second_leave_a_pace_above_nothing() -> None:
    at_once = [another_block(900 + step, after_seconds=0) for step in range(20)]
    published_at_once = [(0.0, one) for one in at_once]
    forecaster = received(*published_at_once, (0, projected(a_projected_block(SEVEN))))
    [forecast] = forecaster.forecast([a_prediction_of(paying("aa", 50.0))], AT)

    assert forecast is not None
    assert (forecast.at_height, forecast.eta_seconds) == (919, 1)


@pytest.mark.parametrize("source", [SourceName.ELECTRS, SourceName.BITCOIND])
def test_the_bins_of_a_histogram_reach_the_forecast_uncut(source: SourceName) -> None:
    # Cut into blocks, all that one block pays lies between seven numbers: the gap between 2 and 90 fills up.
    bins = bins_of_histogram([(90.0, 90_000.0), (2.02, 0.0), (2.0, 800_000.0), (1.0, 100_000.0)])
    reported_queue = QueueProjected(blocks=project(bins), source=source, bins=bins)
    forecaster = received((0, a_block(900)), (0, reported_queue))
    figures = forecaster.figures(AT)
    [forecast] = forecaster.forecast([a_prediction_of(paying("aa", 3.0))], AT)

    assert forecast is not None
    assert forecast.inputs == source
    assert figures is not None
    assert figures.percentiles is not None
    assert figures.percentiles[90] == pytest.approx(2.0, rel=0.02)


# --- who waits


def a_prediction_of(tx: Transaction) -> Prediction:
    return lifecycle.begin(tx, NOTHING_KNOWN, source=WS, at=AT, tip=None)


def a_full_market() -> Forecaster:
    return received((0, a_block(900)), (0, projected(a_projected_block(SEVEN), a_projected_block(SEVEN))))


def test_a_whale_whose_fee_is_not_known_has_no_forecast_and_says_so() -> None:
    whale = a_prediction_of(paying("aa", None))

    assert a_full_market().forecast([whale], AT) == [None]
    assert whale.unforecast == "its fee is not known"


def test_a_whale_that_pays_nothing_has_no_forecast_and_says_so() -> None:
    whale = a_prediction_of(paying("aa", 0.0))

    assert a_full_market().forecast([whale], AT) == [None]
    assert whale.unforecast == "it pays no fee, and no child is known that pays for it"


def test_a_whale_that_pays_nothing_itself_is_forecast_by_what_its_child_pays() -> None:
    whale = replace(a_prediction_of(paying("aa", 0.0)), package_feerate=SatPerVb(5.0))

    assert a_full_market().forecast([whale], AT)[0] is not None


def test_a_package_feerate_is_enough_for_a_forecast() -> None:
    whale = replace(a_prediction_of(paying("aa", None)), package_feerate=SatPerVb(5.0))

    assert a_full_market().forecast([whale], AT)[0] is not None


def test_the_forecast_of_what_was_replaced_is_not_shown_for_what_took_its_place() -> None:
    forecaster, whale = a_full_market(), a_prediction_of(paying("aa", 5.0))
    [forecast] = forecaster.forecast([whale], AT)
    assert forecast is not None
    known = lifecycle.with_forecast(whale, forecast, AT)
    taken = lifecycle.take_over(known, paying("bb", None), NOTHING_KNOWN, AT, tip=None, fee_spike=False)

    assert taken.forecast is None
    assert taken.unforecast == "its fee is not known"


def test_a_replacement_is_as_fresh_as_it_is_new() -> None:
    forecaster, old = a_full_market(), a_prediction_of(paying("aa", 5.0))
    taken = lifecycle.take_over(
        old, paying("bb", 50.0), NOTHING_KNOWN, AT + 3_600 * SECOND, tip=None, fee_spike=False
    )
    same = a_prediction_of(paying("bb", 50.0))
    [bumped] = forecaster.forecast([taken], AT + 3_600 * SECOND)
    [waited] = forecaster.forecast([same], AT + 3_600 * SECOND)

    assert bumped is not None
    assert waited is not None
    assert bumped.probabilities[0] < waited.probabilities[0]


# --- spikes


MEASURED = MempoolMeasured(
    count=1, vbytes=1, usage_bytes=None, limit_bytes=None, minimum_feerate=None, loaded=True, source=WS
)


def a_median(feerate: float) -> QueueProjected:
    return projected(a_projected_block(SEVEN, median=feerate), a_projected_block(SEVEN))


def test_a_spike_is_told_once_and_all_that_wait_are_forecast_anew() -> None:
    forecaster = received((0, a_block(900)), *[(60.0 * minute, a_median(2.0)) for minute in range(11)])
    assert forecaster.moved(AT + 600 * SECOND)
    forecaster.mark_published(AT + 600 * SECOND)
    at = AT + 605 * SECOND  # too soon for another look, were it not for the spike
    [spiked] = forecaster.receive(a_median(10.1), at)

    assert spiked.type is EventType.FEES_SPIKED
    assert spiked.at == at
    assert spiked.facts == {"next_block_median": 10.1, "tip_height": 900}
    assert forecaster.spiking
    assert forecaster.moved(at)
    forecaster.mark_published(at)
    assert not forecaster.moved(at)
    assert not tuple(forecaster.receive(a_median(10.2), at + 2 * SECOND))


def a_poor_block(feerate: float) -> QueueProjected:
    return projected(a_projected_block(SEVEN, vsize=30_000, median=feerate))


def spikes(*received_then: tuple[float, Observation]) -> list[EventType]:
    forecaster = received((0, a_block(900)))
    return [
        happening.type
        for seconds, observation in received_then
        for happening in forecaster.receive(observation, AT + seconds * SECOND)
    ]


@pytest.mark.parametrize("minutes", [5, 9, 10, 11, 15])
def test_a_mempool_that_was_lost_and_fills_again_is_no_spike(minutes: int) -> None:
    poor = [(60.0 * minute, a_poor_block(2.0)) for minute in range(minutes)]

    assert spikes(*poor, *[(60.0 * minute, a_median(14.0)) for minute in range(minutes, 25)]) == []


@pytest.mark.parametrize(
    "broken",
    [
        Gap(source=WS, reason="a frame was lost"),
        SourceConnected(source=WS, again=True),
        SourceSynced(source=WS, percent=30.0),
        replace(MEASURED, loaded=False),
        a_poor_block(2.0),
    ],
    ids=["gap", "reconnect", "loading", "not loaded", "emptied"],
)
def test_what_fees_were_before_a_break_is_not_compared_with(broken: Observation) -> None:
    cheap = [(60.0 * minute, a_median(2.0)) for minute in range(11)]

    assert spikes(*cheap, (660.0, broken), (720.0, a_median(14.0))) == []


def test_a_break_of_another_source_forgets_nothing() -> None:
    cheap = [(60.0 * minute, a_median(2.0)) for minute in range(11)]
    other = Gap(source=SourceName.ELECTRS, reason="its server restarted")

    assert spikes(*cheap, (660.0, other), (720.0, a_median(14.0))) == [EventType.FEES_SPIKED]


def test_another_sources_queue_is_not_compared_with() -> None:
    cheap = [(60.0 * minute, a_median(2.0)) for minute in range(11)]

    assert spikes(*cheap, (720.0, replace(a_median(14.0), source=SourceName.BITCOIND))) == []


def test_a_replacement_made_in_a_spike_is_marked_and_one_made_after_it_is_not() -> None:
    whale = a_prediction_of(paying("aa", 5.0))
    during = lifecycle.take_over(whale, paying("bb", 50.0), NOTHING_KNOWN, AT, tip=None, fee_spike=True)
    later = lifecycle.take_over(during, paying("cc", 60.0), NOTHING_KNOWN, AT, tip=None, fee_spike=False)

    assert {flag.value for flag in during.flags} == {"fee_spike"}
    assert not later.flags


def test_a_silent_mempool_measure_is_a_sign_of_life() -> None:
    measured = MempoolMeasured(
        count=1, vbytes=1, usage_bytes=None, limit_bytes=None, minimum_feerate=None, loaded=True, source=WS
    )
    watch = after(seen("aa", 5.0))
    watch.receive(measured, AT)
    watch.receive(measured, AT + SILENT_SECONDS * SECOND)
    watch.flush(AT + (SILENT_SECONDS + FLUSH_SECONDS) * SECOND)

    assert above(watch, 4.0) < 20.0


def test_a_frame_of_many_is_the_inflow_that_they_are_one_by_one() -> None:
    names = [("aa", 5.0), ("bb", 9.0), ("aa", 5.0), ("aa", 7.0)]
    together = after(TransactionsSeen(batch=PaidFrame(names), source=WS))
    alone = after(*(seen(name, feerate) for name, feerate in names))

    assert [above(together, rate) for rate in (4.0, 6.0, 8.0)] == [
        above(alone, rate) for rate in (4.0, 6.0, 8.0)
    ]


def test_a_transaction_that_pays_more_than_before_is_inflow_again_and_paying_less_is_not() -> None:
    assert above(after(seen("aa", 5.0), seen("aa", 9.0)), 4.0) == pytest.approx(200.0)
    assert above(after(seen("aa", 9.0), seen("aa", 5.0)), 4.0) == pytest.approx(100.0)


def test_a_transaction_whose_fee_or_size_is_unknown_is_no_inflow() -> None:
    unsized = replace(paying("bb", 5.0), vsize=None)

    watch = after(*(TransactionSeen(tx=tx, source=WS) for tx in (paying("aa", None), unsized)))

    assert above(watch, 0.5) == 0.0


def test_a_break_before_anything_was_counted_costs_no_history() -> None:
    watch = InflowWatch()
    watch.receive(seen("aa", 5.0, late=True), AT)
    watch.receive(seen("bb", 5.0), AT)
    watch.flush(AT + FLUSH_SECONDS * SECOND)

    assert above(watch, 4.0) == pytest.approx(100.0)
    assert watch.inflow.observed_seconds == FLUSH_SECONDS


def test_a_break_at_the_moment_of_the_last_count_costs_no_history() -> None:
    """Nor does one of which a clock that was set back says that it ended before it began."""
    known = after(seen("aa", 5.0))
    history = known.inflow.observed_seconds
    for seconds in (FLUSH_SECONDS, FLUSH_SECONDS - 1):
        known.receive(SourceConnected(source=WS, again=True), AT + seconds * SECOND)

    assert known.inflow.observed_seconds == history
    assert above(known, 4.0) == pytest.approx(100.0)


def test_a_whale_that_could_be_forecast_but_for_the_market_says_so() -> None:
    whale = a_prediction_of(paying("aa", 5.0))

    assert Forecaster(None).forecast([whale], AT) == [None]
    assert whale.unforecast == "the market is not known yet"


def test_a_whale_with_a_forecast_has_no_reason_for_none() -> None:
    whale = a_prediction_of(paying("aa", 5.0))
    (forecast,) = a_full_market().forecast([whale], AT)

    assert forecast is not None
    assert lifecycle.with_forecast(whale, forecast, AT).unforecast is None


def test_a_whale_first_seen_in_its_block_says_that_this_is_why_it_has_no_forecast() -> None:
    whale = lifecycle.begin(paying("aa", 5.0), NOTHING_KNOWN, source=SourceName.BLOCK, at=AT, tip=None)

    assert whale.unforecast == "it was first seen in its block"
