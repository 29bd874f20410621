"""What an open page does when the backend, the program or the network goes away and comes back."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, Page, Route, WebSocketRoute, expect
from tornado.websocket import WebSocketHandler

from app.views import Level
from tests.browser.conftest import CHARTS_ARE_THERE, IN_A_BROWSER, Tab, until, watched
from tests.browser.preview import served
from tests.browser.sea import Sea, a_whale

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(180)]
SOON = 10_000
LATER = 40_000


async def marked(page: Page) -> None:
    """A mark that a reload would wipe out."""
    await page.evaluate("window.sameVisit = true")


async def same_visit(page: Page) -> bool:
    return bool(await page.evaluate("window.sameVisit === true"))


REPORT_ANOTHER_BUILD = """
void import(document.querySelector('script[type=module]').src.replace('page.js', 'frame.js'))
  .then((frame) => frame.sameProgram('0123456789ab'));
"""
HIDE = """
Object.defineProperty(document, 'hidden', {{ configurable: true, get: () => {} }});
document.dispatchEvent(new Event('visibilitychange'));
"""
DRAWN_WHALES = "window.Bokeh.documents[0].get_model_by_name('queue-whales').data.id.length"


async def test_a_backend_that_goes_is_told_step_by_step_and_its_return_too(tab: Tab, sea: Sea) -> None:
    page = await tab.open()
    await marked(page)
    banner = page.locator("#banners")

    sea.show(level=Level.POLLING, level_since=sea.now, level_reason="the stream ended")
    await expect(banner).to_contain_text("Degraded", timeout=SOON)
    sea.show(level=Level.BLOCKS_ONLY)
    await expect(banner).to_contain_text("Mempool predictions unavailable", timeout=SOON)
    sea.show(level=Level.BLIND)
    await expect(banner).to_contain_text("Nothing can be seen", timeout=SOON)
    sea.show(level=Level.LIVE, level_reason=None)
    await expect(banner).to_be_empty(timeout=SOON)

    assert await same_visit(page)


async def test_replaced_dropped_and_reorged_are_told_not_vanished(tab: Tab, sea: Sea) -> None:
    bumped, dropped, undone = (a_whale(name, 300 + n, sea.now) for n, name in enumerate(("b", "d", "u")))
    sea.appear(bumped, dropped, undone)
    sea.block(undone)
    page = await tab.open()

    sea.bump(bumped, rate=40, ahead=1)
    sea.drop(dropped, "expired")
    sea.reorg(undone)

    await expect(page.locator("#pending .row", has_text="300.00")).to_contain_text("bumped 1", timeout=SOON)
    await expect(page.locator("#confirmed .row", has_text="301.00")).to_contain_text("expired", timeout=SOON)
    await expect(page.locator("#pending .row", has_text="302.00")).to_contain_text("reorged", timeout=SOON)


async def test_the_program_killed_and_started_again_is_taken_up_without_a_reload(browser: Browser) -> None:
    async with AsyncExitStack() as first:
        address, _ = await first.enter_async_context(served(Sea()))
        port = int(address.rsplit(":", 1)[1])
        tab = watched(await browser.new_page(), address)
        page = await tab.open()
        await until(page, CHARTS_ARE_THERE)
        await marked(page)
    await expect(page.locator("#line-lost")).to_be_visible(timeout=LATER)
    sea = Sea()
    sea.appear(a_whale("after", 777.77, sea.now))
    async with served(sea, port):
        await expect(page.locator("#pending .row", has_text="777.77")).to_be_visible(timeout=LATER)
        await expect(page.locator("#line-lost")).to_be_hidden(timeout=SOON)
        await until(page, f"{DRAWN_WHALES} === 1")

        assert await same_visit(page)


async def test_a_frozen_tab_wakes_up_to_another_run_of_the_program(browser: Browser) -> None:
    async with AsyncExitStack() as first:
        address, _ = await first.enter_async_context(served(Sea()))
        port = int(address.rsplit(":", 1)[1])
        page = await watched(await browser.new_page(), address).open()
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Page.setWebLifecycleState", {"state": "frozen"})
    sea = Sea()
    sea.appear(a_whale("after", 777.77, sea.now))
    async with served(sea, port):
        await cdp.send("Page.setWebLifecycleState", {"state": "active"})

        await expect(page.locator("#pending .row", has_text="777.77")).to_be_visible(timeout=LATER)


async def test_another_build_of_the_pages_is_loaded_by_the_open_page(tab: Tab) -> None:
    page = await tab.open()
    await marked(page)
    async with page.expect_navigation():
        await page.evaluate(REPORT_ANOTHER_BUILD)
    await tab.ready()

    assert not await same_visit(page)


async def test_a_reload_that_takes_its_time_is_asked_for_once(tab: Tab) -> None:
    page = await tab.open()
    async with page.expect_navigation():
        await page.evaluate(REPORT_ANOTHER_BUILD * 3)
    await tab.ready()

    assert await page.evaluate("JSON.parse(sessionStorage.getItem('spout-reloads')).length") == 1


async def test_reloads_never_become_a_loop(tab: Tab) -> None:
    page = await tab.open()
    await marked(page)
    await page.evaluate(
        "sessionStorage.setItem('spout-reloads', JSON.stringify([Date.now(), Date.now(), Date.now()]))"
    )
    await page.evaluate("dispatchEvent(new CustomEvent('spout-reload', { detail: 'test' }))")

    await expect(page.locator("#line-lost")).to_contain_text("reloaded three times")
    assert await same_visit(page)


async def test_a_page_whose_line_never_comes_has_its_charts_all_the_same(tab: Tab) -> None:
    await tab.page.route_web_socket("**/api/v1/live", lambda line: line.close())
    page = tab.page
    await page.goto(tab.address)

    await until(page, CHARTS_ARE_THERE)
    await expect(page.locator("#root-announcements summary")).to_be_visible()


@pytest.mark.parametrize("missing", ["lib/panel.min.js", "static/panel.js", "components/queue_chart.js"])
async def test_charts_that_never_came_are_fetched_by_one_reload(
    browser: Browser, sea: Sea, missing: str
) -> None:
    async with served(sea) as (address, _):
        tab = watched(await browser.new_page(), address)
        loads: list[str] = []
        tab.page.on("framenavigated", lambda frame: loads.append(frame.url))

        async def refuse_first_load(route: Route) -> None:
            await (route.abort() if len(loads) <= 1 else route.continue_())

        await tab.page.route(f"**/{missing}", refuse_first_load)
        page = await tab.open()
        await marked(page)
        await until(page, "window.sameVisit === undefined")
        await until(page, CHARTS_ARE_THERE)

        assert len(loads) == 2


async def test_charts_that_never_came_to_a_tab_in_the_background_are_fetched_once_it_is_looked_at(
    browser: Browser, sea: Sea
) -> None:
    async with served(sea) as (address, _):
        tab = watched(await browser.new_page(), address)
        await tab.page.clock.install()
        await tab.page.route("**/lib/panel.min.js", lambda route: route.abort())
        page = await tab.open()
        await marked(page)
        await page.evaluate(HIDE.format("true"))
        await page.clock.run_for(16_000)
        hidden = await same_visit(page)
        await tab.page.unroute("**/lib/panel.min.js")
        await page.evaluate(HIDE.format("false"))
        await until(page, "window.sameVisit === undefined")

        assert hidden
        await until(page, CHARTS_ARE_THERE)


class Cable:
    """The feed's line, which can go dead without a word, as when a laptop changes its network."""

    def __init__(self) -> None:
        self.dead = False
        self.lines = 0

    def join(self, page_side: WebSocketRoute) -> None:
        self.lines += 1
        number = self.lines
        server_side = page_side.connect_to_server()
        page_side.on_message(lambda reported: server_side.send(reported) if self._carries(number) else None)
        server_side.on_message(lambda reported: page_side.send(reported) if self._carries(number) else None)

    def _carries(self, number: int) -> bool:
        """A line that went dead stays dead."""
        return not self.dead or number > 1


