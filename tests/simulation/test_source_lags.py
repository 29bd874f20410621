"""A node and a backend that lag behind each other: nothing lost, nothing twice, no false reorg.

One truth, two views of it. Each view takes in what happened some time later, at times minutes and several
blocks later; the node keeps stricter rules than the backend, so some whales wait in one mempool only. The
tracker hears both, and its questions go through the product's own Answering.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from app.core.classification import Flag
from app.core.events import EventType
from app.core.models import SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
    Unanswered,
)
from app.core.prediction import Prediction, Status
from app.core.questions import AskMempool, Question
from app.core.tips import Tips
from app.errors import SourceError
from app.source.answering import Answering
from app.source.far_sides import Abreast
from tests.builders import a_coin, a_whale
from tests.core.model_node import ModelNode
from tests.core.story import Story
from tests.fakes import NOON
from tests.soak import share

LAGS = share(100)
SEEDS = (1, 2, 3)
RESTARTS = 0.1
"""Of what happens, this much is preceded by a restart."""
Change = Callable[[ModelNode], list[Observation]]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits here, and {seconds} s were waited for")


@dataclass(slots=True)
class View:
    """What one source has taken in of what happened; `lag` in seconds."""

    source: SourceName
    clock: Clock
    node: ModelNode = field(default_factory=ModelNode)
    lag: float = 0.0
    coming: list[tuple[float, Change]] = field(default_factory=list)

    def catch_up(self) -> Iterator[Observation]:
        while self.coming and self.coming[0][0] + self.lag <= self.clock.seconds:
            _, change = self.coming.pop(0)
            for reported in change(self.node):
                yield replace(reported, source=self.source)  # type: ignore[type-var]

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        if isinstance(question, AskMempool):
            listed = MempoolListed(txids=frozenset(), as_of=self.clock.now(), source=self.source)
            answers = self.node.listing(listed)
        else:
            answers = self.node.answer(question)
        for one in answers:
            if isinstance(one, Unanswered):
                raise SourceError(one.reason)
        return tuple(replace(one, source=self.source) for one in answers)  # type: ignore[type-var]


def accepted(tx: Transaction) -> Change:
    def change(node: ModelNode) -> list[Observation]:
        if node.spent() & tx.outpoints:
            return []
        victims = tuple(one.txid for one in node.accept(tx))
        source = SourceName.BLOCK  # the view writes its own name
        if victims:
            return [TransactionReplaced(victims=victims, by=tx, mined=False, source=source)]
        return [TransactionSeen(tx=tx, source=source)]

    return change


def expired(tx: Transaction) -> Change:
    def change(node: ModelNode) -> list[Observation]:
        gone = node.mempool.pop(tx.txid, None)
        return [TransactionLeft(txids=(tx.txid,), source=SourceName.BLOCK)] if gone else []

    return change


def mined(*txs: Transaction) -> Change:
    def change(node: ModelNode) -> list[Observation]:
        block, killed = node.mine(*txs)
        reported: list[Observation] = [BlockConnected(block=block, source=SourceName.BLOCK)]
        if killed:
            reported.append(TransactionLeft(txids=tuple(one.txid for one in killed), source=SourceName.BLOCK))
        return reported

    return change


class World:
    """Everything that happens comes to both views, each in its own time."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.clock = Clock()
        self.truth = ModelNode()
        self.backend = View(SourceName.MEMPOOL_WS, self.clock)
        self.node = View(SourceName.BITCOIND, self.clock)
        self.story = Story()
        self.tips = Tips()
        answerers = [
            Abreast(view, view.source.value, self._behind(view)) for view in (self.node, self.backend)
        ]
        self.answering = Answering(answerers, self._emit, self.clock)
        self.whales = 0

    def _behind(self, view: View) -> Callable[[], int]:
        return lambda: self.tips.behind(view.source, self.clock.now())

    async def begin(self) -> None:
        for view in (self.node, self.backend):
            await self._emit(BlockConnected(block=view.node.tip, source=view.source))

    async def _emit(self, observation: Observation) -> None:
        self.tips.listen(observation, self.clock.now())
        self.story.at = self.clock.now() - timedelta(seconds=1)
        self.story.receive(observation)
        for question in self.story.questions:
            self.answering.ask(question)

    def happens(self, change: Change, *views: View) -> None:
        change(self.truth)
        for view in views or (self.node, self.backend):
            view.coming.append((self.clock.seconds, change))

    async def passes(self, seconds: float) -> None:
        for _ in range(max(1, int(seconds))):
            self.clock.seconds += 1.0
            for view in (self.node, self.backend):
                for reported in view.catch_up():
                    await self._emit(reported)
            await self.answering.drain()

    def new_whale(self) -> Transaction:
        self.whales += 1
        return a_whale(150, coins=(f"coin {self.whales}",), fee=1_000)

    async def episode(self) -> None:
        """One of them lags for a while, in which whales come, are mined, replaced, expire."""
        late = self.chance.choice((self.node, self.backend))
        late.lag = self.chance.choice((1.0, 3.0, 15.0, 90.0))
        for _ in range(self.chance.randint(2, 6)):
            if self.chance.random() < RESTARTS:
                await self.restarts()
            self.something()
            await self.passes(self.chance.choice((1, 2, 12, 40)))
            if self.chance.random() < 0.4:
                self.answering.ask(AskMempool("now and then"))
        late.lag = self.chance.choice((0.0, 1.0))
        await self.passes(3)

    async def restarts(self) -> None:
        """Started again: it knows what it stored, each source says its tip, and the mempool is asked for."""
        self.story.restart()
        await self.begin()
        self.answering.ask(AskMempool("started"))

    def something(self) -> None:
        waiting = list(self.truth.mempool.values())
        match self.chance.choice(("whale", "whale", "strict", "block", "block", "bump", "expire")):
            case "whale":
                self.happens(accepted(self.new_whale()))
            case "strict":
                self.happens(accepted(self.new_whale()), self.backend)
            case "block":
                taken = self.chance.sample(waiting, min(len(waiting), 3))
                self.happens(mined(*taken))
            case "bump" if waiting:
                old = self.chance.choice(waiting)
                coin = f"coin {_coin_of(old)}"
                self.happens(accepted(a_whale(150, coins=(coin,), fee=(old.fee or 0) + 1_000)))
            case "expire" if waiting:
                self.happens(expired(self.chance.choice(waiting)))

    async def end(self) -> None:
        for view in (self.node, self.backend):
            view.lag = 0.0
        for _ in range(3):
            await self.passes(15)
            self.answering.ask(AskMempool("the end"))
        await self.passes(15)


