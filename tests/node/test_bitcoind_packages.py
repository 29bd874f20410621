"""The node alone: whatever joins or leaves a whale's package, however small, changes what it pays."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.clock import SystemClock
from app.core.classification import Flag
from app.core.observations import Observation
from app.core.prediction import Prediction
from app.core.questions import AskPackage, Question
from app.core.tracking import Tracker
from app.core.units import Txid
from app.source.answering import Answering
from app.source.bitcoind.source import Bitcoind
from tests.core.story import a_whale_policy
from tests.node.conftest import source_of
from tests.node.node import Coin, Node

pytestmark = pytest.mark.node

SECONDS = 20.0
"""Generous: the machine may be busy."""
LOW, HIGH = Decimal("0.00000240"), Decimal("0.00030000")


class Following:
    """The journey without a store: what the node says, what the tracker asks of it, what it believes then."""

    def __init__(self, source: Bitcoind) -> None:
        self._source = source
        self._tracker = Tracker(a_whale_policy())
        self._answering = Answering([source], self._take, SystemClock())
        self._news = asyncio.Condition()
        self._asked: set[Question] = set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._answering.run())
            async for observation in self._source.observations():
                await self._take(observation)

    async def _take(self, observation: Observation) -> None:
        async with self._news:
            for question in self._tracker.handle(observation, datetime.now(UTC)).questions:
                self._asked.add(question)
                self._answering.ask(question)
            self._news.notify_all()

    async def answered(self, question: Question) -> None:
        """Until this was asked, and the answer came."""
        async with self._news, asyncio.timeout(SECONDS):
            await self._news.wait_for(lambda: question in self._asked and not self._answering.waiting)

    async def until(self, txid: str, holds: Callable[[Prediction], bool]) -> Prediction:
        def found() -> Prediction | None:
            whale = next((one for one in self._tracker.whales.pending() if one.txid == txid), None)
            return whale if whale is not None and holds(whale) else None

        async with self._news, asyncio.timeout(SECONDS):
            await self._news.wait_for(lambda: found() is not None)
        whale = found()
        assert whale is not None
        return whale


@asynccontextmanager
async def following(node: Node) -> AsyncIterator[Following]:
    source = source_of(node)
    followed = Following(source)
    running = asyncio.create_task(followed.run())
    try:
        yield followed
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await source.close()


def feerate_of(node: Node, *txids: str) -> float:
    """What these pay together, sat/vB."""
    entries = [node.call("getmempoolentry", txid) for txid in txids]
    fees = sum(entry["fees"]["base"] for entry in entries)
    return float(fees * 100_000_000 / sum(entry["vsize"] for entry in entries))


def a_whale_with_change(node: Node, coins: list[Coin]) -> tuple[str, Coin]:
    """A whale at about 1 sat/vB, and the small output that its owner keeps."""
    total = sum((coin.amount for coin in coins), Decimal(0))
    keep, small = node.address(), Decimal(1)
    raw = node.sign(coins, {node.address(): total - small - LOW * 4, keep: small})
    txid = node.send(raw)
    outputs = node.call("decoderawtransaction", raw)["vout"]
    place = next(one["n"] for one in outputs if one["value"] == small)
    return txid, Coin(txid, place, small)


def a_child(node: Node, coin: Coin, fee: Decimal) -> Coin:
    """Spend one coin into one; return the new coin."""
    txid = node.send(node.call("signrawtransactionwithwallet", unsigned(node, coin, fee))["hex"])
    return Coin(txid, 0, coin.amount - fee)


def unsigned(node: Node, coin: Coin, fee: Decimal) -> str:
    spent = [{"txid": coin.txid, "vout": coin.vout, "sequence": 0xFFFFFFFD}]
    raw: str = node.call("createrawtransaction", spent, [{node.address(): str(coin.amount - fee)}])
    return raw


async def test_a_small_child_lifts_the_package_of_a_whale(node: Node) -> None:
    async with following(node) as followed:
        txid, change = a_whale_with_change(node, node.coins()[:3])
        await followed.until(txid, lambda _: True)
        child = a_child(node, change, HIGH)
        paid = feerate_of(node, txid, child.txid)
        lifted = await followed.until(txid, lambda one: (one.package_feerate or 0) > paid * 0.98)

    assert lifted.package_feerate == pytest.approx(paid, rel=0.02)
    assert Flag.CPFP in lifted.all_flags


async def test_a_child_of_a_small_child_lifts_it_too(node: Node) -> None:
    async with following(node) as followed:
        txid, change = a_whale_with_change(node, node.coins()[:3])
        await followed.until(txid, lambda _: True)
        child = a_child(node, change, LOW)
        grandchild = a_child(node, child, HIGH)
        paid = feerate_of(node, txid, child.txid, grandchild.txid)
        lifted = await followed.until(txid, lambda one: (one.package_feerate or 0) > paid * 0.98)

    assert lifted.package_feerate == pytest.approx(paid, rel=0.02)


async def test_a_child_that_was_there_before_spout_counts(node: Node) -> None:
    txid, change = a_whale_with_change(node, node.coins()[:3])
    child = a_child(node, change, HIGH)
    async with following(node) as followed:
        lifted = await followed.until(txid, lambda one: (one.package_feerate or 0) > 5)

    assert lifted.package_feerate == pytest.approx(feerate_of(node, txid, child.txid), rel=0.02)


async def test_a_child_of_a_child_that_was_there_before_lifts_it(node: Node) -> None:
    txid, change = a_whale_with_change(node, node.coins()[:3])
    child = a_child(node, change, LOW)
    async with following(node) as followed:
        await followed.answered(AskPackage(Txid(txid)))
        grandchild = a_child(node, child, HIGH)
        paid = feerate_of(node, txid, child.txid, grandchild.txid)
        lifted = await followed.until(txid, lambda one: (one.package_feerate or 0) > paid * 0.98)

    assert lifted.package_feerate == pytest.approx(paid, rel=0.02)


async def test_a_child_that_takes_another_childs_place_counts_in_its_place(node: Node) -> None:
    async with following(node) as followed:
        txid, change = a_whale_with_change(node, node.coins()[:3])
        await followed.until(txid, lambda _: True)
        a_child(node, change, LOW * 10)
        first = await followed.until(txid, lambda one: (one.package_feerate or 0) > 2)
        a_child(node, change, HIGH)
        second = await followed.until(txid, lambda one: (one.package_feerate or 0) > 20)

    assert (first.package_feerate or 0) < (second.package_feerate or 0)
