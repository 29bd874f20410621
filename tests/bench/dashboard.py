"""The pages' figures: what they cost the appliance and what they cost the browser.

The clients run in a process of their own, so that what they cost is not counted as ours.
"""

import asyncio
import gc
import json
import multiprocessing
import re
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from bokeh.document import Document
from playwright.async_api import Browser, CDPSession, Page
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.bench import dashboard_before, dashboard_pixels
from tests.bench.rows import BenchRow, at_most, shown
from tests.browser.conftest import CHARTS_ARE_THERE, a_browser, until, watched
from tests.browser.preview import served
from tests.browser.scenes import harbour
from tests.browser.sea import Sea, a_whale, blocks
from tests.browser.session_page import TRIAL

CLIENTS = 20
SESSIONS = 100
STREAM_SECONDS = 20
WATCHED_SECONDS = 6
PIXEL_WHALES = 30
TOKEN = re.compile(r'"token":"([^"]+)"')


def rows() -> list[BenchRow]:
    return [*asyncio.run(_rows()), *dashboard_before.rows(), *dashboard_pixels.rows()]


async def _rows() -> list[BenchRow]:
    async with a_browser() as browser:
        return [
            *await _crowd(browser),
            *await _paint(browser),
            *await _arrivals(),
            *await _pixels(browser),
            *await _fluid(browser),
            *await _sessions(),
        ]


async def _crowd(browser: Browser) -> list[BenchRow]:
    """20 Bokeh and 20 feed clients beside one real page, while 50 transactions a second come in."""
    sea = Sea()
    harbour(sea)
    async with served(sea, ahead=True, pages=TRIAL) as (address, pages):
        before = _rss()
        crowd = multiprocessing.get_context("spawn").Process(
            target=_clients, args=(address, STREAM_SECONDS + 70)
        )
        crowd.start()
        tab = watched(await browser.new_page(), address)
        await tab.open()
        async with asyncio.timeout(60):
            while pages.feed.readers <= CLIENTS:  # noqa: ASYNC110 - the feed has no event for it
                await asyncio.sleep(0.1)
        if _documents() < CLIENTS:
            raise RuntimeError("the Bokeh clients did not come: nothing would be measured")
        streaming = asyncio.create_task(_stream(sea))
        lags = await _lags(STREAM_SECONDS)
        used = _rss() - before
        streaming.cancel()
        await tab.page.close()
        crowd.terminate()
        await asyncio.to_thread(crowd.join)
    return [
        at_most("dashboard.loop_lag_p99", _quantile(lags, 0.99) * 1000, 50, "ms"),
        shown("dashboard.loop_lag_max", max(lags) * 1000, "ms"),
        at_most("dashboard.extra_memory_20_clients", used, 100, "MB"),
    ]


async def _stream(sea: Sea) -> None:
    """What a mempool of 50 transactions a second shows: counters, the queue, now and then a whale."""
    number = 0
    while True:
        await asyncio.sleep(0.1)
        number += 1
        sea.now = datetime.now(UTC)
        counted = sea.snapshot.counters
        changes: dict[str, Any] = {"counters": replace(counted, transactions=counted.transactions + 5)}
        if number % 10 == 0:
            changes["queue"] = blocks(1 + 0.1 * (number % 7))
        sea.show(**changes)
        if number % 5 == 0:
            sea.appear(a_whale(f"stream{number}", 100 + number, sea.now, rate=2 + number % 9))
        if number % 50 == 0:
            sea.block(*sea.snapshot.pending[:5])


