"""The Accuracy page over a real store, beside the real API: one server and one browser for all of it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import CHARTS_ARE_THERE, IN_A_BROWSER, Tab, findings, until, watched
from tests.browser.lookback import Lookback, looking_back
from tests.browser.quarter import a_quarter

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(180)]
SOON = 15_000
WHALES = 900
VALUES = "JSON.stringify(window.Bokeh.documents[0].get_model_by_name('{}').data)"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown() -> AsyncIterator[Lookback]:
    async with looking_back(a_quarter(datetime.now(UTC), whales=WHALES)) as lookback:
        yield lookback


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab(shown: Lookback, browser: Browser) -> AsyncIterator[Tab]:
    """One tab at the page of thirty days, for all that only looks."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    tab = watched(await context.new_page(), shown.address)
    await opened(tab, "/accuracy?window=30d")
    yield tab
    await context.close()


async def opened(tab: Tab, path: str) -> Page:
    page = await tab.open(path)
    await until(page, CHARTS_ARE_THERE)
    await expect(page.locator("#root-sentence .lead")).not_to_be_empty(timeout=SOON)
    return page


async def asked(shown: Lookback, path: str) -> Any:
    async with httpx.AsyncClient(base_url=shown.address, trust_env=False, timeout=30.0) as http:
        return (await http.get(path)).raise_for_status().json()


async def values(page: Page, name: str) -> dict[str, list[Any]]:
    return dict(json.loads(await page.evaluate(VALUES.format(name))))


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


async def test_the_first_sentence_has_the_figures_of_the_api(shown: Lookback, tab: Tab) -> None:
    found = await asked(shown, "/api/v1/correlation?days=30")
    low, high = found["hit_rate_low"] * 100, found["hit_rate_high"] * 100

    await expect(tab.page.locator("#root-sentence .lead")).to_have_text(
        f"Of {found['n']} forecasts that came due in the last 30 days {found['on_time']} held: "
        f"{percent(found['hit_rate'])} ({low:.0f}-{high:.0f}).",
        timeout=SOON,
    )
    await expect(tab.page.locator("#root-sentence .note")).to_contain_text(
        percent(found["baseline_hit_rate"])
    )


async def test_the_charts_have_the_figures_of_the_api(shown: Lookback, tab: Tab) -> None:
    found = await asked(shown, "/api/v1/correlation?days=30")
    bins = [one for one in found["calibration"]["1"] if one["n"] >= 20]
    calibration = await values(tab.page, "calibration-values")
    flows = await values(tab.page, "by-flow-values")
    rated = [one for one in found["by_flow"].values() if one["hit_rate"] is not None]

    assert (calibration["n"], calibration["seen"]) == (
        [one["n"] for one in bins],
        [one["seen"] for one in bins],
    )
    assert sorted(flows["rate"]) == sorted(one["hit_rate"] for one in rated)
    assert sum((await values(tab.page, "lead-time-values"))["n"]) > 100


async def test_the_hit_rate_over_time_is_that_of_the_api_by_week(shown: Lookback, tab: Tab) -> None:
    await tab.page.locator("[data-choice=window] [data-value='90d']").click()
    await expect(tab.page.locator("#root-sentence .lead")).to_contain_text("90 days", timeout=SOON)
    start = datetime.now(UTC).timestamp() - 90 * 86_400
    day = datetime.fromtimestamp(start, UTC).date().isoformat()
    found = await asked(shown, f"/api/v1/statistics?period=weekly&start_date={day}")
    rates = [one["hit_rate"] for one in found["periods"] if one["hit_rate"] is not None]
    drawn = await values(tab.page, "hit-rate-values")
    await tab.page.locator("[data-choice=window] [data-value='30d']").click()

    assert len(rates) > 8
    assert drawn["rate"] == rates
    assert (await values(tab.page, "hit-rate-line"))["y"] == [0.7, 0.7]


async def test_a_window_stands_in_the_address_and_survives_a_reload(tab: Tab) -> None:
    page = await opened(tab, "/accuracy")
    await page.locator("[data-choice=window] [data-value='24h']").click()
    await expect(page.locator("#root-sentence .lead")).to_contain_text("24 hours", timeout=SOON)
    await page.reload()
    await tab.ready()

    await expect(page.locator("#root-sentence .lead")).to_contain_text("24 hours", timeout=SOON)
    assert "window=24h" in page.url


async def test_under_twenty_it_shows_how_many_and_no_rate(tab: Tab) -> None:
    page = await opened(tab, "/accuracy?window=24h")  # ten a day

    await expect(page.locator("#root-sentence .lead")).to_contain_text("too few for a rate", timeout=SOON)
    assert "%" not in await page.locator("[data-figure=Held] b").inner_text()


async def test_a_miss_has_its_reason_and_opens_the_whale_by_the_keyboard(tab: Tab) -> None:
    page = await opened(tab, "/accuracy?window=90d")
    row = page.locator("#root-missed tbody tr", has_text="dropped").first
    await expect(row).to_contain_text("conflict: another transaction spent the same coins", timeout=SOON)
    await row.locator("button").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#drawer .txid")).to_be_visible(timeout=SOON)
    await page.keyboard.press("Escape")

    await expect(page.locator("#drawer")).not_to_be_visible()


async def test_what_the_figures_mean_is_one_key_away(tab: Tab) -> None:
    page = await opened(tab, "/accuracy")
    await page.locator(".terms summary").focus()
    await page.keyboard.press("Enter")

    await expect(page.locator(".terms dl")).to_contain_text("Wilson's interval")


@pytest.mark.parametrize("width", [1440, 390])
async def test_it_is_accessible_in_both_lights_and_nothing_is_wider_than_the_screen(
    shown: Lookback, browser: Browser, axe: str, width: int
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark")
    tab = watched(await context.new_page(), shown.address)
    page = await opened(tab, "/accuracy?window=30d")
    found = await findings(page, axe)
    await page.locator("#light").click()
    found += await findings(page, axe)
    wide = await page.evaluate("document.documentElement.scrollWidth")
    await context.close()

    assert found == []
    assert wide <= width
    assert tab.complaints == []
    assert tab.hosts == {shown.address.removeprefix("http://")}


async def test_with_nothing_yet_it_says_so(browser: Browser) -> None:
    async with looking_back([]) as empty:
        tab = watched(await browser.new_page(), empty.address)
        page = await opened(tab, "/accuracy")

        await expect(page.locator("#root-sentence .lead")).to_have_text(
            "No forecast came due in the last 7 days.", timeout=SOON
        )
        await expect(page.locator("#root-missed .empty")).to_be_visible(timeout=SOON)
        assert tab.complaints == []
        await page.close()
