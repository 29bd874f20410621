"""How soon an event that is stored is sent, and what a drain of ten thousand deliveries costs the loop.

The receiver is a process of its own: its threads must not be counted as ours.
"""

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from tests.bench import alerts_whole
from tests.bench.rows import BenchRow, at_most
from tests.notifiers.receivers import Receiver
from tests.notifiers.stage import Stage, staged

SENT_BAR_MS = 50.0
LAG_BAR_MS = 20.0
EVENTS = 300
ENDPOINTS = 5
STORED = 100
STORED_PAUSE_SECONDS = 0.15
QUEUED = 10_000
LONGEST_DRAIN_SECONDS = 300.0
TICK_SECONDS = 0.005


class Elsewhere:
    """A receiver in another process; `arrivals` are wall times, in order."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.port = int(pipe.recv())

    def arrivals(self) -> list[float]:
        self._pipe.send("arrivals")
        return list(self._pipe.recv())

    def count(self) -> int:
        self._pipe.send("count")
        return int(self._pipe.recv())


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_receive, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Elsewhere(ours)
    finally:
        ours.send("stop")
        process.join(5)
        process.kill()


def rows() -> list[BenchRow]:
    return [
        asyncio.run(_sent()),
        *asyncio.run(_stored()),
        *asyncio.run(_drained()),
        *alerts_whole.rows(),
    ]


async def _sent() -> BenchRow:
    """From the moment an event is kept to its request at the receiver."""
    with tempfile.TemporaryDirectory() as room, elsewhere() as receiver:
        async with staged(Path(room)) as stage:
            await stage.add(f"http://127.0.0.1:{receiver.port}/hook")
            await _until(receiver, await _warm(stage))
            stored = []
            for _ in range(EVENTS):
                await stage.happen()
                stored.append(time.time())
                await asyncio.sleep(0.03)
            await _until(receiver, EVENTS + 1)
            waits = [1_000 * (at - kept) for at, kept in zip(receiver.arrivals()[1:], stored, strict=True)]
    return at_most("alerts.sent_p99_ms", _percentile(waits, 0.99), SENT_BAR_MS, "ms")


async def _stored() -> list[BenchRow]:
    """What detection waits for until an event is kept, with five endpoints and with none."""
    with tempfile.TemporaryDirectory() as room, elsewhere() as receiver:
        async with staged(Path(room)) as stage:
            alone = await _appended(stage)
            for number in range(ENDPOINTS):
                await stage.add(f"http://127.0.0.1:{receiver.port}/{number}", name=str(number))
            await _until(receiver, await _warm(stage) * ENDPOINTS)
            beside = await _appended(stage)
    return [
        BenchRow(
            name=f"alerts.stored_{name}_p{percent}_ms", value=_percentile(waits, percent / 100), unit="ms"
        )
        for name, waits in (("without", alone), ("with_five", beside))
        for percent in (50, 95)
    ]


async def _appended(stage: Stage) -> list[float]:
    waits = []
    for _ in range(STORED):
        began = time.perf_counter()
        await stage.happen()
        waits.append(1_000 * (time.perf_counter() - began))
        await asyncio.sleep(STORED_PAUSE_SECONDS)
    return waits


async def _warm(stage: Stage) -> int:
    await stage.happen()
    return 1


async def _drained() -> list[BenchRow]:
    """Ten thousand deliveries stand in the outbox as Spout starts."""
    with tempfile.TemporaryDirectory() as room, elsewhere() as receiver:
        async with staged(Path(room), run=False) as stage:
            for number in range(ENDPOINTS):
                await stage.add(f"http://127.0.0.1:{receiver.port}/{number}", name=str(number))
            for _ in range(QUEUED // ENDPOINTS // 100):
                await stage.happen(100)
        async with staged(Path(room)):
            lags: list[float] = []
            watching = asyncio.create_task(_watch(lags))
            began = time.monotonic()
            await _until(receiver, QUEUED)
            took = time.monotonic() - began
            watching.cancel()
    return [
        at_most("alerts.drain_loop_lag_p99_ms", _percentile(lags, 0.99), LAG_BAR_MS, "ms"),
        BenchRow(name="alerts.drain_s", value=round(took, 1), unit="s"),
    ]


async def _watch(lags: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK_SECONDS)
        lags.append(1_000 * (time.perf_counter() - began - TICK_SECONDS))


async def _until(receiver: Elsewhere, count: int) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(LONGEST_DRAIN_SECONDS):
        while await loop.run_in_executor(None, receiver.count) < count:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _receive(pipe: Connection) -> None:
    receiver = Receiver()
    pipe.send(receiver.port)
    while (asked := pipe.recv()) != "stop":
        pipe.send(len(receiver.got) if asked == "count" else [got.at for got in receiver.got])
