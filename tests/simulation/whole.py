"""The whole engine in a simulated world: a node's truth, sources that tell it, faults, and what must hold.

Only the outside is played: the network and the time (`virtual`), libzmq (`zmq_in_memory`), the backend
(`tests.backend`), a bitcoind and an Electrum server (which of them, the seed says), a receiver of alerts on
the loopback, and the disk's free space (a limit on the size of files). The engine, its sources with their own
clients, its store with a real file and the alerts' outbox are the program's.
"""

import asyncio
import json
import random
import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.api.models import Delivery
from app.core.alerts import REFUSED_AFTER
from app.core.events import EventType
from app.core.prediction import Prediction, Status
from app.core.tips import READS_WITHIN
from app.views import DeliveryQuery
from notifiers.dial import DEADLINE_SECONDS
from tests.backend.server import Backend
from tests.backend.subscriptions import Client
from tests.backend.transactions import BTC, Built, Pay, a_child, a_coin, a_transaction, bumped
from tests.simulation.core_node import CoreNode
from tests.simulation.electrum_server import ElectrumServer, HeadedWorld
from tests.simulation.life import Life, template
from tests.simulation.misfortunes import (
    ELECTRUM_PORT,
    MISFORTUNES,
    NODE_MISFORTUNES,
    OF_OURS,
    PORT,
    RPC_PORT,
    SERVER_MISFORTUNES,
    ZMQ_PORT,
)
from tests.simulation.published import Published
from tests.simulation.receiver_in_memory import REFUSES, ReceiverInMemory
from tests.simulation.virtual import LoopClock, VirtualLoop
from tests.simulation.zmq_in_memory import Publishers

SETTLES_SECONDS = 25.0
"""After the last fault is mended: a frozen link is given up and made anew, and everything is compared."""
DEEPEST = 6
"""Blocks of a reorg."""
ALONE = 5
"""Of eight seeds, the one whose node is the only source."""
HELD_BACK = ("rule", "came_back")
"""Not asked for, or told of a source that was lost and came back in time."""
NIGHT_SECONDS, MORNING_SECONDS, MOST_NIGHTS = 36_000.0, 12.0, 3
MOST_TASKS = 120
MOST_CONNECTIONS = 40
MOST_CANDIDATES = 50


