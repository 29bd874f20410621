"""What is counted since the start: once each, however it came about; and the words that say how it did."""

from collections.abc import Callable

import pytest

from app.core.models import Transaction
from app.core.questions import AskTransaction
from tests.builders import a_block, a_whale
from tests.core.story import Story

How = Callable[[Story, Transaction, Transaction], None]


def versions(coin: str) -> tuple[Transaction, Transaction]:
    """Two spends of one coin; the second pays more."""
    return a_whale(150, coins=(coin,), fee=1_000), a_whale(150, coins=(coin,), fee=5_000)


def reported(story: Story, first: Transaction, second: Transaction) -> None:
    story.seen(first)
    story.replaced(first, by=second)


def found_missing(story: Story, first: Transaction) -> None:
    story.seen(first)
    story.listed()
    story.gone(first)


def seen_after_it_was_missed(story: Story, first: Transaction, second: Transaction) -> None:
    found_missing(story, first)
    story.seen(second)


def reported_after_it_was_missed(story: Story, first: Transaction, second: Transaction) -> None:
    found_missing(story, first)
    story.replaced(first, by=second)


def mined_after_it_was_missed(story: Story, first: Transaction, second: Transaction) -> None:
    found_missing(story, first)
    story.published(second, a_block(0))


def named_by_a_source(story: Story, first: Transaction, second: Transaction) -> None:
    story.seen(first)
    story.gone(first, replaced_by=second.txid)
    story.unanswered(AskTransaction(second.txid))


def both_waiting(story: Story, first: Transaction, second: Transaction) -> None:
    story.seen(first, second)
    story.waits(first)


def lost_to_a_block(story: Story, first: Transaction, second: Transaction) -> None:
    story.seen(second)
    story.published(first, a_block(0))


def seen_again_after_its_replacement_was_missed(
    story: Story, first: Transaction, second: Transaction
) -> None:
    """Back to the first version: that is one more."""
    story.seen(first)
    story.replaced(first, by=second)
    story.gone(second)
    story.seen(first)


REPLACEMENTS = (
    reported,
    seen_after_it_was_missed,
    reported_after_it_was_missed,
    mined_after_it_was_missed,
    named_by_a_source,
)


@pytest.mark.parametrize("how", REPLACEMENTS)
def test_each_replacement_is_counted_once(how: How) -> None:
    story = Story()
    story.start()
    how(story, *versions("a"))
    how(story, *versions("b"))

    assert story.tracker.tally.replacements == 2


def test_the_way_back_to_a_former_version_counts_as_it_is_published() -> None:
    story = Story()
    story.start()
    seen_again_after_its_replacement_was_missed(story, *versions("a"))

    assert story.tracker.tally.replacements == story.types.count("replaced") == 2


@pytest.mark.parametrize("how", [both_waiting, lost_to_a_block])
def test_each_conflict_is_counted_once(how: How) -> None:
    story = Story()
    story.start()
    how(story, *versions("a"))
    how(story, *versions("b"))

    assert story.tracker.tally.conflicts == 2


def test_each_block_is_counted_once() -> None:
    story = Story()
    story.start()
    story.connected(a_block(1), a_block(2), a_block(2))

    assert story.tracker.tally.blocks == 3


def test_a_replacement_that_was_mined_is_first_seen_in_its_block() -> None:
    story = Story()
    story.start()
    mined_after_it_was_missed(story, *versions("a"))

    assert story.only.first_seen_in_block


def test_what_a_source_names_as_replacement_is_said_with_the_height_it_was_known_at() -> None:
    story, (first, second) = Story(), versions("a")
    story.start()
    named_by_a_source(story, first, second)
    (replacement,) = story.only.replacements

    assert (story.only.reason, replacement.at_height) == (f"replaced by {second.txid}", a_block(0).height)


def test_what_lost_to_a_block_says_so_in_both_of_its_events() -> None:
    story, (first, second) = Story(), versions("a")
    story.start()
    lost_to_a_block(story, first, second)
    published = [event.prediction for event in story.events if event.prediction is not None]
    said = [whale.reason for whale in published if whale.txid == second.txid]

    assert said[-2:] == [f"a block holds {first.txid}, which spends the same coin"] * 2


def test_what_a_reorg_undoes_says_of_which_block() -> None:
    story, (first, _) = Story(), versions("a")
    story.start()
    story.seen(first)
    story.connected(a_block(1, first), a_block(1, branch="b", on=""))

    assert story.only.reason == "block 800001 was reorganised away"


def test_a_whale_that_is_replaced_by_none_says_so() -> None:
    story, small = Story(), a_whale(50, coins=("a",), fee=9_000)
    reported(story, versions("a")[0], small)

    assert story.only.reason == f"replaced by {small.txid}, which is no whale"


def test_whales_that_are_replaced_together_say_so() -> None:
    story = Story()
    first, second = a_whale(150, coins=("a",)), a_whale(140, coins=("b",))
    both = a_whale(280, coins=("a", "b"), fee=9_000)
    story.seen(first, second)
    story.replaced(first, second, by=both)

    assert story.of(second).reason == f"replaced by {both.txid}, together with others"


def test_each_whale_is_counted_once() -> None:
    story = Story()
    story.seen(versions("a")[0], versions("b")[0])

    assert story.tracker.tally.whales == 2
