"""A restart takes up the chain as it was, with its holes, and goes on as if there had been none."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from app.core.models import Block, SourceName
from app.core.observations import BlockConnected, ChainListed
from app.core.prediction import Outcome, Status
from app.core.questions import AskBlock, AskMempool
from app.core.units import Height
from tests.builders import START_HEIGHT, a_block, a_whale
from tests.core.story import REST, Story, forecasting

WHALE = a_whale(150, coins=("whale",))
OTHER = a_whale(150, coins=("other",))
UNDONE, MISSING = a_block(1), a_block(1, OTHER, branch="b", on="")
TIP = a_block(2, WHALE, branch="b")
ONE, TWO, THREE = (a_block(height) for height in (1, 2, 3))


def over_a_hole() -> Story:
    """A reorg of which the lower block could not be had yet."""
    story = Story()
    story.start()
    story.seen(WHALE)
    story.connected(UNDONE, TIP)
    assert story.unanswered(AskBlock(MISSING.hash, MISSING.height)) == ["confirmed"]
    return story


def named_at(story: Story, block: Block, height: int) -> None:
    """A source names it at this height, and nobody can read it."""
    place = Height(START_HEIGHT + height)
    story.receive(BlockConnected(block=Block(hash=block.hash, height=place), source=REST))
    story.unanswered(AskBlock(block.hash, place))
    assert block.hash in story.tracker.chain


def named_at_another_height() -> Story:
    """The first block stood at the height of the second, which nobody could read."""
    story = Story()
    story.start()
    named_at(story, ONE, 2)
    story.connected(ONE, THREE)
    story.unanswered(AskBlock(TWO.hash, TWO.height))
    return story


def invalidated() -> Story:
    """The tip is taken back, and nothing has come in its place."""
    story = Story()
    story.start()
    story.seen(WHALE, OTHER)
    story.gone(OTHER)
    story.connected(a_block(1, WHALE))
    story.seen(WHALE)
    assert story.waits(WHALE) == ["reorged"]
    return story


def put_right() -> Story:
    """A block was named too high; its header is known since, and not what it stands upon."""
    story = Story()
    story.start()
    story.seen(OTHER)
    story.gone(OTHER)
    named_at(story, THREE, 4)
    story.receive(BlockConnected(block=THREE.header(), source=SourceName.MEMPOOL_WS))
    return story


@pytest.mark.parametrize("begun", [over_a_hole, named_at_another_height, invalidated, put_right])
def test_the_chain_is_as_it_was(begun: Callable[[], Story]) -> None:
    story = begun()
    before = story.tracker.chain.blocks()
    story.restart()

    assert story.tracker.chain.blocks() == before


def test_what_is_missing_is_asked_for_as_before() -> None:
    story = over_a_hole()
    story.restart()
    story.listed()

    assert AskBlock(MISSING.hash, MISSING.height) in story.questions


def test_what_fills_the_hole_is_no_reorg() -> None:
    story = over_a_hole()
    story.restart()

    assert story.connected(MISSING) == []
    assert story.tracker.chain.tip == TIP.header()
    assert story.of(WHALE).status is Status.CONFIRMED


def test_a_reorg_of_a_block_that_was_named_at_another_height_is_followed() -> None:
    story, branch = named_at_another_height(), a_block(1, branch="b", on="")
    story.restart()
    story.connected(branch)

    assert story.tracker.chain.tip == branch.header()


def test_a_block_told_at_its_own_height_by_the_stream_first_confirms_once() -> None:
    story, block = Story(), a_block(1, WHALE)
    story.start()
    story.seen(WHALE)
    named_at(story, block, 2)

    assert story.connected(replace(block, entries=None), block) == ["confirmed"]


def test_a_whale_in_a_block_that_was_named_at_another_height_stays_confirmed_at_its_own() -> None:
    story, block = Story(forecast_source=forecasting(1)), a_block(1, WHALE)
    story.start()
    story.seen(WHALE)
    named_at(story, block, 2)
    story.is_in(WHALE, block)

    assert story.connected(block) == ["updated"]
    whale = story.of(WHALE)
    assert (whale.confirmed_height, whale.outcome) == (block.height, Outcome.ON_TIME)
    assert story.tracker.tally.reorgs == 0


def test_what_fills_the_hole_below_a_block_upon_one_that_was_taken_back_is_no_reorg() -> None:
    story, filling = invalidated(), a_block(1, branch="b", on="")
    tip = a_block(2, OTHER, branch="b")
    named_at(story, tip, 2)
    story.is_in(OTHER, tip)
    story.restart()

    assert story.connected(filling) == []


def test_after_the_tip_was_taken_back_a_dropped_whale_that_is_there_again_is_told() -> None:
    story = invalidated()
    story.restart()
    story.receive(BlockConnected(block=a_block(0), source=SourceName.MEMPOOL_WS))

    assert story.seen(OTHER) == ["updated"]
    assert story.of(OTHER).status is Status.PENDING


def test_a_header_of_an_electrum_server_moves_no_block_to_another_height() -> None:
    story = Story()
    story.start()
    story.connected(ONE, TWO)
    elsewhere = replace(TWO.header(), height=Height(START_HEIGHT + 3))
    newest = a_block(4)
    story.receive(ChainListed(blocks=(elsewhere, newest.header()), source=SourceName.ELECTRS))

    assert story.tracker.chain.tip == TWO.header()
    assert [type(one) for one in story.questions] == [AskMempool]
