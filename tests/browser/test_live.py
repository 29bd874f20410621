"""The Live page in a real browser, fed by a sea that the test moves."""

from datetime import timedelta

import pytest
from playwright.async_api import Locator, expect

from app.core.classification import Flow
from tests.browser.conftest import IN_A_BROWSER, Tab
from tests.browser.scenes import harbour
from tests.browser.sea import Sea, a_whale

pytestmark = IN_A_BROWSER
SOON = 10_000


def row(tab: Tab, table: str, text: str) -> Locator:
    return tab.page.locator(f"#{table} .rows .row", has_text=text)


async def test_a_whale_appears_without_a_reload(tab: Tab, sea: Sea) -> None:
    page = await tab.open()
    await expect(page.locator("#pending .empty")).to_contain_text("No whale is waiting")

    sea.appear(a_whale("one", 512.25, sea.now, flow=Flow.INFLOW, target="Coinbase"))

    await expect(row(tab, "pending", "512.25")).to_contain_text("To exchange", timeout=SOON)


async def test_a_confirmed_whale_moves_across_and_says_that_its_forecast_held(tab: Tab, sea: Sea) -> None:
    whale = a_whale("one", 512.25, sea.now)
    sea.appear(whale)
    await tab.open()

    sea.block(whale)

    await expect(row(tab, "confirmed", "512.25")).to_contain_text("on time", timeout=SOON)
    await expect(row(tab, "pending", "512.25")).to_have_count(0)


async def test_a_whale_without_a_forecast_says_so(tab: Tab, sea: Sea) -> None:
    sea.appear(a_whale("one", 512.25, sea.now, forecast=False))
    await tab.open()

    await expect(row(tab, "pending", "512.25")).to_contain_text("no forecast yet")


async def test_demo_is_said_before_anything_else(tab: Tab, sea: Sea) -> None:
    sea.show(demo=True)
    page = await tab.open()

    await expect(page.locator(".banner[data-tone=demo]")).to_contain_text("DEMO")


async def test_nothing_is_asked_of_a_foreign_host_and_no_policy_is_broken(tab: Tab, sea: Sea) -> None:
    harbour(sea)
    page = await tab.open()
    await page.wait_for_timeout(1_500)

    assert tab.hosts == {tab.address.removeprefix("http://")}
    assert tab.complaints == []


async def test_the_row_being_read_stays_where_it_is_while_others_stream_in(tab: Tab, sea: Sea) -> None:
    sea.appear(*(a_whale(f"w{n}", 200 + n, sea.now - timedelta(minutes=n)) for n in range(60)))
    page = await tab.open()
    await page.evaluate("document.querySelector('#pending .rows').scrollTop = 1200")
    read = row(tab, "pending", "223.00")
    before = (await read.bounding_box() or {})["y"]

    for n in range(5):
        sea.appear(a_whale(f"new{n}", 900 + n, sea.now + timedelta(seconds=n)))
    await expect(page.locator("#pending-tally")).to_have_text("65", timeout=SOON)

    assert (await read.bounding_box() or {})["y"] == pytest.approx(before, abs=1)


async def test_the_wall_shows_the_whales_large_and_without_controls(tab: Tab, sea: Sea) -> None:
    sea.appear(a_whale("one", 512.25, sea.now))
    page = await tab.open("/wall")

    await expect(row(tab, "pending", "512.25")).to_be_visible(timeout=SOON)
    assert await page.locator(".filters").count() == 0
    assert tab.complaints == []


async def test_a_click_on_the_wall_opens_nothing_for_it_has_no_card(tab: Tab, sea: Sea) -> None:
    sea.appear(a_whale("one", 512.25, sea.now))
    page = await tab.open("/wall")
    steps = await page.evaluate("history.length")
    await row(tab, "pending", "512.25").click()

    assert await page.evaluate("[location.search, history.length]") == ["", steps]


async def test_two_clicks_on_a_row_open_its_whale_and_leave_it_open(tab: Tab, sea: Sea) -> None:
    sea.appear(a_whale("one", 512.25, sea.now))
    page = await tab.open()
    await row(tab, "pending", "512.25").dblclick(position={"x": 60, "y": 20})

    await expect(page.locator("#drawer .txid")).to_be_visible(timeout=SOON)
    await page.mouse.click(60, 600)
    await expect(page.locator("#drawer")).to_be_hidden(timeout=SOON)
