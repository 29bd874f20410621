"""An older version that spends no coin of the current one any more: both may wait, and both be mined.

A spends one coin, B that and another, C the other alone: B replaces A, C replaces B, and A may come again.
"""

from datetime import timedelta
from typing import Any

import pytest

from app.core.classification import Flag
from app.core.models import Block, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    PredictionRecalled,
    StatusReply,
    TransactionReplaced,
    TransactionSeen,
)
from app.core.prediction import Outcome, Status
from app.core.questions import AskBlock, AskStatus, AskStored, AskTransaction
from app.core.scoring import whale_outcome
from app.core.tracking.tracker import Tracker
from app.core.tracking.whales import Bounds, Unloaded
from tests.builders import a_block, a_whale, prevouts_of, sats, without_prevouts
from tests.core.story import REST, WS, Story, a_whale_policy, forecasting
from tests.core.tracking.test_batches import frame

A = a_whale(150, coins=("one",), fee=1_000)
B = a_whale(150, coins=("one", "two"), fee=2_000)
C = a_whale(150, coins=("two",), fee=3_000)
A_DEARER = a_whale(150, coins=("one",), fee=5_000)
NODE = SourceName.BITCOIND


def begun(bounds: Bounds | None = None) -> Story:
    """A prediction that is about C by now."""
    story = Story(bounds=bounds)
    story.start()
    story.seen(A)
    story.replaced(A, by=B)
    story.replaced(B, by=C)
    return story


def apart(bounds: Bounds | None = None) -> Story:
    """The same, and A is there again."""
    story = begun(bounds)
    assert story.published(A) == ["detected"]
    return story


def revised(story: Story, whale: Transaction) -> None:
    """Bring about a new version of a prediction, and nothing else."""
    story.left(whale)
    story.unanswered(AskStatus(whale.txid))
    story.waits(whale)


def others(story: Story, *names: str) -> None:
    story.seen(*(a_whale(150, coins=(name,), fee=9_000) for name in names))


def recalled(story: Story) -> list[object]:
    """Answer what the latest observation asked the store; return what is asked then."""
    asked: list[object] = []
    for one in [one for one in story.questions if isinstance(one, AskStored)]:
        kept = story.kept[one.prediction_id]
        story.receive(PredictionRecalled(prediction_id=one.prediction_id, prediction=kept))
        asked += story.questions
    return asked


def test_it_is_a_whale_of_its_own() -> None:
    story = apart()

    assert (story.of(A).status, story.of(C).status) == (Status.PENDING, Status.PENDING)
    assert story.of(A).prediction_id != story.of(C).prediction_id


def test_beside_the_confirmed_current_one_it_is_a_whale_of_its_own() -> None:
    story = begun()
    story.connected(a_block(1, C))

    assert story.published(A) == ["detected"]
    assert story.of(C).status is Status.CONFIRMED


def test_after_the_current_one_was_dropped_it_is_a_whale_of_its_own() -> None:
    story = begun()
    story.gone(C)

    assert story.published(A) == ["detected"]
    assert story.connected(a_block(1, C)) == ["confirmed"]


def test_it_is_a_whale_of_its_own_once_its_prevouts_are_known() -> None:
    story = begun()

    assert story.published(without_prevouts(A)) == []
    assert story.receive(prevouts_of(A)) == ["detected"]


def test_it_is_told_although_the_current_one_is_dropped_while_its_prevouts_are_asked_for() -> None:
    story = begun()
    story.published(without_prevouts(A))
    story.gone(C)

    assert story.receive(prevouts_of(A)) == ["detected"]


def test_one_that_spends_a_coin_of_the_current_one_is_none() -> None:
    story = apart()
    story.replaced(A, by=A_DEARER)

    assert story.published(A) == []


def test_a_report_of_it_may_be_a_late_one_so_it_is_asked_for() -> None:
    story = begun()

    assert story.receive(TransactionSeen(tx=A, source=NODE)) == []
    assert story.questions == [AskTransaction(A.txid)]


def test_a_source_that_is_behind_is_not_believed() -> None:
    story = begun()
    story.receive(BlockConnected(block=a_block(0), source=NODE))
    story.connected(a_block(1, C))

    assert story.receive(TransactionSeen(tx=A, source=NODE, late=True)) == []
    assert story.questions == []


