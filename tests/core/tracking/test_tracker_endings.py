"""Out of the mempool: dropped, unverifiable, killed by a block, broadcast again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.classification import Flag
from app.core.models import SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    ChainListed,
    Gap,
    MempoolListed,
    PackageReply,
    ProjectedTransaction,
    Skipped,
    SourceConnected,
    StatusReply,
    TransactionLeft,
    TransactionSeen,
)
from app.core.prediction import Outcome, Status
from app.core.questions import AskBlock, AskMempool, AskStatus, AskStored, AskTransaction
from app.core.tracking.whales import Bounds
from app.core.units import SatPerVb, Sats, VBytes
from tests.builders import a_block, a_coin, a_script, a_transaction, a_txid, a_whale, pays, spends
from tests.core.story import REST, WS, Story, forecasting

WHALE = a_whale(150)
CHEAPER, DEARER = a_whale(150, fee=500), a_whale(150, fee=5_000)
"""Other spends of the same coin."""
SMALL = a_whale(50, fee=500, to="no whale")
NOWHERE = StatusReply(txid=WHALE.txid, block_hash=None, height=None, in_mempool=False, source=REST)


def begun() -> Story:
    story = Story(forecast_source=forecasting())
    story.start()
    story.seen(WHALE)
    return story


def test_that_it_left_is_asked_about_before_it_is_believed() -> None:
    story = begun()

    assert story.left(WHALE) == []
    assert story.questions == [AskStatus(WHALE.txid)]


def test_what_is_nowhere_is_dropped() -> None:
    story = begun()
    story.left(WHALE)

    assert story.gone(WHALE) == ["dropped"]
    assert (story.only.status, story.only.outcome) == (Status.DROPPED, Outcome.DROPPED)


def test_what_expired_says_so() -> None:
    story = begun()
    story.left(WHALE)
    story.gone(WHALE)

    assert story.only.reason is not None
    assert "expired" in story.only.reason


def test_a_child_of_a_parent_that_is_gone_says_so() -> None:
    story = begun()
    child = a_child_of(WHALE)
    story.seen(child)
    story.left(WHALE, child)
    story.gone(child)

    assert story.of(child).reason == f"its parent {WHALE.txid} is gone: it left the mempool"


def test_a_child_of_a_replaced_parent_says_so() -> None:
    story = begun()
    child = a_child_of(WHALE)
    story.seen(child)
    story.replaced(WHALE, by=DEARER)
    story.left(child)
    story.gone(child)

    assert story.of(child).reason == f"its parent {WHALE.txid} is gone: replaced by {DEARER.txid}"


def test_a_parent_that_was_mined_is_not_called_gone() -> None:
    story = begun()
    child = a_child_of(WHALE)
    story.seen(child)
    story.left(WHALE)
    story.connected(a_block(1, WHALE))
    story.left(child)
    story.gone(child)

    assert story.of(child).reason is not None
    assert "parent" not in str(story.of(child).reason)


def test_what_left_and_nobody_can_say_is_marked_and_stays_pending() -> None:
    story = begun()
    story.left(WHALE)

    assert story.unanswered(AskStatus(WHALE.txid)) == ["updated"]
    assert (story.only.status, story.only.left_unverified) == (Status.PENDING, True)


def test_what_is_no_longer_listed_and_nobody_can_say_is_marked_too() -> None:
    story = begun()
    story.listed()

    assert story.unanswered(*story.questions) == ["updated"]
    assert story.only.left_unverified


def test_that_nobody_can_say_is_told_once() -> None:
    story = begun()
    story.left(WHALE)
    story.unanswered(AskStatus(WHALE.txid))

    assert story.unanswered(AskStatus(WHALE.txid)) == []


def test_an_unanswered_question_about_what_never_left_says_nothing() -> None:
    assert begun().unanswered(AskStatus(WHALE.txid)) == []


@pytest.mark.parametrize("how", ["status", "listed", "seen"])
def test_the_doubt_ends_when_a_source_can_say(how: str) -> None:
    story = begun()
    story.left(WHALE)
    story.unanswered(AskStatus(WHALE.txid))
    published = {"status": story.waits, "listed": story.listed, "seen": story.seen}[how](WHALE)

    assert (published, story.only.left_unverified) == (["updated"], False)


def test_once_verified_an_unanswered_question_brings_no_doubt_back() -> None:
    story = begun()
    story.left(WHALE)
    story.waits(WHALE)

    assert story.unanswered(AskStatus(WHALE.txid)) == []


def test_that_it_waited_before_it_left_is_asked_about_once_more() -> None:
    story = begun()
    story.left(WHALE)

    assert story.waits(WHALE, seconds_ago=5) == []
    assert story.questions == [AskStatus(WHALE.txid)]


def test_that_it_waited_before_it_left_is_asked_about_once_more_only() -> None:
    story = begun()
    story.left(WHALE)
    story.waits(WHALE, seconds_ago=5)

    assert story.waits(WHALE, seconds_ago=6) == ["updated"]
    assert story.only.left_unverified
    assert story.questions == []


def test_that_it_waits_since_it_left_verifies_it() -> None:
    story = begun()
    story.left(WHALE)
    for _ in range(2):
        story.waits(WHALE, seconds_ago=10)

    assert story.waits(WHALE, seconds_ago=0) == ["updated"]
    assert not story.only.left_unverified


def test_a_doubtful_one_that_is_nowhere_is_dropped() -> None:
    story = begun()
    story.left(WHALE)
    story.unanswered(AskStatus(WHALE.txid))

    assert story.gone(WHALE) == ["dropped"]


def test_a_candidate_that_leaves_is_announced_first() -> None:
    story = Story()
    story.seen(a_whale(prevouts=False))
    story.left(WHALE)

    assert story.gone(WHALE) == ["dropped"]
    assert story.types == ["detected", "dropped"]


@pytest.mark.parametrize("how", ["status", "seen"])
def test_broadcast_again_it_has_the_same_id_and_is_pending(how: str) -> None:
    story = begun()
    first = story.only
    story.left(WHALE)
    story.gone(WHALE)
    published = {"status": story.waits, "seen": story.seen}[how](WHALE)

    assert published == ["updated"]
    assert (story.only.prediction_id, story.only.status) == (first.prediction_id, Status.PENDING)


def test_broadcast_again_it_keeps_its_first_time() -> None:
    story = begun()
    first = story.only.detected_at
    story.gone(WHALE)
    story.seen(WHALE)

    assert story.only.detected_at == first


def test_broadcast_again_while_nobody_listened_it_is_asked_about_when_listed() -> None:
    story = begun()
    story.gone(WHALE)
    story.listed(WHALE)

    assert story.questions == [AskStatus(WHALE.txid)]


def test_a_line_of_a_projected_block_brings_a_dropped_one_back_into_question() -> None:
    story = begun()
    story.gone(WHALE)
    story.receive(
        ProjectedTransaction(
            txid=WHALE.txid,
            value=WHALE.gross,
            fee=Sats(1),
            vsize=VBytes(1),
            package_feerate=None,
            source=WS,
        )
    )

    assert story.questions == [AskStatus(WHALE.txid)]


def test_a_dropped_one_that_is_mined_all_the_same_is_confirmed() -> None:
    story = begun()
    story.gone(WHALE)

    assert story.connected(a_block(1, WHALE)) == ["confirmed"]


def test_a_replaced_one_that_is_mined_all_the_same_is_confirmed_and_its_winner_loses() -> None:
    story = begun()
    story.seen(DEARER)
    story.waits(WHALE)
    story.replaced(WHALE, by=DEARER)
    story.connected(a_block(1, WHALE))

    assert (story.of(WHALE).status, story.of(DEARER).status) == (Status.CONFIRMED, Status.DROPPED)


def test_killed_by_a_block_it_is_conflicted_then_dropped() -> None:
    story = begun()

    assert story.replaced(WHALE, by=CHEAPER, mined=True) == ["conflicted", "dropped"]


def test_killed_by_a_block_it_says_by_what() -> None:
    story = begun()
    story.replaced(WHALE, by=CHEAPER, mined=True)

    assert story.only.reason == f"a block holds {CHEAPER.txid}, which spends the same coin"
    assert Flag.CONFLICT in story.only.flags


def test_the_whale_that_killed_it_is_a_prediction_of_its_own() -> None:
    story, block = begun(), a_block(1, CHEAPER)
    story.connected(block)
    story.published(CHEAPER, block)

    assert (story.of(CHEAPER).status, story.of(WHALE).status) == (Status.CONFIRMED, Status.DROPPED)
    assert story.of(CHEAPER).prediction_id != story.of(WHALE).prediction_id


def test_a_winner_in_a_block_that_pays_more_was_a_replacement_out_of_sight() -> None:
    story, block = begun(), a_block(1, DEARER)
    story.connected(block)

    assert story.published(DEARER, block) == ["replaced", "confirmed"]
    assert story.only.replaces == (WHALE.txid,)


def test_a_replacement_out_of_sight_is_looked_for_in_its_block() -> None:
    story = begun()
    story.replaced(WHALE, by=DEARER, mined=True)

    assert AskStatus(DEARER.txid) in story.questions


def test_a_rival_that_is_no_whale_kills_it_in_a_block() -> None:
    story = begun()
    story.seen(SMALL)
    story.waits(WHALE)

    assert story.connected(a_block(1, SMALL)) == ["conflicted", "dropped"]


def test_a_whale_in_a_block_ends_whatever_else_waits_for_its_coins() -> None:
    story = begun()
    both = a_whale(900, coins=("one", "two"), fee=100)
    story.seen(both)
    story.waits(WHALE)
    story.connected(a_block(1, both))

    assert story.of(WHALE).status is Status.DROPPED


def test_an_older_version_in_a_block_is_a_prediction_of_its_own() -> None:
    story, block = begun(), a_block(1, WHALE)
    story.replaced(WHALE, by=DEARER)
    story.connected(block)
    story.published(WHALE, block)

    assert (story.of(WHALE).status, story.of(DEARER).status) == (Status.CONFIRMED, Status.DROPPED)


def test_an_older_version_in_a_block_is_known_by_its_line_if_nobody_can_say_more() -> None:
    story = begun()
    story.replaced(WHALE, by=DEARER)
    story.connected(a_block(1, WHALE))
    story.unanswered(*story.questions)

    assert story.of(WHALE).status is Status.CONFIRMED


def test_a_gap_asks_for_all_that_waits() -> None:
    story = begun()
    story.receive(Gap(source=WS, reason="sequence went from 3 to 7"))

    assert story.questions == [AskMempool("sequence went from 3 to 7")]


def test_what_should_be_listed_and_is_not_is_asked_about() -> None:
    story = begun()
    story.listed()

    assert story.questions == [AskStatus(WHALE.txid)]


def test_what_is_listed_is_not_asked_about() -> None:
    story = begun()
    story.listed(WHALE)

    assert story.questions == []


def test_a_listing_older_than_the_last_word_only_makes_ask_a_moment_later() -> None:
    story = begun()
    published = story.listed(seconds_ago=60)

    assert (published, story.questions) == ([], [AskStatus(WHALE.txid, in_seconds=2.5)])


def test_a_listing_older_than_the_last_word_that_holds_the_whale_asks_nothing() -> None:
    story = begun()
    story.listed(WHALE, seconds_ago=60)

    assert story.questions == []


def test_a_whale_that_left_before_it_was_last_revised_is_dropped() -> None:
    story = begun()
    story.receive(PackageReply(txid=WHALE.txid, package_feerate=SatPerVb(90.0), related=None, source=WS))
    story.listed(seconds_ago=1.5)

    assert story.gone(WHALE) == ["dropped"]


def test_an_older_version_that_is_listed_instead_is_read_first() -> None:
    story = begun()
    story.replaced(WHALE, by=DEARER)
    story.listed(WHALE)

    assert story.questions == [AskTransaction(WHALE.txid)]


def test_a_status_told_twice_is_told_once() -> None:
    story = begun()
    story.gone(WHALE)

    assert story.gone(WHALE) == []


def test_what_nobody_knows_makes_no_event() -> None:
    story = Story()

    assert story.gone(WHALE) + story.waits(WHALE) + story.left(WHALE) == []


def test_a_package_of_nobody_makes_no_event() -> None:
    published = PackageReply(txid=WHALE.txid, package_feerate=SatPerVb(5.0), related=0, source=WS)

    assert Story().receive(published) == []


def test_a_restored_whale_goes_on_where_it_was() -> None:
    story, again = begun(), Story()
    again.tracker.restore((story.only,), tuple(story.blocks))
    again.kept = dict(story.kept)
    again.at = story.at + timedelta(minutes=1)

    assert again.seen(WHALE) == []
    assert again.connected(a_block(1, WHALE)) == ["confirmed"]


def test_a_restored_confirmed_whale_is_undone_by_a_reorg() -> None:
    story, again = begun(), Story()
    story.connected(a_block(1, WHALE))
    again.tracker.restore((story.only,), tuple(story.blocks))
    again.kept, again.at = dict(story.kept), story.at + timedelta(minutes=1)

    assert again.connected(a_block(1, branch="b", on="")) == ["reorged"]


def test_a_restored_dropped_whale_comes_back_with_its_id() -> None:
    story, again = begun(), Story()
    story.gone(WHALE)
    again.tracker.restore((story.only,), tuple(story.blocks))
    again.kept, again.at = dict(story.kept), story.at + timedelta(minutes=1)

    assert again.seen(WHALE) == ["updated"]


def test_no_more_whales_are_followed_than_the_bound_allows() -> None:
    story = Story(bounds=Bounds(pending=3))
    story.seen(*(a_whale(150, coins=(number,)) for number in range(5)))

    assert (len(story.tracker.whales), story.tracker.tally.unloaded) == (3, 2)


def test_a_whale_set_aside_is_read_from_the_store_when_something_is_heard_of_it() -> None:
    story = Story(bounds=Bounds(pending=1))
    story.seen(WHALE, a_whale(150, coins=("other",)))

    story.left(WHALE)

    assert AskStored(story.of(WHALE).prediction_id) in story.questions


def a_child_of(parent: Transaction) -> Transaction:
    child = a_transaction(
        spends=[spends(a_script("c"), 1_000, outpoint=a_coin("x")._replace(txid=parent.txid))],
        pays=[pays(a_script("d"), 140)],
        fee=100,
        vsize=100,
    )
    return replace(child, txid=a_txid(("child", parent.txid)))


def test_a_confirmed_whale_whose_block_is_not_ours_and_that_nobody_has_is_dropped() -> None:
    """After a restart with another chain than the one that held its block."""
    story = begun()
    story.is_in(WHALE, a_block(9))
    assert story.only.status is Status.CONFIRMED

    assert story.gone(WHALE) == ["reorged", "dropped"]


def test_a_confirmed_whale_whose_block_is_not_ours_waits_again_where_a_mempool_holds_it() -> None:
    story = begun()
    story.is_in(WHALE, a_block(9))
    story.connected(a_block(1))
    story.receive(ChainListed(blocks=(a_block(0), a_block(1)), source=REST))

    assert story.waits(WHALE) == ["reorged"]
    assert story.only.status is Status.PENDING


def test_a_status_from_before_its_end_brings_nothing_back() -> None:
    story = begun()
    story.gone(WHALE)

    assert story.waits(WHALE, seconds_ago=60) == []
    assert story.only.status is Status.DROPPED


def test_a_dropped_whale_in_a_projected_block_of_a_backend_that_is_behind_is_not_asked_about() -> None:
    story = begun()
    story.gone(WHALE)
    story.receive(
        *(BlockConnected(block=a_block(height), source=SourceName.BITCOIND) for height in (1, 2, 3))
    )
    line = ProjectedTransaction(
        txid=WHALE.txid, value=WHALE.gross, fee=WHALE.fee, vsize=WHALE.vsize, package_feerate=None, source=WS
    )
    story.receive(line)

    assert story.questions == []


def test_a_line_of_a_projected_block_is_asked_for_whole_once() -> None:
    story, other = begun(), a_whale(150, coins=("two",))
    line = ProjectedTransaction(
        txid=other.txid, value=other.gross, fee=None, vsize=None, package_feerate=None, source=WS
    )
    story.receive(line)
    assert story.questions == [AskTransaction(other.txid)]
    story.receive(line)

    assert story.questions == []


def test_that_mempools_still_differ_when_asked_again_is_since_the_first_time() -> None:
    story = begun()
    story.receive(TransactionSeen(tx=WHALE, source=SourceName.BITCOIND))
    missing = replace(NOWHERE, source=REST)
    story.receive(missing)
    story.at += timedelta(minutes=1)

    assert story.receive(missing, missing) == []
    assert story.only.status is Status.PENDING


def test_what_a_block_says_of_a_transaction_is_no_word_of_a_mempool() -> None:
    """A recording's own source has no mempool: whoever has one is believed."""
    story = begun()
    story.receive(TransactionSeen(tx=WHALE, source=SourceName.BLOCK))
    story.receive(replace(NOWHERE, source=SourceName.BLOCK), TransactionLeft(txids=(WHALE.txid,), source=WS))

    assert story.gone(WHALE) == ["dropped"]


