"""Whales set aside when memory runs short, and what becomes of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.events import EventType
from app.core.models import Block, BlockEntry, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    MemoryPressed,
    MempoolListed,
    Observation,
    PackageReply,
    PredictionRecalled,
    ProjectedTransaction,
    StatusReply,
    TransactionLeft,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
    Unanswered,
)
from app.core.prediction import Prediction, Status
from app.core.questions import AskStatus, AskStored
from app.core.tracking.beliefs import Consequences
from app.core.tracking.tracker import Tracker
from app.core.tracking.unloading import ALWAYS_KEPT
from app.core.tracking.whales import Unloaded
from app.core.units import BlockHash, Height, SatPerVb, Txid
from tests.builders import a_script, a_transaction, a_txid, a_whale, pays, sats
from tests.core.story import a_whale_policy

START = datetime(2030, 1, 1, tzinfo=UTC)
NODE = SourceName.BITCOIND


class Sea:
    """A tracker with whales, and a store that remembers every version of them."""

    def __init__(self, whales: int) -> None:
        self.tracker = Tracker(a_whale_policy())
        self.stored: dict[str, Prediction] = {}
        self.seconds = 0
        self.whales = [whale_number(number) for number in range(whales)]
        for tx in self.whales:
            self.receives(TransactionSeen(tx=tx, source=NODE))

    def receives(self, observation: Observation) -> Consequences:
        self.seconds += 1
        drawn = self.tracker.handle(observation, START + timedelta(seconds=self.seconds))
        self.stored |= drawn.predictions
        return drawn

    def presses(self, *, first: bool = True) -> Consequences:
        return self.receives(MemoryPressed(rss_mb=410.0, limit_mb=500, first=first))

    def recalls(self, drawn: Consequences) -> list[Consequences]:
        """Answer from the store what was asked of it."""
        asked = [one for one in drawn.questions if isinstance(one, AskStored)]
        return [
            self.receives(
                PredictionRecalled(prediction_id=one.prediction_id, prediction=self.stored[one.prediction_id])
            )
            for one in asked
        ]

    def id_of(self, tx: Transaction) -> str:
        """Of the prediction that was stored of it."""
        (found,) = [one.prediction_id for one in self.stored.values() if one.txid == tx.txid]
        return found

    @property
    def waiting(self) -> set[Txid]:
        return {whale.txid for whale in self.tracker.whales.pending()}


def whale_number(number: int) -> Transaction:
    """The higher the number, the higher its feerate."""
    return a_whale(coins=(number,), fee=(number + 1) * 100)


def a_block(*txids: Txid) -> Block:
    entries = tuple(BlockEntry(txid=txid, value=sats(150)) for txid in (a_txid("coinbase"), *txids))
    return Block(hash=BlockHash(a_txid("block")), height=Height(900), entries=entries)


def test_the_lowest_feerates_go_first() -> None:
    sea = Sea(ALWAYS_KEPT + 60)

    sea.presses()

    assert sea.waiting == {tx.txid for tx in sea.whales[50:]}


def test_the_hundred_highest_always_stay() -> None:
    sea = Sea(ALWAYS_KEPT + 60)

    for turn in range(5):
        sea.presses(first=turn == 0)

    assert sea.waiting == {tx.txid for tx in sea.whales[-ALWAYS_KEPT:]}


def test_an_unknown_feerate_counts_as_the_lowest() -> None:
    sea = Sea(ALWAYS_KEPT)
    unknown = replace(whale_number(ALWAYS_KEPT), vsize=None)
    sea.receives(TransactionSeen(tx=unknown, source=NODE))

    sea.presses()

    assert sea.tracker.unloaded == 1
    assert unknown.txid not in sea.waiting


def test_it_is_told_once_an_episode() -> None:
    sea = Sea(ALWAYS_KEPT + 60)

    published = [one for first in (True, False, False) for one in sea.presses(first=first).happenings]

    assert [(one.type, one.facts) for one in published] == [
        (EventType.MEMORY_PRESSURE, {"rss_mb": 410.0, "limit_mb": 500, "shed": 50, "pending": 110})
    ]


def test_each_one_set_aside_is_counted() -> None:
    sea = Sea(ALWAYS_KEPT + 60)

    sea.presses()

    assert (sea.tracker.tally.unloaded, sea.tracker.unloaded) == (50, 50)


def test_one_set_aside_that_a_block_holds_is_recalled_and_confirmed() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    unloaded = sea.whales[0].txid
    block = a_block(unloaded)

    (recalled,) = sea.recalls(sea.receives(BlockConnected(block=block, source=NODE)))
    published = sea.receives(
        StatusReply(txid=unloaded, block_hash=block.hash, height=block.height, in_mempool=False, source=NODE)
    )

    assert AskStatus(unloaded) in recalled.questions
    assert [(one.type, one.prediction and one.prediction.status) for one in published.happenings] == [
        (EventType.CONFIRMED, Status.CONFIRMED)
    ]


def test_in_a_block_it_is_not_taken_for_one_that_was_never_announced() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()

    drawn = sea.receives(BlockConnected(block=a_block(sea.whales[0].txid), source=NODE))

    assert {type(one) for one in drawn.questions} == {AskStored}


def test_one_that_left_is_recalled_and_dropped() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    unloaded = sea.whales[0].txid

    sea.recalls(sea.receives(TransactionLeft(txids=(unloaded,), source=NODE)))
    published = sea.receives(
        StatusReply(txid=unloaded, block_hash=None, height=None, in_mempool=False, source=NODE)
    )

    assert [one.type for one in published.happenings] == [EventType.DROPPED]


def test_one_that_is_listed_no_more_is_recalled() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    others = frozenset(tx.txid for tx in sea.whales[1:])

    drawn = sea.receives(MempoolListed(txids=others, as_of=START, source=NODE))

    assert sum(isinstance(one, AskStored) for one in drawn.questions) == 1


def test_its_replacement_takes_its_id_over() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    unloaded = sea.whales[0]
    winner = a_transaction(spends=list(unloaded.inputs), pays=[pays(a_script("elsewhere"), 140)], vsize=100)

    drawn = sea.receives(TransactionReplaced(victims=(unloaded.txid,), by=winner, mined=False, source=NODE))
    (published,) = sea.recalls(drawn)

    assert drawn.happenings == []
    assert [(one.type, one.prediction and one.prediction.replaces) for one in published.happenings] == [
        (EventType.REPLACED, (unloaded.txid,))
    ]


def test_if_the_store_cannot_say_its_replacement_is_announced_all_the_same() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    unloaded = sea.whales[0]
    winner = a_transaction(spends=list(unloaded.inputs), pays=[pays(a_script("elsewhere"), 140)], vsize=100)
    drawn = sea.receives(TransactionReplaced(victims=(unloaded.txid,), by=winner, mined=False, source=NODE))
    (question,) = drawn.questions

    published = sea.receives(Unanswered(question=question, reason="the disk is full"))

    assert [one.type for one in published.happenings] == [EventType.DETECTED]


def test_seen_again_it_is_no_news() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()

    drawn = sea.receives(TransactionSeen(tx=sea.whales[0], source=SourceName.MEMPOOL_WS))

    assert (drawn.happenings, drawn.questions) == ([], {})


def test_what_is_said_of_one_set_aside_is_not_taken_before_it_is_read_back() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    tx = sea.whales[0]
    status = StatusReply(txid=tx.txid, block_hash=None, height=None, in_mempool=True, source=NODE)
    line = ProjectedTransaction(
        txid=tx.txid, value=tx.gross, fee=None, vsize=None, package_feerate=SatPerVb(90.0), source=NODE
    )
    package = PackageReply(txid=tx.txid, package_feerate=SatPerVb(90.0), related=1, source=NODE)
    drawn = [sea.receives(one) for one in (status, line, package)]

    assert [(one.happenings, one.predictions) for one in drawn] == [([], {})] * 3
    assert list(drawn[0].questions) == [AskStored(prediction_id=sea.id_of(tx))]
    assert tx.txid not in sea.waiting


def test_a_whole_transaction_that_is_set_aside_is_read_back_too() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    tx = sea.whales[0]
    drawn = sea.receives(TransactionReply(tx=tx, block_hash=None, height=None, source=NODE))
    sea.recalls(drawn)

    assert tx.txid in sea.waiting


@pytest.mark.parametrize("kept", [None, Status.DROPPED])
def test_one_that_the_store_lost_or_has_as_ended_is_not_waited_for(kept: Status | None) -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    tx = sea.whales[0]
    whale = sea.stored[sea.id_of(tx)]
    ended = replace(whale, status=kept) if kept else None
    drawn = sea.receives(PredictionRecalled(prediction_id=whale.prediction_id, prediction=ended))

    assert (drawn.questions, tx.txid in sea.waiting, sea.tracker.unloaded) == ({}, False, 0)


def test_one_read_back_after_its_mempools_were_forgotten_is_waited_for_as_after_a_restart() -> None:
    """What one of them held it when it was stored: one word of another does not drop it."""
    sea = Sea(1)
    (tx,) = sea.whales
    whale = sea.stored[sea.id_of(tx)]
    later = Tracker(a_whale_policy())
    later.restore((), (), unloaded={tx.txid: Unloaded(whale.prediction_id, tx.txid, whale.detected_at)})
    later.handle(PredictionRecalled(prediction_id=whale.prediction_id, prediction=whale), START)
    status = StatusReply(
        txid=tx.txid, block_hash=None, height=None, in_mempool=False, source=SourceName.MEMPOOL_REST
    )
    drawn = later.handle(status, START + timedelta(seconds=9))

    assert [one.type for one in drawn.happenings if one.type is EventType.DROPPED] == []
    assert [one.txid for one in later.whales.pending()] == [tx.txid]


def test_memory_that_is_short_is_told_by_the_tenth_and_at_its_time() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    (published,) = sea.receives(MemoryPressed(rss_mb=410.26, limit_mb=500, first=True)).happenings

    assert published.facts is not None
    assert (published.at, published.facts["rss_mb"]) == (START + timedelta(seconds=sea.seconds), 410.3)


def test_what_each_step_sets_aside_is_added_up() -> None:
    sea = Sea(ALWAYS_KEPT + 60)
    sea.presses()
    sea.presses(first=False)

    assert (sea.tracker.tally.unloaded, sea.tracker.unloaded) == (60, 60)


def test_a_replacement_that_was_deferred_is_applied_once() -> None:
    sea = Sea(ALWAYS_KEPT + 2)
    sea.presses()
    first, second = sea.whales[:2]
    better = a_whale(coins=(0,), fee=900_000)
    drawn = sea.receives(TransactionReplaced(victims=(first.txid,), by=better, mined=False, source=NODE))
    sea.recalls(drawn)
    before = sea.tracker.tally.replacements
    sea.recalls(sea.receives(TransactionLeft(txids=(second.txid,), source=NODE)))

    assert (before, sea.tracker.tally.replacements) == (1, 1)