def test_it_is_told_by_who_answers_although_its_first_reporter_fell_behind() -> None:
    story = begun()
    story.receive(BlockConnected(block=a_block(0), source=NODE))
    story.receive(TransactionSeen(tx=A, source=NODE))
    story.connected(a_block(1, C))

    assert story.published(A) == ["detected"]
    assert story.of(A).first_seen_by is NODE


def test_listed_beside_the_confirmed_current_one_it_is_asked_for() -> None:
    story = begun()
    story.connected(a_block(1, C))
    story.listed(A)

    assert story.questions == [AskTransaction(A.txid)]


def test_in_a_listing_of_before_the_current_one_was_mined_it_is_not_asked_for() -> None:
    story = begun()
    story.connected(a_block(1, C))
    story.listed(A, C, seconds_ago=60)

    assert AskTransaction(A.txid) not in story.questions


@pytest.mark.parametrize("blocks", [(), (a_block(1, C),)])
def test_one_that_is_no_whale_by_the_threshold_of_now_is_asked_for_once(blocks: tuple[Block, ...]) -> None:
    story = begun()
    story.connected(*blocks)
    story.tracker.set_threshold(sats(200))
    story.listed(A, C)
    story.published(A)
    story.listed(A, C)

    assert AskTransaction(A.txid) not in story.questions


def test_one_that_is_a_whale_and_contests_the_current_one_is_asked_for_with_each_listing() -> None:
    story = Story()
    story.start()
    story.seen(A)
    story.replaced(A, by=A_DEARER)
    story.listed(A)
    story.published(A)
    story.waits(A_DEARER)
    story.listed(A)

    assert AskTransaction(A.txid) in story.questions


def test_listed_after_the_current_one_was_dropped_it_goes_on() -> None:
    story = Story()
    story.start()
    story.seen(A)
    story.replaced(A, by=A_DEARER)
    story.gone(A_DEARER)
    story.listed(A)
    assert story.questions == [AskTransaction(A.txid)]
    story.published(A)

    assert (story.only.txid, story.only.status) == (A.txid, Status.PENDING)


def test_under_a_lower_threshold_it_is_asked_for_again() -> None:
    story = begun()
    story.tracker.set_threshold(sats(200))
    story.published(A)
    story.tracker.set_threshold(sats(100))
    story.listed(A, C)

    assert AskTransaction(A.txid) in story.questions


def test_as_an_unloaded_whale_of_its_own_it_is_not_asked_for() -> None:
    story = apart(Bounds(pending=2))
    story.connected(a_block(1, C))
    others(story, "x", "y")
    story.listed(A, *(a_whale(150, coins=(name,), fee=9_000) for name in ("x", "y")))

    assert story.questions == []


def test_when_it_is_there_the_current_one_is_asked_about() -> None:
    story = begun()
    story.published(A)

    assert AskStatus(C.txid) in story.questions


def test_listed_beside_the_current_one_it_is_asked_for() -> None:
    story = begun()
    story.listed(A, C)

    assert story.questions == [AskTransaction(A.txid)]


def test_as_a_whale_of_its_own_it_is_asked_for_no_more() -> None:
    story = apart()
    story.listed(A, C)

    assert story.questions == []


def test_the_current_one_that_is_not_listed_is_asked_about_although_it_is() -> None:
    story = apart()
    story.listed(A)

    assert story.questions == [AskStatus(C.txid)]


def test_each_prediction_of_one_transaction_has_an_id_of_its_own() -> None:
    """The third that begins with it: after it went on with its replacement, it is mined nevertheless."""
    story = apart()
    story.replaced(A, by=A_DEARER)
    story.connected(a_block(1, A))
    story.published(A, a_block(1, A))

    assert {one.txid for one in story.kept.values()} == {A.txid, A_DEARER.txid, C.txid}


def test_a_prediction_that_is_unloaded_keeps_its_id_to_itself() -> None:
    story = apart(Bounds(pending=2))
    revised(story, C)
    others(story, "more")
    story.receive(PredictionRecalled(prediction_id="whl_other", prediction=None))

    assert story.tracker.unloaded == 1
    assert len({one.prediction_id for one in story.kept.values()}) == 3


def test_a_former_txid_leads_to_the_prediction_that_had_it_last() -> None:
    story = apart()
    story.replaced(A, by=A_DEARER)
    revised(story, C)

    assert story.tracker.whales.find(A.txid) == story.of(A_DEARER)


