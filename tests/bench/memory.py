"""The memory of the whole program, from outside: at the start, beside an endpoint, visited, after a long run.

Resident, as the operating system counts it, once it no longer falls. Called alone it takes some ten minutes:

    python -m tests.bench memory
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dashboard.pages import PAGES
from tests.backend.process import BackendProcess
from tests.backend.transactions import BTC, a_whale
from tests.bench.rows import NEIGHBOUR, BenchRow, at_most, shown
from tests.browser.conftest import a_browser
from tests.journey.spout import ROOT, SpoutProcess
from tests.journey.waiting import until
from tests.notifiers.receivers import Receiver, receiving

MOST_AT_START, MOST_OF_AN_ENDPOINT, MOST_OF_TWENTY, MOST_GROWTH = 170, 20, 100, 40
VISITORS = 20
FRAMES, FRAME_MEGABYTES, WHALES_IN_A_FRAME = 100, 25.0, 500
"""A million transactions, fifty thousand of them whales."""
SETTLING_LOOKS, LOOK_SECONDS = 20, 1.0
PATIENCE_SECONDS = 300.0
NOTICED_SECONDS = 2.0
"""A running Spout looks once a second for endpoints that were added from outside."""


def rows() -> Iterator[BenchRow]:
    with (
        tempfile.TemporaryDirectory() as room,
        BackendProcess() as backend,
        receiving() as receiver,
        SpoutProcess(Path(room), SPOUT_MEMPOOL_URL=backend.url, SPOUT_ALLOWED_TARGETS="127.0.0.1") as spout,
    ):
        _look_at_all_pages(spout)
        start = _settled(spout)
        yield shown("memory.neighbour_mb", NEIGHBOUR["start_mb"], "MB, not measured here")
        yield at_most("memory.start_mb", start, MOST_AT_START, "MB")
        _first_endpoint(spout, backend, receiver)
        beside = _settled(spout)
        yield at_most("memory.first_endpoint_mb", beside - start, MOST_OF_AN_ENDPOINT, "MB")
        yield at_most("memory.twenty_pages_mb", asyncio.run(_visited(spout)) - beside, MOST_OF_TWENTY, "MB")
    with (
        tempfile.TemporaryDirectory() as room,
        BackendProcess() as backend,
        SpoutProcess(Path(room), SPOUT_MEMPOOL_URL=backend.url) as spout,
    ):
        _look_at_all_pages(spout)
        _one_frame(spout, backend, 0)  # what the first frame ever takes belongs to the start
        before = _settled(spout)
        for number in range(1, FRAMES + 1):
            _one_frame(spout, backend, number)
        yield at_most("memory.growth_mb", _settled(spout) - before, MOST_GROWTH, "MB")


def _look_at_all_pages(spout: SpoutProcess) -> None:
    spout.wait_for_pages()
    for page in PAGES:
        spout.text(page.path).raise_for_status()


def _settled(spout: SpoutProcess) -> float:
    """Return the least of some looks: what is given back a moment later is not held."""
    found = []
    for _ in range(SETTLING_LOOKS):
        time.sleep(LOOK_SECONDS)
        found.append(spout.memory_mb("VmRSS"))
    return min(found)


def _first_endpoint(spout: SpoutProcess, backend: BackendProcess, receiver: Receiver) -> None:
    """Add it as an operator does, and let it be told of a whale."""
    command = [sys.executable, "-m", "app", "endpoints", "add", "hook", "--url", receiver.url()]
    subprocess.run(
        [*command, "--reach", "lan"], cwd=ROOT, env=spout.environment, check=True, timeout=60,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(NOTICED_SECONDS)
    backend.add(a_whale(500 * BTC))
    until(lambda: receiver.got, "the endpoint is told")


async def _visited(spout: SpoutProcess) -> float:
    """Return the memory while twenty tabs are open: Live, which is frozen, and History, each a session."""
    address = f"http://127.0.0.1:{spout.port}"
    async with a_browser() as browser:
        for number in range(VISITORS):
            page = await browser.new_page()
            await page.goto(address + ("/", "/history")[number % 2])
            await page.wait_for_selector("html[data-session=yes]", state="attached", timeout=60_000)
        return await asyncio.to_thread(_settled, spout)


def _one_frame(spout: SpoutProcess, backend: BackendProcess, number: int) -> None:
    """Ten thousand transactions come in one frame, and leave again once all are known."""
    before = spout.count("transactions")
    crowd = backend.call("big_frame", megabytes=FRAME_MEGABYTES, whales=WHALES_IN_A_FRAME, seed=str(number))
    until(
        lambda: spout.count("transactions") - before >= crowd["count"],
        f"frame {number} is taken in",
        seconds=PATIENCE_SECONDS,
    )
    for txid in (crowd["whales"][0], crowd["whales"][-1]):
        spout.wait_for(txid, seconds=PATIENCE_SECONDS)
    backend.call("drop_crowd")
    spout.wait_for(crowd["whales"][-1], status="dropped", seconds=PATIENCE_SECONDS)
