"""What the forecaster makes of what it receives: to the second, the vbyte and the block."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.events import EventType
from app.core.forecasting.forecaster import ENOUGH_INTERVALS, MOVED_SECONDS, TEST_CHAIN_SECONDS, Forecaster
from app.core.forecasting.foresight import waiting_of
from app.core.forecasting.inflow import no_inflow_seen
from app.core.forecasting.market import (
    Market,
    Queue,
    QueueSource,
    limit_vbytes,
    queue_of_bins,
    queue_of_projected_blocks,
)
from app.core.forecasting.model import ForecastModel, forecast_many
from app.core.forecasting.pace import WINDOW_BLOCKS, pace_of
from app.core.forecasting.queue import BLOCK_VBYTES
from app.core.forecasting.urgency import Congestion, feerate_percentiles
from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    ChainListed,
    FeeBin,
    MempoolMeasured,
    Observation,
    QueueProjected,
    SourceSynced,
    TransactionSeen,
)
from app.core.prediction import Forecast, Prediction
from app.core.tracking import lifecycle
from app.core.units import BlockHash, Height, SatPerVb, VBytes
from tests.core.fee_markets import AT, a_projected_block, a_table
from tests.core.forecasting.frames import NOTHING_KNOWN, paying

SECOND = timedelta(seconds=1)
WS, BITCOIND, ELECTRS = SourceName.MEMPOOL_WS, SourceName.BITCOIND, SourceName.ELECTRS
HEIGHT = 900
RATES = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0)


def a_block(height: int, *, minutes: float | None = None, branch: str = "00") -> Block:
    return Block(
        hash=BlockHash(f"{branch}{height:062x}"),
        height=Height(height),
        time=AT + timedelta(minutes=10.0 * (height - HEIGHT) if minutes is None else minutes),
    )


def mined(block: Block) -> BlockConnected:
    return BlockConnected(block=block, source=WS)


def projected(*sizes: float, median: float = 0.0, source: SourceName = WS) -> QueueProjected:
    blocks = tuple(a_projected_block(RATES, vsize=size, median=median) for size in sizes)
    return QueueProjected(blocks=blocks, source=source)


def measured(vbytes: int = 9_000_000, floor: float = 1.0, *, loaded: bool = True) -> MempoolMeasured:
    return MempoolMeasured(
        count=9_000,
        vbytes=vbytes,
        usage_bytes=36_000_000,
        limit_bytes=300_000_000,
        minimum_feerate=SatPerVb(floor),
        loaded=loaded,
        source=WS,
    )


def received(*published: tuple[float, Observation]) -> Forecaster:
    forecaster = Forecaster(a_table())
    for seconds, observation in published:
        tuple(forecaster.receive(observation, AT + seconds * SECOND))
    return forecaster


def a_prediction(feerate: float = 5.0) -> Prediction:
    return lifecycle.begin(paying("aa", feerate), NOTHING_KNOWN, source=WS, at=AT, tip=None)


def forecast_at(forecaster: Forecaster, seconds: float, feerate: float = 5.0) -> Forecast:
    (made,) = forecaster.forecast([a_prediction(feerate)], AT + seconds * SECOND)
    assert made is not None
    return made


FULL = float(BLOCK_VBYTES)
START = ((0.0, mined(a_block(HEIGHT))), (0.0, projected(FULL, FULL, FULL)))


# --- the moment


def test_what_arrives_is_counted_from_when_it_was_received() -> None:
    forecaster = received(*START, (0, TransactionSeen(tx=paying("bb", 9.0), source=WS)))

    assert forecast_at(forecaster, 10).inflow_seconds == 10.0


def test_states_of_the_queue_are_compared_by_when_they_were_received() -> None:
    bins = (FeeBin(SatPerVb(5.0), VBytes(1e6)),)
    queue = QueueProjected(blocks=(), source=ELECTRS, bins=bins)
    forecaster = received(START[0], (0, queue), (60, queue))

    assert forecast_at(forecaster, 60).inflow_seconds == 60.0


def test_a_block_of_a_list_is_measured_by_the_queue_of_its_moment() -> None:
    listed = ChainListed(blocks=(a_block(HEIGHT + 1),), source=WS)
    forecaster = received(*START, (600, listed), (601, projected(FULL, FULL, 50_000)))

    assert forecaster.measured_blocks == (950_000.0,)


@pytest.mark.parametrize(("seconds", "known"), [(1.0, 1), (1.001, 0)])
def test_a_queue_is_of_the_frame_of_the_block_within_a_second(seconds: float, known: int) -> None:
    forecaster = received(*START, (600, mined(a_block(HEIGHT + 1))), (600 + seconds, projected(FULL, FULL)))

    assert len(forecaster.measured_blocks) == known


# --- what blocks take


def test_a_block_after_which_more_waits_took_nothing() -> None:
    forecaster = received(*START, (600, mined(a_block(HEIGHT + 1))), (600, projected(FULL, FULL, FULL, FULL)))

    assert forecaster.measured_blocks == (0.0,)


def test_only_what_the_backend_projected_before_a_block_is_compared_with_what_it_projects_after() -> None:
    of_another = projected(FULL, FULL, FULL, source=ELECTRS)
    forecaster = received(
        START[0], (0, of_another), (600, mined(a_block(HEIGHT + 1))), (600, projected(FULL, FULL))
    )

    assert forecaster.measured_blocks == ()


def chain_of_full_blocks(number: int) -> list[tuple[float, Observation]]:
    """Each takes 950,000 vbytes of our mempool."""
    published: list[tuple[float, Observation]] = [*START]
    for height in range(HEIGHT + 1, HEIGHT + 1 + number):
        at = 600.0 * (height - HEIGHT)
        published += [
            (at, mined(a_block(height))),
            (at, projected(FULL, FULL, 50_000)),
            (at + 5, projected(FULL, FULL, FULL)),
        ]
    return published


def test_no_more_blocks_are_measured_than_the_pace_is_made_of() -> None:
    forecaster = received(*chain_of_full_blocks(WINDOW_BLOCKS + 5))

    assert forecaster.measured_blocks == (950_000.0,) * WINDOW_BLOCKS


def test_a_forecast_is_that_of_this_queue_this_pace_and_what_blocks_took() -> None:
    """Put together here by hand, of what was received."""
    forecaster = received((0, measured()), *chain_of_full_blocks(30))
    at = 30 * 600 + 5.0
    queue = queue_of_projected_blocks(
        projected(FULL, FULL, FULL).blocks, mempool_vbytes=9_000_000.0, floor=1.0
    )
    market = Market(
        tip_height=Height(HEIGHT + 30),
        queue=queue,
        mempool_vbytes=9_000_000.0,
        mempool_limit_vbytes=limit_vbytes(measured()),
        floor=1.0,
    )
    whale, now = a_prediction(), AT + at * SECOND
    (made,) = forecaster.forecast([whale], now)
    assert made is not None
    model = ForecastModel(table=a_table(), pace=pace_of([600.0] * 30, [950_000.0] * 30))
    (expected,) = forecast_many(
        [waiting_of(whale, AT + at * SECOND)], market, no_inflow_seen(), model, AT + at * SECOND
    )
    assert expected is not None

    assert made == replace(expected, projected_block=1)


# --- the queue


BINS = (FeeBin(SatPerVb(9.0), VBytes(1e6)), FeeBin(SatPerVb(4.0), VBytes(3e6)))


def percentiles_of(forecaster: Forecaster) -> dict[int, float] | None:
    figures = forecaster.figures(AT)
    assert figures is not None
    return figures.percentiles


def of_blocks(queue: QueueProjected, vbytes: float | None, floor: float | None) -> Queue:
    return queue_of_projected_blocks(queue.blocks, mempool_vbytes=vbytes, floor=floor)


def of_bins(queue: QueueProjected, vbytes: float | None, floor: float | None) -> Queue:
    return queue_of_bins(queue.bins, QueueSource.BITCOIND, mempool_vbytes=vbytes, floor=floor)


@pytest.mark.parametrize(
    ("queue", "made_of"),
    [
        (projected(FULL), of_blocks),
        (QueueProjected(blocks=(), source=BITCOIND, bins=BINS), of_bins),
    ],
    ids=["projected blocks", "bins"],
)
def test_the_queue_reaches_down_to_the_floor_of_the_mempool_that_was_measured(
    queue: QueueProjected, made_of: Callable[[QueueProjected, float | None, float | None], Queue]
) -> None:
    known = received((0, measured()), START[0], (0, queue))
    unknown = received(START[0], (0, queue))

    assert percentiles_of(known) == feerate_percentiles(made_of(queue, 9_000_000.0, 1.0))
    assert percentiles_of(unknown) == feerate_percentiles(made_of(queue, None, None))
    assert percentiles_of(known) != percentiles_of(unknown)


def test_projected_blocks_of_a_source_without_bins_are_of_that_source() -> None:
    figures = received(START[0], (0, projected(FULL, source=ELECTRS))).figures(AT)

    assert figures is not None
    assert figures.source == "electrs"


@pytest.mark.parametrize(("floor", "word"), [(1.0, Congestion.MEDIUM), (7.0, Congestion.LOW)])
def test_congestion_is_measured_from_the_floor_that_was_measured(floor: float, word: Congestion) -> None:
    figures = received(*START, (0, measured(3_000_000, floor))).figures(AT)

    assert figures is not None
    assert figures.congestion is word


def test_a_block_takes_the_first_of_the_projected_blocks_with_it() -> None:
    ranges = ((10.0, 20.0), (5.0, 9.0), (1.0, 4.0))
    sizes = (FULL, FULL / 2, FULL)
    blocks = tuple(a_projected_block(one, vsize=size) for one, size in zip(ranges, sizes, strict=True))
    queue = QueueProjected(blocks=blocks, source=WS)
    forecaster = received(START[0], (0, queue), (600, mined(a_block(HEIGHT + 1))))
    places = [forecast_at(forecaster, 600, feerate).projected_block for feerate in (9.9, 5.0, 4.5)]

    assert places == [1, 1, 2]


# --- the pace


def fast_chain(*minutes: float) -> Forecaster:
    """Blocks at these minutes, each a height above the one before."""
    blocks = [a_block(HEIGHT + place, minutes=at) for place, at in enumerate(minutes)]
    return received(*[(0.0, mined(block)) for block in blocks], START[1])


def eta(forecaster: Forecaster) -> int | None:
    return forecast_at(forecaster, 0, 900.0).eta_seconds


def test_a_chain_is_one_for_tests_from_six_intervals_of_less_than_two_minutes_on() -> None:
    assert (ENOUGH_INTERVALS, TEST_CHAIN_SECONDS) == (6, 120.0)
    assert eta(fast_chain(*range(7))) == 60
    assert eta(fast_chain(*range(6))) == round(600 * (1 - 0.5 * 5 / 144 * 0.9))
    assert eta(fast_chain(*range(0, 14, 2))) == round(600 * (1 - 0.5 * 6 / 144 * 0.8))
    assert eta(fast_chain(0, 1, 3, 5, 7, 9, 11.9)) == round(11.9 * 60 / 6)


def test_a_list_that_ends_at_the_tip_changes_nothing() -> None:
    forecaster = fast_chain(*range(7))
    other = ChainListed(blocks=(a_block(HEIGHT + 6, minutes=90.0, branch="ee"),), source=WS)
    tuple(forecaster.receive(other, AT))

    assert eta(forecaster) == 60


# --- when the market moved


@pytest.mark.parametrize(("seconds", "moved"), [(0.0, False), (0.5, False), (9.9, False), (10.0, True)])
def test_a_queue_that_shifts_within_a_block_is_looked_at_after_ten_seconds(
    seconds: float, *, moved: bool
) -> None:
    forecaster = received(*START)
    forecaster.mark_published(AT)
    tuple(forecaster.receive(projected(FULL), AT))

    assert MOVED_SECONDS == 10.0
    assert forecaster.moved(AT + seconds * SECOND) is moved


# --- spikes


def test_before_any_queue_fees_do_not_spike() -> None:
    assert Forecaster(a_table()).spiking is False


CHEAP, DEAR = 2.0, 14.0


def spikes_after(
    cheap: Sequence[float], *then: tuple[float, Observation], source: SourceName = WS
) -> list[Mapping[str, object]]:
    """Ten minutes of blocks of these sizes, cheap; then the rest, each at its second, and a dear one."""
    forecaster = Forecaster(a_table())
    said = [(60.0 * minute, projected(*cheap, median=CHEAP, source=source)) for minute in range(11)]
    found: list[Mapping[str, object]] = []
    for seconds, observation in (*said, *then):
        for happening in forecaster.receive(observation, AT + seconds * SECOND):
            assert happening.type is EventType.FEES_SPIKED
            found.append(happening.facts)
    return found


def dear(*sizes: float, source: SourceName = WS) -> tuple[float, Observation]:
    return 720.0, projected(*sizes, median=DEAR, source=source)


def test_a_spike_while_no_tip_is_known_says_so() -> None:
    assert spikes_after([FULL], dear(FULL)) == [{"next_block_median": DEAR, "tip_height": None}]


def test_a_next_block_that_is_half_full_has_a_median_and_one_that_is_not_has_none() -> None:
    assert len(spikes_after([FULL / 2], dear(FULL / 2))) == 1
    assert spikes_after([FULL / 2 - 1], dear(FULL)) == []
    assert spikes_after([400_000.0], dear(FULL)) == []
    assert spikes_after([FULL / 2], dear(FULL / 2 - 1)) == []


@pytest.mark.parametrize(
    ("cheap", "next_sizes", "spikes"),
    [
        ((FULL, FULL), (FULL,), 1),  # half is left: a block took the rest
        ((FULL, FULL), (FULL - 1,), 0),
        ((FULL, FULL), (800_000.0,), 0),
    ],
)
def test_a_queue_of_which_more_than_half_is_gone_was_lost(
    cheap: tuple[float, ...], next_sizes: tuple[float, ...], spikes: int
) -> None:
    assert len(spikes_after(cheap, dear(*next_sizes))) == spikes


@pytest.mark.parametrize(
    ("before", "then", "spikes"),
    [
        ((FULL / 2,), (200_000.0,), 0),  # half a block, most of which is gone
        ((FULL / 2,), (250_000.0,), 1),
        ((FULL, 450_000.0, 200_000.0), (), 0),
    ],
)
def test_only_of_what_was_half_a_block_can_so_much_be_lost(
    before: tuple[float, ...], then: tuple[float, ...], spikes: int
) -> None:
    between = [(660.0 + place, projected(size)) for place, size in enumerate((*before[1:], *then))]

    assert len(spikes_after(before[:1], *between, dear(FULL))) == spikes


def test_what_was_less_than_half_a_block_is_not_lost_when_it_shrinks() -> None:
    little = [(660.0, projected(450_000.0)), (661.0, projected(200_000.0))]

    assert len(spikes_after([800_000.0], *little, dear(FULL))) == 1


@pytest.mark.parametrize(
    ("source", "broken", "spikes"),
    [
        (WS, SourceSynced(source=WS, percent=100.0), 1),
        (WS, SourceSynced(source=WS, percent=99.9), 0),
        (WS, SourceSynced(source=ELECTRS, percent=30.0), 1),
        (ELECTRS, SourceSynced(source=ELECTRS, percent=30.0), 0),
        (ELECTRS, SourceSynced(source=WS, percent=30.0), 1),
        (WS, measured(loaded=False), 0),
        (BITCOIND, replace(measured(loaded=False), source=BITCOIND), 0),
        (BITCOIND, measured(loaded=False), 1),
        (BITCOIND, replace(measured(), source=BITCOIND), 1),
    ],
)
def test_only_the_source_of_the_queue_breaks_off_what_fees_were(
    source: SourceName, broken: Observation, spikes: int
) -> None:
    assert len(spikes_after([FULL], (660.0, broken), dear(FULL, source=source), source=source)) == spikes
