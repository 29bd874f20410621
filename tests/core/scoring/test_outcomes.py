"""The outcome of each transaction a whale was, as the tracker leaves it."""

from app.core.prediction import Outcome
from app.core.scoring import forecast_outcomes, whale_outcome
from tests.builders import a_block, a_whale
from tests.core.story import Story, forecasting

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
