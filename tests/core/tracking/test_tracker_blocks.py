"""Blocks: what they confirm, what a reorg undoes, what was never announced."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from app.core.classification import Flag
from app.core.events import EventType
from app.core.models import Block, SourceName, Transaction
from app.core.observations import BlockConnected, ChainListed, StatusReply
from app.core.prediction import Outcome, Status
from app.core.questions import AskBlock, AskMempool, AskStatus, AskTransaction
from app.core.scoring import whale_outcome
from app.core.tracking.inferred_replacement import UNEXPLAINED
from app.core.units import Height, Outpoint
from tests.builders import (
    START_HEIGHT,
    a_block,
    a_coin,
    a_hash,
    a_script,
    a_transaction,
    a_whale,
    pays,
    prevouts_of,
    spends,
    without_prevouts,
)
from tests.core.story import REST, WS, Story, forecasting

WHALE = a_whale(150)
OTHER = a_whale(160, coins=("another",))


def begun(*, blocks: int | None = 3) -> Story:
    story = Story(forecast_source=forecasting(blocks))
    story.start()
    story.seen(WHALE)
    return story


def only_named(block: Block) -> Block:
    """As the tip is told: hash and height."""
    return Block(hash=block.hash, height=block.height)


def test_a_block_confirms_what_is_in_it() -> None:
    story = begun()

    assert story.connected(a_block(1, WHALE)) == ["confirmed"]
    assert story.only.confirmed_height == START_HEIGHT + 1


def test_a_block_told_twice_confirms_once() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))

    assert story.connected(a_block(1, WHALE)) == []


@pytest.mark.parametrize(
    ("foretold", "outcome"), [(3, Outcome.ON_TIME), (2, Outcome.LATE), (None, Outcome.ON_TIME)]
)
def test_the_outcome_is_by_the_first_forecast(foretold: int | None, outcome: Outcome) -> None:
    story = begun(blocks=foretold)
    story.connected(a_block(1), a_block(2), a_block(3, WHALE))

    assert story.only.outcome is outcome


def test_without_a_forecast_there_is_nothing_to_score() -> None:
    story = Story()
    story.start()
    story.seen(WHALE)
    story.connected(a_block(1, WHALE))

    assert story.only.outcome is None


def test_lead_time_is_from_first_sight_to_the_block() -> None:
    story = begun()
    seen_at = story.at
    story.connected(a_block(1, WHALE))

    assert story.only.lead_time_seconds == (story.at - seen_at).total_seconds()


def test_a_block_whose_entries_are_not_told_is_asked_for() -> None:
    story = begun()
    story.connected(a_block(1, read=False))

    assert AskBlock(a_hash((1, "")), Height(START_HEIGHT + 1)) in story.questions


def test_a_block_that_nobody_could_read_is_asked_for_again_at_the_next_reconciliation() -> None:
    story = begun()
    story.connected(a_block(1, read=False))
    story.unanswered(*story.questions)
    story.listed(WHALE)

    assert AskBlock(a_hash((1, "")), Height(START_HEIGHT + 1)) in story.questions


def test_a_block_read_later_confirms_what_was_in_it() -> None:
    story = begun()
    story.connected(a_block(1, read=False))

    assert story.connected(a_block(1, WHALE)) == ["confirmed"]


def test_a_reorg_makes_it_pending_with_its_first_time() -> None:
    story = begun()
    first = story.only.detected_at
    story.connected(a_block(1, WHALE))

    assert story.connected(a_block(1, branch="b", on="")) == ["reorged"]
    assert (story.only.status, story.only.detected_at) == (Status.PENDING, first)


def test_announced_on_a_block_that_is_undone_is_announced_before_the_block_that_replaces_it() -> None:
    story = begun()
    story.connected(a_block(1))
    story.seen(OTHER)
    story.connected(a_block(1, OTHER, branch="b", on=""))

    ended = whale_outcome(story.of(OTHER))
    assert ended is not None
    assert ended.announced


@pytest.mark.parametrize("gone", [(), (OTHER,)])
def test_so_it_is_if_a_longer_branch_confirms_it(gone: tuple[Transaction, ...]) -> None:
    story = begun()
    story.connected(a_block(1))
    story.seen(OTHER)
    for one in gone:
        story.gone(one)
    story.connected(a_block(1, OTHER, branch="b", on=""), a_block(2, branch="b"))

    ended = whale_outcome(story.of(OTHER))
    assert ended is not None
    assert ended.announced


def test_so_it_is_if_the_tip_had_been_named_too_high() -> None:
    story, one = begun(), a_block(1)
    wrong = Height(START_HEIGHT + 5)
    story.receive(BlockConnected(block=Block(hash=one.hash, height=wrong), source=REST))
    story.unanswered(AskBlock(one.hash, wrong))
    story.seen(OTHER)
    story.connected(one, a_block(2, OTHER))

    ended = whale_outcome(story.of(OTHER))
    assert ended is not None
    assert ended.announced


def test_what_a_reorg_undid_is_asked_about() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    story.connected(a_block(1, branch="b", on=""))

    assert AskStatus(WHALE.txid) in story.questions


def test_the_new_block_of_that_height_may_confirm_it_at_once() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))

    assert story.connected(a_block(1, WHALE, branch="b", on="")) == ["reorged", "confirmed"]


def test_after_a_reorg_it_may_be_confirmed_later() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    story.connected(a_block(1, branch="b", on=""), a_block(2, WHALE, branch="b"))

    assert (story.only.status, story.only.confirmed_height) == (Status.CONFIRMED, START_HEIGHT + 2)


def test_after_a_reorg_it_may_lose_its_coin() -> None:
    story, other = begun(), a_whale(150, fee=10)
    story.connected(a_block(1, WHALE))
    new = a_block(1, other, branch="b", on="")
    story.connected(new)
    story.published(other, new)

    assert (story.of(WHALE).status, story.of(other).status) == (Status.DROPPED, Status.CONFIRMED)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_deep_reorg_is_understood_in_whatever_order_it_is_told(order: tuple[int, ...]) -> None:
    story = begun()
    story.connected(a_block(1), a_block(2, WHALE))
    branch = [a_block(1, branch="b", on=""), a_block(2, branch="b"), a_block(3, WHALE, branch="b")]
    story.connected(*(branch[one] for one in order))

    assert [block.hash for block in story.tracker.chain.blocks()][1:] == [block.hash for block in branch]
    assert (story.only.confirmed_height, story.tracker.tally.reorgs) == (START_HEIGHT + 3, 1)


def test_a_block_whose_parent_is_unknown_asks_for_the_parent() -> None:
    story = begun()
    story.connected(a_block(3))

    assert story.questions == [AskBlock(a_hash((2, "")), Height(START_HEIGHT + 2))]


def test_a_block_whose_parent_nobody_has_is_taken_with_a_hole_before_it() -> None:
    story = begun()
    story.connected(a_block(3, WHALE))

    assert story.unanswered(*story.questions) == ["confirmed"]


def test_behind_a_hole_every_waiting_whale_is_asked_about() -> None:
    story = begun()
    story.connected(a_block(3))
    story.unanswered(*story.questions)

    assert AskStatus(WHALE.txid) in story.questions


def test_an_orphan_told_again_and_again_is_kept_once() -> None:
    story = begun()
    story.connected(*[a_block(3)] * 5)

    assert story.tracker.orphans == 1


def test_a_tip_that_is_only_named_is_asked_for() -> None:
    story, block = begun(), a_block(1, WHALE)
    story.connected(only_named(block))

    assert story.questions == [AskBlock(block.hash, block.height)]


def test_a_tip_that_goes_back_undoes_what_the_mempool_holds_again() -> None:
    story = begun()
    story.connected(a_block(1), a_block(2, WHALE))
    story.seen(WHALE)

    assert story.waits(WHALE) == ["reorged"]
    assert story.tracker.chain.tip is not None
    assert story.tracker.chain.tip.height == START_HEIGHT + 1


def test_a_whale_that_waits_while_its_block_stands_is_asked_about_when_listed() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    story.listed(WHALE)

    assert story.questions == [AskStatus(WHALE.txid)]


def test_a_block_that_was_never_read_is_not_asked_for_after_a_reorg() -> None:
    story, stale = begun(), a_block(1, read=False)
    story.connected(stale)
    story.unanswered(*story.questions)
    story.connected(a_block(1, branch="b", on=""))
    story.listed(WHALE)

    assert AskBlock(stale.hash, stale.height) not in story.questions


def test_a_status_in_a_block_confirms() -> None:
    story = begun()
    story.left(WHALE)

    assert story.is_in(WHALE, a_block(1)) == ["confirmed"]


def test_a_status_in_an_unknown_block_asks_for_that_block() -> None:
    story, block = begun(), a_block(1)
    story.is_in(WHALE, block)

    assert story.questions == [AskBlock(block.hash, block.height)]


def test_a_status_in_another_block_is_a_reorg() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))

    assert story.is_in(WHALE, a_block(1, branch="b", on="")) == ["reorged", "confirmed"]


def test_a_whale_first_seen_in_a_block_is_asked_for_whole() -> None:
    story, block = begun(), a_block(1, other := a_whale(500, coins=("never told",)))
    story.connected(block)

    assert AskTransaction(other.txid, block.hash, block.height) in story.questions


def test_a_whale_first_seen_in_a_block_is_announced_and_confirmed() -> None:
    story, block = begun(), a_block(1, other := a_whale(500, coins=("never told",)))
    story.connected(block)

    assert story.published(other, block) == ["detected", "confirmed"]


def test_a_whale_first_seen_in_a_block_has_no_lead_time_and_no_forecast() -> None:
    story, block = begun(), a_block(1, other := a_whale(500, coins=("never told",)))
    story.connected(block)
    story.published(other, block)
    whale = story.of(other)

    assert (whale.lead_time_seconds, whale.first_forecast, whale.outcome) == (None, None, None)
    assert (whale.first_seen_by, Flag.LATE_SEEN in whale.flags) == (SourceName.BLOCK, True)


def test_what_was_due_in_a_block_is_late_as_soon_as_the_last_whale_of_it_is_known() -> None:
    story, block = begun(blocks=1), a_block(1, other := a_whale(500, coins=("never told",)))
    story.connected(block)
    story.published(other, block)

    assert story.of(WHALE).outcome is Outcome.LATE


def test_a_whale_in_a_block_is_known_by_its_line_if_nobody_can_say_more() -> None:
    story, block = begun(), a_block(1, other := a_whale(500, coins=("never told",)))
    story.connected(block)
    story.unanswered(AskTransaction(other.txid, block.hash, block.height))

    assert (story.of(other).status, story.of(other).classification.gross) == (Status.CONFIRMED, other.gross)


def test_a_whale_known_by_its_line_in_a_block_takes_up_the_whole() -> None:
    story, block = begun(), a_block(1, other := a_whale(500, coins=("never told",)))
    story.connected(block)
    story.unanswered(AskTransaction(other.txid, block.hash, block.height))
    story.published(other, block)

    assert story.of(other).tx.outputs == other.outputs


def test_the_coins_a_block_makes_are_no_whale() -> None:
    story = begun()
    story.connected(a_block(1))

    assert story.questions == []


def test_a_candidate_in_a_block_is_announced_first() -> None:
    story = Story()
    story.start()
    story.seen(a_whale(prevouts=False))

    assert story.connected(a_block(1, WHALE)) == ["detected", "confirmed"]


def test_older_blocks_told_again_change_nothing() -> None:
    story = begun()
    story.connected(a_block(1), a_block(2))

    assert story.connected(a_block(1), a_block(0)) == []
    assert story.tracker.chain.tip is not None
    assert story.tracker.chain.tip.height == START_HEIGHT + 2


def test_a_block_from_before_our_chain_confirms_what_is_in_it() -> None:
    story = begun()

    assert story.connected(a_block(-3, WHALE)) == ["confirmed"]


def test_the_first_list_of_blocks_is_where_we_begin() -> None:
    story = Story()
    story.receive(ChainListed(blocks=(a_block(0), a_block(1)), source=WS))

    assert story.tracker.chain.tip == a_block(1).header()


def test_a_list_that_goes_on_from_ours_connects_its_blocks() -> None:
    story = begun()

    published = ChainListed(blocks=(a_block(0), a_block(1), a_block(2, WHALE)), source=WS)

    assert story.receive(published) == ["confirmed"]


def test_a_list_with_another_branch_that_is_higher_is_a_reorg() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    published = ChainListed(
        blocks=(a_block(0), a_block(1, branch="b", on=""), a_block(2, branch="b")), source=WS
    )

    assert story.receive(published) == ["reorged"]


@pytest.mark.parametrize(
    "headers",
    [
        (
            a_block(0, read=False),
            a_block(1, branch="b", on="", read=False),
            a_block(2, branch="b", read=False),
        ),
        (a_block(2, branch="b", read=False),),
    ],
)
def test_headers_of_an_electrum_server_alone_undo_no_block(headers: tuple[Block, ...]) -> None:
    story = begun()
    story.connected(a_block(1, WHALE))

    assert story.receive(ChainListed(blocks=headers, source=SourceName.ELECTRS)) == []
    assert AskMempool("the Electrum server's chain is not the one we know") in story.questions


def test_a_header_of_an_electrum_server_that_goes_on_from_ours_is_connected() -> None:
    story = begun()
    story.receive(ChainListed(blocks=(a_block(1, read=False),), source=SourceName.ELECTRS))

    assert story.tracker.chain.tip == a_block(1, read=False).header()


def test_a_list_that_is_lower_than_our_tip_is_checked_first() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    story.receive(ChainListed(blocks=(a_block(0), a_block(1, branch="b", on="")), source=WS))

    assert story.questions == [AskMempool("the backend's chain is not the one we know")]


def test_a_whale_in_a_reorged_block_that_nobody_has_is_dropped() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))
    story.connected(a_block(1, branch="b", on=""))

    assert story.gone(WHALE) == ["dropped"]


def test_each_block_is_kept_once() -> None:
    story = begun()
    story.connected(a_block(1), a_block(1), a_block(2))

    assert [block.height for block in story.blocks] == [START_HEIGHT, START_HEIGHT + 1, START_HEIGHT + 2]


def test_the_tip_asked_for_after_a_start_confirms_nothing_new() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))

    assert story.receive(BlockConnected(block=only_named(a_block(1)), source=REST)) == []


def test_a_whale_asked_for_in_a_block_that_is_stale_by_then_is_in_its_new_one() -> None:
    story, other = begun(), a_whale(500, coins=("never told",))
    story.connected(a_block(1, other))
    new = a_block(1, other, branch="b", on="")
    story.connected(new)
    story.published(other, new)

    assert story.of(other).confirmed_hash == new.hash


def test_a_whale_known_by_the_line_of_a_stale_block_only_is_not_announced() -> None:
    story, old = begun(), a_block(1, other := a_whale(500, coins=("never told",)))
    story.connected(old)
    story.connected(a_block(1, branch="b", on=""))

    assert story.unanswered(AskTransaction(other.txid, old.hash, old.height)) == []


def test_a_hole_is_asked_for_again_at_the_next_reconciliation() -> None:
    story = begun()
    story.connected(a_block(2))
    story.unanswered(*story.questions)
    story.listed(WHALE)

    assert AskBlock(a_hash((1, "")), Height(START_HEIGHT + 1)) in story.questions


def test_a_block_that_fills_a_hole_undoes_nothing_above_it() -> None:
    story = begun()
    story.connected(a_block(2, WHALE))
    story.unanswered(*story.questions)

    assert story.connected(a_block(1)) == []
    assert [block.height - START_HEIGHT for block in story.tracker.chain.blocks()] == [0, 1, 2]


def test_a_block_is_known_by_its_hash_whatever_height_an_answer_gives_it() -> None:
    story, block = begun(), a_block(1, OTHER)
    story.connected(block)

    story.published(OTHER, replace(block, height=Height(block.height - 1)))

    assert not [question for question in story.questions if isinstance(question, AskBlock)]
    assert story.of(OTHER).confirmed_height == block.height


def test_a_transaction_of_a_block_from_before_our_chain_does_not_ask_for_that_block_again() -> None:
    story, old = begun(), a_block(-5, OTHER)
    story.connected(old)

    story.published(OTHER, old)

    assert not [question for question in story.questions if isinstance(question, AskBlock)]
    assert story.of(OTHER).confirmed_height == old.height


def test_one_that_is_decided_only_as_its_block_arrives_is_not_forecast() -> None:
    story, tx = Story(forecast_source=forecasting()), a_whale(150)
    story.start()
    story.seen(without_prevouts(tx))

    assert story.connected(a_block(1, tx)) == ["detected", "confirmed"]
    assert (story.only.forecast, story.only.outcome, story.only.first_seen_in_block) == (None, None, False)
    assert story.only.unforecast == "it confirmed before anything was known to forecast it from"


def test_of_a_list_that_begins_below_our_chain_only_what_goes_on_from_it_is_taken() -> None:
    story = begun()
    story.connected(a_block(1))
    listed = tuple(a_block(height) for height in (-2, -1, 0, 1, 2))
    story.receive(ChainListed(blocks=listed, source=WS))

    assert [block.height - START_HEIGHT for block in story.blocks] == [0, 1, 2]


def test_a_block_from_before_our_chain_of_which_only_the_txids_are_known_confirms_and_is_asked_for() -> None:
    story, before = begun(), a_block(-1, WHALE)
    story.connected(replace(before, entries=None))

    assert story.only.status is Status.CONFIRMED
    assert story.questions == [AskBlock(before.hash, before.height)]


def test_a_block_under_another_height_than_ours_confirms_nothing() -> None:
    """A source contradicts itself: by its hash it is one block of our chain, by its height another."""
    story = begun()
    story.connected(a_block(1), a_block(2))
    known = a_block(2)

    assert story.connected(replace(a_block(2, WHALE), hash=known.hash, height=a_block(1).height)) == []
    assert story.only.status is Status.PENDING


def test_a_block_that_nobody_has_lets_its_child_connect_even_where_its_height_is_unknown() -> None:
    story = begun()
    story.connected(a_block(2))
    story.unanswered(AskBlock(a_block(1).hash))

    assert story.tracker.chain.tip == a_block(2).header()
    assert story.tracker.chain.missing() == ((a_block(1).hash, a_block(1).height),)


def test_a_hop_whose_block_is_undone_while_it_waits_for_its_parent_is_announced_as_waiting() -> None:
    story = Story()
    parent = a_transaction(
        spends=[spends(a_script("a"), 900, outpoint=a_coin("a"))], pays=[pays(a_script("b"), 899)], vsize=100
    )
    hop = a_transaction(
        spends=[spends(a_script("b"), 899, outpoint=Outpoint(parent.txid, 0))],
        pays=[pays(a_script("c"), 898)],
        vsize=100,
    )
    story.start()
    story.seen(without_prevouts(parent))
    block = a_block(1, hop)
    story.connected(block)
    story.published(hop, block)
    assert story.types == []
    story.connected(a_block(1, branch="b", on=""))
    story.receive(prevouts_of(parent))

    assert story.of(hop).status is Status.PENDING


@pytest.mark.parametrize("parent", ["nobody has it", "it comes at last"])
def test_an_orphan_that_was_taken_below_its_child_is_taken_no_second_time(parent: str) -> None:
    story = begun()
    first, second, third = (a_block(height) for height in (1, 2, 3))
    story.connected(second, third)
    story.unanswered(AskBlock(second.hash, second.height))
    story.connected(second)
    assert [block.height - START_HEIGHT for block in story.blocks] == [0, 3, 2, 3]  # the tip is kept last
    if parent == "nobody has it":
        story.unanswered(AskBlock(first.hash, first.height))
    else:
        story.connected(first)

    assert [block.height - START_HEIGHT for block in story.blocks].count(2) == 1
    assert story.tracker.chain.tip == third.header()
    assert story.tracker.orphans == 0


def test_an_orphan_older_than_all_that_is_kept_is_forgotten_when_its_parent_is_lost() -> None:
    story, orphan = begun(), a_block(2, branch="b")
    story.connected(orphan)
    story.connected(*(a_block(height) for height in range(1, 160)))
    assert story.tracker.chain.lowest > orphan.height
    tip = story.tracker.chain.tip
    story.unanswered(AskBlock(a_block(1, branch="b").hash, a_block(1).height))

    assert (story.tracker.chain.tip, story.tracker.orphans) == (tip, 0)
    assert orphan.hash not in story.tracker.chain


def test_a_whale_in_two_blocks_from_before_our_chain_is_in_the_one_that_was_read_last() -> None:
    story = begun()
    story.connected(a_block(-3, WHALE))

    assert story.connected(a_block(-2, WHALE, branch="b")) == ["reorged", "confirmed"]
    assert story.only.confirmed_hash == a_block(-2, branch="b").hash


def test_a_block_from_before_our_chain_that_was_read_whole_is_not_asked_for() -> None:
    story = begun()
    story.connected(a_block(-3, WHALE))

    assert story.questions == []


def test_a_block_of_which_only_the_entries_are_known_confirms_what_is_in_it() -> None:
    story = begun()

    assert story.connected(replace(a_block(1, WHALE), txids=None)) == ["confirmed"]


def test_a_block_whose_txids_come_later_confirms_what_is_in_it() -> None:
    story = begun()
    story.connected(a_block(1, read=False))

    assert story.connected(replace(a_block(1, WHALE), entries=None)) == ["confirmed"]


def test_an_old_block_that_was_named_without_its_time_confirms_at_its_time_once_that_is_known() -> None:
    story = begun()
    story.connected(a_block(1, read=False))
    story.at += timedelta(hours=3)
    mined = story.at - timedelta(hours=1)
    story.connected(replace(a_block(1, WHALE), time=mined))

    assert story.only.confirmed_at == mined


def test_a_transaction_of_a_block_that_pays_just_the_threshold_is_not_asked_for() -> None:
    story = Story()
    story.start()
    story.connected(a_block(1, a_whale(100)))

    assert story.questions == []


def test_a_status_in_a_block_of_our_chain_asks_for_nothing() -> None:
    story = begun()
    story.connected(a_block(1))
    story.is_in(WHALE, a_block(1))

    assert story.questions == []


def test_a_tip_that_is_only_named_and_that_nobody_has_is_taken_by_its_name() -> None:
    story, tip = begun(), only_named(a_block(1))
    story.connected(tip)
    story.unanswered(AskBlock(tip.hash, tip.height))

    assert story.tracker.chain.tip == tip


def test_a_block_of_our_tips_height_that_nobody_has_undoes_nothing() -> None:
    story = begun()
    story.connected(a_block(1, WHALE))

    assert story.unanswered(AskBlock(a_hash("another"), a_block(1).height)) == []
    assert story.tracker.chain.tip == a_block(1, WHALE).header()


def test_what_was_due_in_a_block_below_an_unread_tip_is_late() -> None:
    story = begun(blocks=1)
    story.connected(a_block(1, read=False))
    assert story.only.outcome is Outcome.CENSORED
    story.connected(a_block(2, read=False))

    assert story.only.outcome is Outcome.LATE


def test_a_block_explains_no_drop_of_a_whale_that_spends_other_coins() -> None:
    story = begun()
    story.gone(WHALE)

    assert story.published(OTHER, a_block(0)) == ["detected", "confirmed"]
    assert story.of(WHALE).conflicts_with == ()


def test_what_a_block_holds_in_place_of_a_dropped_whale_is_named_once() -> None:
    story, winner = begun(), a_whale(150, fee=10)
    story.gone(WHALE)
    first = story.published(winner, a_block(0))
    again = story.published(winner, a_block(0))

    assert ("conflicted" in first, again) == (True, [])


def test_a_drop_that_a_block_is_the_reason_of_is_not_explained_by_another_block() -> None:
    story = Story()
    story.start()
    story.seen(a_whale(150, coins=("one", "two"), fee=1_000))
    (loser,) = story.kept.values()
    for height, coin in enumerate(("one", "two"), 1):
        winner = a_whale(150, coins=(coin,), fee=10)
        story.connected(a_block(height, winner))
        story.published(winner, a_block(height, winner))

    assert [
        one.type
        for one in story.events
        if one.prediction is not None and one.prediction.prediction_id == loser.prediction_id
    ] == [EventType.DETECTED, EventType.CONFLICTED, EventType.DROPPED]


def test_a_drop_whose_block_was_undone_is_explained_by_the_block_in_its_place() -> None:
    story, first, second = begun(), a_whale(150, fee=10), a_whale(140, fee=20)
    old, new = a_block(1, first), a_block(1, second, branch="b", on="")
    story.connected(old)
    story.published(first, old)
    story.connected(new, a_block(2, branch="b"))
    story.published(second, new)

    assert story.of(WHALE).reason == f"a block holds {second.txid}, which spends the same coin"


def test_a_former_version_that_is_mined_was_not_seen_late() -> None:
    story, newer, block = begun(), a_whale(150, fee=9_000), a_block(1, WHALE)
    first_seen = story.of(WHALE)
    story.replaced(WHALE, by=newer)
    story.connected(block)
    story.published(WHALE, block)
    mined = story.of(WHALE)

    assert Flag.LATE_SEEN not in mined.all_flags
    assert (mined.detected_at, mined.first_seen_by) == (first_seen.detected_at, first_seen.first_seen_by)
    assert mined.lead_time_seconds is not None


def test_a_version_between_that_is_mined_was_seen_when_it_replaced_the_one_before() -> None:
    story, second, third = begun(), *(a_whale(150, fee=fee) for fee in (9_000, 20_000))
    block = a_block(1, second)
    story.at += timedelta(minutes=5)
    story.replaced(WHALE, by=second)
    replaced_at = story.only.updated_at
    story.replaced(second, by=third)
    story.connected(block)
    story.published(second, block)

    assert story.of(second).detected_at == replaced_at


def test_a_drop_of_long_ago_is_not_explained_by_a_block() -> None:
    story, winner = begun(), a_whale(150, fee=10)
    story.gone(WHALE)
    story.at += UNEXPLAINED

    assert "conflicted" not in story.published(winner, a_block(0))


def test_a_confirmed_whale_is_not_contested_by_what_another_block_holds() -> None:
    story, winner = begun(), a_whale(150, fee=10)
    story.connected(a_block(1, WHALE))
    story.published(winner, a_block(0))

    assert (story.of(WHALE).status, story.of(WHALE).conflicts_with) == (Status.CONFIRMED, ())


def test_announced_on_two_blocks_that_are_undone_it_counts_from_the_block_below_them() -> None:
    story = begun()
    story.connected(a_block(1), a_block(2))
    story.seen(OTHER)
    story.connected(a_block(1, branch="b", on=""), a_block(2, branch="b"), a_block(3, branch="b"))

    assert story.of(OTHER).detected_height == START_HEIGHT
    assert story.of(WHALE).detected_height == START_HEIGHT


def test_an_older_version_in_a_block_is_asked_for_with_that_block() -> None:
    story, newer, block = begun(), a_whale(150, fee=9_000), a_block(1, WHALE)
    story.replaced(WHALE, by=newer)
    story.connected(block)

    assert AskTransaction(WHALE.txid, block.hash, block.height) in story.questions
    assert story.of(newer).reason == f"a block holds {WHALE.txid}, which spends the same coin"


def test_an_older_version_in_a_block_takes_nothing_from_a_newer_one_that_had_ended() -> None:
    story, newer = begun(), a_whale(150, fee=9_000)
    story.replaced(WHALE, by=newer)
    story.gone(newer)

    assert story.connected(a_block(1, WHALE)) == []


def test_a_hole_in_the_chain_is_asked_for_down_to_its_ground() -> None:
    story, (first, second, third) = begun(), (a_block(height) for height in (1, 2, 3))
    story.connected(a_block(4))
    story.unanswered(AskBlock(third.hash, third.height))
    asked = []
    for block in (third, second, first):
        story.connected(block)
        asked.append(story.questions)

    assert asked == [[AskBlock(second.hash, second.height)], [AskBlock(first.hash, first.height)], []]


def test_the_lowest_block_that_is_kept_has_no_parent_to_ask_for() -> None:
    story = begun()
    story.connected(a_block(0))

    assert story.questions == []


def known_by_its_height(story: Story, block: Block) -> None:
    """Connect a block that a source named and nobody could read."""
    story.receive(BlockConnected(block=Block(hash=block.hash, height=block.height), source=REST))
    story.unanswered(AskBlock(block.hash, block.height))
    assert block.hash in story.tracker.chain


def test_a_block_that_nobody_could_read_leads_down_to_its_parents_once_it_is_read() -> None:
    story, parent, block = begun(), a_block(1), a_block(2)
    known_by_its_height(story, block)
    story.connected(block)

    assert story.questions == [AskBlock(parent.hash, parent.height)]


def test_what_was_confirmed_below_a_block_that_has_another_parent_is_reorged() -> None:
    story, block = begun(), a_block(2, branch="b")
    story.connected(a_block(1, WHALE))
    known_by_its_height(story, block)

    assert story.connected(block) == ["reorged"]
    assert AskStatus(WHALE.txid) in story.questions


def test_a_block_undone_below_others_leaves_the_heights_of_detection_above_it() -> None:
    story, block = begun(), a_block(3, branch="b")
    story.connected(a_block(1), a_block(2))
    known_by_its_height(story, block)
    story.seen(OTHER)
    story.connected(block)

    assert story.of(OTHER).detected_height == block.height


def test_of_a_whale_confirmed_where_our_chain_has_another_block_each_listing_asks() -> None:
    """One source named that block, and nobody can read it: it was undone before we were told of it."""
    story, never_ours = begun(), a_block(1, branch="b")
    story.is_in(WHALE, never_ours)
    story.connected(a_block(1))
    story.listed()

    assert AskStatus(WHALE.txid) in story.questions
    assert story.gone(WHALE) == ["reorged", "dropped"]


def test_of_a_whale_confirmed_in_a_block_of_our_chain_no_listing_asks() -> None:
    story = begun()
    story.connected(a_block(1, WHALE), a_block(2))
    story.listed()

    assert story.questions == []


def test_a_version_before_the_last_in_a_block_is_asked_for_and_ends_nothing() -> None:
    """It may spend none of the coins of the current one, which replaced a version of both."""
    story, both, current = (
        begun(),
        a_whale(150, coins=("one", "two"), fee=9_000),
        a_whale(150, coins=("two",)),
    )
    story.replaced(WHALE, by=both)
    story.replaced(both, by=current)

    assert story.connected(a_block(1, WHALE)) == []
    assert AskStatus(current.txid) in story.questions
    assert story.published(WHALE, a_block(1, WHALE)) == ["detected", "confirmed"]
    assert story.of(current).status is Status.PENDING


def test_a_block_undone_below_others_that_is_told_again_undoes_none_of_them() -> None:
    story, block = begun(), a_block(2, WHALE, branch="b")
    story.connected(a_block(1))
    known_by_its_height(story, block)
    assert story.connected(block) == ["confirmed"]

    assert story.connected(a_block(1)) == []
    assert story.tracker.chain.tip is not None
    assert story.tracker.chain.tip.hash == block.hash


def test_a_reorg_back_to_a_block_undone_below_others_is_told_by_its_child() -> None:
    story, block, back = begun(), a_block(2, branch="b"), a_block(2)
    story.connected(a_block(1))
    known_by_its_height(story, block)
    story.connected(block)
    story.connected(back)
    story.connected(a_block(1))

    assert story.tracker.chain.tip == back.header()


def test_of_a_block_filled_in_below_others_the_tip_is_kept_after_it() -> None:
    """The store takes the header that was kept last for the tip."""
    story, (first, second, third) = begun(), (a_block(height) for height in (1, 2, 3))
    story.connected(third)
    story.unanswered(AskBlock(second.hash, second.height))
    story.connected(second, first)

    assert story.blocks[-1].hash == third.hash


def test_a_parent_that_is_learned_is_kept() -> None:
    story, block = begun(), a_block(2)
    known_by_its_height(story, block)
    story.connected(block)

    assert [one.previous for one in story.blocks if one.hash == block.hash][-1] == block.previous


def test_a_block_read_without_its_header_is_asked_for_again() -> None:
    story, block = begun(), a_block(2)
    story.connected(replace(block, previous=None))
    story.listed(WHALE)

    assert AskBlock(block.hash, block.height) in story.questions


def named_by_an_electrum_server(story: Story, block: Block, height: int) -> None:
    """It says that the whale is in this block at this height, and nobody can read the block."""
    place = Height(START_HEIGHT + height)
    story.receive(
        StatusReply(
            txid=WHALE.txid,
            block_hash=block.hash,
            height=place,
            in_mempool=False,
            source=SourceName.ELECTRS,
        )
    )
    story.unanswered(AskBlock(block.hash, place))


def test_a_height_that_an_electrum_server_alone_names_is_none_of_our_chain() -> None:
    story = begun()
    named_by_an_electrum_server(story, a_block(5_000), 5_000)

    assert story.tracker.chain.tip == a_block(0).header()


def test_the_hash_of_a_new_tip_with_the_height_of_another_undoes_nothing() -> None:
    """The backend is asked for its tip's hash, then for its height; one that begins anew has a lower one."""
    story, tip = begun(), a_block(1, WHALE)
    story.connected(tip)

    assert story.connected(Block(hash=tip.hash, height=Height(START_HEIGHT))) == []
    assert story.tracker.chain.tip == tip.header()


