"""Replacements where one mempool is late, answers by a status alone, or never forgets.

A node tells of a replacement at once, and is asked first; a backend polls its node every two seconds.
"""

from datetime import timedelta

import pytest

from app.core.models import SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    PackageReply,
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
        story.unanswered(AskTransaction(SMALL.txid))
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
    story.at += timedelta(seconds=10)
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


def replaced_by_the_node(story: Story, *, by: Transaction = SMALL) -> None:
    """As a node tells it: the new one, which is no whale, what it replaced, and that this left."""
    story.seen(by, source=NODE)
    story.replaced(FIRST, by=by, source=NODE)
    story.left(FIRST, source=NODE)


@pytest.mark.parametrize("seconds", [1, 3, 6])
@pytest.mark.parametrize("how", ["by the answer to a question", "by a report that was under way"])
def test_a_backend_that_is_late_does_not_bring_back_what_its_node_just_replaced(
    how: str, seconds: int
) -> None:
    story = Ahead()
    story.seen(FIRST, source=NODE)
    replaced_by_the_node(story)
    story.at += timedelta(seconds=seconds)
    if how == "by the answer to a question":
        story.waits(FIRST, 0)
    else:
        story.seen(FIRST)
    story.replaced(FIRST, by=SMALL)

    assert story.types == ["detected", "replaced"]


def test_a_backend_that_is_late_does_not_bring_back_a_version_before_the_one_that_was_replaced() -> None:
    story = Ahead()
    story.seen(FIRST, source=NODE)
    story.replaced(FIRST, by=SECOND, source=NODE)
    story.seen(SMALL, source=NODE)
    story.replaced(SECOND, by=SMALL, source=NODE)
    story.seen(FIRST)

    assert story.only.status is Status.REPLACED


def test_a_backend_that_has_what_its_node_just_replaced_is_asked_again() -> None:
    story = Ahead()
    story.seen(FIRST, source=NODE)
    replaced_by_the_node(story)
    story.seen(FIRST)

    assert [one.txid for one in story.questions if isinstance(one, AskStatus) and one.in_seconds] == [
        FIRST.txid
    ]


def test_what_a_backend_keeps_though_its_node_replaced_it_is_back() -> None:
    story = Ahead()
    story.seen(FIRST, source=NODE)
    replaced_by_the_node(story)
    story.seen(FIRST)
    story.at += timedelta(seconds=10)
    story.waits(FIRST, 0)

    assert story.only.status is Status.PENDING


@pytest.mark.parametrize("by", [SECOND, SMALL])
def test_an_electrum_server_that_never_forgets_brings_nothing_back(by: Transaction) -> None:
    story = Ahead()
    story.seen(FIRST)
    story.seen(by, source=NODE)
    story.lacks(NODE, FIRST)
    story.connected(a_block(1, by))
    story.receive(BlockConnected(block=a_block(1, by), source=NODE))
    before = len(story.events)
    for _ in range(LISTINGS):
        story.at += timedelta(minutes=5)
        story.waits(FIRST, source=ELECTRS)
        story.lacks(REST, FIRST)

    assert story.types[before:] == []
    assert FIRST.txid not in story.waiting


def rival_elsewhere(story: Story) -> None:
    """The backend has the whale, the node what spends the same coin and is no whale."""
    story.seen(FIRST)
    story.at += timedelta(minutes=5)
    story.seen(SMALL, source=NODE)
    story.waits(FIRST)
    story.lacks(NODE, FIRST)
    story.at += timedelta(minutes=5)


def evicted_everywhere(story: Story) -> Prediction:
    """The backend lets the whale go; no source names what took its place."""
    story.at += timedelta(minutes=5)
    story.left(FIRST)
    for _ in range(2):
        story.at += timedelta(seconds=3)
        for source in (NODE, REST):
            story.lacks(source, FIRST)
    return story.only


def test_what_waits_in_another_mempool_is_not_forgotten_by_a_listing_without_it() -> None:
    story = Ahead()
    rival_elsewhere(story)
    story.listed(FIRST)
    story.listed(SMALL, source=NODE)

    assert evicted_everywhere(story).replaced_by == SMALL.txid


def test_what_waits_in_another_mempool_is_not_forgotten_before_its_block() -> None:
    story, block = Ahead(), a_block(1, SMALL)
    rival_elsewhere(story)
    story.listed(FIRST)
    story.receive(BlockConnected(block=block, source=NODE))
    story.connected(block)

    assert SMALL.txid in (evicted_everywhere(story).reason or "")


def test_what_waits_in_another_mempool_is_not_forgotten_as_it_leaves_one() -> None:
    story = Ahead()
    rival_elsewhere(story)
    story.seen(SMALL)
    story.left(SMALL)

    assert evicted_everywhere(story).replaced_by == SMALL.txid


