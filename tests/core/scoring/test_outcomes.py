"""The outcome of each transaction a whale was, as the tracker leaves it."""

from dataclasses import replace
from datetime import timedelta

from app.core.classification import Flow
from app.core.prediction import Outcome, Prediction, Urgency
from app.core.scoring import Fate, ForecastOutcome, WhaleOutcome, forecast_outcomes, whale_outcome
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
