"""A transaction is asked for whole, and the answer is late: it tells what it is, and not where it is now.

A block listed it, which is undone before the answer comes and is still named by it; or it has left meanwhile.
"""

from datetime import timedelta

import pytest

from app.core.classification import Flag
from app.core.models import Block, SourceName, Transaction
from app.core.observations import BlockConnected, TransactionReply
from app.core.prediction import Status
from app.core.questions import AskBlock, AskStatus, AskTransaction
from app.core.units import Height
from tests.builders import (
    START_HEIGHT,
    a_block,
    a_coin,
    a_script,
    a_transaction,
    a_whale,
    pays,
    prevouts_of,
    spends,
    without_prevouts,
)
from tests.core.story import REST, Story, forecasting

WHALE = a_whale(150, coins=("one",), fee=1_000)
DEARER = a_whale(150, coins=("one",), fee=2_000)
KEEPS_149 = a_transaction(
    spends=[spends(a_script("owner"), 150, outpoint=a_coin("kept"))],
    pays=[pays(a_script("owner"), 149), pays(a_script("other"), 0.9)],
)
"""Large, and no whale: nearly all of it goes back to its owner, as its prevouts show."""


def undone(*seen_before: Transaction, holds: Transaction = WHALE) -> tuple[Story, Block]:
    """A block that is undone, and what was seen before it; nothing of it has been answered."""
    story, block = Story(forecast_source=forecasting(3)), a_block(1, holds)
    story.start()
    story.seen(*seen_before)
    story.connected(block)
    story.connected(a_block(1, branch="b", on=""), a_block(2, branch="b"))
    return story, block


def test_it_confirms_nothing_and_its_status_is_asked_for() -> None:
    story, block = undone()

    assert story.published(WHALE, block) == ["detected"]
    assert (story.only.status, story.only.flags) == (Status.PENDING, {Flag.LATE_SEEN})
    assert AskStatus(WHALE.txid) in story.questions


def test_its_status_confirms_what_it_told_of() -> None:
    story, block = undone()
    story.published(WHALE, block)

    assert story.is_in(WHALE, a_block(3, WHALE, branch="b")) == ["confirmed"]


def test_it_tells_of_no_whale_whose_coin_is_spent() -> None:
    story, block = undone()
    winner = a_block(3, DEARER, branch="b")
    story.connected(winner)
    story.published(DEARER, winner)

    assert story.published(WHALE, block) == []


def test_small_ones_are_not_told() -> None:
    story, block = undone()
    small = a_whale(50, coins=("small",))

    assert story.published(small, block) == []


def test_in_a_block_of_our_chain_it_is_confirmed_there_and_forecasts_nothing() -> None:
    story, block = Story(forecast_source=forecasting(3)), a_block(1, WHALE)
    story.start()
    story.connected(block)
    there = a_block(1, WHALE, branch="b", on="")
    story.connected(there, a_block(2, branch="b"))
    story.published(WHALE, block)
    story.published(WHALE, there)

    assert (story.only.status, story.only.confirmed_hash) == (Status.CONFIRMED, there.hash)
    assert (story.only.first_seen_in_block, story.only.first_forecast, story.only.outcome) == (
        True,
        None,
        None,
    )


def test_of_a_block_that_was_named_at_a_wrong_height_it_is_in_time() -> None:
    story, third = Story(), a_block(3, WHALE)
    story.start()
    wrong = Height(START_HEIGHT + 5)
    story.receive(BlockConnected(block=Block(hash=third.hash, height=wrong), source=REST))
    story.unanswered(AskBlock(third.hash, wrong))
    story.connected(third)
    story.published(WHALE, third)

    assert story.only.status is Status.CONFIRMED


def test_a_rival_of_a_waiting_whale_is_not_told_before_it_is_known_which_one_waits() -> None:
    story, block = undone(WHALE, holds=DEARER)

    assert story.published(DEARER, block) == []
    assert {AskStatus(WHALE.txid), AskStatus(DEARER.txid)} <= set(story.questions)


def test_if_the_whale_is_gone_the_rival_has_replaced_it() -> None:
    story, block = undone(WHALE, holds=DEARER)
    story.published(DEARER, block)

    assert story.gone(WHALE) == ["replaced"]
    assert story.only.txid == DEARER.txid


def test_if_the_rival_is_nowhere_the_whale_is_dropped_without_it() -> None:
    story, block = undone(WHALE, holds=DEARER)
    story.published(DEARER, block)
    story.gone(DEARER)

    assert "replaced" not in story.gone(WHALE)


def test_one_that_contests_a_whale_already_is_weighed_once() -> None:
    story, block = undone(WHALE, holds=DEARER)
    story.seen(DEARER)
    story.published(DEARER, block)
    story.gone(WHALE)

    assert story.types == ["detected", "replaced"]