async def _lags(seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    lags = []
    while loop.time() < end:
        due = loop.time() + 0.01
        await asyncio.sleep(0.01)
        lags.append(max(0.0, loop.time() - due))
    return lags


def _clients(address: str, seconds: float) -> None:
    asyncio.run(_connected(address, seconds))


async def _connected(address: str, seconds: float) -> None:
    sockets = [await _bokeh_client(address) for _ in range(CLIENTS)]
    feeds = [await _feed_client(address) for _ in range(CLIENTS)]
    async with asyncio.timeout(seconds):
        await asyncio.gather(*(_drain(socket) for socket in (*sockets, *feeds)))


async def _bokeh_client(address: str) -> WebSocketClientConnection:
    """Open a page that has sessions, and its Bokeh session, as BokehJS does."""
    answer = await AsyncHTTPClient().fetch(f"{address}/trial")
    token = TOKEN.search(answer.body.decode())
    assert token, "the page holds no session token"
    headers = {"Origin": address, "Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    url = address.replace("http", "ws") + "/trial/ws"
    socket = await websocket_connect(HTTPRequest(url, headers=headers), subprotocols=["bokeh", token[1]])
    await socket.read_message()  # the greeting: before it the session is not there
    for part in (json.dumps({"msgid": "1", "msgtype": "PULL-DOC-REQ"}), "{}", "{}"):
        await socket.write_message(part)
    return socket


async def _feed_client(address: str) -> WebSocketClientConnection:
    url = address.replace("http", "ws") + "/api/v1/live"
    socket = await websocket_connect(HTTPRequest(url, headers={"Origin": address}))
    await socket.write_message('{"hello": "live"}')
    return socket


async def _drain(socket: WebSocketClientConnection) -> None:
    while await socket.read_message() is not None:
        pass


async def _paint(browser: Browser) -> list[BenchRow]:
    """A cold browser: nothing in its cache."""
    first, ready, moved, sent = [], [], [], 0
    for _ in range(3):
        sea = Sea()
        harbour(sea)
        async with served(sea, ahead=True) as (address, _pages):
            context = await browser.new_context(viewport={"width": 1440, "height": 900})
            page = await context.new_page()
            cdp = await context.new_cdp_session(page)
            await cdp.send("Network.enable")
            sizes: list[float] = []
            cdp.on(
                "Network.loadingFinished",
                lambda reported, sizes=sizes: sizes.append(reported["encodedDataLength"]),
            )
            await page.add_init_script(WATCH_SHIFT)
            tab = watched(page, address)
            begin = time.monotonic()
            await tab.open()
            await until(page, CHARTS_ARE_THERE)
            ready.append((time.monotonic() - begin) * 1000)
            first.append(
                float(
                    await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
                )
            )
            await asyncio.sleep(2)
            moved.append(float(await page.evaluate("window.shift")))
            sent = round(sum(sizes))
            await context.close()
    return [
        at_most("dashboard.first_paint", statistics.median(first), 2_000, "ms"),
        shown("dashboard.rows_and_charts", statistics.median(ready), "ms"),
        at_most("dashboard.first_load_kb", sent / 1e3, 820, "KB"),
        at_most("dashboard.layout_shift", statistics.median(moved), 0.05, ""),
    ]


async def _arrivals() -> list[BenchRow]:
    """20 visitors at once: what they cost the one loop, on a page that is frozen and on one with sessions."""
    sea = Sea()
    harbour(sea)
    async with served(sea, ahead=True, pages=TRIAL) as (address, _):
        for _ in range(2):
            await AsyncHTTPClient().fetch(address)
            await _bokeh_client(address)
        await asyncio.sleep(1)
        gc.collect()
        used = time.process_time()
        alone = await _lags(WATCHED_SECONDS)
        watching = time.process_time() - used
        before, used = _rss(), time.process_time()
        lags, _sockets = await _while_arriving(_live_visitor, address)
        cost = (time.process_time() - used - watching) * 1000 / CLIENTS
        memory = _rss() - before
        slower, _more = await _while_arriving(_bokeh_client, address)
    return [
        shown("dashboard.stall_of_nobody_ms", max(alone) * 1000, "ms"),
        at_most("dashboard.stall_ms", max(lags) * 1000, 20, "ms"),
        at_most("dashboard.processor_a_visitor_ms", cost, 20, "ms"),
        at_most("dashboard.memory_20_visitors", memory, 30, "MB"),
        at_most("dashboard.sessions_stall_p99_ms", _quantile(slower, 0.99) * 1000, 20, "ms"),
        at_most("dashboard.sessions_stall_ms", max(slower) * 1000, 200, "ms"),
    ]


async def _while_arriving(
    visitor: Callable[[str], Awaitable[WebSocketClientConnection]], address: str
) -> tuple[list[float], list[WebSocketClientConnection]]:
    """One after the other, as fast as they are answered; what the clients cost here counts as ours too."""
    watching = asyncio.create_task(_lags(WATCHED_SECONDS))
    await asyncio.sleep(0.2)
    sockets = [await visitor(address) for _ in range(CLIENTS)]
    return await watching, sockets


async def _live_visitor(address: str) -> WebSocketClientConnection:
    await AsyncHTTPClient().fetch(address)
    socket = await _feed_client(address)
    await socket.read_message()
    return socket


WATCH_SHIFT = """
window.shift = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shift += one.value; })
  .observe({ type: 'layout-shift', buffered: true });
"""
WATCH_PIXELS = """
window.seen = {};
const look = () => {
  for (const row of document.querySelectorAll('#pending .rows .row'))
    window.seen[row.dataset.id] ??= Date.now();
  requestAnimationFrame(look);
};
look();
"""


async def _pixels(browser: Browser) -> list[BenchRow]:
    """From the Snapshot that holds a whale to the frame that shows it; the pace of the feed is in it."""
    sea = Sea()
    async with served(sea, ahead=True) as (address, _):
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        page = await watched(await context.new_page(), address).open()
        await page.evaluate(WATCH_PIXELS)
        shown: dict[str, float] = {}
        for number in range(PIXEL_WHALES):
            sea.now = datetime.now(UTC)
            whale = a_whale(f"pixel{number}", 150 + number, sea.now)
            shown[whale.prediction_id] = time.time() * 1000
            sea.appear(whale)
            await asyncio.sleep(0.37)
        await asyncio.sleep(1)
        seen: dict[str, float] = await page.evaluate("window.seen")
        await context.close()
    ways = [seen[one] - at for one, at in shown.items() if one in seen]
    missing = len(shown) - len(ways)
    return [
        at_most("dashboard.snapshot_to_pixel_p95", _quantile(ways, 0.95), 1_000, "ms"),
        at_most("dashboard.whales_never_drawn", missing, 0, "whales"),
    ]


async def _fluid(browser: Browser) -> list[BenchRow]:
    """2,000 pending whales in view: 3 new rows, 3 moves, 10 patched ones, twice a second, traced."""
    sea = Sea()
    sea.appear(
        *(a_whale(f"w{n}", 101 + n, sea.now - timedelta(seconds=n), rate=1 + n % 12) for n in range(2_000))
    )
    async with served(sea, ahead=True) as (address, _):
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        page = await watched(await context.new_page(), address).open()
        cdp = await context.new_cdp_session(page)
        await cdp.send("Performance.enable")
        await until(page, CHARTS_ARE_THERE)
        await asyncio.sleep(4)
        both = await _cost(page, cdp, sea, "both")
        # The charts draw only what is in sight, so without them in sight the tables are left.
        await page.evaluate(
            "for (const one of document.querySelectorAll('.chart')) one.style.display = 'none'"
        )
        await asyncio.sleep(3)
        tables = await _cost(page, cdp, sea, "tables")
        await context.close()
    return [
        at_most("dashboard.update_of_2000_tables", tables, 100, "ms"),
        shown("dashboard.update_of_2000_charts_apart", max(0.0, both - tables), "ms"),
    ]


async def _cost(page: Page, cdp: CDPSession, sea: Sea, name: str) -> float:
    """Main-thread milliseconds for each update."""
    updates = 12
    begin = await _busy(cdp)
    for update in range(updates):
        sea.now = datetime.now(UTC)
        waiting = sea.snapshot.pending
        changed = {
            one.prediction_id: replace(one, version=one.version + 1, reorged=1) for one in waiting[3:13]
        }
        new = [a_whale(f"{name}{update}/{n}", 300 + n, sea.now + timedelta(seconds=n)) for n in range(3)]
        leaving = waiting[20:23]
        kept = [changed.get(one.prediction_id, one) for one in waiting if one not in leaving]
        sea.show(pending=(*new[::-1], *kept), queue=blocks(1 + 0.02 * update))
        await asyncio.sleep(0.5)
    await page.evaluate("0")
    return (await _busy(cdp) - begin) * 1000 / updates


async def _busy(cdp: CDPSession) -> float:
    reported = await cdp.send("Performance.getMetrics")
    return float(next(one["value"] for one in reported["metrics"] if one["name"] == "TaskDuration"))


async def _sessions() -> list[BenchRow]:
    """100 pages opened and closed, in two halves: what the second half adds is what leaks."""
    sea = Sea()
    harbour(sea)
    async with served(sea, ahead=True, unused_seconds=1, pages=TRIAL) as (address, pages):
        await _open_and_close(address, 10)
        base, documents = _rss(), _documents()
        await _open_and_close(address, SESSIONS // 2)
        half = _rss()
        await _open_and_close(address, SESSIONS // 2)
        end, left = _rss(), _documents()
        readers = pages.feed.readers
    return [
        at_most("dashboard.documents_left_of_100", left - documents, 0, "documents"),
        at_most("dashboard.readers_left_of_100", readers, 0, "readers"),
        shown("dashboard.memory_first_50_sessions", half - base, "MB"),
        at_most("dashboard.memory_second_50_sessions", end - half, 5, "MB"),
    ]


async def _open_and_close(address: str, times: int) -> None:
    for _ in range(times):
        sockets = (await _bokeh_client(address), await _feed_client(address))
        for socket in sockets:
            await socket.read_message()
            socket.close()
    await asyncio.sleep(4)
    gc.collect()


def _documents() -> int:
    gc.collect()
    return sum(isinstance(one, Document) for one in gc.get_objects())


def _rss() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