async def test_a_line_that_is_dead_without_a_word_is_given_up_soon(tab: Tab, sea: Sea) -> None:
    cable = Cable()
    await tab.page.route_web_socket("**/api/v1/live", cable.join)
    page = await tab.open()
    await marked(page)

    cable.dead = True
    sea.appear(a_whale("after", 777.77, sea.now))
    await page.evaluate("dispatchEvent(new Event('online'))")

    await expect(page.locator("#pending .row", has_text="777.77")).to_be_visible(timeout=15_000)
    assert await same_visit(page)


async def test_the_network_cut_in_the_browser_and_back_is_taken_up_without_a_reload(
    tab: Tab, sea: Sea
) -> None:
    page = await tab.open()
    await until(page, CHARTS_ARE_THERE)
    await marked(page)
    await page.context.set_offline(True)
    await page.evaluate("window.dispatchEvent(new Event('offline'))")
    sea.appear(a_whale("after", 777.77, sea.now))
    await page.context.set_offline(False)

    await expect(page.locator("#pending .row", has_text="777.77")).to_be_visible(timeout=LATER)
    assert await same_visit(page)


async def test_a_tab_asleep_past_its_token_goes_on_with_tables_and_charts(browser: Browser, sea: Sea) -> None:
    async with served(sea, token_seconds=1) as (address, pages):
        page = await watched(await browser.new_page(), address).open()
        await until(page, CHARTS_ARE_THERE)
        await marked(page)
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Page.setWebLifecycleState", {"state": "frozen"})
        for socket in tuple(pages.feed.sockets):
            socket.close()
        await asyncio.sleep(2.5)  # the token counts whole seconds
        sea.appear(a_whale("after", 777.77, sea.now))
        await cdp.send("Page.setWebLifecycleState", {"state": "active"})

        await expect(page.locator("#pending .row", has_text="777.77")).to_be_visible(timeout=LATER)
        await until(page, f"{DRAWN_WHALES} === 1")
        assert await same_visit(page)


