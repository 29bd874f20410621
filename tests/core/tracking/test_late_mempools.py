"""Replacements where one mempool is late, answers by a status alone, or never forgets.

A node tells of a replacement at once, and is asked first; a backend polls its node every two seconds.
"""

from datetime import timedelta

import pytest

from app.core.models import SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    PredictionRecalled,
)
from app.core.prediction import Prediction, Status
from app.core.questions import AskStatus, AskStored, AskTransaction
from app.core.tracking.whales import Bounds
from tests.builders import a_block, a_whale
from tests.core.story import REST, WS, Story

NODE, ELECTRS = SourceName.BITCOIND, SourceName.ELECTRS
FIRST, SECOND, THIRD = (a_whale(150, coins=("one",), fee=fee) for fee in (1_000, 2_000, 3_000))
SMALL = a_whale(50, coins=("one",), fee=9_000)
LISTINGS = 20


class Ahead(Story):
    """A node and a backend, both at the tip; each report comes a second after the one before."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        super().__init__(bounds=bounds)
        self.start()
        self.receive(BlockConnected(block=a_block(0), source=NODE))

    def replaced_ahead_of_the_backend(self) -> None:
        """The backend has the first version, the node the second; each has been asked about the first."""
        self.seen(FIRST)
        self.seen(SECOND, source=NODE)
        self.waits(FIRST, source=REST)
        self.lacks(NODE, FIRST)

    @property
    def waiting(self) -> list[str]:
        return [one.txid for one in self.kept.values() if one.status is Status.PENDING]


def test_a_replacement_that_is_replaced_at_once_was_not_replaced_by_what_it_replaced() -> None:
    story = Ahead()
    story.replaced_ahead_of_the_backend()
    story.seen(THIRD, source=NODE)
    story.left(SECOND, source=NODE)
    for source in (NODE, REST):
        story.lacks(source, SECOND)
    story.seen(THIRD)
    story.left(FIRST)
    story.lacks(NODE, FIRST)
    story.lacks(REST, FIRST, by=THIRD)
    story.waits(THIRD, source=NODE)

    assert story.waiting == [THIRD.txid]
    assert [one.replaced_by for one in story.kept.values() if one.txid == SECOND.txid] in ([], [THIRD.txid])


def test_a_replacement_that_no_mempool_has_was_not_replaced_by_what_it_replaced() -> None:
    story = Ahead()
    story.replaced_ahead_of_the_backend()
    story.left(SECOND, source=NODE)
    for source in (NODE, REST):
        story.lacks(source, SECOND)

    assert story.of(SECOND).replaced_by is None


def test_a_small_replacement_of_a_version_that_a_late_mempool_had_is_that_of_the_next_one_too() -> None:
    story = Ahead()
    story.replaced_ahead_of_the_backend()
    story.seen(SECOND)
    story.seen(SMALL, source=NODE)
    story.waits(SECOND, source=REST)
    story.lacks(NODE, SECOND)
    story.at += timedelta(seconds=3)
    for source in (NODE, REST):
        story.lacks(source, FIRST)
    story.left(SECOND)
    for _ in range(2):
        story.at += timedelta(seconds=3)
        for source in (NODE, REST):
            story.lacks(source, SECOND)

    assert (story.of(SECOND).status, story.of(SECOND).replaced_by) == (Status.REPLACED, SMALL.txid)


def test_where_the_replacement_is_known_a_mempool_that_may_be_late_is_asked_once_more() -> None:
    story = Ahead()
    story.seen(FIRST)
    story.seen(FIRST, source=NODE)
    story.at += timedelta(seconds=3)
    story.seen(SECOND, source=NODE)
    story.left(FIRST, source=NODE)
    story.waits(FIRST, source=REST)
    story.lacks(NODE, FIRST)
    asked = [one for one in story.questions if isinstance(one, AskStatus) and one.in_seconds > 0]
    story.waits(FIRST, source=REST)
    story.lacks(NODE, FIRST)

    assert [one.txid for one in asked] == [FIRST.txid]
    assert AskStatus(FIRST.txid, in_seconds=asked[0].in_seconds) not in story.questions


@pytest.mark.parametrize("by", [SECOND, SMALL])
def test_an_electrum_server_that_never_forgets_hides_no_replacement(by: Transaction) -> None:
    story = Ahead()
    story.seen(FIRST)
    story.at += timedelta(seconds=3)
    story.seen(by)
    story.left(FIRST)
    for _ in range(LISTINGS):
        story.at += timedelta(minutes=5)
        story.waits(FIRST, source=ELECTRS)
        story.lacks(REST, FIRST, by=by)

    assert FIRST.txid not in story.waiting


def test_an_electrum_server_that_never_forgets_does_not_hide_that_a_block_holds_a_rival() -> None:
    story, block = Ahead(), a_block(1, SECOND)
    story.seen(FIRST)
    story.seen(SECOND)
    story.left(FIRST)
    story.waits(FIRST, source=ELECTRS)
    story.lacks(REST, FIRST, by=SECOND)
    for source in (WS, NODE, ELECTRS):
        story.receive(BlockConnected(block=block, source=source))
    for _ in range(LISTINGS):
        story.at += timedelta(minutes=5)
        story.waits(FIRST, source=ELECTRS)
        story.lacks(REST, FIRST, by=SECOND)

    assert story.waiting == []
    assert story.of(SECOND).status is Status.CONFIRMED


def test_a_clock_that_is_set_back_hides_no_replacement() -> None:
    story = Ahead()
    story.seen(FIRST)
    story.at -= timedelta(hours=1)
    story.lacks(NODE, FIRST, by=SECOND)

    assert AskTransaction(SECOND.txid) in story.questions


@pytest.mark.parametrize("where", ["in a block", "in a mempool"])
def test_a_named_replacement_that_nobody_can_give_whole_is_the_replacement_all_the_same(where: str) -> None:
    story, block = Ahead(), a_block(1, SMALL)
    story.seen(FIRST)
    story.at += timedelta(seconds=3)
    story.lacks(REST, FIRST, by=SMALL)
    assert AskTransaction(SMALL.txid) in story.questions
    if where == "in a mempool":
        story.waits(SMALL, source=NODE)
    else:
        story.is_in(SMALL, block)

    assert (story.only.status, story.only.replaced_by) == (Status.REPLACED, SMALL.txid)


def test_a_named_replacement_that_is_set_aside_has_the_replaced_one_asked_about_once_it_is_recalled() -> None:
    story = Ahead(Bounds(pending=2))
    story.seen(SECOND)
    for name in ("x", "y"):
        story.seen(a_whale(150, coins=(name,), fee=9_000))
    assert [one.txid for one in story.unloaded] == [SECOND.txid]
    story.seen(FIRST, source=NODE)
    story.at += timedelta(seconds=3)
    story.lacks(REST, FIRST, by=SECOND)
    story.published(SECOND)
    (asked,) = {one for one in story.questions if isinstance(one, AskStored)}
    kept = story.kept[asked.prediction_id]
    story.receive(PredictionRecalled(prediction_id=kept.prediction_id, prediction=kept))

    assert AskStatus(FIRST.txid) in story.questions


def later(story: Story) -> None:
    story.at += timedelta(hours=5)


def evicted_later(story: Story, tx: Transaction) -> Prediction:
    """Nothing took its place, as far as its sources say."""
    later(story)
    story.left(tx)
    story.gone(tx)
    return story.of(tx)


def test_a_small_replacement_does_not_replace_what_outbid_it_hours_later() -> None:
    story, dear = Ahead(), a_whale(150, coins=("one",), fee=20_000)
    story.seen(FIRST)
    story.replaced(FIRST, by=SMALL)
    later(story)  # that it was replaced itself was told in a gap
    story.seen(dear)

    assert evicted_later(story, dear).status is Status.DROPPED


def test_a_small_replacement_is_forgotten_once_what_it_replaced_is_listed_in_its_place() -> None:
    story = Ahead()
    story.seen(FIRST)
    story.replaced(FIRST, by=SMALL)
    later(story)
    story.seen(FIRST)
    later(story)
    story.listed(FIRST)

    assert evicted_later(story, FIRST).status is Status.DROPPED


def test_a_small_replacement_that_is_listed_itself_is_not_forgotten() -> None:
    story = Ahead()
    story.replaced_ahead_of_the_backend()
    story.replaced(SECOND, by=SMALL)
    later(story)
    story.listed(FIRST, SMALL)

    assert evicted_later(story, FIRST).replaced_by == SMALL.txid


def test_a_small_replacement_of_a_block_that_is_undone_replaces_nothing_later() -> None:
    story = Ahead()
    story.seen(FIRST)
    story.connected(a_block(1, SMALL))
    story.replaced(FIRST, by=SMALL, mined=True)
    story.connected(a_block(1, branch="b", on=""), a_block(2, branch="b"))
    story.seen(FIRST)

    assert evicted_later(story, FIRST).status is Status.DROPPED


def test_a_backend_that_still_names_a_former_version_as_the_replacement_is_not_believed() -> None:
    story = Ahead()
    story.seen(FIRST)
    story.replaced(FIRST, by=SECOND)
    for source in (REST, NODE):
        story.lacks(source, SECOND)
    later(story)
    story.seen(FIRST)
    later(story)
    story.left(FIRST)
    story.lacks(REST, FIRST, by=SECOND)
    story.lacks(NODE, FIRST)

    assert story.of(FIRST).status is Status.DROPPED
