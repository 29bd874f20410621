"""A block counts as read once every whale in it is settled, so that a kill in between loses none."""

from datetime import UTC, datetime

from app.core.models import Block, BlockEntry, SourceName
from app.core.observations import BlockConnected, ChainListed, MempoolListed, Unanswered
from app.core.questions import AskBlock, AskTransaction
from app.core.tracking.beliefs import Consequences
from app.core.tracking.tracker import Tracker
from app.core.units import BlockHash, Height, Sats, Txid
from tests.core.story import a_whale_policy

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHALE, COINBASE = Txid("a" * 64), Txid("c" * 64)
REST = SourceName.MEMPOOL_REST
TAKEN_FOR_GRANTED = Block(hash=BlockHash("00" * 32), height=Height(9))
PLAIN = Block(hash=BlockHash("11" * 32), height=Height(10), previous=TAKEN_FOR_GRANTED.hash)
READ = Block(
    hash=PLAIN.hash,
    height=PLAIN.height,
    previous=PLAIN.previous,
    txids=(COINBASE, WHALE),
    entries=(BlockEntry(txid=COINBASE, value=Sats(1)), BlockEntry(txid=WHALE, value=Sats(15_000_000_000))),
)


def a_tracker() -> Tracker:
    return Tracker(a_whale_policy())


def connected(tracker: Tracker, block: Block) -> Consequences:
    return tracker.handle(BlockConnected(block=block, source=REST), NOON)


def begun() -> Tracker:
    tracker = a_tracker()
    tracker.handle(ChainListed(blocks=(TAKEN_FOR_GRANTED,), source=REST), NOON)
    return tracker


def test_the_chain_of_the_first_start_is_taken_for_read() -> None:
    published = a_tracker().handle(ChainListed(blocks=(TAKEN_FOR_GRANTED,), source=REST), NOON)

    assert published.read == [TAKEN_FOR_GRANTED.hash]


def test_a_block_without_its_entries_is_connected_and_not_read() -> None:
    published = connected(begun(), PLAIN)

    assert ([block.hash for block in published.blocks], published.read) == ([PLAIN.hash], [])


def test_a_block_with_a_whale_that_is_still_asked_for_is_not_read() -> None:
    tracker = begun()

    assert connected(tracker, READ).read == []


def test_once_the_whale_is_announced_the_block_is_read() -> None:
    tracker = begun()
    connected(tracker, READ)
    question = AskTransaction(WHALE, READ.hash, READ.height)

    published = tracker.handle(Unanswered(question=question, reason="nobody knows it"), NOON)

    assert published.read == [READ.hash]
    assert len(published.happenings) == 2


def test_after_a_restart_the_blocks_nobody_read_are_asked_for_with_the_first_reconciliation() -> None:
    tracker = a_tracker()
    tracker.restore((), (TAKEN_FOR_GRANTED, PLAIN), unread=(PLAIN,))

    published = tracker.handle(MempoolListed(txids=frozenset(), as_of=NOON, source=REST), NOON)

    assert AskBlock(PLAIN.hash, PLAIN.height) in published.questions
