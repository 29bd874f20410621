"""A source that has not heard of a block or a reorg yet: it names, or only now reports, what was before."""

from datetime import timedelta

import pytest

from app.core.models import Block, SourceName
from app.core.observations import BlockConnected, ChainListed
from app.core.prediction import Status
from app.core.questions import AskBlock, AskStatus
from tests.builders import a_block, a_whale
from tests.core.story import REST, WS, Story

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


def test_a_backend_that_was_asked_for_the_new_blocks_is_late_all_the_same() -> None:
    story = undone_by_the_node()
    story.receive(BlockConnected(block=NEW[0], source=REST, as_of=story.at))
    before = len(story.events)
    reports(story, WS, OLD)

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
    asked_at = story.at - timedelta(seconds=2)
    story.receive(BlockConnected(block=OLD, source=NODE, as_of=asked_at))

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


def test_an_answer_of_after_the_nodes_block_does() -> None:
    story = confirmed_while_the_node_was_asked()
    story.waits(WHALE, 0, source=NODE)

    assert story.only.status is Status.PENDING


def on_the_other_branch(upon_it: int) -> Story:
    """The whale is in a block of the node's; the backend is as high, and has not heard of the reorg."""
    story = Story()
    story.start()
    for source in (WS, NODE):
        reports(story, source, a_block(0), a_block(1))
        story.seen(WHALE, source=source)
    reports(story, NODE, a_block(1, WHALE, branch="b", on=""))
    for height in range(2, 2 + upon_it):
        reports(story, NODE, a_block(height, branch="b"))
        reports(story, WS, a_block(height))
    assert story.only.status is Status.CONFIRMED
    return story


@pytest.mark.parametrize("upon_it", [0, 1, 2])
def test_one_on_the_other_branch_does_not_undo_a_block_with_what_waits_there(upon_it: int) -> None:
    story = on_the_other_branch(upon_it)
    story.waits(WHALE, 0, source=REST)

    assert story.only.status is Status.CONFIRMED


@pytest.mark.parametrize("how", ["told", "listed", "upon it", "ahead"])
def test_once_it_has_come_to_that_block_it_does(how: str) -> None:
    story = on_the_other_branch(0 if how == "told" else 1)
    whales, tip = a_block(1, WHALE, branch="b", on=""), a_block(2, branch="b")
    if how == "listed":
        story.receive(ChainListed(blocks=(a_block(0), whales, tip), source=WS))
    elif how == "told":
        reports(story, WS, whales)
    elif how == "upon it":
        reports(story, WS, tip)
    else:
        story.receive(BlockConnected(block=a_block(3), source=WS))
    story.waits(WHALE, 0, source=REST)

    assert story.only.status is Status.PENDING


def test_a_block_from_before_a_restart_is_undone_by_who_is_on_another_branch_now() -> None:
    story = Story()
    story.start()
    story.seen(WHALE)
    reports(story, WS, OLD)
    story.restart()
    story.receive(ChainListed(blocks=(a_block(0), NEW[0]), source=WS))
    story.waits(WHALE, 0, source=REST)

    assert story.only.status is Status.PENDING


def test_after_a_clock_was_set_back_an_answer_of_now_undoes_its_confirmation() -> None:
    story = confirmed_while_the_node_was_asked()
    story.at += timedelta(minutes=15)
    for source in (WS, NODE):
        reports(story, source, a_block(2))
    story.at -= timedelta(minutes=10)
    story.waits(WHALE, 0, source=NODE)

    assert story.only.status is Status.PENDING


def test_a_backend_whose_tip_is_the_undone_block_again_is_believed_though_it_is_lower() -> None:
    """An operator's invalidateblock; the backend's stream does not tell of it."""
    story = Story()
    story.start()
    story.seen(WHALE)
    reports(story, WS, OLD, *NEW)
    story.at += timedelta(minutes=5)
    story.receive(BlockConnected(block=OLD, source=REST, as_of=story.at))

    assert (story.only.status, story.only.confirmed_hash) == (Status.CONFIRMED, OLD.hash)