def test_one_whose_prevouts_are_being_asked_for_is_not_told_without_them() -> None:
    story, block = undone(holds=KEEPS_149)
    bare = without_prevouts(KEEPS_149)
    story.seen(bare)
    story.published(bare, block)
    story.receive(prevouts_of(KEEPS_149))

    assert story.types == []


def test_its_prevouts_are_asked_for_where_they_are_missing() -> None:
    story, block = undone(holds=KEEPS_149)
    story.published(without_prevouts(KEEPS_149), block)
    story.receive(prevouts_of(KEEPS_149))

    assert story.types == []


def former_version() -> Story:
    """One that was replaced is in the block, and the answer has come."""
    story, block = Story(), a_block(1, WHALE)
    story.start()
    story.seen(WHALE)
    story.replaced(WHALE, by=DEARER)
    story.connected(block)
    story.connected(a_block(1, branch="b", on=""), a_block(2, branch="b"))
    story.published(WHALE, block)
    return story


def test_of_a_former_version_nothing_is_asked() -> None:
    assert former_version().questions == []


def test_a_former_version_that_is_listed_is_told() -> None:
    story = former_version()
    story.listed(WHALE)
    assert AskTransaction(WHALE.txid) in story.questions
    story.published(WHALE)

    assert (story.only.txid, story.only.status) == (WHALE.txid, Status.PENDING)


def ended(how: str) -> Story:
    """It was asked for whole, and has ended since then."""
    story = Story()
    story.start()
    story.seen(WHALE)
    if how == "dropped":
        story.gone(WHALE)
    else:
        story.replaced(WHALE, by=a_whale(50, coins=("one",), fee=9_000))
    return story


def a_whole_answer(story: Story, seconds: int) -> list[str]:
    """It was waiting so many seconds after its end, and that is heard now."""
    assert story.only.ended_at is not None
    as_of = story.only.ended_at + timedelta(seconds=seconds)
    story.at += timedelta(minutes=1)
    return story.receive(TransactionReply(tx=WHALE, block_hash=None, height=None, source=REST, as_of=as_of))


@pytest.mark.parametrize("how", ["dropped", "replaced"])
def test_an_answer_of_before_its_end_does_not_bring_a_whale_back_but_has_it_asked_about(how: str) -> None:
    story = ended(how)

    assert a_whole_answer(story, -1) == []
    assert story.questions == [AskStatus(WHALE.txid)]


@pytest.mark.parametrize("how", ["dropped", "replaced"])
def test_an_electrum_server_that_never_forgets_brings_no_ended_whale_back(how: str) -> None:
    story = ended(how)
    story.at += timedelta(minutes=1)
    story.receive(
        TransactionReply(tx=WHALE, block_hash=None, height=None, source=SourceName.ELECTRS, as_of=story.at)
    )

    assert story.types[-1] == how


def test_nor_does_it_bring_back_a_former_version() -> None:
    story = Story()
    story.start()
    story.seen(WHALE)
    story.replaced(WHALE, by=DEARER)
    story.gone(DEARER)
    story.at += timedelta(minutes=1)
    story.seen(WHALE, source=SourceName.ELECTRS)

    assert story.types[-1] == "dropped"


def test_nor_one_that_may_be_mined_beside_the_present_one() -> None:
    story, between, present = (
        Story(),
        a_whale(150, coins=("one", "two")),
        a_whale(150, coins=("two",), fee=9_000),
    )
    story.start()
    story.seen(WHALE)
    story.replaced(WHALE, by=between)
    story.replaced(between, by=present)
    story.receive(
        TransactionReply(tx=WHALE, block_hash=None, height=None, source=SourceName.ELECTRS, as_of=story.at)
    )

    assert story.types == ["detected", "replaced", "replaced"]


def test_what_waited_before_its_block_holds_up_nothing_that_spends_it() -> None:
    story, hop = Story(), a_whale(150, coins=("hop",))
    story.start()
    story.projected(hop)
    story.connected(a_block(1, hop))
    story.published(hop)
    story.unanswered(AskTransaction(hop.txid))

    assert story.types.count("detected") == 1


def test_an_answer_of_before_the_end_about_a_former_version_says_nothing() -> None:
    story = Story()
    story.start()
    story.seen(WHALE)
    asked_at = story.at
    story.replaced(WHALE, by=DEARER)
    story.gone(DEARER)
    story.receive(TransactionReply(tx=WHALE, block_hash=None, height=None, source=REST, as_of=asked_at))

    assert (story.types[-1], story.questions) == ("dropped", [])


def test_an_answer_of_after_its_end_brings_it_back() -> None:
    assert a_whole_answer(ended("dropped"), 1) == ["updated"]


def test_what_left_while_it_was_asked_for_is_asked_about_once_it_is_announced() -> None:
    story = Story()
    story.start()
    story.projected(WHALE)
    story.left(WHALE)
    story.published(WHALE)

    assert AskStatus(WHALE.txid) in story.questions