def test_a_status_in_the_block_that_holds_it_already_is_no_news() -> None:
    story, block = begun(), a_block(1, WHALE)
    story.connected(block)

    assert story.is_in(WHALE, block) == []
    assert story.only.confirmed_hash == block.hash


def test_what_expired_is_said_in_full() -> None:
    story = begun()
    story.left(WHALE)
    story.gone(WHALE)

    assert story.only.reason == (
        "no longer in any mempool we can see: expired, evicted, or the node was restarted"
    )


def test_what_left_and_nobody_can_say_is_said_in_full() -> None:
    story = begun()
    story.left(WHALE)
    story.unanswered(AskStatus(WHALE.txid))

    assert story.only.reason == "it left the mempool we watch; nobody could be asked where it is"


def test_a_child_of_a_parent_that_is_no_longer_listed_says_so() -> None:
    story, child = begun(), a_child_of(WHALE)
    story.seen(child)
    story.listed()
    story.gone(child)

    assert story.of(child).reason == f"its parent {WHALE.txid} is gone: it is no longer listed"


def test_each_unanswered_question_is_counted() -> None:
    story = begun()
    story.unanswered(AskStatus(a_txid(1)), AskMempool("why not"), AskStatus(a_txid(2)))

    assert story.tracker.tally.unanswered == 3


