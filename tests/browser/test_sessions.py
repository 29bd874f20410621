"""A page that calls Python: what is typed, pressed and paged, and how it comes back after a loss."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.browser.conftest import CHARTS_ARE_THERE, IN_A_BROWSER, Tab, until, watched
from tests.browser.preview import served
from tests.browser.sea import Sea, a_whale
from tests.browser.session_page import TRIAL
from tests.browser.test_recovery import marked, same_visit

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(180)]
SOON = 10_000
LATER = 40_000


async def opened(browser: Browser, address: str) -> tuple[Page, Tab]:
    tab = watched(await browser.new_page(), address)
    page = await tab.open("/trial")
    await until(page, CHARTS_ARE_THERE)
    await expect(page.locator(".paged tbody tr")).to_have_count(20, timeout=SOON)
    return page, tab


async def test_what_is_typed_reaches_python_and_what_python_says_the_page(browser: Browser) -> None:
    async with served(Sea(), pages=TRIAL) as (address, _):
        page, tab = await opened(browser, address)
        await page.get_by_label("Name").fill("after")
        await page.get_by_role("button", name="Save", exact=True).click()

        await expect(page.locator(".toast")).to_contain_text("Saved after", timeout=SOON)
        assert tab.complaints == []
        assert tab.hosts == {address.removeprefix("http://")}
        await page.close()


async def test_what_is_wrong_is_said_beside_the_field_which_keeps_what_was_typed(browser: Browser) -> None:
    async with served(Sea(), pages=TRIAL) as (address, _):
        page, _tab = await opened(browser, address)
        field = page.get_by_label("Most")
        await field.fill("a hundred")
        await page.get_by_role("button", name="Save", exact=True).click()

        await expect(field).to_have_attribute("aria-invalid", "true", timeout=SOON)
        await expect(page.locator(".field:has(input[aria-invalid=true]) .wrong")).to_have_text(
            "Must be a whole number"
        )
        await expect(field).to_have_value("a hundred")
        await expect(page.locator("[aria-invalid=true]")).to_have_count(1)
        await page.close()


async def test_a_call_that_fails_lets_its_button_be_pressed_again(browser: Browser) -> None:
    async with served(Sea(), pages=TRIAL) as (address, _):
        page, _tab = await opened(browser, address)
        button = page.get_by_role("button", name="Fail")
        await button.click()

        await expect(button).to_be_enabled(timeout=SOON)
        await page.close()


async def test_a_page_of_rows_and_its_order_stand_in_the_address(browser: Browser) -> None:
    async with served(Sea(), pages=TRIAL) as (address, _):
        page, tab = await opened(browser, address)
        await page.locator(".sorter[data-field=number]").click()
        await page.get_by_label("Next page").click()
        first = page.locator(".paged tbody tr td").first
        await expect(first).to_have_text("20", timeout=SOON)
        await page.reload()
        await tab.ready()

        await expect(first).to_have_text("20", timeout=SOON)
        assert "page=2" in page.url
        await page.close()


async def test_a_glyph_has_the_colour_of_the_theme_and_follows_the_light(browser: Browser) -> None:
    colour = "window.Bokeh.documents[0].get_model_by_name('trial').renderers[0].glyph.fill_color.value"
    async with served(Sea(), pages=TRIAL) as (address, _):
        page, _tab = await opened(browser, address)
        before = await page.evaluate(colour)
        await page.locator("#light").click()

        assert (before, await page.evaluate(colour)) == ("#0a7397", "#4cc3ec")
        await page.close()


async def test_a_restart_of_the_program_keeps_page_number_and_what_was_typed(browser: Browser) -> None:
    async with AsyncExitStack() as first:
        address, _ = await first.enter_async_context(served(Sea(), pages=TRIAL))
        port = int(address.rsplit(":", 1)[1])
        page, tab = await opened(browser, address)
        await page.get_by_label("Next page").click()
        await page.get_by_label("Name").fill("half typed")
        await page.get_by_label("Name").blur()
        await marked(page)
    await expect(page.locator("#line-lost")).to_be_visible(timeout=LATER)
    await page.get_by_label("Kind").select_option("two")
    async with served(Sea(), port, pages=TRIAL):
        await until(page, "document.documentElement.dataset.session === 'yes'")
        await expect(page.get_by_label("Name")).to_have_value("half typed", timeout=SOON)
        await page.get_by_role("button", name="Save", exact=True).click()

        await expect(page.locator(".toast")).to_contain_text("Saved half typed", timeout=SOON)
        assert await same_visit(page)
        assert "page=2" in page.url
        assert not [said for said in tab.complaints if "not connected" in said]
        await page.close()


async def test_an_open_whale_stays_open_over_a_lost_session_and_can_be_opened_again(
    browser: Browser, sea: Sea
) -> None:
    whale = a_whale("open", 777.77, sea.now)
    sea.appear(whale)
    lines: list[WebSocketRoute] = []

    def join(line: WebSocketRoute) -> None:
        lines.append(line)
        line.connect_to_server()

    async with served(sea, pages=TRIAL) as (address, _):
        tab = watched(await browser.new_page(), address)
        await tab.page.route_web_socket("**/trial/ws?*", join)
        page = await tab.open(f"/trial?whale={whale.prediction_id}")
        await until(page, CHARTS_ARE_THERE)
        await expect(page.locator("#drawer .txid")).to_be_visible(timeout=SOON)
        await lines[-1].close()
        await until(page, "document.documentElement.dataset.session === 'lost'")
        await until(page, CHARTS_ARE_THERE)

        assert await page.evaluate("document.querySelector('#drawer:modal') !== null")
        await page.keyboard.press("Escape")
        await expect(page.locator("#drawer")).to_be_hidden(timeout=SOON)
        await until(page, "!location.search.includes('whale')")  # the step back is done a moment later
        await page.evaluate("history.forward()")
        await expect(page.locator("#drawer .txid")).to_be_visible(timeout=SOON)
        assert tab.complaints == []
        await page.close()


async def test_a_session_goes_on_after_its_line_was_lost_and_its_token_has_expired(browser: Browser) -> None:
    lines: list[WebSocketRoute] = []

    def join(line: WebSocketRoute) -> None:
        lines.append(line)
        line.connect_to_server()

    async with served(Sea(), pages=TRIAL, token_seconds=6) as (address, _):
        tab = watched(await browser.new_page(), address)
        await tab.page.route_web_socket("**/trial/ws", join)
        page = await tab.open("/trial")
        await until(page, CHARTS_ARE_THERE)
        await marked(page)
        await page.get_by_label("Name").fill("kept")
        await page.get_by_label("Name").blur()
        await asyncio.sleep(7.5)  # the token counts whole seconds
        await lines[-1].close()
        await until(page, "document.documentElement.dataset.session === 'lost'")
        await until(page, "document.documentElement.dataset.session === 'yes'")
        await page.get_by_role("button", name="Save", exact=True).click()

        await expect(page.locator(".toast")).to_contain_text("Saved kept", timeout=LATER)
        assert await same_visit(page)
        assert len(lines) == 2, (
            "one line was lost, and one taken up: Bokeh's own tries would draw the page again"
        )
        await page.close()