def test_a_former_txid_leads_to_the_one_that_is_left() -> None:
    story = apart(Bounds(pending=2))
    revised(story, C)
    others(story, "more")

    assert story.tracker.whales.find(A.txid) == story.of(C)


def test_it_is_confirmed_while_the_current_one_is_unloaded() -> None:
    story = apart(Bounds(pending=2))
    revised(story, A)
    others(story, "more")
    assert story.tracker.unloaded == 1

    assert story.is_in(A, a_block(1, A)) == ["confirmed"]


@pytest.mark.parametrize("last", [A, C])
def test_where_both_are_unloaded_both_are_known(last: Transaction) -> None:
    story = apart(Bounds(pending=2))
    revised(story, last)
    others(story, "more", "and more")

    assert story.tracker.unloaded == 2
    assert story.receive(TransactionSeen(tx=A, source=NODE, late=True)) == []


def test_after_a_restart_it_is_confirmed_while_the_current_one_is_unloaded() -> None:
    story = apart()
    current = story.of(C)
    unloaded = dict.fromkeys(
        (C.txid, A.txid, B.txid), Unloaded(current.prediction_id, C.txid, current.detected_at)
    )
    tracker = Tracker(a_whale_policy())
    tracker.restore((story.of(A),), (), unloaded=unloaded)
    story.tracker = tracker

    assert story.is_in(A, a_block(1, A)) == ["confirmed"]


def unloaded_current() -> Story:
    story = begun(Bounds(pending=1))
    others(story, "more")
    assert story.tracker.unloaded == 1
    return story


def test_of_an_unloaded_current_one_it_is_told_once_that_is_recalled() -> None:
    story = unloaded_current()
    assert story.published(A) == []
    (asked,) = [one for one in story.questions if isinstance(one, AskStored)]
    kept = story.kept[asked.prediction_id]

    assert "detected" in story.receive(PredictionRecalled(prediction_id=asked.prediction_id, prediction=kept))


def test_seen_while_the_current_one_is_unloaded_it_is_asked_for_once_that_is_recalled() -> None:
    story = unloaded_current()
    story.seen(A)

    assert AskTransaction(A.txid) in recalled(story)


def test_told_among_many_while_the_current_one_is_unloaded_it_is_asked_for_once_that_is_recalled() -> None:
    story = unloaded_current()
    story.receive(frame(A))

    assert AskTransaction(A.txid) in recalled(story)


def test_listed_beside_an_unloaded_current_one_it_has_that_recalled() -> None:
    story = unloaded_current()
    story.listed(A, C, a_whale(150, coins=("more",), fee=9_000))

    assert [type(one) for one in story.questions] == [AskStored]


def test_in_a_block_while_the_current_one_is_unloaded_it_is_asked_for() -> None:
    story, block = unloaded_current(), a_block(1, A)
    story.connected(block)

    assert AskTransaction(A.txid, block.hash, block.height) in story.questions


def test_a_whale_recalled_twice_keeps_what_came_between() -> None:
    story = Story(bounds=Bounds(pending=1))
    story.start()
    story.seen(A)
    others(story, "more")
    story.is_in(A, a_block(1))
    (asked,) = story.questions
    assert isinstance(asked, AskStored)
    reply = PredictionRecalled(prediction_id=asked.prediction_id, prediction=story.kept[asked.prediction_id])
    story.receive(reply)
    story.replaced(A, by=A_DEARER)

    story.receive(reply)

    assert story.tracker.whales.current(A_DEARER.txid) is not None


def test_one_that_the_stream_told_is_no_late_one() -> None:
    story = begun()
    story.receive(TransactionSeen(tx=A, source=WS))
    story.published(A)

    assert (story.of(A).flags, story.of(A).first_seen_by) == (frozenset(), WS)


def test_one_that_nobody_knew_when_it_was_asked_for_is_late_when_it_is_found() -> None:
    story = begun()
    story.receive(TransactionSeen(tx=A, source=WS))
    story.unanswered(AskTransaction(A.txid))
    story.published(A)

    assert Flag.LATE_SEEN in story.of(A).flags


def test_one_of_the_mempool_as_it_was_before_the_source_was_there_is_asked_for_too() -> None:
    story = begun()

    assert story.seen(A, late=True) == []
    assert AskTransaction(A.txid) in story.questions


