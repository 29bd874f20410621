"""For everybody: axe-core, the keyboard alone, 360 pixels, less motion, both lights."""

import re
from dataclasses import replace
from itertools import product
from typing import Any, Final, Literal

import pytest
from playwright.async_api import Browser, expect

from app.core.classification import Flow
from app.core.units import Sats
from app.views import Level
from tests.browser.conftest import CHARTS_ARE_THERE, IN_A_BROWSER, Tab, findings, until, watched
from tests.browser.preview import served
from tests.browser.scenes import harbour
from tests.browser.sea import Sea, a_whale, party
from tests.browser.session_page import TRIAL
from tests.core.alerts.test_wording import HOSTILE

pytestmark = IN_A_BROWSER
SOON = 10_000
LIGHTS: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
NAME_OF_FOCUSED = """
(({ id, name, dataset, tagName }) => id || name || dataset?.flow || dataset?.window || tagName)(
  document.activeElement)
"""
COUNT_FLIGHTS = """
window.flown = 0;
new MutationObserver((all) => {
  for (const one of all) for (const node of one.addedNodes)
    if (node.classList?.contains('ghost')) window.flown += 1;
}).observe(document.body, { childList: true });
"""


IS_CUT_OFF = "one => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1"
MARKS = "(window.Bokeh.documents[0].get_model_by_name('{}-names').data.text ?? []).join('')"


@pytest.mark.parametrize("path", ["/", "/system", "/wall", "/fees", "/trial"])
async def test_axe_finds_nothing_serious_wide_or_narrow_light_or_dark(
    browser: Browser, sea: Sea, axe: str, path: str
) -> None:
    harbour(sea)
    async with served(sea, pages=TRIAL) as (address, _):
        page = await watched(await browser.new_page(reduced_motion="reduce"), address).open(path)
        await until(page, CHARTS_ARE_THERE)
        found = {}
        for width, light in product((1440, 360), LIGHTS):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.emulate_media(color_scheme=light)
            found[width, light] = await findings(page, axe)

        assert not any(found.values()), found


async def test_axe_finds_nothing_serious_in_the_drawer(tab: Tab, sea: Sea, axe: str) -> None:
    harbour(sea)
    page = await tab.open()
    await page.locator("#pending .row", has_text="150.00").click()
    await expect(page.locator("#drawer .txid")).to_be_visible(timeout=SOON)
    for summary in await page.locator("#drawer summary").all():
        await summary.click()

    assert await findings(page, axe) == []


@pytest.mark.parametrize("path", ["/", "/system", "/wall", "/fees", "/trial"])
async def test_nothing_scrolls_sideways_at_360_pixels(browser: Browser, sea: Sea, path: str) -> None:
    harbour(sea)
    async with served(sea, pages=TRIAL) as (address, _):
        context = await browser.new_context(viewport={"width": 360, "height": 740})
        page = await watched(await context.new_page(), address).open(path)
        await page.wait_for_timeout(1_000)

        assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_the_keyboard_alone_opens_a_whale_and_comes_back(tab: Tab, sea: Sea) -> None:
    harbour(sea)
    page = await tab.open()
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.matches('#pending .row')"):
            break
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator("#drawer-title")).to_have_text("1,204.80 BTC", timeout=SOON)
    await page.keyboard.press("Escape")

    await expect(page.locator("#drawer")).to_be_hidden()
    assert await page.evaluate("document.activeElement.textContent.includes('1,204.80')")


async def test_the_focus_stays_in_the_drawer_when_its_whale_comes_and_when_it_changes(
    tab: Tab, sea: Sea
) -> None:
    whale = a_whale("one", 512.25, sea.now)
    sea.appear(whale)
    page = await tab.open("/?whale=" + whale.prediction_id)
    await expect(page.locator("#drawer .txid")).to_be_visible(timeout=SOON)

    await expect(page.locator("#drawer .close")).to_be_focused(timeout=SOON)

    for name in ("Outputs", "Alerts"):  # the one is drawn anew, the other is the same element
        summary = page.locator(f"#drawer details[data-name={name}] summary")
        await summary.focus()
        await summary.evaluate("one => one.ownerDocument.querySelector('#drawer .txid').dataset.old = 'yes'")
        sea.revise(whale, 5)
        await expect(page.locator("#drawer .txid[data-old]")).to_have_count(0, timeout=SOON)

        await expect(summary).to_be_focused(timeout=SOON)


async def test_every_control_is_reached_by_tab(tab: Tab, sea: Sea) -> None:
    harbour(sea)
    page = await tab.open()
    seen: set[str] = set()
    for _ in range(60):
        await page.keyboard.press("Tab")
        seen.add(await page.evaluate(NAME_OF_FOCUSED))

    wanted = {"light", "inflow", "status", "urgency", "min", "entity", "text", "1h", "7d"}
    assert wanted <= seen


async def test_end_goes_to_the_last_of_many_and_home_back(tab: Tab, sea: Sea) -> None:
    sea.appear(*(a_whale(f"w{n}", 200 + n, sea.now) for n in range(300)))
    page = await tab.open()
    await page.locator("#pending .rows .row").first.focus()
    await page.keyboard.press("End")
    last = await page.evaluate("document.activeElement.getAttribute('aria-rowindex')")
    await page.keyboard.press("Home")

    assert last == "301"
    assert await page.evaluate("document.activeElement.getAttribute('aria-rowindex')") == "2"


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
async def test_motion_is_left_out_where_it_is_not_wished(
    browser: Browser,
    sea: Sea,
    wish: Any,
    moves: bool,  # noqa: FBT001
) -> None:
    whale = a_whale("one", 512.25, sea.now)
    sea.appear(whale)
    async with served(sea) as (address, _):
        context = await browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion=wish)
        page = await watched(await context.new_page(), address).open()
        await page.evaluate(COUNT_FLIGHTS)
        sea.block(whale)
        await expect(page.locator("#confirmed .row", has_text="512.25")).to_be_visible(timeout=SOON)

        assert (await page.evaluate("window.flown") > 0) is moves