def test_a_listing_goes_on_behind_a_whale_of_which_something_newer_is_known() -> None:
    story, older = begun(), a_whale(160, coins=("another",))
    story.seen(older)
    story.receive(PackageReply(txid=WHALE.txid, package_feerate=SatPerVb(90.0), related=None, source=WS))
    story.listed(seconds_ago=1.5)

    assert set(story.questions) == {AskStatus(WHALE.txid, in_seconds=2.5), AskStatus(older.txid)}


def test_a_listing_of_the_very_moment_of_the_last_word_only_makes_ask_a_moment_later() -> None:
    story = begun()
    published = story.listed(seconds_ago=1)

    assert (published, story.questions) == ([], [AskStatus(WHALE.txid, in_seconds=2.5)])


def test_what_ended_and_is_not_listed_is_not_asked_about() -> None:
    story = begun()
    story.gone(WHALE)
    story.listed()

    assert story.questions == []


def test_blocks_are_asked_for_though_the_source_of_the_listing_is_behind() -> None:
    story = begun()
    story.connected(a_block(1, WHALE), a_block(2, read=False))
    story.receive(BlockConnected(block=a_block(1), source=SourceName.BITCOIND))
    story.receive(
        MempoolListed(txids=frozenset(), as_of=story.at + timedelta(seconds=1), source=SourceName.BITCOIND)
    )

    assert story.questions == [AskBlock(a_block(2).hash, a_block(2).height)]


