"""Filters and choices live in the address."""

import re

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.browser.conftest import IN_A_BROWSER, Tab
from tests.browser.scenes import harbour
from tests.browser.sea import Sea

pytestmark = IN_A_BROWSER
SOON = 10_000


@pytest_asyncio.fixture(loop_scope="session")
async def page(tab: Tab, sea: Sea) -> Page:
    harbour(sea)
    return await tab.open()


async def amounts(page: Page, table: str = "pending") -> list[str]:
    return await page.locator(f"#{table} .rows .amount b").all_inner_texts()


async def test_a_flow_filters_both_tables_and_says_how_many_are_hidden(page: Page) -> None:
    await page.locator(".chip[data-flow=outflow]").click()

    assert await amounts(page) == ["412.50"]
    await expect(page.locator("#hidden-by-filters")).to_contain_text("hidden by the filters")


@pytest.mark.parametrize(
    ("field", "value", "left"),
    [
        ("min", "1000", ["1,204.80", "2,310.00"]),
        ("entity", "bitfinex", ["2,310.00"]),
        ("text", "CPFP", ["1,204.80"]),
        ("text", "conflict", ["305.11"]),
    ],
)
async def test_each_field_filters(page: Page, field: str, value: str, left: list[str]) -> None:
    await page.locator(f"[name={field}]").fill(value)

    await expect(page.locator("#pending-tally")).to_have_text(str(len(left)), timeout=SOON)
    assert sorted(await amounts(page)) == sorted(left)


async def test_urgency_means_that_or_more_and_leaves_the_unrated_out(page: Page) -> None:
    await page.locator("[name=urgency]").select_option("medium")

    assert sorted(await amounts(page)) == ["1,204.80", "150.00", "2,310.00", "412.50"]


async def test_status_shows_one_table_and_says_why_the_other_is_empty(page: Page) -> None:
    await page.locator("[name=status]").select_option("dropped")

    assert await amounts(page, "confirmed") == ["260.00"]
    await expect(page.locator("#pending .empty")).to_have_text("No waiting whale passes the filters.")


async def test_filters_survive_a_reload(page: Page, tab: Tab) -> None:
    await page.locator(".chip[data-flow=inflow]").click()
    await page.locator("[name=min]").fill("1000")
    await page.reload()
    await tab.ready()

    assert page.url.endswith("?flow=inflow&min=1000")
    assert await amounts(page) == ["1,204.80"]
    await expect(page.locator(".chip[data-flow=inflow]")).to_have_attribute("aria-pressed", "true")


async def test_clearing_brings_everything_back(page: Page) -> None:
    await page.locator("[name=text]").fill("nothing is called so")
    await page.locator("#clear").click()

    assert len(await amounts(page)) == 7
    assert "?" not in page.url


async def test_the_window_of_the_flow_chart_is_in_the_address_too(page: Page, tab: Tab) -> None:
    await page.locator("[data-window='7d']").click()
    await page.reload()
    await tab.ready()

    await expect(page.locator("[data-window='7d']")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#flow-words")).to_contain_text("the last 7 days", timeout=SOON)


async def test_an_open_whale_is_in_the_address_and_opens_again(page: Page, tab: Tab) -> None:
    await page.locator("#pending .row", has_text="412.50").click()
    await expect(page.locator("#drawer")).to_contain_text("certain change", timeout=SOON)
    await page.reload()
    await tab.ready()

    await expect(page.locator("#drawer-title")).to_have_text("412.50 BTC", timeout=SOON)


async def test_a_reload_with_an_open_whale_adds_no_step_to_go_back_by(page: Page, tab: Tab) -> None:
    await page.locator("#pending .row", has_text="412.50").click()
    steps = await page.evaluate("history.length")
    for _ in range(2):
        await page.reload()
        await tab.ready()
        await expect(page.locator("#drawer-title")).to_have_text("412.50 BTC", timeout=SOON)

    assert await page.evaluate("history.length") == steps
    await page.keyboard.press("Escape")
    await expect(page.locator("#drawer")).to_be_hidden(timeout=SOON)
    await expect(page).not_to_have_url(re.compile("whale="), timeout=SOON)


@pytest.mark.usefixtures("tab")
async def test_going_back_closes_the_open_whale_and_stays_on_the_page(page: Page) -> None:
    await page.locator("#pending .row", has_text="412.50").click()
    await expect(page.locator("#drawer")).to_contain_text("certain change", timeout=SOON)
    await page.go_back()

    await expect(page.locator("#drawer")).to_be_hidden(timeout=SOON)
    await expect(page).not_to_have_url(re.compile("whale="), timeout=SOON)
    assert await page.evaluate("document.documentElement.dataset.ready") == "yes"


@pytest.mark.usefixtures("tab")
async def test_a_closed_whale_leaves_no_step_behind(page: Page) -> None:
    before = await page.evaluate("location.href")
    await page.locator("#pending .row", has_text="412.50").click()
    await page.keyboard.press("Escape")

    await expect(page.locator("#drawer")).to_be_hidden(timeout=SOON)
    await page.wait_for_function("before => location.href === before", arg=before, timeout=SOON)
