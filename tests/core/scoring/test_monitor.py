"""When accuracy is said to have fallen, when to have recovered, and why it fell: one history each."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.classification import Flow
from app.core.models import SourceName
from app.core.prediction import Outcome, Urgency
from app.core.scoring import (
    AccuracyCause,
    AccuracyChange,
    Circumstances,
    Fate,
    ForecastOutcome,
    WindowCount,
    change_of,
    changed,
    deciding,
    touching,
    wilson,
)
from app.core.units import Height, Txid

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINE = 0.70


def windows(*counts: tuple[int, int]) -> list[WindowCount]:
    """(on time, n) of the last hour, day and week."""
    names = ("1h", "24h", "7d")
    return [
        WindowCount(window=name, on_time=hits, n=n) for name, (hits, n) in zip(names, counts, strict=True)
    ]


def a_miss(minutes: int, *, late_by: int = 1) -> ForecastOutcome:
    """Made so many minutes after noon, for the next block; half an hour later that had not held."""
    made_at = NOON + timedelta(minutes=minutes)
    return ForecastOutcome(
        prediction_id=f"whl_{minutes}",
        txid=Txid(f"{minutes:064x}"),
        at=made_at + timedelta(minutes=30),
        result=Outcome.LATE,
        fate=Fate.CONFIRMED,
        blocks=1 + late_by,
        made_at=made_at,
        at_height=Height(800_000),
        due_height=Height(800_001),
        stated=(0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 1.0),
        projected_block=1,
        urgency=Urgency.HIGH,
        flow=Flow.INFLOW,
        first_seen_by=SourceName.MEMPOOL_WS,
    )


def because(circumstances: Circumstances, *, baseline: tuple[int, int] = (0, 0)) -> AccuracyCause | None:
    """Why 5 of 30 held, beside what held of the naive forecasts."""
    hits, n = baseline
    window = WindowCount(window="24h", n=30, on_time=5, baseline_on_time=hits, baseline_n=n)
    return change_of(window, degraded=True, threshold=LINE, circumstances=circumstances).because


MISSES = [a_miss(minutes) for minutes in range(25)]


def test_the_shortest_window_with_enough_outcomes_decides() -> None:
    found = deciding(windows((19, 19), (20, 20), (500, 900)))

    assert found is not None
    assert found.window == "24h"


def test_with_few_outcomes_nothing_is_said() -> None:
    assert changed(windows((0, 5), (0, 12), (0, 19)), degraded=False, threshold=LINE) is None


def test_it_falls_when_even_the_upper_bound_lies_under_the_line() -> None:
    assert changed(windows((8, 20), (8, 20), (8, 20)), degraded=False, threshold=LINE) is True


def test_a_rate_under_the_line_by_chance_is_no_fall() -> None:
    assert changed(windows((12, 20), (12, 20), (12, 20)), degraded=False, threshold=LINE) is None


def test_while_it_stays_under_nothing_more_is_said() -> None:
    assert changed(windows((5, 40), (5, 40), (5, 40)), degraded=True, threshold=LINE) is None


def test_just_above_the_line_it_has_not_recovered() -> None:
    assert changed(windows((74, 100), (74, 100), (74, 100)), degraded=True, threshold=LINE) is None


def test_clear_above_the_line_it_has_recovered() -> None:
    assert changed(windows((75, 100), (75, 100), (75, 100)), degraded=True, threshold=LINE) is False


def test_a_line_near_one_can_still_be_recovered_from() -> None:
    assert changed(windows((99, 100), (99, 100), (99, 100)), degraded=True, threshold=0.97) is False


@pytest.mark.parametrize("minutes", [5, 15, 25])
def test_a_fee_spike_while_they_waited_is_named(minutes: int) -> None:
    spike = NOON + timedelta(minutes=minutes)

    assert because(Circumstances(misses=MISSES, spikes=(spike,))) is (
        AccuracyCause.FEE_SPIKE if minutes > 10 else AccuracyCause.UNKNOWN
    )


def test_empty_blocks_that_cost_the_place_are_named() -> None:
    empty = (NOON + timedelta(minutes=26),)

    assert because(Circumstances(misses=MISSES, empty_blocks=empty)) is AccuracyCause.EMPTY_BLOCKS


def test_empty_blocks_that_explain_too_little_are_not() -> None:
    far_too_late = [a_miss(minutes, late_by=9) for minutes in range(25)]
    empty = (NOON + timedelta(minutes=26),)

    assert because(Circumstances(misses=far_too_late, empty_blocks=empty)) is AccuracyCause.UNKNOWN


def test_a_source_that_was_away_is_named() -> None:
    away = (NOON - timedelta(hours=1), NOON + timedelta(minutes=40))

    assert because(Circumstances(misses=MISSES, degraded=(away,))) is AccuracyCause.SOURCE_DEGRADED


def test_where_the_naive_forecast_did_better_it_is_the_model() -> None:
    assert because(Circumstances(misses=MISSES), baseline=(27, 30)) is AccuracyCause.MODEL


def test_where_the_naive_forecast_did_no_better_it_is_unknown() -> None:
    assert because(Circumstances(misses=MISSES), baseline=(8, 30)) is AccuracyCause.UNKNOWN


def test_the_words_hold_the_figures_and_the_reason() -> None:
    spike = Circumstances(misses=MISSES, spikes=(NOON + timedelta(minutes=26),))
    window = WindowCount(window="24h", n=30, on_time=5)
    change = change_of(window, degraded=True, threshold=LINE, circumstances=spike)

    assert change.message == (
        "5 of 30 forecasts held within 24h: 17% (7% to 34%), under the line of 70%; "
        "most of the misses waited while fees spiked"
    )


def test_recovery_has_no_reason() -> None:
    window = WindowCount(window="24h", n=30, on_time=29)
    change = change_of(window, degraded=False, threshold=LINE, circumstances=Circumstances())

    assert (change.because, change.degraded) == (None, False)


def test_a_forecast_that_was_excused_or_dropped_lost_nothing_to_empty_blocks() -> None:
    empty = Circumstances(empty_blocks=(NOON + timedelta(minutes=10),))
    late = a_miss(0)

    assert touching(late, empty) == (AccuracyCause.EMPTY_BLOCKS,)
    assert touching(replace(late, result=Outcome.DROPPED), empty) == ()


def test_a_forecast_that_still_waits_may_have_lost_its_place_to_any_empty_block_meanwhile() -> None:
    """How far it is behind nobody knows yet."""
    waits = replace(a_miss(0), fate=Fate.PENDING, blocks=None)
    before, meanwhile = ((NOON + timedelta(minutes=minutes),) for minutes in (-1, 10))

    assert touching(waits, Circumstances(empty_blocks=meanwhile)) == (AccuracyCause.EMPTY_BLOCKS,)
    assert touching(waits, Circumstances(empty_blocks=before)) == ()


def test_a_change_has_the_rate_and_where_it_may_lie() -> None:
    window = WindowCount(window="24h", n=40, on_time=30)
    change = change_of(window, degraded=False, threshold=LINE, circumstances=Circumstances())

    assert (change.hit_rate, change.interval) == (0.75, wilson(30, 40))


def test_the_words_of_a_recovery_are_these() -> None:
    window = WindowCount(window="24h", n=30, on_time=29)

    assert change_of(window, degraded=False, threshold=LINE, circumstances=Circumstances()) == AccuracyChange(
        degraded=False,
        window="24h",
        n=30,
        on_time=29,
        threshold=LINE,
        because=None,
        message="29 of 30 forecasts held within 24h: 97% (83% to 99%), clear above the line of 70%",
    )


def test_an_upper_bound_at_the_line_is_no_fall() -> None:
    counted = windows((8, 20), (8, 20), (8, 20))
    bound = wilson(8, 20)[1]

    assert changed(counted, degraded=False, threshold=bound) is None
    assert changed(counted, degraded=False, threshold=bound + 1e-9) is True


@pytest.mark.parametrize(("touched", "cause"), [(12, AccuracyCause.UNKNOWN), (13, AccuracyCause.FEE_SPIKE)])
def test_a_cause_is_named_from_half_of_the_misses_on(touched: int, cause: AccuracyCause) -> None:
    """Each miss waits half an hour: a spike at that moment touches those that were made until then."""
    misses = [a_miss(0)] * touched + [a_miss(60)] * (26 - touched)

    assert because(Circumstances(misses=misses, spikes=(NOON,))) is cause


def test_the_cause_that_touched_most_of_the_misses_is_named() -> None:
    misses = [a_miss(0)] * 10 + [a_miss(60)] * 16
    spikes, away = (NOON,), ((NOON + timedelta(minutes=60), NOON + timedelta(minutes=61)),)

    assert (
        because(Circumstances(misses=misses, spikes=spikes, degraded=away)) is AccuracyCause.SOURCE_DEGRADED
    )


def test_a_naive_forecast_that_did_as_well_is_no_better_model() -> None:
    """Its lower bound would have to lie above our upper one."""
    window = WindowCount(window="24h", n=0, on_time=0, baseline_n=10**12, baseline_on_time=10**12)

    assert wilson(window.baseline_on_time, window.baseline_n)[0] < wilson(0, 0)[1] == 1.0
    assert (
        change_of(replace(window, n=1), degraded=True, threshold=LINE, circumstances=Circumstances()).because
        is AccuracyCause.MODEL
    )


@pytest.mark.parametrize(("minutes", "touches"), [(-0.1, False), (0, True), (30, True), (30.1, False)])
def test_a_miss_is_touched_by_what_came_from_when_it_was_made_until_it_was_decided(
    minutes: float, *, touches: bool
) -> None:
    miss, moment = a_miss(0), (NOON + timedelta(minutes=minutes),)
    waits = replace(miss, fate=Fate.PENDING, blocks=None)

    assert (touching(miss, Circumstances(spikes=moment)) == (AccuracyCause.FEE_SPIKE,)) is touches
    for one in (miss, waits):
        assert (touching(one, Circumstances(empty_blocks=moment)) == (AccuracyCause.EMPTY_BLOCKS,)) is touches


@pytest.mark.parametrize(
    ("start", "end", "touches"),
    [(-20, -0.1, False), (-20, 0, True), (30, 90, True), (30.1, 90, False), (10, 20, True)],
)
def test_a_miss_is_touched_by_a_time_that_it_shares_a_moment_with(
    start: float, end: float, *, touches: bool
) -> None:
    span = (NOON + timedelta(minutes=start), NOON + timedelta(minutes=end))

    assert (
        touching(a_miss(0), Circumstances(degraded=(span,))) == (AccuracyCause.SOURCE_DEGRADED,)
    ) is touches


def test_a_late_forecast_is_laid_to_as_many_empty_blocks_as_it_was_late() -> None:
    empty = [NOON + timedelta(minutes=minutes) for minutes in (5, 10, 15)]
    found = [
        [
            late_by
            for late_by in range(1, 6)
            if touching(a_miss(0, late_by=late_by), Circumstances(empty_blocks=few))
        ]
        for few in (empty[:0], empty[:1], empty)
    ]

    assert found == [[], [1], [1, 2, 3]]


def test_a_forecast_that_was_replaced_too_late_may_have_lost_its_place_to_any_empty_block() -> None:
    replaced = replace(a_miss(0, late_by=9), fate=Fate.REPLACED)

    assert touching(replaced, Circumstances(empty_blocks=(NOON,))) == (AccuracyCause.EMPTY_BLOCKS,)
    assert touching(replace(a_miss(0), blocks=0), Circumstances()) == ()
