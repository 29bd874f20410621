"""Random worlds, told with the backend's known lies: whatever was heard, the truth comes out in the end.

Lies: told late, told again, told out of order, never told; `removed` of what was confirmed; questions
that nobody answers. At the end of each world everything is asked and answered once more, and then what
the tracker believes must be what the node knows.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.core.models import Block, Transaction
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
    PredictionRecalled,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
    Unanswered,
)
from app.core.prediction import Status
from app.core.questions import AskMempool, AskStored, Question
from app.core.tracking.whales import Bounds
from app.core.units import Height
from tests.builders import a_whale, without_prevouts
from tests.core.model_node import ModelNode
from tests.core.story import REST, THRESHOLD, WS, Story
from tests.core.tracking.test_batches import frame

COINS = st.lists(st.integers(0, 4), min_size=1, max_size=2, unique=True)
AMOUNTS = st.sampled_from([50, 150, 400])
SOAK = bool(os.environ.get("SPOUT_SOAK"))
MOST_ROUNDS = 60
"""So many times the questions of one reconciliation may lead to others."""


class Worlds(RuleBasedStateMachine):
    """One node, one tracker, and a wire between them that cannot be trusted."""

    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.node = ModelNode()
        self.story = self.begun()
        self.held: list[Observation] = []
        self.published: list[Observation] = []
        self.open: dict[Question, None] = {}
        self.fee = 100

    def begun(self) -> Story:
        return Story()

    @initialize()
    def start(self) -> None:
        self.receive(BlockConnected(block=self.node.tip, source=WS))

    @rule(
        target=known,
        coins=COINS,
        btc=AMOUNTS,
        bare=st.booleans(),
        how=st.sampled_from(["fully", "hidden", "left", "many"]),
    )
    def send(self, coins: list[int], btc: int, bare: bool, how: str) -> Transaction:  # noqa: FBT001
        """A new transaction, replacing whatever spends its coins already."""
        self.fee += 100
        tx = a_whale(btc, coins=tuple(coins), fee=self.fee)
        if tx.outpoints & self.node.spent():
            return tx
        victims = self.node.accept(tx)
        published = without_prevouts(tx) if bare else tx
        gone = tuple(victim.txid for victim in victims)
        if how == "fully" and gone:
            self.publish(TransactionReplaced(victims=gone, by=published, mined=False, source=WS))
        if how != "hidden":
            self.publish(frame(published) if how == "many" else TransactionSeen(tx=published, source=WS))
            if gone:
                self.publish(TransactionLeft(txids=gone, source=WS))
        return tx

    @rule(tx=known, seen=st.sampled_from([frame, lambda tx: TransactionSeen(tx=tx, source=WS)]))
    def broadcast_again(self, tx: Transaction, seen: Callable[[Transaction], Observation]) -> None:
        free = not tx.outpoints & self.node.spent()
        if tx.txid in self.node.ever and tx.txid not in self.node.mempool and free:
            gone = tuple(victim.txid for victim in self.node.accept(tx))
            self.publish(seen(tx))
            if gone:
                self.publish(TransactionLeft(txids=gone, source=WS))

    @rule(tx=known)
    def expire(self, tx: Transaction) -> None:
        if self.node.mempool.pop(tx.txid, None) is not None:
            self.publish(TransactionLeft(txids=(tx.txid,), source=WS))

    @rule(pick=st.randoms(use_true_random=False), how=st.sampled_from(("read", "txids", "bare", "removed")))
    def mine(self, pick: Any, how: str) -> None:
        """Some of what waits; told whole, by its txids, by its header, or as removed only."""
        waiting = list(self.node.mempool.values())
        block, killed = self.node.mine(*pick.sample(waiting, pick.randint(0, len(waiting))))
        assert block.txids is not None
        if how == "removed":
            self.publish(TransactionLeft(txids=block.txids[1:], source=WS))
            return
        published = block if how == "read" else replace(block, entries=None)
        self.publish(
            BlockConnected(block=published if how != "bare" else replace(published, txids=None), source=WS)
        )
        if killed:
            self.publish(TransactionLeft(txids=tuple(one.txid for one in killed), source=WS))

    @rule(coins=COINS, btc=AMOUNTS, cheap=st.booleans())
    def mine_what_nobody_sent(self, coins: list[int], btc: int, cheap: bool) -> None:  # noqa: FBT001
        """Straight into a block, past every mempool."""
        self.fee += 100
        tx = a_whale(btc, coins=tuple(coins), fee=self.fee if not cheap else self.fee % 97)
        if tx.outpoints & self.node.spent() or tx.txid in self.node.ever:
            return
        block, killed = self.node.mine(tx)
        self.publish(BlockConnected(block=block, source=WS))
        if killed:
            victims = tuple(one.txid for one in killed)
            self.publish(TransactionReplaced(victims=victims, by=tx, mined=True, source=WS))

    @precondition(lambda self: len(self.node.chain) > 2)
    @rule(depth=st.integers(1, 2), longer=st.booleans(), pick=st.randoms(use_true_random=False))
    def reorganise(self, depth: int, longer: bool, pick: Any) -> None:  # noqa: FBT001
        depth = min(depth, len(self.node.chain) - 1)
        back = [tx for _ in range(depth) for tx in self.node.undo()]
        for _ in range(depth + longer):
            waiting = list(self.node.mempool.values())
            block, _ = self.node.mine(*pick.sample(waiting, pick.randint(0, len(waiting))))
            self.publish(BlockConnected(block=block, source=WS))
        for tx in back:
            if tx.txid in self.node.mempool:
                self.publish(TransactionSeen(tx=tx, source=WS))

    @precondition(lambda self: len(self.node.chain) > 1)
    @rule()
    def go_back(self) -> None:
        """The tip is invalidated; only the mempool shows it."""
        for tx in self.node.undo():
            self.publish(TransactionSeen(tx=tx, source=WS))

    @rule(too_high=st.sampled_from([0, 0, 0, 1]))
    def name_the_tip(self, too_high: int) -> None:
        """By hash and height alone, which are asked for one after the other: the height may be the next's."""
        height = Height(self.node.tip.height + too_high)
        self.publish(BlockConnected(block=Block(hash=self.node.tip.hash, height=height), source=REST))

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 50))
    def let_one_through(self, which: int) -> None:
        self.receive(self.held.pop(which % len(self.held)))

    @precondition(lambda self: self.held)
    @rule()
    def lose_one(self) -> None:
        self.held.pop()

    @precondition(lambda self: self.held)
    @rule()
    def let_all_through(self) -> None:
        while self.held:
            self.receive(self.held.pop(0))

    @precondition(lambda self: self.published)
    @rule(which=st.integers(0, 50))
    def repeat(self, which: int) -> None:
        self.receive(self.published[-1 - which % len(self.published)])

    @rule()
    def restart(self) -> None:
        """What was asked is forgotten, and asked for again as far as it is known from the store."""
        self.story.restart()
        self.open = {}

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0, 50), silent=st.booleans())
    def answer_one(self, which: int, silent: bool) -> None:  # noqa: FBT001
        question = list(self.open)[which % len(self.open)]
        del self.open[question]
        if silent:
            self.receive(Unanswered(question=question, reason="nobody there"))
        else:
            self.answer(question)

    @invariant()
    def what_is_remembered_is_bounded(self) -> None:
        tracker = self.story.tracker
        assert tracker.candidates <= len(self.node.ever)
        assert tracker.orphans <= 4 * self.node.branches
        assert len(tracker.whales) <= len(self.node.ever)

    def publish(self, observation: Observation) -> None:
        """On its way; a rule decides when, and whether, it arrives."""
        self.held.append(observation)

    def receive(self, observation: Observation) -> None:
        self.published.append(observation)
        self.story.receive(observation)
        self.open |= dict.fromkeys(self.story.questions)

    def answer(self, question: Question) -> None:
        if isinstance(question, AskMempool):
            as_of = self.story.at.replace(microsecond=500_000)
            for published in self.node.listing(MempoolListed(txids=frozenset(), as_of=as_of, source=REST)):
                self.story.receive(published)
                self.open |= dict.fromkeys(self.story.questions)
            return
        for published in self.node.answer(question):
            self.story.receive(published)
            self.open |= dict.fromkeys(self.story.questions)

    def reconcile(self) -> None:
        self.open[AskMempool("the end")] = None
        for _ in range(MOST_ROUNDS):
            if not self.open:
                return
            asked, self.open = list(self.open), {}
            for question in asked:
                self.answer(question)
        raise AssertionError(f"the questions never end: {list(self.open)}")

    def teardown(self) -> None:
        # A chain that went back is noticed when it has grown again, and a stream that lost its news of a
        # block by the next one: until then no wire shows it.
        for _ in range(self.node.highest + 1 - len(self.node.chain)):
            self.node.mine()
        self.receive(BlockConnected(block=self.node.tip, source=WS))
        for _ in range(3):
            self.reconcile()
        before = len(self.story.events)
        self.reconcile()
        assert self.story.events[before:] == [], "the same answers again told something new"
        self._check_all_found()
        self._check_statuses()

    def _check_all_found(self) -> None:
        """Every whale that waits, or is in a block since the start, has a prediction of its own."""
        waits_in_store = {one.txid for one in self.story.unloaded}
        there = {**self.node.mempool, **{tx.txid: tx for _, txs in self.node.chain for tx in txs}}
        for txid, tx in there.items():
            if tx.gross > THRESHOLD:
                found = self.story.tracker.whales.current(txid) is not None or txid in waits_in_store
                assert found, f"never announced: {txid}"

    def _check_statuses(self) -> None:
        mined = self.node.mined()
        for whale in self.story.kept.values():
            block = mined.get(whale.txid)
            if block is not None:
                assert (whale.status, whale.confirmed_hash) == (Status.CONFIRMED, block.hash), whale.reason
            elif whale.txid in self.node.mempool:
                assert whale.status is Status.PENDING, whale.reason
            else:
                assert whale.status in (Status.DROPPED, Status.REPLACED), whale.reason


class WorldsInLittleMemory(Worlds):
    """Two whales in memory; the others wait in the store, which is asked for them."""

    def begun(self) -> Story:
        return Story(bounds=Bounds(pending=2))

    def answer(self, question: Question) -> None:
        if isinstance(question, AskStored):
            kept = self.story.kept.get(question.prediction_id)
            self.receive(PredictionRecalled(prediction_id=question.prediction_id, prediction=kept))
        else:
            super().answer(question)


TestWorlds = pytest.mark.soak(Worlds.TestCase)
TestWorldsInLittleMemory = pytest.mark.soak(WorldsInLittleMemory.TestCase)
TestWorlds.settings = TestWorldsInLittleMemory.settings = settings(
    max_examples=40_000 if SOAK else 600,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    derandomize=not SOAK,
    database=None,
    phases=(Phase.generate,),
)
