"""The outcome of each transaction a whale was, as the tracker leaves it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.core.classification import Flow
from app.core.prediction import Outcome, Prediction, Status, Urgency
from app.core.scoring import Fate, ForecastOutcome, WhaleOutcome, forecast_outcomes, is_excused, whale_outcome
from app.core.units import Height
from tests.builders import START_HEIGHT, a_block, a_whale
from tests.core.story import WS, Story, forecasting

WHALE = a_whale(150, fee=1_000)
BUMPED = a_whale(150, fee=3_000)


def begun(blocks: int | None = 2) -> Story:
    """One whale waits, forecast for the block of that height."""
    story = Story(forecast_source=forecasting(blocks))
    story.start()
    story.seen(WHALE)
    return story


def results(story: Story) -> list[Outcome]:
    return [one.result for one in forecast_outcomes(story.only)]


def test_what_waits_beyond_its_block_is_late_already() -> None:
    story = begun()
    story.connected(a_block(1), a_block(2))

    assert results(story) == [Outcome.LATE]


def test_what_waits_for_its_block_is_censored() -> None:
    story = begun()
    story.connected(a_block(1))

    assert results(story) == [Outcome.CENSORED]


def test_a_block_that_is_not_read_yet_says_nothing() -> None:
    story = begun(1)
    story.connected(a_block(1, read=False))

    assert results(story) == [Outcome.CENSORED]


def test_a_block_that_is_read_late_makes_it_late() -> None:
    story = begun(1)
    story.connected(a_block(1, read=False))
    story.connected(a_block(1))

    assert results(story) == [Outcome.LATE]


def test_replaced_in_time_and_its_replacement_on_time() -> None:
    story = begun()
    story.replaced(WHALE, by=BUMPED)
    story.connected(a_block(1), a_block(2, BUMPED))

    assert results(story) == [Outcome.REPLACED, Outcome.ON_TIME]


def test_replaced_only_after_its_block_it_was_late() -> None:
    story = begun(1)
    story.connected(a_block(1))
    story.replaced(WHALE, by=BUMPED)

    assert results(story)[0] is Outcome.LATE


def test_a_reorg_takes_the_outcome_back() -> None:
    story = begun(3)
    story.connected(a_block(1, WHALE))
    story.connected(a_block(1, branch="b", on=""), a_block(2, branch="b"))

    assert results(story) == [Outcome.CENSORED]


def test_after_a_reorg_the_final_block_counts() -> None:
    story = begun(1)
    story.connected(a_block(1, WHALE))
    story.connected(a_block(1, branch="b", on=""), a_block(2, WHALE, branch="b"))

    assert results(story) == [Outcome.LATE]


def test_a_whale_of_a_block_that_nobody_announced_is_a_false_negative() -> None:
    story = Story(forecast_source=forecasting(2))
    story.start()
    story.connected(a_block(1, WHALE))
    story.published(WHALE, a_block(1, WHALE))
    ended = whale_outcome(story.only)

    assert ended is not None
    assert ended.is_false_negative


def test_what_waits_has_no_end() -> None:
    assert whale_outcome(begun().only) is None


def of_an_older_spout(story: Story) -> Prediction:
    """As it was stored before each replacement was recorded with its time."""
    return replace(story.only, replacements=())


def test_a_replacement_of_an_older_record_is_as_good_as_one_of_today() -> None:
    story = begun()
    story.replaced(WHALE, by=BUMPED)
    story.connected(a_block(1), a_block(2, BUMPED))
    now, then = (
        [(one.txid, one.result, one.fate, one.blocks) for one in forecast_outcomes(whale)]
        for whale in (story.only, of_an_older_spout(story))
    )

    assert [result for _, result, _, _ in now] == [Outcome.REPLACED, Outcome.ON_TIME]
    assert then == now


def test_a_replacement_of_an_older_record_that_was_never_forecast_ended_when_it_was_last_stored() -> None:
    story = begun()
    story.replaced(WHALE, by=BUMPED)
    whale = of_an_older_spout(story)
    (outcome,) = forecast_outcomes(replace(whale, forecasts=whale.forecasts[:1], first_forecast=None))

    assert (outcome.txid, outcome.result, outcome.at) == (WHALE.txid, Outcome.REPLACED, whale.updated_at)


def test_a_whale_of_an_older_record_that_gave_way_was_replaced_when_it_ended() -> None:
    story = begun()
    story.replaced(WHALE, by=a_whale(50, fee=9_000))
    whale = of_an_older_spout(story)
    (outcome,) = forecast_outcomes(whale)

    assert (outcome.result, outcome.at, outcome.blocks) == (Outcome.REPLACED, whale.ended_at, 0)


def test_a_whale_that_was_dropped_has_an_outcome_of_its_own() -> None:
    story = begun()
    story.gone(WHALE)

    assert results(story) == [Outcome.DROPPED]


def test_nothing_is_scored_of_the_demo_or_of_what_nobody_could_verify() -> None:
    whale = begun().only

    assert list(forecast_outcomes(replace(whale, demo=True))) == []
    assert list(forecast_outcomes(replace(whale, left_unverified=True))) == []
    assert whale_outcome(replace(whale, demo=True)) is None


def test_the_outcome_of_a_forecast_says_all_of_it() -> None:
    story = begun()
    whale = story.only
    seen_at = story.at
    story.replaced(WHALE, by=BUMPED)
    replaced_at = story.at
    story.connected(a_block(1), a_block(3, BUMPED, on=""), a_block(2))
    first, second = forecast_outcomes(story.only)
    stated = (0.5, 0.6, 0.8, 0.9, 0.95, 0.99, 1.0)

    assert first == ForecastOutcome(
        prediction_id=whale.prediction_id,
        txid=WHALE.txid,
        at=replaced_at,
        result=Outcome.REPLACED,
        fate=Fate.REPLACED,
        blocks=0,
        made_at=seen_at,
        at_height=Height(START_HEIGHT),
        due_height=Height(START_HEIGHT + 2),
        stated=stated,
        projected_block=None,
        urgency=Urgency.MEDIUM,
        flow=Flow.UNKNOWN,
        first_seen_by=WS,
    )
    assert (second.txid, second.made_at, second.due_height) == (BUMPED.txid, replaced_at, START_HEIGHT + 2)


def test_the_outcome_of_a_whale_says_all_of_it() -> None:
    story = begun()
    seen_at = story.at
    story.at += timedelta(minutes=10)
    story.connected(a_block(1, WHALE))
    whale = story.only

    assert whale_outcome(whale) == WhaleOutcome(
        prediction_id=whale.prediction_id,
        at=story.at,
        confirmed=True,
        lead_time_seconds=(story.at - seen_at).total_seconds(),
        excused=False,
        flow_right=True,
        announced=True,
        urgency=Urgency.MEDIUM,
        flow=Flow.UNKNOWN,
        first_seen_by=WS,
    )


def test_a_dropped_whale_has_no_lead_time_and_nothing_of_its_flow_is_right_or_wrong() -> None:
    story = begun()
    story.gone(WHALE)
    outcome = whale_outcome(story.only)
    assert outcome is not None

    assert (outcome.confirmed, outcome.lead_time_seconds, outcome.flow_right) == (False, None, None)
    assert (outcome.at, outcome.announced) == (story.at, True)


def test_stated_chances_are_kept_to_four_places() -> None:
    story = begun()
    forecast = story.only.forecasts[0]
    exact = replace(forecast, probabilities=(0.123456, *forecast.probabilities[1:]))
    whale = replace(story.only, forecasts=(exact,), first_forecast=exact)
    (outcome,) = forecast_outcomes(whale)

    assert outcome.stated[0] == 0.1235


def test_an_end_is_dated_by_what_is_known_of_it() -> None:
    """Records of an older Spout lack times; then that of the last change stands for them."""
    story, first = begun(), START_HEIGHT
    story.at += timedelta(minutes=10)
    story.connected(a_block(1, WHALE))
    whale, later = story.only, story.at + timedelta(hours=1)
    whale = replace(whale, updated_at=later)
    story_of = [
        replace(whale),
        replace(whale, confirmed_at=None),
        replace(whale, confirmed_height=Height(first + 3)),
        replace(whale, confirmed_height=Height(first + 3), overdue_since=story.at - timedelta(minutes=1)),
    ]
    found = [next(iter(forecast_outcomes(one))) for one in story_of]

    assert [(one.result, one.at, one.blocks) for one in found] == [
        (Outcome.ON_TIME, story.at, 1),
        (Outcome.ON_TIME, later, 1),
        (Outcome.LATE, story.at, 3),
        (Outcome.LATE, story.at - timedelta(minutes=1), 3),
    ]


def test_a_dropped_whale_is_dated_by_its_end_or_its_last_change_and_no_block_is_counted() -> None:
    story = begun()
    story.gone(WHALE)
    whale = replace(story.only, updated_at=story.at + timedelta(hours=1))
    found = [
        next(iter(forecast_outcomes(replace(whale, ended_at=ended)))) for ended in (whale.ended_at, None)
    ]

    assert [(one.result, one.fate, one.at, one.blocks) for one in found] == [
        (Outcome.DROPPED, Fate.DROPPED, story.at, 0),
        (Outcome.DROPPED, Fate.DROPPED, story.at + timedelta(hours=1), 0),
    ]


def test_a_whale_that_gave_way_in_an_older_record_is_dated_by_its_end_or_its_last_change() -> None:
    story = begun()
    story.replaced(WHALE, by=a_whale(50, fee=9_000))
    whale = replace(of_an_older_spout(story), updated_at=story.at + timedelta(hours=1))
    found = [
        next(iter(forecast_outcomes(replace(whale, ended_at=ended)))) for ended in (whale.ended_at, None)
    ]

    assert [one.at for one in found] == [story.at, story.at + timedelta(hours=1)]


def test_the_outcome_of_a_whale_is_dated_by_its_end_its_confirmation_or_its_last_change() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    hours = [story.at + timedelta(hours=number) for number in range(3)]
    whale = replace(story.only, ended_at=hours[0], confirmed_at=hours[1], updated_at=hours[2])
    known = [whale, replace(whale, ended_at=None), replace(whale, ended_at=None, confirmed_at=None)]

    assert [outcome.at for one in known if (outcome := whale_outcome(one)) is not None] == hours


def test_an_unannounced_flow_is_that_of_the_classification() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    known = replace(story.only.classification, flow=Flow.INFLOW)
    whale = replace(story.only, announced_flow=None, classification=known)
    outcome = whale_outcome(whale)
    assert outcome is not None

    assert (outcome.flow, outcome.flow_right) == (Flow.INFLOW, None)
    assert [one.flow for one in forecast_outcomes(whale)] == [Flow.INFLOW]
    announced = whale_outcome(replace(whale, announced_flow=Flow.OUTFLOW))
    assert announced is not None
    assert (announced.flow, announced.flow_right) == (Flow.OUTFLOW, False)


def test_a_replaced_forecast_is_of_the_flow_that_it_was_announced_with() -> None:
    story = begun()
    story.replaced(WHALE, by=BUMPED)
    (gone,) = story.only.replacements
    whale = replace(story.only, replacements=(replace(gone, flow=Flow.INFLOW),), announced_flow=Flow.OUTFLOW)

    assert [one.flow for one in forecast_outcomes(whale)] == [Flow.INFLOW, Flow.OUTFLOW]


def test_a_lead_time_and_an_excuse_are_only_of_what_is_confirmed() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    dropped = replace(story.only, status=Status.DROPPED)
    outcome = whale_outcome(dropped)
    assert outcome is not None

    assert is_excused(story.only)
    assert not is_excused(dropped)
    assert (outcome.lead_time_seconds, outcome.excused, outcome.confirmed) == (None, False, False)


@pytest.mark.parametrize(("seconds", "excused"), [(179.0, True), (180.0, False)])
def test_three_minutes_before_its_block_are_time_enough(seconds: float, *, excused: bool) -> None:
    story = begun()
    story.at += timedelta(seconds=seconds)
    story.connected(a_block(1, WHALE))
    whale = replace(story.only, confirmed_at=story.only.detected_at + timedelta(seconds=seconds))

    assert is_excused(whale) is excused


@pytest.mark.parametrize(
    ("changes", "announced"),
    [
        ({}, True),
        ({"detected_height": Height(START_HEIGHT + 1)}, False),
        ({"detected_height": Height(START_HEIGHT + 2)}, False),
        ({"detected_height": None}, True),
        ({"confirmed_height": None}, True),
        ({"detected_height": Height(START_HEIGHT + 1), "reorged": 1}, True),
        ({"detected_height": Height(START_HEIGHT + 1), "replaces": (BUMPED.txid,)}, True),
        ({"first_seen_in_block": True}, False),
    ],
)
def test_a_whale_was_announced_before_its_block_unless_the_tip_was_as_high_by_then(
    changes: dict[str, Any], *, announced: bool
) -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    outcome = whale_outcome(replace(story.only, **changes))
    assert outcome is not None

    assert outcome.announced is announced


@pytest.mark.parametrize(("seconds", "scored"), [(59.9, True), (60.0, False)])
def test_a_forecast_is_scored_when_it_was_made_within_a_minute(seconds: float, *, scored: bool) -> None:
    whale = begun().only
    made = replace(whale.forecasts[0], made_at=whale.detected_at + timedelta(seconds=seconds))
    late = replace(whale, forecasts=(made,), first_forecast=made)

    assert bool(list(forecast_outcomes(late))) is scored


def test_the_forecast_of_a_replacement_counts_from_when_it_came_or_is_taken_for_new() -> None:
    story = begun()
    story.at += timedelta(hours=1)
    story.replaced(WHALE, by=BUMPED)
    whale = story.only
    (gone,) = whale.replacements
    long_ago = replace(gone, at=gone.at - timedelta(minutes=1))

    assert [one.txid for one in forecast_outcomes(whale)] == [WHALE.txid, BUMPED.txid]
    assert [one.txid for one in forecast_outcomes(of_an_older_spout(story))] == [WHALE.txid, BUMPED.txid]
    assert [one.txid for one in forecast_outcomes(replace(whale, replacements=(long_ago,)))] == [WHALE.txid]


def test_a_replacement_of_an_older_record_was_made_when_the_next_one_was_first_forecast() -> None:
    story = begun()
    again = a_whale(150, fee=9_000)
    for by, gone in ((BUMPED, WHALE), (again, BUMPED)):
        story.at += timedelta(minutes=5)
        story.replaced(gone, by=by)
        story.connected(a_block(1 if by is BUMPED else 2))
    old = of_an_older_spout(story)
    higher = [
        replace(one, at_height=Height(START_HEIGHT + 1)) if one.txid == again.txid else one
        for one in old.forecasts
    ]
    whale = replace(old, forecasts=tuple(higher))
    found = list(forecast_outcomes(whale))
    openings = [next(one for one in whale.forecasts if one.txid == tx.txid) for tx in (BUMPED, again)]

    assert [one.txid for one in found] == [WHALE.txid, BUMPED.txid, again.txid]
    assert [(one.result, one.at, one.blocks) for one in found[:2]] == [
        (Outcome.REPLACED, openings[0].made_at, 0),
        (Outcome.REPLACED, openings[1].made_at, 1),
    ]


@pytest.mark.parametrize(
    ("height", "overdue", "expected"),
    [
        (None, False, (Outcome.REPLACED, 0)),
        (START_HEIGHT - 1, False, (Outcome.REPLACED, 0)),
        (START_HEIGHT + 1, False, (Outcome.REPLACED, 1)),
        (START_HEIGHT + 2, False, (Outcome.LATE, 2)),
        (START_HEIGHT + 1, True, (Outcome.LATE, 1)),
    ],
)
def test_replaced_at_its_block_or_after_it_came_due_a_forecast_was_late(
    height: int | None, expected: tuple[Outcome, int], *, overdue: bool
) -> None:
    story = begun()
    story.replaced(WHALE, by=BUMPED)
    (gone,) = story.only.replacements
    since = gone.at - timedelta(seconds=9) if overdue else None
    at_height = None if height is None else Height(height)
    whale = replace(story.only, replacements=(replace(gone, at_height=at_height, overdue_since=since),))
    outcome = next(iter(forecast_outcomes(whale)))

    assert (outcome.result, outcome.blocks) == expected
    assert outcome.at == (since or gone.at)


def test_a_confirmed_whale_of_unknown_height_is_not_judged_by_one() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    (unknown,) = forecast_outcomes(replace(story.only, confirmed_height=None))
    (waits,) = forecast_outcomes(replace(story.only, status=Status.PENDING))

    assert [(one.result, one.fate) for one in (unknown, waits)] == [(Outcome.CENSORED, Fate.PENDING)] * 2