def test_a_block_at_a_height_that_is_not_its_own_takes_its_place_once_it_is_read() -> None:
    story, (first, second) = begun(), (a_block(height) for height in (1, 2))
    story.receive(BlockConnected(block=Block(hash=second.hash, height=second.height), source=REST))
    named_by_an_electrum_server(story, first, 2)
    assert story.tracker.chain.find(first.hash) is not None
    story.connected(first, second)

    assert story.tracker.chain.at(first.height) == first.header()
    assert story.tracker.chain.tip == second.header()


def test_where_a_status_takes_a_block_back_the_others_in_it_are_asked_about() -> None:
    story = begun()
    story.seen(OTHER)
    story.connected(a_block(1, WHALE, OTHER))

    assert story.waits(WHALE) == ["reorged", "reorged"]
    assert AskStatus(OTHER.txid) in story.questions
    assert AskStatus(WHALE.txid) not in story.questions


def test_where_the_only_block_known_is_taken_back_its_whale_waits_again() -> None:
    story = Story()
    story.seen(WHALE)
    story.connected(a_block(1, WHALE))

    assert story.waits(WHALE) == ["reorged"]
    assert (story.of(WHALE).status, story.tracker.chain.tip) == (Status.PENDING, None)


def test_a_parent_that_waits_for_its_own_is_not_asked_for() -> None:
    story = Story()
    story.start()
    one, two, three, four = (a_block(height) for height in (1, 2, 3, 4))
    story.connected(one, three, four)

    assert AskBlock(three.hash, three.height) not in story.questions
    story.connected(two)
    assert story.tracker.chain.blocks()[-4:] == (one.header(), two.header(), three.header(), four.header())


@pytest.mark.parametrize("seen_first", [WHALE, OTHER])
def test_an_answer_that_names_a_block_not_told_of_yet_confirms_at_once(seen_first: Transaction) -> None:
    story = Story()
    story.start()
    story.seen(seen_first)
    story.connected(a_block(1, branch="x", on=""))
    winner = a_whale(170)  # of WHALE's coin

    assert story.published(winner, a_block(1, winner, branch="b", on=""))[-1] in {"confirmed", "dropped"}
    assert story.of(winner).status is Status.CONFIRMED
