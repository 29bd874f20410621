"""The whole engine for a day and more of simulated time, in a process of its own, and its memory.

    python -m tests.simulation.long_run SAMPLES.jsonl [--hours 24] [--flood 21000]

First a flood fills every memory that has a bound, then some hours at mainnet's pace let what came of it
settle; each simulated quarter of an hour after that is a line of SAMPLES. A process of its own: in one that
ran other tests a leak would fill the holes that those left.
"""

import argparse
import asyncio
import ctypes
import gc
import json
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, TextIO

import structlog

from app import allocator
from app.core.tracking.beliefs import Departure
from app.core.tracking.whales import Bounds
from app.store import Connection
from tests.backend.server import Backend
from tests.backend.transactions import BTC, Built, Pay, a_coin, a_transaction, bumped
from tests.simulation import model
from tests.simulation.life import Life, forget_template, template
from tests.simulation.misfortunes import PORT
from tests.simulation.passers import CrowdedWorld
from tests.simulation.receiver_in_memory import ReceiverInMemory, receiving_in_memory
from tests.simulation.virtual import LoopClock, VirtualLoop

SEED = 1924
POLL_SECONDS = 2.0
FLOOD_STEP_SECONDS = 0.33
"""So that what is evicted leaves one by one, as at mainnet's pace: those that leave at once share objects."""
QUARTER_SECONDS = 900.0
SETTLES_SECONDS = 20.0
A_SECOND = 7.0
"""Transactions, as on mainnet; not thinned."""
WHALES_AN_HOUR = model.WHALES_A_DAY / 24
MINED_SHARE = 0.7
"""Of the whales that wait, with each block."""
FLOOD_BLOCK_SECONDS, FLOOD_BLOCK_WHALES, FLOOD_A_SECOND, FLOOD_EVICTED_SHARE = 4.0, 12, 15.0, 0.08
FLOOD = Bounds().gone + 1_000
"""Whales of the flood. The largest memory that only whales fill holds 20,000 entries."""
CALM_QUARTERS = 4 * 26
"""At mainnet's pace after the flood, before anything is measured: until the whales that are kept after their
end, some twenty hours of them, are none of the flood's, which had fewer forecasts."""
BLOCKS_OF_A_DEPARTURE = 2
"""Itself and its time. What is played keeps a txid of each transaction that it holds, a block, too."""
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the process holds: resident, Python's blocks, objects; DuckDB's own count; what is played."""

    hours: float
    rss: int
    blocks: int
    objects: int
    departures: int
    """Notes of what left a mempool, no part of the two above: `Bounds.gone` is not full of them yet."""
    duckdb: int
    allocated: int
    """Of malloc: what it has given out, whoever asked for it; Python's small objects lie elsewhere."""
    free: int
    """Of malloc: its holes."""
    file: int
    played: int
    waiting: int
    whales: int
    transactions: int


