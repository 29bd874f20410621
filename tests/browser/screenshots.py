"""`python -m tests.browser.screenshots OUT`: every page and state; screen and phone, day and night."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, Page

from app.core.classification import Flow
from app.core.units import VBytes
from app.views import Component, ComponentStatus, Level, Notice
from dashboard.build import Pages
from dashboard.log_tail import LogTail
from tests.browser.conftest import a_browser, watched
from tests.browser.lookback_shots import take_lookback
from tests.browser.operated import OperatedBox
from tests.browser.preview import served
from tests.browser.scenes import an_evening_of_samples, harbour, trouble_and_back
from tests.browser.sea import Sea, a_whale, blocks
from tests.browser.settings_scenes import SHOTS as SETTINGS_SHOTS
from tests.browser.settings_scenes import SettingsShot, a_box, opened

SIZES = {"screen": (1440, 900), "phone": (390, 844)}
LIGHTS = ("light", "dark")
Scene = Callable[[Sea], None]
Act = Callable[[Page], Awaitable[None]]


async def nothing(_: Page) -> None: ...


@dataclass(frozen=True)
class Shot:
    name: str
    scene: Scene
    path: str = "/"
    act: Act = nothing
    whole: bool = False


def ordinary(sea: Sea) -> None:
    harbour(sea)


def first_run(sea: Sea) -> None:
    sea.show(queue=None, fees=None, mempool=None, tip=None, tip_seen_at=None)
    _sources(sea, Level.BLIND, ComponentStatus.STARTING, "asking 127.0.0.1:8999 for the first time")


def quiet(sea: Sea) -> None:
    sea.show(started_at=sea.now - timedelta(minutes=4), level_since=sea.now - timedelta(minutes=4))


def block_download(sea: Sea) -> None:
    _sources(sea, Level.BLIND, ComponentStatus.SYNCING, None, detail="block 412,880 of 925,114 (31 %)")
    sea.show(queue=None, fees=None, tip=None, tip_seen_at=None)


def degraded(sea: Sea) -> None:
    harbour(sea)
    _sources(
        sea, Level.POLLING, ComponentStatus.FAILED, "connection refused (127.0.0.1:8999)", only="mempool_ws"
    )


def unavailable(sea: Sea) -> None:
    harbour(sea)
    _sources(sea, Level.BLOCKS_ONLY, ComponentStatus.FAILED, "the backend does not answer", only="mempool")


def blind(sea: Sea) -> None:
    harbour(sea)
    _sources(sea, Level.BLIND, ComponentStatus.FAILED, "no answer from 127.0.0.1 (8999, 8332, 50001)")


def demo(sea: Sea) -> None:
    harbour(sea)
    sea.show(demo=True)


def young_queue(sea: Sea) -> None:
    """A mempool that holds a few transactions, as in the demo and on a test network."""
    harbour(sea)
    first = blocks().blocks[0]
    few = replace(first, vsize=VBytes(24_000.0), count=61, fee_range=(1.0, 1.1, 2.0, 3.4, 6.0, 11.0, 40.0))
    sea.show(queue=replace(blocks(), blocks=(few,)))


def unloaded(sea: Sea) -> None:
    harbour(sea)
    words = (
        "Its log was torn, so it was moved to data/spout.db.wal.bad; everything up to 12:31 is there. "
        "Nothing to do; delete the file when you do not need it."
    )
    unloaded = "Spout uses 431 of 500 MB and sheds what it can do without: every whale is kept."
    sea.show(
        notices=(
            Notice(code="database_set_aside", words=words, since=sea.now - timedelta(minutes=20)),
            Notice(code="memory_pressure", words=unloaded, since=sea.now - timedelta(minutes=2)),
        ),
        rss_mb=431.0,
    )


def reported_ends(sea: Sea) -> None:
    """Replaced, dropped, conflicted, reorged: told, not vanished."""
    ago = lambda minutes: sea.now - timedelta(minutes=minutes)  # noqa: E731
    names = ("back", "lost", "won", "gone", "small")
    back, lost, won, gone, small = (
        a_whale(name, 240 + 31 * n, ago(40 + n), flow=Flow.INFLOW, target="Kraken", rate=2.2 + n, ahead=2)
        for n, name in enumerate(names)
    )
    sea.appear(back, lost, won, gone, small)
    sea.block(back)
    sea.reorg(back)
    sea.drop(lost, f"conflict: {won.txid[:8]}… spent the same coins and was mined")
    sea.drop(gone, "expired: two weeks in the mempool")
    sea.block(won)
    sea.replaced(small, "by a transaction that is no whale")


def _sources(
    sea: Sea,
    level: Level,
    status: ComponentStatus,
    error: str | None,
    *,
    detail: str | None = None,
    only: str = "",
) -> None:
    since = sea.now - timedelta(minutes=3)

    def seen(one: Component) -> Component:
        source = one.name in {"mempool_ws", "mempool_rest", "bitcoind", "electrs"}
        if not source or not one.name.startswith(only):
            return one
        return replace(one, status=status, since=since, error=error, detail=detail, latency_ms=None)

    sea.show(
        level=level,
        level_since=since,
        level_reason=error,
        components=tuple(seen(one) for one in sea.snapshot.components),
    )


async def open_drawer(page: Page) -> None:
    await page.locator("#pending .row", has_text="150.00").click()
    await page.locator("#drawer .txid").wait_for()


async def open_announcements(page: Page) -> None:
    await page.get_by_label("Sound and notifications").first.click()


async def open_filters(page: Page) -> None:
    toggle = page.locator("#filters-toggle")
    if await toggle.is_visible():
        await toggle.click()
    await page.locator(".chip[data-flow=inflow]").click()
    await page.locator("[name=min]").fill("300")


SHOTS = (
    Shot("live", ordinary),
    Shot("live-whole", ordinary, whole=True),
    Shot("live-drawer", ordinary, act=open_drawer),
    Shot("live-filtered", ordinary, act=open_filters),
    Shot("live-ends", reported_ends),
    Shot("live-first-run", first_run),
    Shot("live-quiet", quiet),
    Shot("live-block-download", block_download),
    Shot("live-degraded", degraded),
    Shot("live-predictions-unavailable", unavailable),
    Shot("live-blind", blind),
    Shot("live-demo", demo),
    Shot("live-notices", unloaded),
    Shot("live-young-queue", young_queue),
    Shot("system", ordinary, path="/system", whole=True),
    Shot("system-blind", blind, path="/system"),
    Shot("wall", ordinary, path="/wall"),
    Shot("fees", ordinary, path="/fees", whole=True),
    Shot("live-announcements", ordinary, act=open_announcements),
)


def a_log() -> LogTail:
    log = LogTail()
    for level, words in (
        (logging.INFO, "listening host=127.0.0.1 port=8411"),
        (logging.INFO, "connected source=mempool_ws version=3.3.1"),
        (logging.WARNING, "stream lost source=mempool_ws error='connection refused' retry_in_s=4.2"),
        (logging.INFO, "resynced source=mempool_rest waiting=61204 whales=6"),
        (logging.INFO, "block connected height=925114 whales=2"),
    ):
        log.emit(logging.LogRecord("app", level, "", 0, words, None, None))
    return log


async def take(browser: Browser, shot: Shot, folder: Path) -> list[str]:
    """Take one shot in all sizes and lights; returns what the page complained of."""
    sea = Sea()
    shot.scene(sea)
    complaints: list[str] = []
    async with served(sea, log=a_log()) as (address, pages):
        _remember(pages, sea)
        for size, (width, height) in SIZES.items():
            for light in LIGHTS:
                context = await browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=light, reduced_motion="reduce"
                )
                tab = watched(await context.new_page(), address)
                page = await tab.open(shot.path)
                await shot.act(page)
                if shot.whole:
                    tall = await page.evaluate("document.documentElement.scrollHeight")
                    await page.set_viewport_size({"width": width, "height": tall})
                await page.wait_for_timeout(2_600)
                await page.screenshot(path=folder / f"{shot.name}-{size}-{light}.png")
                complaints += [f"{shot.name} {size} {light}: {one}" for one in tab.complaints]
                await context.close()
    return complaints


async def take_settings(browser: Browser, shots: list[SettingsShot], folder: Path) -> list[str]:
    """As `take`, of the Settings page; those of one kind of box share it."""
    complaints: list[str] = []
    for kind in dict.fromkeys(shot.box for shot in shots):
        with TemporaryDirectory() as room:
            async with a_box(Path(room), kind) as box:
                for shot in [shot for shot in shots if shot.box is kind]:
                    for size, (width, height) in SIZES.items():
                        for light in LIGHTS:
                            context = await browser.new_context(
                                viewport={"width": width, "height": height},
                                color_scheme=light,
                                reduced_motion="reduce",
                            )
                            tab = watched(await context.new_page(), box.address)
                            wide = await _act(tab.page, box, shot)
                            name = f"{shot.name}-{size}-{light}"
                            await tab.page.screenshot(path=folder / f"{name}.png", full_page=shot.whole)
                            complaints += [f"{name}: {one}" for one in (*wide, *tab.complaints)]
                            await context.close()
                    print(shot.name, flush=True)
    return complaints


async def _act(page: Page, box: OperatedBox, shot: SettingsShot) -> list[str]:
    await opened(page, box, shot)
    await shot.act(page)
    await page.wait_for_timeout(400)
    over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{over} px too wide"] if over > 0 else []


def _remember(pages: Pages, sea: Sea) -> None:
    an_evening_of_samples(pages.memory, sea)
    trouble = sea.snapshot
    trouble_and_back(sea)
    sea.live.show(trouble)


async def main(folder: Path, wanted: list[str]) -> int:
    complaints: list[str] = []
    async with a_browser() as browser:
        for shot in SHOTS:
            if not wanted or shot.name in wanted:
                complaints += await take(browser, shot, folder)
                print(shot.name, flush=True)
        states = [state for state in SETTINGS_SHOTS if not wanted or state.name in wanted]
        complaints += await take_settings(browser, states, folder)
        complaints += await take_lookback(browser, folder, wanted, SIZES, LIGHTS)
    print("\n".join(complaints) or "no complaint from any page")
    return 1 if complaints else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tests.browser.screenshots FOLDER [NAME ...]")
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    sys.exit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2:])))