class Simulation:
    """A seed's story. `log` says what was done, `faulty` how to heal what lasts."""

    def __init__(self, seed: int, room: Path, receiver: ReceiverInMemory, loop: VirtualLoop) -> None:
        self.seed, self.chance, self.loop = seed, random.Random(seed), loop
        self.room, self.receiver, self.clock = room, receiver, LoopClock(loop)
        self.world = HeadedWorld(lambda: self.clock.now().timestamp())
        self.backend = Backend(self.world, port=PORT)
        self.deliver = self.world.push
        self.publishers = Publishers(loop)
        self.node = self.server = None
        self.misfortunes = dict(MISFORTUNES)
        if seed % 2:
            self.node = CoreNode(self.world, self.publishers, rpc_port=RPC_PORT, zmq_port=ZMQ_PORT)
            self.misfortunes |= NODE_MISFORTUNES
        if seed // 2 % 2:
            self.server = ElectrumServer(self.world, ELECTRUM_PORT)
            self.misfortunes |= SERVER_MISFORTUNES
        self.with_backend = seed % 8 != ALONE
        if not self.with_backend:
            self.misfortunes = {name: self.misfortunes[name] for name in (*NODE_MISFORTUNES, *OF_OURS)}
        self.life: Life
        self.lives = 0
        self.log: list[str] = []
        self.published = Published()
        self.reorged = self.lied_of_a_tip = False
        self.faulty: list[Callable[[], Awaitable[None]]] = []
        self.fate = ""
        """Of the frames: lost, late or repeated."""
        self.held: list[tuple[list[Client], dict[str, Any]]] = []
        """Late frames, each with the links that it is under way on: it is lost where they break."""
        self.numbered: list[Client] = []
        """The links that have been given a frame with a number."""
        self._compared: dict[str, int] = {}
        """By prediction, the version on the page that was last compared with the store's."""
        self._made = 0

    async def run(self, steps: int) -> None:
        """Play it; an AssertionError says what did not hold."""
        self.receiver.begin(self.loop)
        shutil.copytree(await template(self.receiver, self.room.parent.parent), self.room)
        await self.backend.listen()
        if self.node is not None:
            await self.node.listen()
        if self.server is not None:
            await self.server.listen()
        self.world.push = self._push
        await self.start()
        await asyncio.sleep(2)
        for _ in range(steps):
            await self._step()
            await asyncio.sleep(self.chance.choice((0.0, 0.3, 1.0, 2.5, 6.0)))
            await self._check()
        await self._heal()
        self.receiver.script.clear()
        await asyncio.sleep(SETTLES_SECONDS + (READS_WITHIN.total_seconds() if self.lied_of_a_tip else 0.0))
        await self._check()
        await self._check_truth()
        await self._check_outbox()
        await self.life.stop()

    async def start(self) -> None:
        sources = {"SPOUT_MEMPOOL_URL": self.backend.url} if self.with_backend else {}
        if self.node is not None:
            sources["SPOUT_BITCOIND_URL"] = self.node.url
            topics = ("RAWTX", "SEQUENCE", "HASHBLOCK")
            sources |= {f"SPOUT_BITCOIND_ZMQ_{topic}": self.node.zmq_url for topic in topics}
        if self.server is not None:
            sources["SPOUT_ELECTRS_URL"] = self.server.url
        self.life = await Life.begin(self.room, self.clock, sources, self.chance.random)
        self.lives += 1

    async def kill(self) -> None:
        """Go on from the files as they are at this moment; the run that held them ends unheard."""
        copy = self.room.with_name(f"life-{self.lives}")
        shutil.copytree(self.room, copy, ignore=shutil.ignore_patterns("*.lock", "tmp"))
        received, taken = len(self.receiver.got), len(self.receiver.taken)
        old, self.room = self.room, copy
        await self.life.stop()
        del self.receiver.got[received:], self.receiver.taken[taken:]
        shutil.rmtree(old)
        await self.start()

    def something_small(self) -> None:
        self.world.add(self._pays(2 * BTC))
        self.spread()

    def something_to_alert_of(self) -> None:
        self.world.add(self._pays(150 * BTC))
        self.spread()

    def spread(self) -> None:
        """What happened reaches the other sources."""
        if self.node is not None:
            self.node.catch_up()
        if self.server is not None:
            self.server.catch_up()

    # What happens in the world.

    async def _step(self) -> None:
        what = self.chance.choices(("happens", "breaks", "mended"), (6, 3, 2 if self.faulty else 0))[0]
        if what == "mended":
            await self._heal()
            return
        kind = self.chance.choice(list(self.misfortunes)) if what == "breaks" else self._happening()
        self.log.append(f"{self.loop.time():.1f} {kind.upper() if what == 'breaks' else kind}")
        if what == "breaks":
            await self.misfortunes[kind](self)
        else:
            self._happens(kind, [one.built for one in self.world.pool.values()])
            self.spread()

    async def _heal(self) -> None:
        self.log.append(f"{self.loop.time():.1f} mended")
        faulty, self.faulty = self.faulty, []
        for heal in faulty:
            await heal()

    def _happening(self) -> str:
        kinds = ["whale"] * 8 + ["small"] + ["block"] * 3
        if self.world.pool:
            kinds += ["bump", "bump", "child", "drop", "cancel"]
        if len(self.world.chain) > self.world.start_blocks + DEEPEST:
            kinds += ["reorg", "reorg"]
        return self.chance.choice(kinds)

    def _happens(self, kind: str, waiting: list[Built]) -> None:
        match kind:
            case "whale":
                self.world.add(self._pays(150 * BTC))
            case "small":
                self.something_small()
            case "block":
                self._mines(waiting)
            case "reorg":
                self._reorgs()
            case "drop":
                self.world.drop(self.chance.choice(waiting))
            case _:
                self._spends(kind, self.chance.choice(waiting))

    def _spends(self, kind: str, old: Built) -> None:
        """Spend a waiting transaction's output, or its coin once more."""
        if kind == "child":
            self.world.add(a_child(old))
        elif kind == "bump" and old.pays[-1].value > 10_000:
            self.world.add(bumped(old, 5_000))
        else:
            coin = old.coins[0]
            self.world.add(a_transaction([coin], [Pay(coin.value - 3 * old.fee, coin.owner, coin.kind)]))

    def _pays(self, value: int) -> Built:
        self._made += 1
        coin = a_coin(value + 50 * BTC + 5_000, "whale", seed=f"{self.seed} {self._made}")
        return a_transaction([coin], [Pay(value, f"bob {self._made}"), Pay(50 * BTC, f"change {self._made}")])

    def _mines(self, waiting: list[Built]) -> None:
        taken = _with_parents([one for one in waiting if self.chance.random() < 0.6], set(self.world.pool))
        hidden = [self._pays(150 * BTC)] if self.chance.random() < 0.15 else []
        self.world.mine(taken, unannounced=hidden)

    def _reorgs(self) -> None:
        self.reorged = True
        depth = self.chance.randint(1, DEEPEST)
        undone = [tx for block in self.world.chain[-depth:] for tx in block.built]
        again = _with_parents([tx for tx in undone if self.chance.random() < 0.5], {tx.txid for tx in undone})
        self.world.reorg(depth, [again, *[()] * depth])

    def _push(self, frame: dict[str, Any]) -> None:
        """Give a frame to the backend's clients, unless something happens to it on its way."""
        if self.fate == "lost":
            return
        if self.fate == "late":
            self.held.append((list(self.backend.clients), frame))
            return
        for _ in range(2 if self.fate == "repeated" else 1):
            self.deliver(frame)
        if "mempool-transactions" in frame:
            self.numbered = list(self.backend.clients)

    # What must hold.

    async def _check(self) -> None:
        """After each step."""
        store = self.life.engine.store
        while store.last_sequence > self.published.sequence:
            events = await store.events_after(self.published.sequence, 1_000)
            assert events, "an event was acknowledged that is not stored"
            self.published.read(events)
        assert self.published.sequence == store.last_sequence
        assert self.reorged or not self.published.reorgs, "told of a reorg that never was"
        assert self.life.engine.tracker.candidates <= MOST_CANDIDATES
        assert self.receiver.longest_wait() <= DEADLINE_SECONDS, "an attempt does not end"
        assert len(asyncio.all_tasks()) <= MOST_TASKS
        assert len(self.loop.network.ends) <= MOST_CONNECTIONS
        await self._compare_new(
            [one for one in self._shown() if self._compared.get(one.prediction_id) != one.version]
        )

    async def _compare_new(self, shown: list[Prediction]) -> None:
        """Compare what the page shows since the last step with the store, all of it in one read."""
        if not shown:
            return
        first, last = (edge(one.detected_at for one in shown) for edge in (min, max))
        kept = dict(
            await self.life.engine.store.of_detected(
                first,
                last + timedelta(microseconds=1),
                lambda one: ((one.prediction_id, one.version),),
            )
        )
        for whale in shown:
            assert whale.prediction_id in kept, "the page shows what is not stored"
            assert kept[whale.prediction_id] >= whale.version, "the page is ahead of the store"
            self._compared[whale.prediction_id] = whale.version

    def _shown(self) -> tuple[Prediction, ...]:
        snapshot = self.life.live.snapshot
        return (*snapshot.pending, *snapshot.ended)

    async def _check_truth(self) -> None:
        """At the end, with nothing broken: everything is known as it is."""
        snapshot = self.life.live.snapshot
        assert snapshot.level.value == "live", snapshot.level_reason
        store, named = self.life.engine.store, dict[str, Prediction]()
        assert not await store.events_after(self.published.sequence, 1), "stored, and never told"
        for shown in self._shown():
            assert await store.one(shown.prediction_id) == shown, "page and store differ"
            named |= dict.fromkeys(shown.replaces, shown)
        named |= {shown.txid: shown for shown in self._shown()}
        for txid, tx in self.world.known.items():
            if _is_whale(tx):
                self._is_right(txid, named.get(txid) or await store.one(txid))

    def _is_right(self, txid: str, whale: Prediction | None) -> None:
        block = self.world.confirmed_in(txid)
        if block is None and txid not in self.world.pool:
            ended = whale is None or whale.txid != txid or whale.status in (Status.DROPPED, Status.REPLACED)
            assert ended, f"{txid} is gone, and is said to be {whale and whale.status}"
            return
        assert whale is not None, f"{txid} was missed"
        status = Status.PENDING if block is None else Status.CONFIRMED
        assert (whale.txid, whale.status) == (txid, status), whale.reason
        if block is not None:
            assert (whale.confirmed_hash, whale.confirmed_height) == (block.hash, block.height)

    async def _check_outbox(self) -> None:
        """Every alert came through, once and in its order, or is said to be refused; nothing else waits."""
        deliveries = await self._delivered()
        rows = [one.sequence for one in deliveries]
        assert len(rows) == len(set(rows)), "the outbox holds an alert twice"
        announced = [one for one in self.published.types if one == EventType.DETECTED.value]
        of_whales = [one for one in deliveries if one.event_type == EventType.DETECTED.value]
        assert len(of_whales) == len(announced), "the outbox lacks an alert"
        delivered = {one.event_id for one in deliveries if one.status == "delivered"}
        assert delivered == set(self.receiver.taken), (
            f"taken and delivered differ: {delivered ^ set(self.receiver.taken)}"
        )
        for one in deliveries:
            match one.status:
                case "delivered":
                    continue
                case "failed":
                    assert one.event_id in self.receiver.refused, "failed, and never refused"
                    refusals = [attempt for attempt in one.attempts if attempt.status_code == REFUSES]
                    assert len(refusals) >= REFUSED_AFTER, f"{one.event_id} was given up too early"
                case _:
                    assert one.because in HELD_BACK, f"{one.event_type} is {one.status} after whole nights"
                    assert one not in of_whales, "a whale's alert was held back"
        self._check_arrivals()

    def _check_arrivals(self) -> None:
        """An alert has one id and one text, however often it is sent, and none comes before an older one."""
        texts, ids = dict[str, bytes](), dict[int, str]()
        for one in self.receiver.got:
            id_, sequence = one.headers["webhook-id"], int(json.loads(one.body)["sequence"])
            assert texts.setdefault(id_, one.body) == one.body, f"{id_} says two things"
            if sequence not in ids:
                assert not ids or sequence > max(ids), f"{id_} was overtaken"
            assert ids.setdefault(sequence, id_) == id_, f"alert {sequence} has two ids"
        numbers = {id_: sequence for sequence, id_ in ids.items()}
        taken = [numbers[id_] for id_ in dict.fromkeys(self.receiver.taken)]
        assert taken == sorted(taken), f"taken in another order: {taken}"

    async def _delivered(self) -> list[Delivery]:
        """What waits for its next try, hours ahead, gets it: they pass while nobody runs."""
        query = DeliveryQuery(limit=1_000)
        deliveries = (await self.life.alerts.deliveries(query)).deliveries
        for _ in range(MOST_NIGHTS):
            if all(one.status != "waiting" for one in deliveries):
                break
            await self.life.stop()
            await asyncio.sleep(NIGHT_SECONDS)
            await self.start()
            await asyncio.sleep(MORNING_SECONDS)
            deliveries = (await self.life.alerts.deliveries(query)).deliveries
        return deliveries


def _with_parents(some: list[Built], needed: set[str]) -> list[Built]:
    """Return those whose parents among `needed` are there too: what a block can hold."""
    while True:
        inside = {one.txid for one in some}
        ready = [one for one in some if all(p not in needed or p in inside for p, _ in one.outpoints)]
        if len(ready) == len(some):
            return ready
        some = ready


def _is_whale(tx: Built) -> bool:
    """More than 100 BTC to somebody else: what `_pays` makes, and its bumped versions."""
    payers = {coin.owner for coin in tx.coins}
    return any(
        pay.value > 100 * BTC and pay.owner.startswith("bob") and pay.owner not in payers for pay in tx.pays
    )
