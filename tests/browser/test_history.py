"""The History page over a real store, beside the real API: one server and one browser for all of it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from app.core.prediction import Prediction, Status
from tests.browser.conftest import CHARTS_ARE_THERE, IN_A_BROWSER, Tab, findings, until, watched
from tests.browser.lookback import Lookback, looking_back
from tests.browser.quarter import a_quarter
from tests.browser.sea import a_whale, txid_of

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(180)]
SOON = 15_000
LONGER_THAN_A_PRESS = 600
WHALES = 600
DRAWN = "window.Bokeh.documents[0].get_model_by_name('days-net').data.x?.length > 0"
VALUES = "JSON.stringify(window.Bokeh.documents[0].get_model_by_name('{}').data)"


def waited_then_confirmed(now: datetime) -> tuple[Prediction, Prediction]:
    """One whale in two versions: until two days ago it waited, since then it is confirmed."""
    waits = a_whale("of two minds", 777.5, now - timedelta(days=3))
    ended = now - timedelta(days=2)
    return waits, replace(
        waits,
        version=2,
        status=Status.CONFIRMED,
        confirmed_at=ended,
        ended_at=ended,
        updated_at=ended,
        confirmed_height=925_000,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown() -> AsyncIterator[Lookback]:
    now = datetime.now(UTC)
    before, after = waited_then_confirmed(now)
    async with looking_back([*a_quarter(now, whales=WHALES), before]) as lookback:
        await lookback.store.append([], [after])
        yield lookback


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab(shown: Lookback, browser: Browser) -> AsyncIterator[Tab]:
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme="light", timezone_id="UTC"
    )
    yield watched(await context.new_page(), shown.address)
    await context.close()


async def opened(tab: Tab, path: str) -> Page:
    page = await tab.open(path)
    await until(page, CHARTS_ARE_THERE)
    await expect(page.locator("#root-sentence .lead")).not_to_be_empty(timeout=SOON)
    await expect(page.locator("#root-whales [data-ready=yes]")).to_be_attached(timeout=SOON)
    return page


async def asked(shown: Lookback, path: str) -> Any:
    async with httpx.AsyncClient(base_url=shown.address, trust_env=False, timeout=30.0) as http:
        return (await http.get(path)).raise_for_status().json()


async def values(page: Page, name: str) -> dict[str, list[Any]]:
    return dict(json.loads(await page.evaluate(VALUES.format(name))))


async def test_filters_of_the_address_are_those_of_the_api(shown: Lookback, tab: Tab) -> None:
    query = "status=confirmed&flow_type=inflow&min_btc_value=200"
    page = await opened(tab, f"/history?{query}")
    found = await asked(shown, f"/api/v1/predictions?limit=50&{query}")
    ids = await page.locator("#root-whales tbody tr").evaluate_all("all => all.map(one => one.dataset.id)")

    assert ids == [one["prediction_id"] for one in found["predictions"]]
    assert await page.locator("#root-whales .pages output").inner_text() == (
        f"1–{len(ids)} of {found['total_count']}"  # noqa: RUF001 - as the page writes it
    )


async def test_a_filter_that_is_chosen_stands_in_the_address_and_survives_a_reload(tab: Tab) -> None:
    page = await opened(tab, "/history")
    await page.get_by_label("Status").select_option("dropped")
    await expect(page.locator("#root-whales tbody tr").first).to_contain_text("dropped", timeout=SOON)
    await page.reload()
    await tab.ready()

    await expect(page.locator("#root-whales tbody tr").first).to_contain_text("dropped", timeout=SOON)
    assert "status=dropped" in page.url


async def brush(page: Page, *, held_ms: int = 0) -> None:
    """Draw over a tenth of the days; `held_ms`: the button is held still for so long first."""
    box = await page.locator("#root-days .bk-Figure").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    await page.mouse.down()
    await page.evaluate("ms => new Promise(done => setTimeout(done, ms))", held_ms)
    await page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=4)
    await page.mouse.up()


async def test_a_brush_over_days_narrows_the_table_to_what_the_api_finds_for_them(
    shown: Lookback, tab: Tab
) -> None:
    page = await opened(tab, "/history")
    words = page.locator("#root-whales .pages output")
    everything = await words.inner_text()
    await brush(page)
    await expect(words).not_to_have_text(everything, timeout=SOON)
    found = await asked(shown, f"/api/v1/predictions?limit=50&{page.url.partition('?')[2].split('&page')[0]}")
    ids = await page.locator("#root-whales tbody tr").evaluate_all("all => all.map(one => one.dataset.id)")

    assert "start_date" in page.url
    assert ids == [one["prediction_id"] for one in found["predictions"]]


async def test_a_button_held_still_before_it_is_moved_brushes_too(tab: Tab) -> None:
    page = await opened(tab, "/history")
    words = page.locator("#root-whales .pages output")
    everything = await words.inner_text()
    await brush(page, held_ms=LONGER_THAN_A_PRESS)

    await expect(words).not_to_have_text(everything, timeout=SOON)


async def test_what_is_wrong_is_said_beside_its_filter(tab: Tab) -> None:
    page = await opened(tab, "/history")
    await page.get_by_label("At least").fill("much")
    await page.get_by_label("At least").press("Tab")

    await expect(page.locator("#root-filter-min_btc_value .wrong")).to_contain_text("BTC", timeout=SOON)


async def test_it_is_sorted_and_paged_where_it_is_kept(shown: Lookback, tab: Tab) -> None:
    page = await opened(tab, "/history")
    await page.get_by_role("button", name="Moves").click()
    await page.get_by_label("Last page").click()
    found = await asked(shown, "/api/v1/predictions?limit=1&sort=moved_sat")
    last = page.locator("#root-whales tbody tr").last

    await expect(last).to_have_attribute("data-id", found["predictions"][0]["prediction_id"], timeout=SOON)
    assert "page=13" in page.url


async def test_a_former_txid_finds_its_whale(shown: Lookback, tab: Tab) -> None:
    found = await asked(shown, "/api/v1/predictions?limit=1000")
    bumped = next(one for one in found["predictions"] if one["replaces"])
    page = await opened(tab, f"/history?txid={bumped['replaces'][0]}")

    rows = page.locator("#root-whales tbody tr")
    await expect(rows).to_have_count(1, timeout=SOON)
    await expect(rows).to_have_attribute("data-id", bumped["prediction_id"])


async def test_as_known_at_a_moment_shows_what_was_believed_then(shown: Lookback, tab: Tab) -> None:
    then = datetime.now(UTC) - timedelta(days=2, hours=12)
    page = await opened(tab, f"/history?txid={txid_of('of two minds')}")
    row = page.locator("#root-whales tbody tr")
    await expect(row).to_contain_text("confirmed", timeout=SOON)

    await page.get_by_label("As known at").fill(f"{then:%Y-%m-%dT%H:%M}")
    await page.get_by_label("As known at").press("Tab")

    await expect(page.locator("#root-sentence .lead")).to_contain_text(
        f"What Spout knew on {then:%Y-%m-%d at %H:%M} UTC: 1 whale moves", timeout=SOON
    )
    await expect(row).to_contain_text("waiting", timeout=SOON)
    found = await asked(shown, f"/api/v1/predictions?{page.url.partition('?')[2].split('&page')[0]}")
    assert "as_of" in page.url
    assert [one["status"] for one in found["predictions"]] == ["pending"]


async def test_a_whale_opens_by_the_keyboard(tab: Tab) -> None:
    page = await opened(tab, "/history")
    await page.locator("#root-whales tbody tr button").first.focus()
    await page.keyboard.press("Enter")

    await expect(page.locator("#drawer .txid")).to_be_visible(timeout=SOON)


@pytest.mark.parametrize("width", [1440, 390])
async def test_it_is_accessible_in_both_lights_and_nothing_is_wider_than_the_screen(
    shown: Lookback, browser: Browser, axe: str, width: int
) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark")
    tab = watched(await context.new_page(), shown.address)
    page = await opened(tab, "/history")
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
        page = await opened(tab, "/history")

        await expect(page.locator("#root-sentence .lead")).to_have_text("No whale matches.")
        await expect(page.locator("#root-whales .empty")).to_be_visible(timeout=SOON)
        assert tab.complaints == []
        await page.close()
