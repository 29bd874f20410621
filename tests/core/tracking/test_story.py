"""What `spout story` tells: what was seen of a whale, and what was concluded from it."""

import pytest

from app.core.events import EventType, Happening
from app.core.models import Transaction
from app.core.observations import (
    BlockConnected,
    ChainListed,
    ClockStepped,
    MemoryPressed,
    MempoolListed,
    Observation,
    PackageReply,
    PredictionRecalled,
    ProjectedTransaction,
    QueueProjected,
    StatusReply,
    TransactionLeft,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
    Unanswered,
)
from app.core.questions import (
    AskBlock,
    AskMempool,
    AskPackage,
    AskPrevouts,
    AskStatus,
    AskStored,
    AskTransaction,
    Question,
)
from app.core.tracking.story import FIRST_LINES, LAST_LINES, StoryBook, StoryLine
from app.core.tracking.tracker import Tracker
from app.core.units import BlockHash, Height, SatPerVb, Txid
from tests.builders import a_block, a_txid, a_whale, prevouts_of
from tests.core.story import WS, Story
from tests.fakes import NOON

WHALE = a_whale(150, fee=1_000)
BETTER = a_whale(150, fee=9_000)


def a_line() -> ProjectedTransaction:
    return ProjectedTransaction(
        txid=WHALE.txid, value=WHALE.gross, fee=None, vsize=None, package_feerate=None, source=WS
    )


def a_listing(*txids: Txid) -> MempoolListed:
    return MempoolListed(txids=frozenset(txids), as_of=NOON, source=WS)


def a_replacement(*, mined: bool = False) -> TransactionReplaced:
    return TransactionReplaced(victims=(WHALE.txid,), by=BETTER, mined=mined, source=WS)


def a_status(
    *, block_hash: BlockHash | None = None, in_mempool: bool = False, replaced_by: Txid | None = None
) -> StatusReply:
    return StatusReply(
        txid=WHALE.txid,
        block_hash=block_hash,
        height=None,
        in_mempool=in_mempool,
        source=WS,
        replaced_by=replaced_by,
    )


def a_whole(height: Height | None = None) -> TransactionReply:
    return TransactionReply(tx=WHALE, block_hash=None, height=height, source=WS)


def a_package(related: int | None) -> PackageReply:
    return PackageReply(txid=WHALE.txid, package_feerate=SatPerVb(20.0), related=related, source=WS)


def conclusions(tracker: Tracker, prediction_id: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(line.observed, line.concluded) for line in tracker.story(prediction_id)]


def test_a_life_is_told_in_order() -> None:
    story = Story()
    story.seen(WHALE)
    story.replaced(WHALE, by=BETTER)
    story.connected(a_block(1, BETTER))

    lines = conclusions(story.tracker, story.of(BETTER).prediction_id)

    assert [concluded for _, concluded in lines if concluded != ("kept",)] == [
        ("whale.detected",),
        ("whale.replaced",),
        ("whale.confirmed",),
    ]


def test_each_line_says_who_said_so() -> None:
    story = Story()
    story.seen(WHALE)

    (line, *_) = story.tracker.story(story.of(WHALE).prediction_id)

    assert (line.observed, line.source, line.txid) == ("entered the mempool", "mempool_ws", WHALE.txid)


def test_what_is_not_remembered_has_no_story() -> None:
    assert Story().tracker.story("whl_unknown") == ()


def test_no_more_whales_are_remembered_than_the_bound() -> None:
    story, book = Story(), StoryBook(whales=1)
    whales = [a_whale(150, coins=(name,)) for name in ("one", "two")]
    for whale in whales:
        story.seen(whale)
        note(book, story, whale)

    assert [bool(book.story(story.of(whale).prediction_id)) for whale in whales] == [False, True]


def test_the_same_again_is_one_line() -> None:
    story, book = Story(), StoryBook()
    story.seen(WHALE)
    for _ in range(5):
        note(book, story, WHALE)

    (line,) = book.story(story.of(WHALE).prediction_id)

    assert line.times == 5


def test_a_long_story_keeps_its_beginning_and_its_end() -> None:
    story, book = Story(), StoryBook()
    story.seen(WHALE)
    for height in range(100):
        note(book, story, WHALE, block=height)

    lines = book.story(story.of(WHALE).prediction_id)

    assert (len(lines), lines[0].observed, lines[-1].observed) == (
        FIRST_LINES + LAST_LINES,
        "block 800000",
        "block 800099",
    )


