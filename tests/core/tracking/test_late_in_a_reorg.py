"""A source that has not heard of a block or a reorg yet: it names, or only now reports, what was before."""

from datetime import timedelta

import pytest

from app.core.models import Block, SourceName
from app.core.observations import BlockConnected
from app.core.prediction import Status
from app.core.questions import AskBlock, AskStatus
from tests.builders import a_block, a_whale
from tests.core.story import WS, Story

NODE = SourceName.BITCOIND
WHALE = a_whale(150, coins=("one",), fee=1_000)
OLD = a_block(1, WHALE)
NEW = (a_block(1, branch="b", on=""), a_block(2, branch="b"))


def reports(story: Story, source: SourceName, *blocks: Block) -> None:
    story.receive(*(BlockConnected(block=block, source=source) for block in blocks))


def undone_by_the_node() -> Story:
    """The node has told of the whale's block, and that it was undone; the backend of neither."""
    story = Story()
    story.start()
    reports(story, NODE, a_block(0))
    story.seen(WHALE)
    reports(story, NODE, OLD, *NEW)
    assert story.only.status is Status.PENDING
    return story


def test_a_backend_that_tells_of_the_undone_block_only_now_does_not_confirm_it_again() -> None:
    story = undone_by_the_node()
    before = len(story.events)
    reports(story, WS, OLD, *NEW)

    assert story.types[before:] == []


def test_the_chain_stays_as_the_one_tells_that_is_ahead() -> None:
    story = undone_by_the_node()
    reports(story, WS, OLD)
    reports(story, NODE, a_block(3, WHALE, branch="b"))

    assert (story.only.status, story.only.confirmed_height) == (Status.CONFIRMED, OLD.height + 2)


def test_a_node_that_goes_back_to_the_undone_block_itself_is_believed() -> None:
    story = undone_by_the_node()
    reports(story, NODE, OLD)

    assert (story.only.status, story.only.confirmed_hash) == (Status.CONFIRMED, OLD.hash)


def test_an_answer_about_the_undone_block_that_was_on_its_way_undoes_nothing() -> None:
    story = undone_by_the_node()
    before = len(story.events)
    story.receive(BlockConnected(block=OLD, source=NODE, asked=True))

    assert story.types[before:] == []


def confirmed_while_the_node_was_asked() -> Story:
    """The backend's block confirms the whale, then the node reports that block too."""
    story = Story()
    story.start()
    reports(story, NODE, a_block(0))
    for source in (WS, NODE):
        story.seen(WHALE, source=source)
    for source in (WS, NODE):
        reports(story, source, OLD)
    return story


def test_an_answer_of_before_the_nodes_block_undoes_no_confirmation() -> None:
    story = confirmed_while_the_node_was_asked()
    story.waits(WHALE, 1.5, source=NODE)

    assert story.only.status is Status.CONFIRMED
    assert AskStatus(WHALE.txid) in story.questions


def test_an_answer_of_after_the_nodes_block_does() -> None:
    story = confirmed_while_the_node_was_asked()
    story.waits(WHALE, 0, source=NODE)

    assert story.only.status is Status.PENDING


def test_of_a_reorg_back_to_it_by_the_one_that_was_behind_its_child_tells() -> None:
    story, child = undone_by_the_node(), a_block(2)
    reports(story, WS, OLD, child, a_block(3))
    assert AskBlock(OLD.hash, OLD.height) in story.questions
    story.receive(BlockConnected(block=OLD, source=SourceName.MEMPOOL_REST, asked=True))

    assert (story.only.status, story.only.confirmed_hash) == (Status.CONFIRMED, OLD.hash)


def test_a_status_by_one_that_is_behind_does_not_confirm_it_in_the_undone_block() -> None:
    story = undone_by_the_node()
    before = len(story.events)
    story.is_in(WHALE, OLD)

    assert story.types[before:] == []


def test_a_status_on_its_way_as_its_source_told_of_the_reorg_is_asked_for_once_more() -> None:
    story = undone_by_the_node()
    reports(story, WS, *NEW)
    before = len(story.events)
    story.is_in(WHALE, OLD)

    assert story.types[before:] == []
    assert [one.txid for one in story.questions if isinstance(one, AskStatus) and one.in_seconds] == [
        WHALE.txid
    ]


@pytest.mark.parametrize(("seconds", "status"), [(1, Status.PENDING), (3, Status.CONFIRMED)])
def test_a_source_that_goes_on_naming_the_undone_block_is_believed_after_its_next_poll(
    seconds: int, status: Status
) -> None:
    story = undone_by_the_node()
    reports(story, WS, *NEW)
    story.is_in(WHALE, OLD)
    story.at += timedelta(seconds=seconds - 1)
    story.is_in(WHALE, OLD)

    assert story.only.status is status


def test_after_a_clock_was_set_back_it_is_asked_for_once_more() -> None:
    story = undone_by_the_node()
    reports(story, WS, *NEW)
    story.is_in(WHALE, OLD)
    story.at -= timedelta(hours=1)
    story.is_in(WHALE, OLD)

    assert story.only.status is Status.PENDING
    assert AskStatus(WHALE.txid, in_seconds=2.5) in story.questions
