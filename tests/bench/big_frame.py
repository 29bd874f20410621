"""A process that takes in one large frame from a backend: `python -m tests.bench.big_frame PORT`.

Prints as JSON: seconds from the frame's last byte to its last observation, the longest stall of the event
loop meanwhile in milliseconds, the growth of its peak memory in bytes, and how many transactions and
candidates it counted. It has a process of its own, for the frame is made in another one.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from app.clock import SystemClock
from app.core.forecasting import Forecaster
from app.core.observations import Observation
from app.core.units import Sats
from app.source.backend.stream import MempoolWebSocket
from app.source.resilience import SeenTxids, SourceHealth
from tests.bench.ingest import THRESHOLD, a_tracker

TICK_SECONDS = 0.001
KIBIBYTE = 1024


class Taken:
    """Follows everything emitted, as the pipeline does, and notes when the last bytes came."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._clock = SystemClock()
        self.tracker, self._forecaster = a_tracker(), Forecaster()
        self.last_bytes = 0.0
        self.stall = 0.0
        self.done = asyncio.Event()

    async def emit(self, observations: Sequence[Observation]) -> None:
        at = self._clock.now()
        for observation in observations:
            self._forecaster.receive(observation, at)
            self.tracker.handle(observation, at)
        if self.tracker.tally.transactions >= self._expected:
            self.done.set()

    async def watch(self) -> None:
        before = time.perf_counter()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.perf_counter()
            self.stall, before = max(self.stall, now - before - TICK_SECONDS), now


class Timed(SeenTxids):
    """Notes when a whole frame has come, before any of it is decoded."""

    def __init__(self, taken: Taken) -> None:
        super().__init__()
        self._taken = taken

    def noting(self, observations: Iterable[Observation]) -> Iterator[Observation]:
        self._taken.last_bytes = time.perf_counter()
        return super().noting(observations)


async def take(port: int, expected: int) -> dict[str, Any]:
    taken = Taken(expected)
    link = MempoolWebSocket(
        f"http://127.0.0.1:{port}",
        emit=taken.emit,
        health=SourceHealth("mempool_ws", SystemClock()),
        seen_txids=Timed(taken),
        threshold=lambda: Sats(THRESHOLD),
        clock=SystemClock(),
        jitter=lambda: 0.0,
    )
    before = _peak()
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(taken.watch())]
    await taken.done.wait()
    ended = time.perf_counter()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "seconds": ended - taken.last_bytes,
        "stall_ms": taken.stall * 1000,
        "peak_bytes": _peak() - before,
        "transactions": taken.tracker.tally.transactions,
        "candidates": taken.tracker.candidates,
    }


def _peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * KIBIBYTE


if __name__ == "__main__":
    print(json.dumps(asyncio.run(take(int(sys.argv[1]), int(sys.argv[2])))))
