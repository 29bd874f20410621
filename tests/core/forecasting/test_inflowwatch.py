"""What the watch of the inflow counts, from when, and what a gap costs: to the second and the vbyte."""

import math
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeAlias

import numpy as np
import pytest

from app.core.forecasting.inflow import SHORT_SECONDS
from app.core.forecasting.inflowwatch import (
    FLUSH_SECONDS,
    FORGOTTEN_AT_ONCE,
    REMEMBERED,
    SILENT_SECONDS,
    SINGLY,
    VIEW_SECONDS,
    InflowWatch,
)
from app.core.forecasting.market import Queue, QueueSource
from app.core.models import SourceName
from app.core.observations import (
    Observation,
    PackageReply,
    QueueProjected,
    SourceConnected,
    TransactionReplaced,
    TransactionSeen,
    TransactionsSeen,
)
from app.core.units import SatPerVb, Txid
from tests.core.fee_markets import AT, queue_of_transactions
from tests.core.forecasting.frames import VSIZE, PaidFrame, paying

SECOND = timedelta(seconds=1)
WS, REST = SourceName.MEMPOOL_WS, SourceName.MEMPOOL_REST
MARKET = QueueProjected(blocks=(), source=WS)
Teller: TypeAlias = Callable[[str, float], Observation]
AGAIN = SourceConnected(source=WS, again=True)


def seen(name: str, feerate: float, *, late: bool = False, source: SourceName = WS) -> TransactionSeen:
    return TransactionSeen(tx=paying(name, feerate), source=source, late=late)


def lifted(name: str, feerate: float) -> PackageReply:
    return PackageReply(txid=Txid(name * 32), package_feerate=SatPerVb(feerate), related=None, source=WS)


def replaced(name: str, feerate: float) -> TransactionReplaced:
    return TransactionReplaced(victims=(), by=paying(name, feerate), mined=False, source=WS)


def a_frame(*paid: tuple[str, float], late: bool = False) -> TransactionsSeen:
    return TransactionsSeen(batch=PaidFrame(paid), source=WS, late=late)


def reporting(*reported: tuple[float, Observation | None]) -> InflowWatch:
    """A watch that was told these, each at its second; None is when it is asked to count."""
    watch = InflowWatch()
    for seconds, one in reported:
        at = AT + seconds * SECOND
        if one is None:
            watch.flush(at)
        else:
            watch.receive(one, at)
    return watch


def counted(watch: InflowWatch, feerate: float = 1.0) -> float:
    """Transactions above `feerate` in ten seconds, while nothing else was watched than these."""
    return float(watch.inflow.above(np.array([feerate])).short[0]) * FLUSH_SECONDS / VSIZE


@pytest.mark.parametrize("first", [seen("aa", 5.0), a_frame(("aa", 5.0)), replaced("aa", 5.0)])
def test_the_time_counts_from_the_first_arrival_however_it_is_told(first: Observation) -> None:
    watch = reporting((0, first), (FLUSH_SECONDS, None))

    assert watch.inflow.observed_seconds == FLUSH_SECONDS
    assert counted(watch) == pytest.approx(1.0)


@pytest.mark.parametrize("first", [seen("aa", 5.0), a_frame(("aa", 5.0)), replaced("aa", 5.0)])
def test_whoever_told_an_arrival_can_have_missed_some_when_it_connects_again(first: Observation) -> None:
    watch = reporting((0, first), (FLUSH_SECONDS, None), (FLUSH_SECONDS + 60, AGAIN))

    assert watch.inflow.observed_seconds == pytest.approx(FLUSH_SECONDS * math.exp(-60 / SHORT_SECONDS))


def test_a_frame_of_what_waited_before_is_no_arrival() -> None:
    watch = reporting((0, None), (0, a_frame(("aa", 5.0), late=True)), (FLUSH_SECONDS, None))

    assert (watch.inflow.observed_seconds, counted(watch)) == (FLUSH_SECONDS, 0.0)


def test_without_any_arrival_the_time_counts_from_the_first_look() -> None:
    assert reporting((0, None), (FLUSH_SECONDS, None)).inflow.observed_seconds == FLUSH_SECONDS


def test_a_second_look_at_the_same_moment_loses_no_arrival() -> None:
    watch = reporting((0, None), (0, seen("aa", 5.0)), (0, None), (0.5, None), (FLUSH_SECONDS, None))

    assert (watch.inflow.observed_seconds, counted(watch)) == (FLUSH_SECONDS, pytest.approx(1.0))


