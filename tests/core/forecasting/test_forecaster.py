"""What the forecaster hears of the market, and when it has something to say."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.events import EventType
from app.core.forecasting.forecaster import MOVED_SECONDS, Forecaster
from app.core.forecasting.foresight import MOST_EXPECTED
from app.core.forecasting.market import QueueSource
from app.core.forecasting.pace import WINDOW_BLOCKS
from app.core.forecasting.passagetable import PassageTable, default_table
from app.core.forecasting.projection import projected_place
from app.core.forecasting.recalibration import IDENTITY_LINE, no_recalibration
from app.core.forecasting.recentblocks import RecentBlocks
from app.core.models import Block
from app.core.observations import (
    BlockConnected,
    ChainListed,
    MempoolMeasured,
    ProjectedBlock,
    QueueProjected,
    SourceConnected,
    TransactionSeen,
)
from app.core.prediction import Prediction
from app.core.tracking import lifecycle
from app.core.units import SatPerVb, Sats, VBytes
from tests.builders import START_HEIGHT, a_block, a_whale, without_prevouts
from tests.core.fee_markets import fees, queue_of_transactions
from tests.core.story import WS, Story
from tests.fakes import NOON


@pytest.fixture(scope="module")
def table() -> PassageTable:
    return default_table()


def a_queue(median: float, blocks: int = 3) -> QueueProjected:
    one = ProjectedBlock(
        vsize=VBytes(1_000_000),
        count=2_000,
        total_fees=Sats(round(median * 1_000_000)),
        median=SatPerVb(median),
        fee_range=tuple(median * factor for factor in (0.5, 0.8, 1.0, 1.2, 2.0)),
    )
    return QueueProjected(blocks=(one,) * blocks, source=WS)


def received(table: PassageTable | None, *, median: float = 10.0) -> Forecaster:
    forecaster = Forecaster(table)
    list(forecaster.receive(BlockConnected(block=a_block(0), source=WS), NOON))
    list(forecaster.receive(a_queue(median), NOON))
    return forecaster


def a_waiting_whale() -> Story:
    story = Story()
    story.start()
    story.seen(a_whale(150, fee=2_000))
    return story


def test_without_a_table_nothing_is_foretold() -> None:
    assert received(None).forecast([a_waiting_whale().only], NOON) == [None]


def test_without_a_queue_nothing_is_foretold(table: PassageTable) -> None:
    forecaster = Forecaster(table)
    list(forecaster.receive(BlockConnected(block=a_block(0), source=WS), NOON))

    assert forecaster.forecast([a_waiting_whale().only], NOON) == [None]


def test_without_a_tip_nothing_is_foretold(table: PassageTable) -> None:
    forecaster = Forecaster(table)
    list(forecaster.receive(a_queue(10.0), NOON))

    assert forecaster.forecast([a_waiting_whale().only], NOON) == [None]


def test_with_queue_and_tip_a_whale_is_foretold(table: PassageTable) -> None:
    (forecast,) = received(table).forecast([a_waiting_whale().only], NOON)

    assert forecast is not None
    assert (forecast.at_height, forecast.feerate) == (START_HEIGHT, 20.0)
    assert list(forecast.probabilities) == sorted(forecast.probabilities)


def test_a_whale_that_was_named_with_others_is_foretold_as_alone(table: PassageTable) -> None:
    stories = [Story() for _ in range(3)]
    named, alone = received(table), received(table)
    for number, story in enumerate(stories):
        story.start()
        story.seen(a_whale(150 + number, fee=2_000 + 700 * number))
    whales = [story.only for story in stories]
    named.foresee([TransactionSeen(tx=whale.tx, source=WS) for whale in whales], NOON)

    assert [named.forecast([whale], NOON) for whale in whales] == [
        alone.forecast([whale], NOON) for whale in whales
    ]


def test_what_was_worked_out_before_the_market_moved_is_not_told_after(table: PassageTable) -> None:
    forecaster, whale = received(table, median=10.0), a_waiting_whale().only
    forecaster.foresee([TransactionSeen(tx=whale.tx, source=WS)], NOON)
    (before,) = forecaster.forecast([whale], NOON)
    list(forecaster.receive(a_queue(60.0), NOON))

    assert forecaster.forecast([whale], NOON) == received(table, median=60.0).forecast([whale], NOON)
    assert forecaster.forecast([whale], NOON) != [before]


def test_a_whale_whose_fee_is_unknown_is_not_foretold(table: PassageTable) -> None:
    whale = a_waiting_whale().only
    unknown = replace(whale, tx=replace(without_prevouts(whale.tx), fee=None))

    assert received(table).forecast([unknown], NOON) == [None]


def test_the_tip_of_a_list_of_blocks_counts(table: PassageTable) -> None:
    forecaster = received(table)
    list(forecaster.receive(ChainListed(blocks=(a_block(1), a_block(2)), source=WS), NOON))
    (forecast,) = forecaster.forecast([a_waiting_whale().only], NOON)

    assert forecast is not None
    assert forecast.at_height == START_HEIGHT + 2


def test_an_older_block_told_again_does_not_move_the_tip_back(table: PassageTable) -> None:
    forecaster = received(table)
    list(forecaster.receive(BlockConnected(block=a_block(2), source=WS), NOON))
    list(forecaster.receive(BlockConnected(block=a_block(1), source=WS), NOON))
    figures = forecaster.figures(NOON)

    assert figures is not None
    assert figures.block_height == START_HEIGHT + 2


def test_the_market_has_moved_when_first_known(table: PassageTable) -> None:
    assert received(table).moved(NOON)


def test_to_ask_whether_the_market_moved_changes_nothing(table: PassageTable) -> None:
    forecaster = received(table)

    assert [forecaster.moved(NOON), forecaster.moved(NOON)] == [True, True]


def test_a_clock_that_is_set_back_does_not_hide_that_the_market_moved(table: PassageTable) -> None:
    forecaster = received(table)
    forecaster.mark_published(NOON)
    back = NOON - timedelta(days=1)
    list(forecaster.receive(a_queue(80.0), back))

    assert forecaster.moved(back)


def test_the_same_market_has_not_moved_again(table: PassageTable) -> None:
    forecaster = received(table)
    forecaster.mark_published(NOON)

    assert not forecaster.moved(NOON + timedelta(seconds=2 * MOVED_SECONDS))


def test_a_block_moves_the_market_at_once(table: PassageTable) -> None:
    forecaster = received(table)
    forecaster.mark_published(NOON)
    list(forecaster.receive(BlockConnected(block=a_block(1), source=WS), NOON))

    assert forecaster.moved(NOON + timedelta(seconds=1))


def test_between_two_blocks_it_is_looked_at_only_now_and_then(table: PassageTable) -> None:
    forecaster = received(table)
    forecaster.mark_published(NOON)
    list(forecaster.receive(a_queue(80.0), NOON + timedelta(seconds=1)))

    assert [forecaster.moved(NOON + timedelta(seconds=one)) for one in (1, MOVED_SECONDS + 1)] == [
        False,
        True,
    ]


def test_a_spike_is_told_once() -> None:
    forecaster, reported = received(None, median=5.0), []
    for minute in range(1, 95):
        median = 5.0 if minute < 90 else 100.0
        reported += forecaster.receive(a_queue(median), NOON + timedelta(minutes=minute))

    assert [one.type for one in reported] == [EventType.FEES_SPIKED]
    assert forecaster.spiking


def test_a_reconnect_forgets_nothing_of_the_market(table: PassageTable) -> None:
    forecaster = received(table)
    list(forecaster.receive(SourceConnected(source=WS, again=True), NOON + timedelta(minutes=5)))

    assert forecaster.figures(NOON) is not None


def test_what_arrives_makes_a_queue_that_grows(table: PassageTable) -> None:
    quiet, busy = received(table), received(table)
    for second in range(1, 3_600, 20):
        at = NOON + timedelta(seconds=second)
        for number in range(60):
            tx = a_whale(1, fee=100_000, coins=(second, number))
            big = replace(tx, vsize=VBytes(3_000))
            list(busy.receive(TransactionSeen(tx=big, source=WS), at))
        for forecaster in (quiet, busy):
            list(forecaster.receive(a_queue(10.0), at))
    whale, at = a_waiting_whale().only, NOON + timedelta(hours=1)
    (calm,), (pressed,) = quiet.forecast([whale], at), busy.forecast([whale], at)

    assert calm is not None
    assert pressed is not None
    assert pressed.probabilities[2] < calm.probabilities[2]


def test_the_mempool_measured_is_part_of_the_figures(table: PassageTable) -> None:
    forecaster = received(table)
    list(forecaster.receive(a_mempool(7_000_000), NOON))
    figures = forecaster.figures(NOON)

    assert figures is not None
    assert figures.mempool_vbytes == 7_000_000


def a_mempool(vbytes: float) -> MempoolMeasured:
    return MempoolMeasured(
        count=5,
        vbytes=VBytes(vbytes),
        usage_bytes=None,
        limit_bytes=None,
        minimum_feerate=None,
        loaded=True,
        source=WS,
    )


def arriving(number: int) -> TransactionSeen:
    tx = a_whale(1, fee=100_000, coins=(number,))
    return TransactionSeen(tx=replace(tx, vsize=VBytes(90_000)), source=WS)


MARKET = (
    fees(40, 30, 20, 10, 1),
    a_mempool(7_000_000),
    *map(arriving, range(20)),
    a_queue(10.0),
    fees(40, 30, 21, 10, 1),
    BlockConnected(block=a_block(1), source=WS),
    a_queue(80.0),
    a_mempool(9_000_000),
    None,
)
"""What comes, 40 s apart; None: a recalibration."""


def test_figures_that_are_looked_at_often_are_those_of_the_moment(table: PassageTable) -> None:
    often = received(table)
    for end, latest in enumerate(MARKET, 1):
        seldom = received(table)
        for forecaster, those in ((often, (latest,)), (seldom, MARKET[:end])):
            for turn, one in enumerate(those, end - len(those) + 1):
                at = NOON + timedelta(seconds=40 * turn)
                if one is None:
                    forecaster.recalibrate(replace(no_recalibration(), outcomes=400, fitted_at=NOON))
                else:
                    list(forecaster.receive(one, at))

        assert often.figures(at) == seldom.figures(at)
        assert often.figures(at + timedelta(seconds=1)) == seldom.figures(at + timedelta(seconds=1))


def test_a_block_without_a_time_gives_no_interval() -> None:
    blocks = RecentBlocks()
    blocks.connect(a_block(0))
    blocks.connect(Block(hash=a_block(1).hash, height=a_block(1).height))

    assert blocks.intervals_seconds == ()


def test_no_more_blocks_are_remembered_than_the_pace_is_measured_by() -> None:
    blocks = RecentBlocks()
    for height in range(WINDOW_BLOCKS + 10):
        blocks.connect(replace(a_block(height), time=NOON + timedelta(minutes=height)))

    assert blocks.intervals_seconds == (60.0,) * WINDOW_BLOCKS


def test_all_that_forecast_share_one_table(table: PassageTable) -> None:
    assert default_table() is table


def test_until_the_table_is_there_nothing_is_forecast_and_then_everything_is(table: PassageTable) -> None:
    forecaster, whale = received(None), a_waiting_whale().only
    forecaster.foresee([TransactionSeen(tx=whale.tx, source=WS)], NOON)
    assert (forecaster.moved(NOON), forecaster.figures(NOON)) == (False, None)

    forecaster.set_table(table)
    assert forecaster.moved(NOON)
    assert forecaster.forecast([whale], NOON) == received(table).forecast([whale], NOON)


def test_before_queue_and_tip_are_known_nothing_has_moved_and_there_are_no_figures(
    table: PassageTable,
) -> None:
    forecaster = Forecaster(table)

    assert (forecaster.moved(NOON), forecaster.figures(NOON)) == (False, None)


def test_what_was_learned_changes_the_next_forecast_of_all_that_wait(table: PassageTable) -> None:
    forecaster, whale = received(table), a_waiting_whale().only
    (before,) = forecaster.forecast([whale], NOON)
    forecaster.mark_published(NOON)
    assert not forecaster.moved(NOON)
    lower = (-1.0, *IDENTITY_LINE[1:])
    lines = (lower,) * len(no_recalibration().lines)
    forecaster.recalibrate(replace(no_recalibration(), lines=lines, outcomes=1_000, fitted_at=NOON))
    (after,) = forecaster.forecast([whale], NOON)

    assert forecaster.moved(NOON)
    assert before is not None
    assert after is not None
    assert after.raw == (before.raw or before.probabilities)
    assert after.probabilities[0] < before.probabilities[0]


def test_the_figures_say_when_each_recommended_fee_confirms_once_they_are_known(table: PassageTable) -> None:
    forecaster, said = received(table), fees(30.0, 8.0, 7.0, 2.0, 1.0)
    before = forecaster.figures(NOON)
    assert before is not None
    assert before.blocks_to_confirm is None
    list(forecaster.receive(said, NOON))
    figures = forecaster.figures(NOON)

    assert figures is not None
    assert list(figures.blocks_to_confirm or {}) == list(said.by_tier)
    assert (figures.blocks_to_confirm or {})["fastest"] is not None


def test_what_pays_nothing_or_is_no_transaction_is_not_worked_out_ahead(table: PassageTable) -> None:
    whale = a_waiting_whale().only
    named, alone = received(table), received(table)
    named.foresee([a_queue(10.0), TransactionSeen(tx=replace(whale.tx, fee=None), source=WS)], NOON)

    assert named.forecast([whale], NOON) == alone.forecast([whale], NOON)


def test_a_flood_of_transactions_is_not_kept_to_be_worked_out(table: PassageTable) -> None:
    """Their forecasts are what they would have been, one by one."""
    flood = [a_whale(150, coins=(number,), fee=2_000 + number) for number in range(MOST_EXPECTED + 1)]
    whale = a_waiting_whale().only
    named, alone = received(table), received(table)
    named.foresee([TransactionSeen(tx=tx, source=WS) for tx in flood], NOON)

    assert named.forecast([whale], NOON) == alone.forecast([whale], NOON)


def test_the_figures_of_a_flood_make_room_for_what_comes_after_it(table: PassageTable) -> None:
    whale = a_waiting_whale().only
    named, alone = received(table), received(table)
    for half in range(2):
        numbers = range(half * MOST_EXPECTED // 2, (half + 1) * MOST_EXPECTED // 2 + 1)
        txs = [a_whale(150, coins=(number,), fee=9_000 + number) for number in numbers]
        named.foresee([TransactionSeen(tx=tx, source=WS) for tx in txs], NOON)
        for tx in txs:
            named.forecast([replace(whale, tx=tx)], NOON)

    assert named.forecast([whale], NOON) == alone.forecast([whale], NOON)


def test_a_source_that_projects_no_block_gives_no_place_in_one() -> None:
    assert projected_place(10.0, (), queue_of_transactions([(5.0, 1e6)], QueueSource.ELECTRS)) is None


def several() -> list[Prediction]:
    stories = [a_waiting_whale(), a_waiting_whale()]
    return [story.only for story in stories]


def test_several_at_once_are_forecast_as_each_alone(table: PassageTable) -> None:
    forecaster = received(table)
    first, second = several()

    assert [
        *forecaster.forecast([first], NOON),
        *forecaster.forecast([second], NOON),
    ] == forecaster.forecast([first, second], NOON)


def test_a_scored_forecast_bears_the_projected_block_it_is_compared_with_and_a_later_one_none(
    table: PassageTable,
) -> None:
    forecaster, whale = received(table), a_waiting_whale().only
    (first,) = forecaster.forecast([whale], NOON)
    assert first is not None
    (later,) = forecaster.forecast([lifecycle.with_forecast(whale, first, NOON)], NOON)
    assert later is not None

    assert (first.projected_block, later.projected_block) == (1, None)


def measured(*, limit: int | None = 300_000_000, floor: float | None = 1.0) -> MempoolMeasured:
    return MempoolMeasured(
        count=5_000,
        vbytes=3_000_000,
        usage_bytes=12_000_000,
        limit_bytes=limit,
        minimum_feerate=None if floor is None else SatPerVb(floor),
        loaded=True,
        source=WS,
    )


def test_the_chance_to_be_dropped_is_known_with_the_mempools_limit(table: PassageTable) -> None:
    forecaster, whale = received(table), a_waiting_whale().only
    (before,) = forecaster.forecast([whale], NOON)
    list(forecaster.receive(measured(), NOON))
    (after,) = forecaster.forecast([whale], NOON)
    assert before is not None
    assert after is not None

    assert before.p_dropped is None
    assert after.p_dropped is not None


def test_figures_are_of_their_moment_and_of_the_floor_that_was_measured(table: PassageTable) -> None:
    forecaster = Forecaster(table)
    list(forecaster.receive(measured(floor=7.0), NOON))
    list(forecaster.receive(BlockConnected(block=a_block(0), source=WS), NOON))
    list(forecaster.receive(a_queue(10.0), NOON))
    figures = forecaster.figures(NOON)

    assert figures is not None
    assert (figures.updated_at, figures.fee_spike) == (NOON, False)


def test_a_table_that_comes_later_has_all_that_wait_forecast_anew(table: PassageTable) -> None:
    forecaster = received(table)
    forecaster.mark_published(NOON)
    assert not forecaster.moved(NOON)
    forecaster.set_table(table)

    assert forecaster.moved(NOON)