OTHER = a_txid("another")


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        (TransactionSeen(tx=WHALE, source=WS, late=True), "already waiting in the mempool"),
        (a_line(), "a line of a projected block"),
        (TransactionLeft(txids=(WHALE.txid,), source=WS), "left the mempool"),
        (a_replacement(), f"replaced by {BETTER.txid}, says the source"),
        (a_replacement(mined=True), f"replaced by {BETTER.txid}, says the source (by a block)"),
        (ChainListed(blocks=(a_block(1), a_block(2)), source=WS), "end of the chain, tip 800002"),
        (ChainListed(blocks=(), source=WS), "end of the chain"),
        (a_status(in_mempool=True), "status: in the mempool"),
        (a_status(block_hash=a_block(1).hash), "status: in a block"),
        (a_status(replaced_by=OTHER), f"status: known to nobody, replaced by {OTHER}"),
        (a_whole(), "the whole transaction"),
        (a_whole(height=Height(800_001)), "the whole transaction, in block 800001"),
        (prevouts_of(WHALE), "the coins that it spends"),
        (a_package(related=2), "its package with 2 others"),
        (a_package(related=None), "its package"),
        (a_listing(WHALE.txid), "the list of the mempool, with it"),
        (a_listing(), "the list of the mempool, without it"),
        (Unanswered(question=AskStatus(WHALE.txid), reason="nobody there"), "no answer: nobody there"),
        (QueueProjected(blocks=(), source=WS), "the queue for the next blocks"),
        (PredictionRecalled(prediction_id="whl_1", prediction=None), "read back from the store"),
        (ClockStepped(seconds=3_600.0), "ClockStepped"),
        (MemoryPressed(rss_mb=410.0, limit_mb=500, first=True), "MemoryPressed"),
    ],
)
def test_each_kind_of_observation_has_its_words(observation: Observation, words: str) -> None:
    story, book = Story(), StoryBook()
    story.seen(WHALE)
    whale = story.only
    book.note(observation, story.at, happenings=(), predictions=(whale,), questions=())

    assert [line.observed for line in book.story(whale.prediction_id)] == [words]


def test_a_line_names_the_questions_about_its_whale_and_no_others() -> None:
    story, book = Story(), StoryBook()
    story.seen(WHALE)
    story.replaced(WHALE, by=BETTER)
    whale = story.only
    asked: dict[Question, str | None] = {
        AskStatus(BETTER.txid): "status",
        AskTransaction(WHALE.txid): "transaction",
        AskPrevouts(BETTER.txid, ()): "prevouts",
        AskPackage(BETTER.txid): "package",
        AskStored(whale.prediction_id): "store",
        AskStored("whl_another"): None,
        AskStatus(OTHER): None,
        AskBlock(a_block(1).hash, a_block(1).height): None,
        AskMempool("reconnected"): None,
    }
    book.note(a_whole(), story.at, happenings=(), predictions=(whale,), questions=asked)

    (line,) = book.story(whale.prediction_id)
    assert line.asked == tuple(one for one in asked.values() if one is not None)


def test_an_event_about_spout_itself_is_no_part_of_a_whales_story() -> None:
    story, book = Story(), StoryBook()
    story.seen(WHALE)
    pressed = Happening(type=EventType.MEMORY_PRESSURE, at=story.at, facts={})
    happenings = [pressed, Happening(type=EventType.UPDATED, at=story.at, prediction=story.only)]
    book.note(a_whole(), story.at, happenings=happenings, predictions=(story.only,), questions=())

    (line,) = book.story(story.only.prediction_id)
    assert line.concluded == ("whale.updated",)


def note(book: StoryBook, story: Story, whale: Transaction, block: int = 0) -> None:
    observation = BlockConnected(block=a_block(block), source=WS)
    book.note(observation, story.at, happenings=(), predictions=(story.of(whale),), questions=())


def test_a_line_says_when_what_and_how_the_whale_stood_then() -> None:
    story = Story()
    story.seen(WHALE)
    (line,) = story.tracker.story(story.only.prediction_id)

    assert line == StoryLine(
        at=story.at,
        last_at=story.at,
        times=1,
        observed="entered the mempool",
        source="mempool_ws",
        txid=WHALE.txid,
        status="pending",
        concluded=("whale.detected",),
        asked=(),
    )


def test_what_was_only_kept_says_so() -> None:
    story = Story()
    story.seen(WHALE)
    story.receive(ClockStepped(seconds=60.0))
    line = story.tracker.story(story.only.prediction_id)[-1]

    assert (line.concluded, line.source) == (("kept",), None)


def test_a_line_that_repeats_bears_the_time_of_its_last_repetition() -> None:
    story = Story()
    story.seen(WHALE)
    story.receive(ClockStepped(seconds=60.0))
    first = story.at
    story.receive(ClockStepped(seconds=60.0))
    line = story.tracker.story(story.only.prediction_id)[-1]

    assert (line.times, line.at, line.last_at) == (2, first, story.at)


def test_the_replacement_itself_is_not_named_to_itself() -> None:
    story = Story()
    story.seen(WHALE)
    story.replaced(WHALE, by=BETTER)

    assert story.tracker.story(story.only.prediction_id)[-1].observed == "replaced, says the source"


def test_a_chain_is_named_by_its_tip() -> None:
    story = Story()
    story.seen(WHALE)
    story.receive(BlockConnected(block=a_block(0), source=WS))
    story.is_in(WHALE, a_block(1))
    listed = (a_block(0), a_block(1, branch="b", on=""), a_block(2, branch="b"))
    story.connected(a_block(1))
    story.receive(ChainListed(blocks=listed, source=WS))

    assert story.tracker.story(story.only.prediction_id)[-1].observed == "end of the chain, tip 800002"