class LongRun:
    def __init__(self, room: Path, loop: VirtualLoop, receiver: ReceiverInMemory, out: TextIO) -> None:
        self.room, self.loop, self.receiver, self.out = room, loop, receiver, out
        self.chance, self.clock = random.Random(SEED), LoopClock(loop)
        self.world = CrowdedWorld(lambda: self.clock.now().timestamp(), self.chance)
        self.backend = Backend(self.world, port=PORT)
        self.made = self.passed = 0
        self.life: Life

    async def run(self, hours: float, flood: int, calm_quarters: int) -> None:
        self.receiver.begin(self.loop)
        shutil.copytree(await template(self.receiver, self.room.parent), self.room)
        await self.backend.listen()
        sources = {"SPOUT_MEMPOOL_URL": self.backend.url}
        self.life = await Life.begin(self.room, self.clock, sources, self.chance.random)
        await asyncio.sleep(SETTLES_SECONDS)
        await self._flood(flood)
        gc.collect()
        for _ in range(calm_quarters):
            await self._quarter()
        began = self.loop.time()
        self._write(await self._sample(began))
        for _ in range(round(hours * 4)):
            await self._quarter()
            self._write(await self._sample(began))
        await self.life.stop()

    async def _flood(self, whales: int) -> None:
        """Whales that live as the later ones do, block for block, and others that leave without one."""
        usual, self.world.passers.evicted_share = self.world.passers.evicted_share, FLOOD_EVICTED_SHARE
        while self.made < whales:
            for _ in range(FLOOD_BLOCK_WHALES):
                self._something()
            await self._pass(FLOOD_BLOCK_SECONDS, FLOOD_A_SECOND, 0.0, FLOOD_STEP_SECONDS)
            self._mine(MINED_SHARE)
        self.world.passers.evicted_share = usual

    async def _quarter(self) -> None:
        """Fifteen minutes: a block at the end, and one before it every other time: one in ten minutes."""
        between = self.chance.uniform(120.0, 780.0) if self.chance.random() < 0.5 else 0.0
        if between:
            await self._pass(between, A_SECOND, WHALES_AN_HOUR)
            self._mine(MINED_SHARE)
        await self._pass(QUARTER_SECONDS - SETTLES_SECONDS - between, A_SECOND, WHALES_AN_HOUR)
        self._mine(MINED_SHARE)
        await self._pass(SETTLES_SECONDS, A_SECOND, 0.0)

    async def _pass(
        self, seconds: float, a_second: float, whales_an_hour: float, at_once: float = POLL_SECONDS
    ) -> None:
        """Let time pass, poll by poll, or in other steps of so many seconds."""
        ends = self.loop.time() + seconds
        while (left := ends - self.loop.time()) > 0:
            step = min(at_once, left)
            await asyncio.sleep(step)
            if self.chance.random() < whales_an_hour * step / 3_600:
                self._something()
            count = round(self.chance.gauss(a_second * step, (a_second * step) ** 0.5))
            self.passed += max(count, 0)
            self.world.come(max(count, 0))

    def _something(self) -> None:
        """A whale comes, or one that waits is replaced, or, seldom, dropped."""
        waiting = [one.built for one in self.world.pool.values()]
        what = self.chance.random()
        if what < 0.8 or not waiting:
            self.world.accept(self._whale())
        elif what < 0.95:
            self.world.accept(bumped(self.chance.choice(waiting), 5_000))
        else:
            self.world.leave(self.chance.choice(waiting).txid)

    def _mine(self, share: float) -> None:
        taken = [one.built for one in self.world.pool.values() if self.chance.random() < share]
        unseen = [self._whale()] if self.chance.random() < 0.03 else []
        self.world.mine(taken, unannounced=unseen)
        self.world.forget()
        for kept in (self.receiver.got, self.receiver.taken, self.backend.requests, self.backend.messages):
            kept.clear()

    def _whale(self) -> Built:
        self.made += 1
        fee = self.chance.choice((300, 1_500, 6_000))
        coin = a_coin(200 * BTC + fee, "whale", seed=f"long run {self.made}")
        pays = [Pay(150 * BTC, f"bob {self.made}"), Pay(50 * BTC, f"change {self.made}")]
        return a_transaction([coin], pays)

    async def _sample(self, began: float) -> Sample:
        gc.collect()
        gc.collect()
        objects, departures = _objects()
        duckdb = await self.life.engine.database.read(_duckdb_bytes)
        allocated, free = _malloc_bytes()
        return Sample(
            hours=(self.loop.time() - began) / 3_600,
            rss=int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE,
            blocks=sys.getallocatedblocks() - BLOCKS_OF_A_DEPARTURE * departures - self.world.held,
            objects=objects,
            departures=departures,
            duckdb=duckdb,
            allocated=allocated,
            free=free,
            file=self.life.engine.database.size_bytes(),
            played=self.world.held,
            waiting=len(self.world.pool),
            whales=self.made,
            transactions=self.passed,
        )

    def _write(self, sample: Sample) -> None:
        self.out.write(json.dumps(asdict(sample) | {"cpu": round(time.process_time())}) + "\n")
        self.out.flush()
        if os.environ.get("SPOUT_TYPES"):
            named = Counter(type(one).__name__ for one in gc.get_objects())
            with Path(os.environ["SPOUT_TYPES"]).open("a", encoding="utf-8") as types:
                types.write(json.dumps(dict(named.most_common(200))) + "\n")


def _objects() -> tuple[int, int]:
    """Count what the collector knows: departures, and the rest of it first."""
    every = gc.get_objects()
    departures = sum(type(one) is Departure for one in every)
    return len(every) - departures, departures


def _duckdb_bytes(connection: Connection) -> int:
    found = connection.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()
    return int(found[0]) if found else 0


class _MallocInfo(ctypes.Structure):
    _fields_: ClassVar = [(f"field_{number}", ctypes.c_size_t) for number in range(10)]


def _malloc_bytes() -> tuple[int, int]:
    """Ask glibc, where there is one, what it has given out and what it keeps free."""
    try:
        asked = ctypes.CDLL("libc.so.6").mallinfo2
    except (OSError, AttributeError):
        return 0, 0
    asked.restype = _MallocInfo
    info = asked()
    return int(info.field_4 + info.field_7), int(info.field_8)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.long_run", description=__doc__)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--flood", type=int, default=FLOOD)
    parser.add_argument("--calm-quarters", type=int, default=CALM_QUARTERS)
    chosen = parser.parse_args(arguments)
    allocator.settle()  # as the appliance does before anything else
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    loop = VirtualLoop(threads=True)
    asyncio.set_event_loop(loop)
    with (
        tempfile.TemporaryDirectory(prefix="spout-long-run-") as near,
        receiving_in_memory() as receiver,
        chosen.samples.open("w", encoding="utf-8") as out,
    ):
        run = LongRun(Path(near) / "life", loop, receiver, out)
        loop.run_until_complete(run.run(chosen.hours, chosen.flood, chosen.calm_quarters))
        forget_template(receiver)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