def test_projected_while_the_current_one_is_unloaded_it_is_asked_for_once_that_is_recalled() -> None:
    story = unloaded_current()
    story.projected(A)

    assert AskTransaction(A.txid) in recalled(story)


def contending() -> Story:
    """Two whales of one coin; the dearer one is unloaded when the other is found nowhere."""
    story = Story(bounds=Bounds(pending=2))
    story.start()
    story.seen(A, A_DEARER)
    story.unanswered(AskStatus(A.txid))
    revised(story, A)
    others(story, "more")
    assert story.tracker.unloaded == 1
    return story


def test_a_whale_that_gave_way_to_an_unloaded_one_ends_as_replaced_by_it() -> None:
    story = contending()
    story.gone(A)

    assert (story.of(A).status, story.of(A).replaced_by) == (Status.REPLACED, A_DEARER.txid)
    assert story.of(A_DEARER).status is Status.PENDING


def test_the_unloaded_one_that_took_its_place_is_confirmed() -> None:
    story = contending()
    story.gone(A)
    story.left(A_DEARER)
    recalled(story)

    assert story.connected(a_block(1, A_DEARER)) == ["confirmed"]


def unloaded_while_its_block_is_read() -> tuple[Story, Block]:
    """It was not known when its block was read, so it was asked for; it was seen since, and unloaded."""
    story, block = Story(bounds=Bounds(pending=1)), a_block(1, A)
    story.start()
    story.connected(block)
    story.seen(A)
    others(story, "more")
    return story, block


def test_a_block_is_read_although_a_whale_in_it_was_unloaded_while_it_was_asked_for() -> None:
    story, block = unloaded_while_its_block_is_read()
    story.published(A, block)
    recalled(story)
    story.is_in(A, block)
    story.connected(block)
    story.listed(a_whale(150, coins=("more",), fee=9_000))

    assert AskBlock(block.hash, block.height) not in story.questions


def test_a_whale_unloaded_while_it_was_asked_for_with_its_block_is_told_once_and_confirmed() -> None:
    story, block = unloaded_while_its_block_is_read()

    assert story.unanswered(AskTransaction(A.txid, block.hash, block.height)) == []
    assert AskStatus(A.txid) in story.questions
    story.is_in(A, block)
    recalled(story)
    assert story.is_in(A, block) == ["confirmed"]


def test_what_the_store_cannot_tell_of_one_whale_releases_no_report_of_another() -> None:
    story = Story(bounds=Bounds(pending=1))
    story.start()
    one, other = (a_whale(150, coins=(name,), fee=5_000) for name in ("p", "q"))
    story.seen(one, other)
    others(story, "more")
    dearer = a_whale(150, coins=("p",), fee=9_000)
    story.replaced(one, by=dearer)
    lost = AskStored(story.of(other).prediction_id)

    assert story.unanswered(lost) == []


def dropped_and_replaced_late() -> Story:
    """A whale is dropped; what spends its coin is unloaded when it is named as the replacement."""
    story = Story(bounds=Bounds(pending=2))
    story.start()
    story.seen(A)
    story.gone(A)
    story.seen(B)
    others(story, "x", "y")
    story.replaced(A, by=B)
    return story


def test_an_unloaded_whale_is_told_no_second_time_where_the_store_does_not_answer() -> None:
    story = dropped_and_replaced_late()
    (asked,) = {one for one in story.questions if isinstance(one, AskStored)}

    assert story.unanswered(asked) == []
    assert len([one for one in story.kept.values() if one.txid == B.txid]) == 1


def test_one_recalled_for_the_block_that_it_was_due_in_is_not_late() -> None:
    story, block = Story(bounds=Bounds(pending=2), forecast_source=forecasting(1)), a_block(1, A)
    story.start()
    story.seen(A)
    others(story, "x", "y")
    story.connected(block)
    recalled(story)

    assert story.of(A).outcome is Outcome.CENSORED
    story.is_in(A, block)
    assert (story.of(A).outcome, story.of(A).overdue_since) == (Outcome.ON_TIME, None)