async def test_the_light_can_be_chosen_and_is_kept(tab: Tab) -> None:
    page = await tab.open()
    await page.locator("#light").click()
    await page.reload()
    await tab.ready()

    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("chart", ["queue", "flow", "bubbles"])
async def test_every_chart_has_a_sentence_and_a_table(tab: Tab, sea: Sea, chart: str) -> None:
    harbour(sea)
    page = await tab.open()
    await expect(page.locator(f"#{chart}-words")).not_to_have_text("…", timeout=SOON)
    await page.locator(f"details:has(#{chart}-table) summary").click()

    await expect(page.locator(f"#{chart}-table tbody tr").nth(5)).to_be_attached(timeout=SOON)


async def test_what_ended_in_no_block_shows_its_reason_whole(tab: Tab, sea: Sea) -> None:
    whale = a_whale("one", 512.25, sea.now)
    sea.appear(whale)
    sea.drop(whale, "conflict: 72ac68ec… spent the same coins and was mined")
    page = await tab.open()
    note = page.locator("#confirmed .row .result small")
    await expect(note).to_contain_text("was mined")

    assert await note.evaluate(IS_CUT_OFF) is False


async def test_the_age_of_a_banner_is_not_read_out_every_second(tab: Tab, sea: Sea) -> None:
    sea.show(level=Level.POLLING, level_since=sea.now)
    page = await tab.open()

    await expect(page.locator("#banners small:has(.age)")).to_have_attribute("aria-live", "off")


@pytest.mark.parametrize("chart", ["queue", "bubbles"])
async def test_a_whale_in_a_chart_is_told_by_a_mark_not_by_colour_alone(
    tab: Tab, sea: Sea, chart: str
) -> None:
    sea.appear(a_whale("one", 212.25, sea.now, flow=Flow.INFLOW, target="Kraken"))
    page = await tab.open()
    await until(page, CHARTS_ARE_THERE)
    await page.locator(f"[data-chart={chart}]").scroll_into_view_if_needed()

    await until(page, MARKS.format(chart) + " === '▼'")


async def test_in_a_crowd_only_the_largest_are_marked(tab: Tab, sea: Sea) -> None:
    sea.appear(*(a_whale(f"w{n}", 500 + n, sea.now, rate=1 + n % 40) for n in range(600)))
    page = await tab.open()
    await until(page, CHARTS_ARE_THERE)
    await page.locator("[data-chart=bubbles]").scroll_into_view_if_needed()
    await until(page, MARKS.format("bubbles") + ".length > 0")

    assert await page.evaluate(MARKS.format("bubbles") + ".length") <= 120


async def test_a_very_long_name_pushes_nothing_aside(browser: Browser, sea: Sea) -> None:
    name = "The Exceedingly Long Exchange of the Northern and Southern Seas and all Rivers between them"
    sea.appear(a_whale("one", 512.25, sea.now, flow=Flow.INFLOW, target=name))
    async with served(sea) as (address, _):
        context = await browser.new_context(viewport={"width": 360, "height": 740})
        page = await watched(await context.new_page(), address).open()
        await page.locator("#pending .rows .row").first.click()
        names = page.locator("#drawer header .names")
        await expect(names).to_contain_text(name, timeout=SOON)

        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        assert await page.evaluate("drawer.scrollWidth <= drawer.clientWidth")
        assert await names.evaluate(IS_CUT_OFF) is False


async def test_a_whale_of_two_thousand_outputs_is_told_in_short_and_counted(tab: Tab, sea: Sea) -> None:
    whale = a_whale("one", 512.25, sea.now)
    seen = replace(
        whale.classification,
        evidence=tuple(f"Output {n} pays Kraken: published label." for n in range(2_000)),
        to_entities=tuple(party(f"Customer {n}") for n in range(2_000)),
    )
    outputs = tuple(replace(whale.tx.outputs[0], value=Sats(25_600_000 + n)) for n in range(2_000))
    sea.appear(replace(whale, tx=replace(whale.tx, outputs=outputs), classification=seen))
    page = await tab.open()
    await page.locator("#pending .rows .row").first.click()
    drawer = page.locator("#drawer")

    for words in ("Outputs (2000)", "1,988 more reasons", "and 1,988 more", "and 1,800 more"):
        await expect(drawer).to_contain_text(words, timeout=SOON)


async def test_text_from_outside_is_text(tab: Tab, sea: Sea) -> None:
    sea.appear(*(a_whale(str(n), 500 + n, sea.now, target=name) for n, name in enumerate(HOSTILE)))
    page = await tab.open()
    await expect(page.locator("#pending .row").first).to_be_visible(timeout=SOON)
    shown = "".join(await page.locator("#pending .row").all_inner_texts())

    assert re.findall(r"[\x00-\x08\x0b-\x1f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", shown) == []
    assert await page.locator("main img, main script, main [onerror]").count() == 0
    assert tab.complaints == []