def test_after_a_clock_that_was_set_back_the_time_counts_from_there() -> None:
    watch = reporting((0, None), (-900, None), (FLUSH_SECONDS - 900, None))

    assert watch.inflow.observed_seconds == FLUSH_SECONDS


def test_market_data_as_old_as_a_silence_may_last_is_no_silence() -> None:
    watch = reporting((0, MARKET), (0, None), (SILENT_SECONDS, None), (SILENT_SECONDS, MARKET))

    assert watch.inflow.observed_seconds == SILENT_SECONDS


def test_a_moment_more_is_one_and_costs_history() -> None:
    history = (0, None), (FLUSH_SECONDS, MARKET), (FLUSH_SECONDS, None)
    watch = reporting(*history, (FLUSH_SECONDS + SILENT_SECONDS + 1, MARKET))

    assert watch.inflow.observed_seconds == pytest.approx(
        FLUSH_SECONDS * math.exp(-(SILENT_SECONDS + 1) / SHORT_SECONDS)
    )


def test_what_a_query_fetched_does_not_interrupt_the_stream() -> None:
    asked = seen("bb", 5.0, late=True, source=REST)
    watch = reporting((0, seen("aa", 5.0)), (5, asked), (FLUSH_SECONDS, None))

    assert (watch.inflow.observed_seconds, counted(watch)) == (FLUSH_SECONDS, pytest.approx(1.0))


@pytest.mark.parametrize(("after_seconds", "left"), [(0.5, 2.0), (1.0, 1.0), (1.5, 1.0)])
def test_while_the_backend_fills_nothing_counts_from_a_second_on(after_seconds: float, left: float) -> None:
    """What came before is missed with it, but for what was just counted."""
    syncing = seen("bb", 5.0, late=True)
    watch = reporting(
        (0, seen("aa", 5.0)),
        (after_seconds, syncing),
        (after_seconds, seen("cc", 5.0)),
        (after_seconds + FLUSH_SECONDS, None),
    )

    assert counted(watch) * watch.inflow.observed_seconds / FLUSH_SECONDS == pytest.approx(left)


def test_a_gap_of_a_second_costs_its_share_and_the_time_counts_from_its_end() -> None:
    watch = reporting(
        (0, None),
        (FLUSH_SECONDS, None),
        (FLUSH_SECONDS + 1, seen("bb", 5.0, late=True)),
        (2 * FLUSH_SECONDS + 1, None),
    )

    assert watch.inflow.observed_seconds == pytest.approx(
        FLUSH_SECONDS * math.exp(-1 / SHORT_SECONDS) + FLUSH_SECONDS
    )


@pytest.mark.parametrize(("feerate", "times"), [(101.0, 1.0), (101.1, 2.0), (VSIZE, 2.0)])
@pytest.mark.parametrize("report", [seen, lifted])
def test_a_lift_by_more_than_a_hundredth_counts(report: Teller, feerate: float, times: float) -> None:
    watch = reporting((0, seen("aa", 100.0)), (0, report("aa", feerate)), (FLUSH_SECONDS, None))

    assert counted(watch) == pytest.approx(times)


@pytest.mark.parametrize("report", [seen, lifted])
def test_each_lift_is_measured_against_the_one_before(report: Teller) -> None:
    watch = reporting(
        (0, seen("aa", 5.0)),
        (0, report("aa", 9.0)),
        (0, report("aa", 9.05)),
        (0, report("aa", 12.0)),
        (FLUSH_SECONDS, None),
    )

    assert counted(watch) == pytest.approx(3.0)
    assert counted(watch, 11.0) == pytest.approx(1.0)


# --- pictures of the queue


def a_state(vbytes: float, source: QueueSource = QueueSource.ELECTRS) -> Queue:
    return queue_of_transactions([(5.0, vbytes)], source)


def pictured(*taken: tuple[float, float]) -> InflowWatch:
    watch = InflowWatch()
    for seconds, vbytes in taken:
        watch.pictured(a_state(vbytes), AT + seconds * SECOND)
    return watch


def grown(watch: InflowWatch) -> float:
    """Vbytes that came, while nothing else was watched."""
    return float(watch.inflow.above(np.array([1.0])).short[0]) * watch.inflow.observed_seconds


def test_pictures_half_a_minute_apart_are_compared_to_the_vbyte() -> None:
    watch = pictured((0, 5_000.0), (VIEW_SECONDS, 5_060.0))

    assert watch.inflow.observed_seconds == VIEW_SECONDS
    assert grown(watch) == pytest.approx(60.0, rel=1e-9)