def test_of_what_was_stored_the_first_updated_is_the_first_that_makes_room() -> None:
    story = Story(bounds=Bounds(pending=2))
    whales = [a_whale(150, coins=(number,), fee=1_000 + number) for number in range(3)]
    story.seen(whales[0], whales[1])
    story.receive(PackageReply(txid=whales[0].txid, package_feerate=SatPerVb(90.0), related=None, source=WS))
    story.restart()
    story.seen(whales[2])

    assert story.tracker.whales.current(whales[1].txid) is None
    assert story.tracker.whales.current(whales[0].txid) is not None


def test_every_break_is_counted() -> None:
    story = Story()
    for _ in range(2):
        story.receive(
            SourceConnected(source=WS, again=True),
            Gap(source=WS, reason="lost"),
            Skipped(source=WS, what="x"),
        )
    tally = story.tracker.tally

    assert (tally.reconnects, tally.gaps, tally.skipped) == (2, 2, 2)


def test_a_whale_of_a_block_that_a_status_puts_nowhere_is_announced_by_its_line() -> None:
    story = begun()
    other = a_whale(160, coins=("another",))
    story.connected(a_block(1, other))
    assert story.questions == [AskTransaction(other.txid, a_block(1).hash, a_block(1).height)]

    assert story.gone(other) == ["detected", "confirmed"]
