"""`python -m tests.browser.gallery sample|pictures`: what the gallery shows, and pictures of it for docs.

The sample is what a real feed said of a day's scene, so that no figure in it is made up twice.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from dashboard.gallery.sample import FILE
from dashboard.gallery.serving import gallery_pages, serving
from tests.browser.conftest import CHARTS_ARE_THERE, a_browser, until, watched
from tests.browser.preview import served
from tests.browser.scenes import an_evening_of_samples, harbour, trouble_and_back
from tests.browser.screenshots import a_log
from tests.browser.sea import Sea

AT = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
MOST_ENDED = 40
CALLED = (("ntfy.example.org", "webhook", AT), ("smtp.example.org", "email", AT))
PICTURES = Path(__file__).parents[2] / "docs/components"


async def main(what: str) -> None:
    if what == "sample":
        FILE.write_text(json.dumps(await a_sample(), ensure_ascii=False, separators=(",", ":")) + "\n")
    else:
        await take_pictures()


async def a_sample() -> dict[str, Any]:
    """`rows`, `parts` of both channels, and the drawer's answer about each whale that waits; `now` in ms."""
    sea = Sea(AT)
    waiting = harbour(sea)
    async with served(sea, log=a_log(), hosts=lambda: CALLED) as (address, pages):
        an_evening_of_samples(pages.memory, sea)
        shown = sea.snapshot
        trouble_and_back(sea)
        sea.live.show(shown)
        socket = await websocket_connect(
            HTTPRequest(f"{address.replace('http', 'ws')}/api/v1/live", headers={"Origin": address})
        )
        for _ in range(2):  # the flow of the past is read after the first look
            live = await _answer(socket, {"hello": "live"})
        system = await _answer(socket, {"hello": "system"})
        whales = [await _answer(socket, {"whale": one.prediction_id}) for one in waiting]
        socket.close()
    ended = [row for row in live["rows"] if row["status"] != "pending"][:MOST_ENDED]
    own = {"kind", "seq", "epoch", "now", "rows"}
    return {
        "now": live["now"],
        "rows": [*(row for row in live["rows"] if row["status"] == "pending"), *ended],
        "parts": {name: part for name, part in {**live, **system}.items() if name not in own},
        "whales": {one["id"]: one["whale"] for one in whales},
    }


async def _answer(socket: WebSocketClientConnection, asked: dict[str, str]) -> dict[str, Any]:
    await socket.write_message(json.dumps(asked))
    while True:
        reply = json.loads(str(await socket.read_message()))
        if reply["kind"] in {"snapshot", "whale"}:
            found: dict[str, Any] = reply
            return found


async def take_pictures() -> None:
    """The whole page in both lights, for docs."""
    PICTURES.mkdir(exist_ok=True)
    async with a_browser() as browser, serving(gallery_pages()) as address:
        for light in ("light", "dark"):
            context = await browser.new_context(
                viewport={"width": 1280, "height": 900}, color_scheme=light, reduced_motion="reduce"
            )
            page = await watched(await context.new_page(), address).open()
            await until(page, CHARTS_ARE_THERE)
            tall = await page.evaluate("document.documentElement.scrollHeight")
            await page.set_viewport_size({"width": 1280, "height": tall})
            await page.wait_for_timeout(3_000)
            await page.screenshot(path=PICTURES / f"{light}.png", full_page=True)
            await context.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "sample"))