@pytest.mark.parametrize("bounds", [None, Bounds(pending=2)])
def test_one_that_was_overdue_while_it_was_unloaded_was_late(bounds: Bounds | None) -> None:
    story = Story(bounds=bounds, forecast_source=forecasting(1))
    story.start()
    story.seen(A)
    others(story, "x", "y")
    story.connected(a_block(1), a_block(2), a_block(3))
    story.replaced(A, by=a_whale(50, coins=("one",), fee=9_000))
    recalled(story)

    assert (story.of(A).status, story.of(A).outcome) == (Status.REPLACED, Outcome.LATE)


@pytest.mark.parametrize("bounds", [None, Bounds(pending=2)])
def test_so_it_was_where_its_status_tells_of_the_replacement(bounds: Bounds | None) -> None:
    story, small = (
        Story(bounds=bounds, forecast_source=forecasting(1)),
        a_whale(50, coins=("one",), fee=9_000),
    )
    story.start()
    story.seen(A)
    others(story, "x", "y")
    story.connected(a_block(1), a_block(2), a_block(3))
    story.left(A)
    recalled(story)
    story.gone(A, replaced_by=small.txid)
    story.published(small)
    story.gone(A)

    assert (story.of(A).status, story.of(A).outcome) == (Status.REPLACED, Outcome.LATE)


def test_one_that_is_recalled_as_the_replacement_in_the_block_it_was_due_in_is_not_late() -> None:
    story, block = Story(bounds=Bounds(pending=2), forecast_source=forecasting(1)), a_block(1, A)
    story.start()
    story.seen(A)
    others(story, "x", "y")
    small = a_whale(50, coins=("one",), fee=10)
    mined = TransactionReplaced(victims=(small.txid,), by=A, mined=True, source=WS)
    story.receive(BlockConnected(block=block, source=WS), mined)
    recalled(story)
    story.is_in(A, block)

    assert (story.of(A).outcome, story.of(A).overdue_since) == (Outcome.ON_TIME, None)


def test_one_that_is_mined_although_it_was_replaced_while_it_was_unloaded_is_told() -> None:
    story, block = Story(bounds=Bounds(pending=2)), a_block(1, A)
    story.start()
    story.seen(A)
    others(story, "x", "y")
    reported = TransactionReplaced(victims=(A.txid,), by=A_DEARER, mined=False, source=WS)
    story.receive(reported, BlockConnected(block=block, source=WS))
    recalled(story)
    story.is_in(A, block)
    assert AskTransaction(A.txid, block.hash, block.height) in story.questions
    story.published(A, block)

    assert story.of(A).status is Status.CONFIRMED


def test_one_whose_coin_a_confirmed_one_spent_while_it_was_unloaded_has_lost_to_that() -> None:
    story, block = Story(bounds=Bounds(pending=2)), a_block(1, A_DEARER)
    story.start()
    story.seen(A)
    others(story, "x", "y")
    story.connected(block)
    story.published(A_DEARER, block)
    story.left(A)
    recalled(story)
    story.gone(A)

    assert story.of(A).status is Status.DROPPED
    assert story.of(A).reason == f"a block holds {A_DEARER.txid}, which spends the same coin"


def test_one_told_on_a_block_that_was_undone_while_it_was_unloaded_was_told_before_its_own() -> None:
    story = Story(bounds=Bounds(pending=2))
    story.start()
    story.connected(a_block(1), a_block(2))
    story.seen(A)
    others(story, "x", "y")
    there = a_block(2, A, branch="b")
    story.connected(a_block(1, branch="b", on=""), there, a_block(3, branch="b"))
    recalled(story)
    story.is_in(A, there)

    ended = whale_outcome(story.of(A))
    assert ended is not None
    assert ended.announced


@pytest.mark.parametrize(
    "answer",
    [
        {"source": REST, "as_of": -20.0},  # from a cache
        {"source": SourceName.ELECTRS, "as_of": None},  # which has told of no block
    ],
)
def test_one_recalled_for_its_block_is_not_late_by_an_answer_of_before_that(answer: dict[str, Any]) -> None:
    story, block = Story(bounds=Bounds(pending=2), forecast_source=forecasting(1)), a_block(1, A)
    story.start()
    story.seen(A)
    others(story, "x", "y")
    story.connected(block)
    recalled(story)
    as_of = None if answer["as_of"] is None else story.at + timedelta(seconds=answer["as_of"])
    waits = StatusReply(
        txid=A.txid, block_hash=None, height=None, in_mempool=True, source=answer["source"], as_of=as_of
    )
    story.receive(waits)

    assert story.of(A).outcome is Outcome.CENSORED
