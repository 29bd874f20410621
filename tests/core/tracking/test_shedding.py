"""Whales set aside when memory runs short, and what becomes of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.core.events import EventType
from app.core.models import Block, BlockEntry, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    MemoryPressed,
    MempoolListed,
    Observation,
    PredictionRecalled,
    StatusTold,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
    Unanswered,
)
from app.core.prediction import Prediction, Status
from app.core.questions import AskStatus, AskStored
from app.core.tracker import Tracker
from app.core.tracking.beliefs import Consequences
from app.core.tracking.shedding import ALWAYS_KEPT
from app.core.units import BlockHash, Height, Txid
from tests.builders import a_script, a_transaction, a_txid, pays, sats, spends
from tests.core.story import a_judgement

START = datetime(2030, 1, 1, tzinfo=UTC)
NODE = SourceName.BITCOIND


class Sea:
    """A tracker with whales, and a store that remembers every version of them."""

    def __init__(self, whales: int) -> None:
        self.tracker = Tracker(a_judgement())
        self.stored: dict[str, Prediction] = {}
        self.seconds = 0
        self.whales = [a_whale(number) for number in range(whales)]
        for tx in self.whales:
            self.hears(TransactionSeen(tx=tx, source=NODE))

    def hears(self, observation: Observation) -> Consequences:
        self.seconds += 1
        drawn = self.tracker.handle(observation, START + timedelta(seconds=self.seconds))
        self.stored |= drawn.predictions
        return drawn

    def presses(self, *, first: bool = True) -> Consequences:
        return self.hears(MemoryPressed(rss_mb=410.0, limit_mb=500, first=first))

    def recalls(self, drawn: Consequences) -> list[Consequences]:
        """Answer from the store what was asked of it."""
        asked = [one for one in drawn.questions if isinstance(one, AskStored)]
        return [
            self.hears(
                PredictionRecalled(prediction_id=one.prediction_id, prediction=self.stored[one.prediction_id])
            )
            for one in asked
        ]

    @property
    def waiting(self) -> set[Txid]:
        return {whale.txid for whale in self.tracker.whales.pending()}


def a_whale(number: int) -> Transaction:
    """The higher the number, the higher its feerate."""
    return a_transaction(
        spends=[spends(a_script(("from", number)), 151)],
        pays=[pays(a_script(("to", number)), 150)],
        fee=(number + 1) * 100,
        vsize=100,
    )


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
    unknown = replace(a_whale(ALWAYS_KEPT), fee=None)
    sea.hears(TransactionSeen(tx=unknown, source=NODE))

    sea.presses()

    assert sea.tracker.set_aside == 1
    assert unknown.txid not in sea.waiting


def test_it_is_told_once_an_episode() -> None:
    sea = Sea(ALWAYS_KEPT + 60)

    told = [one for first in (True, False, False) for one in sea.presses(first=first).happenings]

    assert [(one.type, one.facts) for one in told] == [
        (EventType.MEMORY_PRESSURE, {"rss_mb": 410.0, "limit_mb": 500, "shed": 50, "pending": 110})
    ]


def test_each_one_set_aside_is_counted() -> None:
    sea = Sea(ALWAYS_KEPT + 60)

    sea.presses()

    assert (sea.tracker.tally.shed, sea.tracker.set_aside) == (50, 50)


def test_one_set_aside_that_a_block_holds_is_recalled_and_confirmed() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    aside = sea.whales[0].txid
    block = a_block(aside)

    (recalled,) = sea.recalls(sea.hears(BlockConnected(block=block, source=NODE)))
    told = sea.hears(
        StatusTold(txid=aside, block_hash=block.hash, height=block.height, in_mempool=False, source=NODE)
    )

    assert AskStatus(aside) in recalled.questions
    assert [(one.type, one.prediction and one.prediction.status) for one in told.happenings] == [
        (EventType.CONFIRMED, Status.CONFIRMED)
    ]


def test_in_a_block_it_is_not_taken_for_one_that_was_never_announced() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()

    drawn = sea.hears(BlockConnected(block=a_block(sea.whales[0].txid), source=NODE))

    assert {type(one) for one in drawn.questions} == {AskStored}


def test_one_that_left_is_recalled_and_dropped() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    aside = sea.whales[0].txid

    sea.recalls(sea.hears(TransactionLeft(txids=(aside,), source=NODE)))
    told = sea.hears(StatusTold(txid=aside, block_hash=None, height=None, in_mempool=False, source=NODE))

    assert [one.type for one in told.happenings] == [EventType.DROPPED]


def test_one_that_is_listed_no_more_is_recalled() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    others = frozenset(tx.txid for tx in sea.whales[1:])

    drawn = sea.hears(MempoolListed(txids=others, as_of=START, source=NODE))

    assert sum(isinstance(one, AskStored) for one in drawn.questions) == 1


def test_its_replacement_takes_its_id_over() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    aside = sea.whales[0]
    winner = a_transaction(spends=list(aside.inputs), pays=[pays(a_script("elsewhere"), 140)], vsize=100)

    drawn = sea.hears(TransactionReplaced(victims=(aside.txid,), by=winner, mined=False, source=NODE))
    (told,) = sea.recalls(drawn)

    assert drawn.happenings == []
    assert [(one.type, one.prediction and one.prediction.replaces) for one in told.happenings] == [
        (EventType.REPLACED, (aside.txid,))
    ]


def test_if_the_store_cannot_say_its_replacement_is_announced_all_the_same() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()
    aside = sea.whales[0]
    winner = a_transaction(spends=list(aside.inputs), pays=[pays(a_script("elsewhere"), 140)], vsize=100)
    drawn = sea.hears(TransactionReplaced(victims=(aside.txid,), by=winner, mined=False, source=NODE))
    (question,) = drawn.questions

    told = sea.hears(Unanswered(question=question, reason="the disk is full"))

    assert [one.type for one in told.happenings] == [EventType.DETECTED]


def test_seen_again_it_is_no_news() -> None:
    sea = Sea(ALWAYS_KEPT + 1)
    sea.presses()

    drawn = sea.hears(TransactionSeen(tx=sea.whales[0], source=SourceName.MEMPOOL_WS))

    assert (drawn.happenings, drawn.questions) == ([], {})