def _coin_of(tx: Transaction) -> int:
    """The number of the coin that it spends."""
    (spent,) = tx.outpoints
    return next(number for number in range(1, 10_000) if a_coin(f"coin {number}") == spent)


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
async def test_sources_that_lag_lose_nothing_and_tell_nothing_twice(seed: int) -> None:
    world = World(seed)
    await world.begin()
    for _ in range(-(-LAGS // len(SEEDS))):
        await world.episode()
    await world.end()

    kept = {one.txid: one for one in world.story.kept.values()}
    blocks = world.truth.mined()
    for txid in blocks:
        assert kept[txid].status is Status.CONFIRMED
    for txid in world.truth.mempool:
        assert kept[txid].status is Status.PENDING
    for txid, whale in kept.items():
        there = txid in blocks or txid in world.truth.mempool
        assert there or whale.status in (Status.DROPPED, Status.REPLACED), (txid, whale.status, whale.reason)
    check_announcements(world)
    assert "reorged" not in world.story.types


def check_announcements(world: World) -> None:
    """Every coin once; again only where two spends of it really waited, or after the first was gone."""
    announced: dict[int, list[Prediction]] = {number: [] for number in range(1, world.whales + 1)}
    latest: dict[str, Prediction] = {}
    for event in world.story.events:
        whale = event.prediction
        assert whale is not None
        if event.type is EventType.DETECTED:
            before = [latest[one.prediction_id] for one in announced[_coin_of(whale.tx)]]
            assert Status.CONFIRMED not in [one.status for one in before]
            announced[_coin_of(whale.tx)].append(whale)
        latest[whale.prediction_id] = whale
    for number, (first, *again) in announced.items():
        ever_contested = {Flag.CONFLICT} & latest[first.prediction_id].flags
        gone = any(
            one.type in (EventType.DROPPED, EventType.CONFLICTED)
            for one in world.story.events
            if one.prediction and one.prediction.prediction_id == first.prediction_id
        )
        assert not again or ever_contested or gone, f"coin {number} was announced twice"
        assert len({one.txid for one in again}) == len(again)
