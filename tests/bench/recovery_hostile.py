"""What attacks cost us: memory above what it had, and the longest wait of whoever asks `/healthz` meanwhile.

Each attack is bounded; the appliance is a process of its own, the far sides are on loopback.
"""

import asyncio
import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.backend.process import BackendProcess
from tests.bench.rows import BenchRow, at_most, shown
from tests.hostile.crowd import crowd
from tests.hostile.far_side import Serve, answering, endless, trickling
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until

IDLE, BODIES = 1_100, 600
BAR_MB, BAR_SECONDS = 200.0, 2.0
ATTACK_SECONDS = 12.0
FRAME_MB, MOST_FRAME_MB = 340, 100
BAR_PEAK_MB = 300.0
UNTRUE = b"POST /api/v1/labels HTTP/1.1\r\nHost: x\r\nX-API-Key: guess\r\nContent-Length: 131000\r\n\r\n"


def rows() -> list[BenchRow]:
    """Two rows an attack."""
    return [*_door(), *_far_sides(), *_frame()]


def _door() -> list[BenchRow]:
    found = []
    with tempfile.TemporaryDirectory() as room:
        spout = SpoutProcess(Path(room), SPOUT_SOURCE="demo", SPOUT_PASSWORD="open sesame")
        spout.command = ("sh", "-c", f"ulimit -n 1024; exec {sys.executable} -m app run")
        with _started(spout):
            for name, count, words in (
                ("idle_sockets", IDLE, b""),
                ("unfinished_bodies", BODIES, UNTRUE + b"x" * 131_000),
            ):
                with _measured(spout, name) as measured:
                    with crowd(spout.port, count, words):
                        time.sleep(3)
                    found += measured()
    return found


def _far_sides() -> list[BenchRow]:
    """A backend and a node at once, both hostile, on one port."""
    found = []
    for name, serve in (("endless_answers", endless), ("trickling_answers", trickling)):
        with tempfile.TemporaryDirectory() as room, _serving(serve) as url:
            spout = SpoutProcess(
                Path(room),
                SPOUT_MEMPOOL_URL=url,
                SPOUT_BITCOIND_URL=url.replace("http://", "http://user:word@"),
            )
            with _started(spout), _measured(spout, name) as measured:
                time.sleep(ATTACK_SECONDS)
                found += measured()
    return found


def _frame() -> list[BenchRow]:
    """A mempool of 100,000 in one frame that is larger than it may be: refused, and made good."""
    with BackendProcess() as backend, tempfile.TemporaryDirectory() as room:
        settings = {"SPOUT_MEMPOOL_URL": backend.url, "SPOUT_MAX_FRAME_MB": str(MOST_FRAME_MB)}
        with SpoutProcess(Path(room), **settings) as spout:
            spout.wait_for_pages()
            started = time.monotonic()
            reported = backend.call("big_frame", megabytes=FRAME_MB, whales=100)
            until(spout.whales, "the first whale of it", seconds=180)
            return [
                shown("recovery.hostile.large_frame_waiting", reported["count"], "txs"),
                shown("recovery.hostile.large_frame_first_whale", time.monotonic() - started, "s"),
                at_most("recovery.hostile.large_frame_peak", spout.memory_mb(), BAR_PEAK_MB, "MB"),
            ]


@contextmanager
def _started(spout: SpoutProcess) -> Iterator[None]:
    try:
        spout.start(ready=False)
        until(lambda: spout.get_or_none("/healthz", "pages") == "ready", "its pages are there", seconds=60)
        yield
    finally:
        spout.__exit__(None, None, None)


@contextmanager
def _measured(spout: SpoutProcess, name: str) -> Iterator[Callable[[], list[BenchRow]]]:
    """Ask `/healthz` all the time; the function yields the rows when the attack is over."""
    before, waits, ended = spout.memory_mb("VmRSS"), [0.0], threading.Event()

    def ask() -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            while not ended.wait(0.05):
                started = time.monotonic()
                with contextlib.suppress(httpx.HTTPError):
                    client.get(f"http://127.0.0.1:{spout.port}/healthz").raise_for_status()
                waits.append(time.monotonic() - started)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()

    def found() -> list[BenchRow]:
        grown = max(0.0, spout.memory_mb("VmHWM") - before)
        return [
            at_most(f"recovery.hostile.{name}_memory", grown, BAR_MB, "MB"),
            at_most(f"recovery.hostile.{name}_healthz", max(waits), BAR_SECONDS, "s"),
        ]

    try:
        yield found
    finally:
        ended.set()
        thread.join(timeout=30)


@contextmanager
def _serving(serve: Serve) -> Iterator[str]:
    """A far side on a loop and thread of its own."""
    ready, ending = threading.Event(), threading.Event()
    urls: list[str] = []

    async def run() -> None:
        async with answering(serve) as url:
            urls.append(url)
            ready.set()
            await asyncio.get_running_loop().run_in_executor(None, ending.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    ready.wait(timeout=10)
    try:
        yield urls[0]
    finally:
        ending.set()
        thread.join(timeout=10)