def test_those_taken_nearer_are_left_out() -> None:
    watch = pictured((0, 5_000.0), (VIEW_SECONDS - 1, 9_000.0), (VIEW_SECONDS, 5_060.0))

    assert grown(watch) == pytest.approx(60.0, rel=1e-9)


@pytest.mark.parametrize("second", [0.0, 0.5])
def test_a_second_picture_in_the_same_moment_does_not_take_the_place_of_the_first(second: float) -> None:
    assert grown(pictured((0, 5_000.0), (second, 5_050.0), (60, 5_060.0))) == pytest.approx(60.0, rel=1e-9)


def test_each_picture_is_compared_with_the_one_before_and_a_clock_set_back_begins_anew() -> None:
    watch = pictured((0, 5_000.0), (60, 5_060.0), (-900, 6_000.0), (-840, 6_300.0))

    assert watch.inflow.observed_seconds == 120.0
    assert grown(pictured((0, 5_000.0), (-900, 6_000.0), (-840, 6_300.0))) == pytest.approx(300.0, rel=1e-9)
    assert grown(pictured((0, 5_000.0), (60, 5_000.0), (120, 5_060.0))) == pytest.approx(
        60.0 * 120 / 60 * _weight_of_the_last(60.0), rel=1e-9
    )


def _weight_of_the_last(seconds: float) -> float:
    """Of two looks as long as each other, on the short window."""
    keep = math.exp(-seconds / SHORT_SECONDS)
    return (1.0 - keep) / (1.0 - keep**2)


def test_all_that_blocks_took_between_two_pictures_is_taken_into_account() -> None:
    watch = InflowWatch()
    watch.pictured(a_state(5_000.0), AT)
    watch.mined(1_000.0)
    watch.mined(2_000.0)
    watch.pictured(a_state(2_060.0), AT + 60 * SECOND)

    assert grown(watch) == pytest.approx(60.0, rel=1e-9)


def test_where_projected_blocks_come_after_pictures_the_time_counts_from_the_last_picture() -> None:
    watch = pictured((0, 5_000.0), (VIEW_SECONDS, 5_000.0))
    watch.pictured(a_state(5_000.0, QueueSource.PROJECTED_BLOCKS), AT + 40 * SECOND)
    watch.flush(AT + 40 * SECOND)

    assert watch.inflow.observed_seconds == 40.0


@pytest.mark.parametrize(("more", "forgotten"), [(0, 0), (1, FORGOTTEN_AT_ONCE + 1)])
def test_the_oldest_are_forgotten_when_there_are_a_thousand_too_many_and_no_others(
    more: int, forgotten: int
) -> None:
    """Of those that are told again, only what was forgotten counts as new."""
    number = REMEMBERED + FORGOTTEN_AT_ONCE + more
    names = [f"{place:016x}" for place in range(number)]
    again = [names[0], names[FORGOTTEN_AT_ONCE], names[FORGOTTEN_AT_ONCE + 1], names[-1]]
    watch = reporting(
        (0, TransactionsSeen(batch=ManyPaid(names), source=WS)),
        (0, TransactionsSeen(batch=ManyPaid(again), source=WS)),
        (FLUSH_SECONDS, None),
    )

    assert counted(watch) == pytest.approx(number + (2 if forgotten else 0))


class ManyPaid(PaidFrame):
    """All of them pay the same; named by the first sixteen letters of their txids."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__([(name, 5.0) for name in names])

    def paid(self) -> Sequence[tuple[Txid, tuple[float, float]]]:
        return [(Txid(name + "0" * 48), (feerate, VSIZE)) for name, feerate in self.of]


def test_more_arrivals_than_are_held_one_by_one_count_all_the_same() -> None:
    many = a_frame(*((f"{number:02x}", 5.0) for number in range(2 * SINGLY)))
    watch = reporting((0, many), (1, a_frame(("last", 5.0))), (FLUSH_SECONDS, None))

    assert counted(watch) == pytest.approx(2 * SINGLY + 1)


def test_feerates_that_rise_for_ever_while_none_are_counted_take_no_memory() -> None:
    watch = reporting((0, seen("ab", 5.0)))
    lower, higher = lifted("ab", 5.0), lifted("ab", 10.0)
    tracemalloc.start()
    try:
        for _ in range(10 * SINGLY):
            watch.receive(higher, AT)
            watch.receive(lower, AT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


def test_those_no_longer_held_are_missed_with_the_others_when_the_source_was_away() -> None:
    many = a_frame(*((f"{number:02x}", 5.0) for number in range(2 * SINGLY)))
    watch = reporting((0, many), (1, AGAIN), (1 + FLUSH_SECONDS, None))

    assert counted(watch) == 0.0