def test_what_came_after_a_listing_was_made_is_not_forgotten_by_it() -> None:
    story = Ahead()
    for source in (NODE, WS):
        story.seen(FIRST, source=source)
    story.at += timedelta(minutes=5)
    story.seen(SMALL, source=NODE)
    story.listed(FIRST, seconds_ago=2, source=NODE)
    story.waits(FIRST)
    story.lacks(NODE, FIRST)

    assert evicted_everywhere(story).replaced_by == SMALL.txid


def test_what_left_another_mempool_unreported_is_forgotten_by_the_listings() -> None:
    story = Ahead()
    rival_elsewhere(story)
    story.listed(source=NODE)
    story.listed(FIRST)

    assert evicted_everywhere(story).status is Status.DROPPED


def go_on_listing(story: Story, *by_the_node: Transaction) -> None:
    """The backend lists the whale; the node these, and if there are none it is away."""
    for _ in range(LISTINGS):
        story.at += timedelta(minutes=5)
        story.listed(FIRST)
        if by_the_node:
            story.listed(*by_the_node, source=NODE)


def test_what_only_a_mempool_had_that_is_not_heard_any_more_replaces_nothing() -> None:
    story = Ahead()
    rival_elsewhere(story)
    go_on_listing(story)

    assert evicted_everywhere(story).status is Status.DROPPED


def test_what_another_mempool_goes_on_listing_is_not_forgotten() -> None:
    story = Ahead()
    rival_elsewhere(story)
    go_on_listing(story, SMALL)

    assert evicted_everywhere(story).replaced_by == SMALL.txid


def test_a_parent_that_pays_less_replaces_together_with_its_child() -> None:
    story, parent = Ahead(), a_whale(150, coins=("one",), fee=100)
    story.seen(FIRST)
    story.at += timedelta(minutes=5)
    story.seen(parent, source=NODE)
    story.waits(FIRST)
    story.lacks(NODE, FIRST)
    story.receive(PackageReply(txid=parent.txid, package_feerate=50.0, related=1, source=NODE))
    story.at += timedelta(seconds=3)
    story.seen(parent)
    story.left(FIRST)
    for source in (REST, NODE) * 2:
        story.at += timedelta(seconds=3)
        story.lacks(source, FIRST)

    assert story.of(FIRST).replaced_by == parent.txid


def test_a_named_replacement_that_the_store_has_lost_leaves_nothing_pending_for_ever() -> None:
    story = Ahead(Bounds(pending=2))
    story.seen(SECOND)
    for name in ("x", "y"):
        story.seen(a_whale(150, coins=(name,), fee=9_000))
    story.seen(FIRST, source=NODE)
    story.at += timedelta(seconds=3)
    story.lacks(REST, FIRST, by=SECOND)
    story.published(SECOND)
    (asked,) = {one for one in story.questions if isinstance(one, AskStored)}
    story.receive(PredictionRecalled(prediction_id=asked.prediction_id, prediction=None))
    for source in (REST, NODE) * 2:
        story.at += timedelta(minutes=5)
        story.lacks(source, FIRST)

    assert story.of(FIRST).status is not Status.PENDING


def respent(story: Story, by: Transaction) -> Prediction:
    """The whale leaves the backend; a moment later its coin is spent anew there."""
    story.seen(FIRST)
    story.at += timedelta(minutes=5)
    story.left(FIRST)
    story.seen(by)
    for source in (REST, NODE) * 2:
        story.at += timedelta(seconds=3)
        story.lacks(source, FIRST)
    return story.only


def test_what_pays_less_did_not_replace_what_left_a_moment_before() -> None:
    assert respent(Ahead(), a_whale(50, coins=("one",), fee=500)).replaced_by is None


def dropped_unreported() -> Story:
    story = Story()
    story.seen(FIRST)
    story.at += timedelta(minutes=5)
    story.listed()
    story.gone(FIRST)
    story.at += timedelta(minutes=5)
    return story


def test_what_pays_less_did_not_replace_what_was_missed_from_a_listing() -> None:
    story = dropped_unreported()

    assert story.seen(a_whale(150, coins=("one",), fee=500)) == ["detected"]


def test_what_pays_more_replaced_what_was_missed_from_a_listing() -> None:
    assert dropped_unreported().seen(SECOND) == ["replaced"]


def test_what_pays_more_replaced_what_left_a_moment_before() -> None:
    assert respent(Ahead(), SMALL).replaced_by == SMALL.txid


def test_a_node_that_is_late_does_not_bring_back_what_was_replaced_since() -> None:
    story = Ahead()
    story.seen(FIRST)
    story.seen(SECOND)
    story.waits(FIRST, source=NODE)
    story.lacks(REST, FIRST)
    story.replaced(SECOND, by=SMALL)
    story.replaced(FIRST, by=SECOND, source=NODE)

    assert story.of(SECOND).status is Status.REPLACED
    assert story.waiting == []


def test_an_answer_from_before_it_left_brings_nothing_back() -> None:
    story = Ahead()
    story.seen(FIRST)
    story.replaced(FIRST, by=SMALL)
    story.at += timedelta(seconds=10)
    story.left(FIRST)
    story.waits(FIRST, seconds_ago=2)

    assert story.types == ["detected", "replaced"]