def back_over_a_hole() -> Story:
    """The chain goes back to the undone block, whose child is not to be had as the next one comes."""
    story, child = Story(), a_block(2)
    story.start()
    reports(story, WS, OLD, *NEW, a_block(3))
    story.unanswered(AskBlock(child.hash, child.height))
    story.receive(BlockConnected(block=child, source=REST, as_of=story.at))
    assert AskBlock(OLD.hash, OLD.height) in story.questions
    return story


def test_the_block_at_the_end_of_a_hole_is_believed_though_it_was_undone_once() -> None:
    story = back_over_a_hole()
    story.receive(BlockConnected(block=OLD, source=REST, as_of=story.at))
    story.published(WHALE, OLD)

    assert (story.only.status, story.only.confirmed_hash) == (Status.CONFIRMED, OLD.hash)


def test_what_was_doubted_in_one_reorg_is_doubted_in_the_next_one_too() -> None:
    story = undone_by_the_node()
    reports(story, WS, *NEW)
    story.is_in(WHALE, OLD)
    story.at += timedelta(minutes=10)
    for source in (NODE, WS):
        reports(story, source, OLD, a_block(2), a_block(3))
    assert story.only.status is Status.CONFIRMED
    for source in (NODE, WS):
        reports(story, source, *NEW, a_block(3, branch="b"), a_block(4, branch="b"))
    assert story.only.status is Status.PENDING
    story.is_in(WHALE, OLD)

    assert story.only.status is Status.PENDING


def test_a_lower_block_whose_parent_nobody_has_does_not_undo_a_higher_chain() -> None:
    """Begun anew just after a reorg; the backend is late, and lets go of the old branch soon."""
    story, below = Story(), a_block(1)
    new = (a_block(1, WHALE, branch="b", on=""), a_block(2, branch="b"), a_block(3, branch="b"))
    story.start()
    story.seen(WHALE)
    reports(story, NODE, below, a_block(2), *new)
    story.restart()
    reports(story, NODE, new[-1])
    reports(story, WS, a_block(2))
    assert AskBlock(below.hash, below.height) in story.questions
    reports(story, WS, new[-1])
    story.unanswered(AskBlock(below.hash, below.height))

    assert story.only.status is Status.CONFIRMED


def test_a_parent_that_waits_for_its_own_parent_is_not_asked_for_again() -> None:
    story = Story()
    story.start()
    old = [a_block(height, branch="b", on=None if height > 1 else "") for height in (1, 2, 3)]
    reports(story, WS, *(a_block(height) for height in (1, 2)))
    reports(story, NODE, old[2], old[1])
    assert AskBlock(old[0].hash, old[0].height) in story.questions
    reports(story, WS, old[2])

    assert AskBlock(old[1].hash, old[1].height) not in story.questions


def test_a_tip_that_was_read_before_its_source_reported_the_reorg_undoes_nothing() -> None:
    story = Story()
    story.start()
    reports(story, NODE, a_block(0))
    story.seen(WHALE)
    reports(story, WS, OLD, *NEW, a_block(3, WHALE, branch="b"))
    reports(story, NODE, OLD)
    asked_at = story.at + timedelta(seconds=0.5)
    reports(story, NODE, *NEW)
    story.receive(BlockConnected(block=OLD.header(), source=NODE, as_of=asked_at))

    assert (story.only.status, story.only.confirmed_height) == (Status.CONFIRMED, OLD.height + 2)


def test_of_a_reorg_back_to_it_by_the_one_that_was_behind_its_child_tells() -> None:
    story, child = undone_by_the_node(), a_block(2)
    reports(story, WS, OLD, child, a_block(3))
    assert AskBlock(OLD.hash, OLD.height) in story.questions
    story.receive(BlockConnected(block=OLD, source=REST, as_of=story.at))

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
