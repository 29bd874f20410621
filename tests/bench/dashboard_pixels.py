"""From the backend's frame to the pixel, through the whole program, while 50 transactions a second come in.

Spout and the backend are processes of their own, the browser a real Chromium.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from playwright.async_api import Page

from tests.backend.process import BackendProcess
from tests.backend.transactions import BTC, a_payment
from tests.bench.rows import BenchRow, at_most, shown
from tests.bench.sources import percentile
from tests.browser.conftest import CHARTS_ARE_THERE, a_browser, until, watched
from tests.journey.spout import SpoutProcess

WHALES = 40
PAUSE_SECONDS = 0.63
BATCHES_A_SECOND = 10
A_BATCH = 5
LARGEST_BTC = 1_000
WATCH = """
window.seen = {};
const look = () => {
  for (const one of document.querySelectorAll('#pending .rows .row .amount b'))
    window.seen[one.textContent] ??= Date.now();
  requestAnimationFrame(look);
};
look();
"""


def rows() -> list[BenchRow]:
    with (
        tempfile.TemporaryDirectory() as directory,
        BackendProcess() as backend,
        SpoutProcess(Path(directory), SPOUT_MEMPOOL_URL=backend.url) as spout,
    ):
        spout.wait_for_pages()
        ways = asyncio.run(_ways(backend, spout))
    return [
        shown("dashboard.pixels.frame_to_pixel_p50", percentile(ways, 50), "ms"),
        at_most("dashboard.pixels.frame_to_pixel_p95", percentile(ways, 95), 1_000, "ms"),
        at_most("dashboard.pixels.never_drawn", WHALES - len(ways), 0, "whales"),
    ]


async def _ways(backend: BackendProcess, spout: SpoutProcess) -> list[float]:
    """Milliseconds from the frame to the picture that shows it.

    The stand-in answers when it has written the frame; what it takes to make it (a tenth of a second
    at this pace) is not ours.
    """
    async with a_browser() as browser:
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        page = await watched(await context.new_page(), f"http://127.0.0.1:{spout.port}").open()
        await until(page, CHARTS_ARE_THERE)
        await page.evaluate(WATCH)
        crowd = asyncio.create_task(_crowd(backend))
        sent = await _send(backend)
        await asyncio.sleep(2)
        crowd.cancel()
        return await _drawn(page, sent)


async def _crowd(backend: BackendProcess) -> None:
    """50 small payments a second."""
    while True:
        batch = [a_payment(BTC // 100, change=0) for _ in range(A_BATCH)]
        await asyncio.gather(asyncio.to_thread(backend.add, *batch), asyncio.sleep(1 / BATCHES_A_SECOND))


async def _send(backend: BackendProcess) -> dict[str, float]:
    sent: dict[str, float] = {}
    for number in range(WHALES):
        btc = LARGEST_BTC - number
        whale = a_payment(btc * BTC, change=0)
        await asyncio.to_thread(backend.add, whale)
        sent[f"{btc:,}.00"] = time.time() * 1000
        await asyncio.sleep(PAUSE_SECONDS)
    return sent


async def _drawn(page: Page, sent: dict[str, float]) -> list[float]:
    seen: dict[str, float] = await page.evaluate("window.seen")
    return [seen[amount] - at for amount, at in sent.items() if amount in seen]
