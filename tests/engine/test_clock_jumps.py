"""A seeded run: the clock jumps by months, Spout restarts, and nothing is lost, told twice or reorged."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.bus import Bus
from app.core.events import EventType
from app.core.models import Block, Transaction
from app.core.observations import BlockConnected, TransactionSeen
from app.core.questions import Question
from app.core.tracking.tracker import Tracker
from app.core.units import Txid
from app.engine.clock_steps import ClockSteps
from app.engine.pipeline import Pipeline
from app.engine.retention import Kept, Retention
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.builders import a_block, a_whale
from tests.core.story import WS, a_whale_policy
from tests.fakes import LeapingClock
from tests.soak import share

JUMPS = share(100)
KEEP = timedelta(days=90)
START = LeapingClock().now()


class Nobody:
    """No question is answered: what is asked is not what this is about."""

    def ask(self, _question: Question) -> None:
        return


@dataclass
class World:
    """What happened in truth, by a clock that nobody sets."""

    seconds: float = 0.0
    seen: dict[Txid, float] = field(default_factory=dict)
    txs: dict[Txid, Transaction] = field(default_factory=dict)
    lead: dict[Txid, float] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)


@asynccontextmanager
async def running(
    room: Path, clock: LeapingClock
) -> AsyncIterator[tuple[Pipeline, PredictionStore, Retention]]:
    """From a start to a stop; what it knows it has from the directory."""
    opened = await open_database(room, at=clock.now())
    store = PredictionStore(opened)
    restored = await store.restore(clock.now())
    tracker = Tracker(a_whale_policy())
    tracker.restore(restored.predictions, restored.blocks, restored.unread, restored.unloaded)
    pipeline = Pipeline(
        tracker=tracker,
        event_store=store,
        question_queue=Nobody(),
        bus=Bus(),
        clock=clock,
        clock_steps=ClockSteps(clock),
    )
    whales = Kept(name="whales", prune=store.prune, oldest=store.oldest, keep=lambda: KEEP)
    retention = Retention(whales, tip=lambda: tracker.chain.tip, clock=clock)
    yield pipeline, store, retention
    await opened.database.close()


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_jumps_of_the_clock_lose_nothing_tell_nothing_twice_and_undo_no_block(tmp_path: Path) -> None:
    chance = random.Random(17)
    clock, world = LeapingClock(), World()
    whole: set[Txid] = set()
    """Of whales whose whole life was watched without a restart: their lead time can be known."""

    for turn in range(JUMPS):
        async with running(tmp_path, clock) as (pipeline, _, retention):
            fresh = [a_whale(coins=(f"{turn}-{number}",)) for number in range(chance.randrange(1, 4))]
            await watch(pipeline, clock, world, fresh)
            clock.step(timedelta(hours=chance.choice([-1, 1]) * chance.expovariate(1 / 500)))
            await retention.pass_once()
            pass_time(clock, world, chance.randrange(1, 3_000))
            gone = [txid for txid in world.seen if chance.random() < 0.6]
            await mine(pipeline, world, gone)
            whole |= {tx.txid for tx in fresh} & set(gone)
            await retention.pass_once()

    async with running(tmp_path, clock) as (_, store, _):
        events = await store.events_after(0, 1_000_000)
        whales = {
            whale.txid: whale for txid in (*world.seen, *world.lead) if (whale := await store.one(txid))
        }
    reported = Counter((event.type, event.body["txid"]) for event in events)
    print(f"{JUMPS} jumps, {len(whales)} whales, {len(events)} events")
    assert set(whales) == {*world.seen, *world.lead}
    assert {key: times for key, times in reported.items() if times > 1} == {}
    assert [key for key in reported if key[0] is EventType.REORGED] == []
    assert {txid for kind, txid in reported if kind is EventType.CONFIRMED} == set(world.lead)
    wrong = {
        txid: (whales[txid].lead_time_seconds, world.lead[txid])
        for txid in whole
        if whales[txid].lead_time_seconds != pytest.approx(world.lead[txid], abs=2)
    }
    assert wrong == {}


def pass_time(clock: LeapingClock, world: World, seconds: float) -> None:
    clock.advance(seconds)
    world.seconds += seconds


async def watch(pipeline: Pipeline, clock: LeapingClock, world: World, whales: list[Transaction]) -> None:
    for tx in whales:
        await pipeline.take([TransactionSeen(tx=tx, source=WS)])
        world.seen[tx.txid], world.txs[tx.txid] = world.seconds, tx
        pass_time(clock, world, 1)


async def mine(pipeline: Pipeline, world: World, gone: list[Txid]) -> None:
    block = replace(
        a_block(len(world.blocks), *(world.txs[txid] for txid in gone)),
        time=START + timedelta(seconds=world.seconds),
    )
    world.blocks.append(block)
    await pipeline.take([BlockConnected(block=block, source=WS)])
    for txid in gone:
        world.lead[txid] = world.seconds - world.seen.pop(txid)
