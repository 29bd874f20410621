"""How cost grows with the traffic, at mainnet's rate and multiples of it, and with what waits in the mempool.

The exponent is the slope of the logarithms: 1 where ten times as much costs ten times as much.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil

from app.core.units import Txid
from app.source.resilience import SeenTxids
from tests.backend.crowd import Crowd
from tests.backend.process import BackendProcess
from tests.bench.rows import BenchRow, at_most, shown
from tests.browser.conftest import a_browser
from tests.builders import a_txid
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until

MAINNET_RATE, TIMES = 7, (1, 10, 100)
SECONDS, POLL_SECONDS = 20, 2
"""As long at each rate; a backend tells what is new every two seconds."""
MOST_OF_A_CORE = 0.03
PAGE_SECONDS, A_WHALE_IN, MOST_WRITTEN_MB = 240, 200, 10
"""One in two hundred pays over 100 BTC on mainnet: 126 an hour."""
WAITING = (10_000, 100_000, 1_000_000)
REPEATED = 3


def rows() -> Iterator[BenchRow]:
    yield from _of_the_rate()
    yield from _of_what_waits()


def _of_the_rate() -> Iterator[BenchRow]:
    """Shares of a core while so many transactions come, 0.05 % of them whales, nobody looking."""
    with (
        tempfile.TemporaryDirectory() as room,
        BackendProcess() as backend,
        SpoutProcess(Path(room), SPOUT_MEMPOOL_URL=backend.url) as spout,
    ):
        spout.wait_for_pages()
        idle = _share(spout, backend, 0)
        yield shown("growth.rate_idle", idle, "of a core")
        shares = [_share(spout, backend, MAINNET_RATE * times) for times in TIMES]
        yield at_most("growth.rate_1x", shares[0], MOST_OF_A_CORE, "of a core")
        for times, share in zip(TIMES[1:], shares[1:], strict=True):
            yield shown(f"growth.rate_{times}x", share, "of a core")
        yield shown("growth.rate_exponent", _exponent(TIMES, shares), "")
        share, written = asyncio.run(_beside_a_page(spout, backend))
        yield at_most("growth.page_open", share, MOST_OF_A_CORE, "of a core")
        yield at_most("growth.written_mb", written, MOST_WRITTEN_MB, "MB/h")


async def _beside_a_page(spout: SpoutProcess, backend: BackendProcess) -> tuple[float, float]:
    """Return the share of a core and the megabytes written an hour: mainnet's rate, whales too, Live open."""
    async with a_browser() as browser:
        page = await browser.new_page()
        await page.goto(f"http://127.0.0.1:{spout.port}/")
        await page.wait_for_selector("html[data-session=yes]", state="attached", timeout=60_000)
        before = _written_bytes(spout)
        share = await asyncio.to_thread(
            _share, spout, backend, MAINNET_RATE, seconds=PAGE_SECONDS, a_whale_in=A_WHALE_IN
        )
        return share, (_written_bytes(spout) - before) / 1e6 * 3_600 / PAGE_SECONDS


def _written_bytes(spout: SpoutProcess) -> int:
    return int(psutil.Process(spout.pid).io_counters().write_bytes)


def _share(
    spout: SpoutProcess,
    backend: BackendProcess,
    rate: int,
    *,
    seconds: int = SECONDS,
    a_whale_in: int = 2_000,
) -> float:
    """Return the processor time a second while `rate` transactions a second come, in the backend's steps."""
    each = rate * POLL_SECONDS
    all_of_them = each * seconds // POLL_SECONDS
    crowd = Crowd(max(1, all_of_them), all_of_them // a_whale_in, f"at {rate} for {seconds}")
    before, process = spout.count("transactions"), psutil.Process(spout.pid)
    began, spent = time.monotonic(), sum(process.cpu_times()[:2])
    for step in range(seconds // POLL_SECONDS):
        time.sleep(max(0.0, began + step * POLL_SECONDS - time.monotonic()))
        if each:
            added = [json.loads(crowd.body(index)) for index in range(step * each, (step + 1) * each)]
            backend.call("push_to_all", frames=[{"mempool-transactions": _delta(added)}])
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    until(lambda: spout.count("transactions") - before >= (crowd.count if each else 0), "all are taken in")
    return (sum(process.cpu_times()[:2]) - spent) / (time.monotonic() - began)


def _delta(added: list[object]) -> dict[str, object]:
    return {"added": added, "removed": [], "mined": [], "replaced": []}


def _of_what_waits() -> Iterator[BenchRow]:
    """Processor time in which a mempool listed anew is compared with what was read, which was half of it."""
    took = [_reconciling(count) for count in WAITING]
    for count, seconds in zip(WAITING, took, strict=True):
        yield shown(f"growth.waiting_{count // 1_000}k", seconds * 1_000, "ms")
    yield shown("growth.waiting_exponent", _exponent(WAITING, took), "")


def _reconciling(count: int) -> float:
    txids: list[Txid] = [a_txid(f"waits {number}") for number in range(count)]
    found = []
    for _ in range(REPEATED):
        seen = SeenTxids()
        seen.update(txids[: count // 2])
        began = time.process_time()
        assert len(seen.reconcile(txids)) == count - count // 2
        found.append(time.process_time() - began)
    return min(found)


def _exponent(amounts: Sequence[float], costs: Sequence[float]) -> float:
    return float(np.polyfit(np.log(amounts), np.log(costs), 1)[0])