async def test_a_hidden_tab_is_told_nothing_and_catches_up_when_it_is_looked_at(tab: Tab, sea: Sea) -> None:
    page = await tab.open()
    await page.evaluate(HIDE.format("true"))
    sea.appear(a_whale("hidden", 777.77, sea.now))
    await page.wait_for_timeout(1_500)
    unseen = await page.locator("#pending .row", has_text="777.77").count()
    await page.evaluate(HIDE.format("false"))

    await expect(page.locator("#pending .row", has_text="777.77")).to_be_visible(timeout=SOON)
    assert unseen == 0


async def test_what_was_asked_while_the_line_was_down_is_answered_after(tab: Tab, sea: Sea) -> None:
    sea.appear(a_whale("one", 512.25, sea.now))
    waiting: list[WebSocketRoute] = []

    def refuse_once(line: WebSocketRoute) -> None:
        waiting.append(line)
        line.connect_to_server()

    await tab.page.route_web_socket("**/api/v1/live", refuse_once)
    page = await tab.open()
    await waiting[0].close()
    await page.locator("#pending .row", has_text="512.25").click()

    await expect(page.locator("#drawer .txid")).to_be_visible(timeout=LATER)


async def test_a_session_that_is_logged_out_leads_to_the_way_in_at_once(tab: Tab) -> None:
    lines: list[WebSocketRoute] = []

    def join(line: WebSocketRoute) -> None:
        lines.append(line)
        line.connect_to_server()

    await tab.page.route_web_socket("**/api/v1/live", join)
    page = await tab.open()
    await marked(page)
    await lines[0].close(code=4401, reason="logged out")

    await until(page, "window.sameVisit === undefined", seconds=5)


class Closed(WebSocketHandler):
    def prepare(self) -> None:
        self.set_status(401)
        self.finish()


async def test_a_login_that_ended_leads_to_a_reload_not_to_silence(browser: Browser, sea: Sea) -> None:
    async with served(sea, door=Closed) as (address, _):
        page = await browser.new_page()
        await page.goto(address)
        await marked(page)

        await until(page, "window.sameVisit === undefined")
