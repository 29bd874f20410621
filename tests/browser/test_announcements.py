"""Sound and the browser's notification: off at first, above the amount, for a hidden tab too."""

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.conftest import IN_A_BROWSER, ON_THE_LAN, Tab, until, watched
from tests.browser.preview import served
from tests.browser.sea import Sea, a_whale
from tests.browser.test_recovery import HIDE

pytestmark = IN_A_BROWSER
SOON = 10_000
RECORD = """
window.shown = [];
window.tones = 0;
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); window.shown.push(`${title}|${options.body}`); }
};
const made = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () { window.tones += 1; return made.call(this); };
"""


async def turned_on(browser: Browser, address: str, switch: str, path: str = "/") -> Page:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    await context.grant_permissions(["notifications"])
    await context.add_init_script(RECORD)
    page = await watched(await context.new_page(), address).open(path)
    await page.get_by_label("Sound and notifications").first.click()
    await page.get_by_role("checkbox", name=switch).check()
    return page


@pytest.mark.parametrize("path", ["/", "/wall"])
async def test_both_are_off_at_first(tab: Tab, path: str) -> None:
    page = await tab.open(path)
    await page.get_by_label("Sound and notifications").first.click()

    for switch in ("Sound", "Notification of this browser"):
        await expect(page.get_by_label(switch, exact=True)).not_to_be_checked()


async def test_a_large_whale_is_shown_to_a_tab_that_is_looked_away_from(browser: Browser, sea: Sea) -> None:
    sea.appear(a_whale("before", 900, sea.now))
    async with served(sea) as (address, _):
        page = await turned_on(browser, address, "Notification of this browser")
        await page.evaluate(HIDE.format("true"))
        sea.appear(a_whale("small", 499, sea.now), a_whale("large", 777.77, sea.now, target="Kraken"))
        await until(page, "window.shown.length > 0")

        (said,) = await page.evaluate("window.shown")
        assert "777.77 BTC|unlabelled → Kraken" in said
        await page.context.close()


async def test_a_whale_that_came_before_the_bell_was_there_is_announced_with_it(
    browser: Browser, sea: Sea
) -> None:
    async with served(sea) as (address, _):
        page = await turned_on(browser, address, "Notification of this browser")
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        await page.route("**/components/announcements.js", hold)
        await page.reload(wait_until="commit")
        await expect(page.get_by_text("No whale is waiting")).to_be_visible(timeout=SOON)
        sea.appear(a_whale("large", 777.77, sea.now, target="Kraken"))
        await expect(page.locator("#pending .row", has_text="777.77")).to_be_attached(timeout=SOON)
        await held[0].continue_()

        await until(page, "window.shown.length > 0")
        await page.context.close()


async def test_a_tab_that_is_looked_away_from_is_told_from_the_moment_on_that_somebody_asks_for_it(
    browser: Browser, sea: Sea
) -> None:
    async with served(sea) as (address, _):
        page = await turned_on(browser, address, "Notification of this browser")
        await page.get_by_role("checkbox", name="Notification of this browser").uncheck()
        await page.evaluate(HIDE.format("true"))
        await page.get_by_role("checkbox", name="Notification of this browser").check()
        sea.appear(a_whale("large", 777.77, sea.now))

        await until(page, "window.shown.length > 0", seconds=15)
        await page.context.close()


@pytest.mark.parametrize("path", ["/", "/wall"])
async def test_sound_is_made_when_it_is_turned_on_and_for_a_large_whale(
    browser: Browser, sea: Sea, path: str
) -> None:
    async with served(sea) as (address, _):
        page = await turned_on(browser, address, "Sound", path)
        await until(page, "window.tones === 2")
        sea.appear(a_whale("large", 777.77, sea.now))

        await until(page, "window.tones === 4")
        await page.context.close()


async def test_over_plain_http_the_switch_says_why_it_cannot_be_turned_on(browser: Browser, sea: Sea) -> None:
    async with served(sea) as (address, _):
        page = await watched(await browser.new_page(), address.replace("127.0.0.1", ON_THE_LAN)).open()
        await page.get_by_label("Sound and notifications").first.click()

        await expect(page.get_by_label("Notification of this browser")).to_be_disabled()
        await expect(page.locator("#announce-why")).to_contain_text("plain http")
        await expect(page.get_by_label("Sound", exact=True)).to_be_enabled()
        await page.close()


async def test_the_choice_is_kept_in_this_browser(browser: Browser, sea: Sea) -> None:
    async with served(sea) as (address, _):
        page = await turned_on(browser, address, "Notification of this browser")
        await page.locator("#announce-least").fill("900")
        await page.locator("#announce-least").blur()
        await page.reload()
        await page.get_by_label("Sound and notifications").first.click()

        await expect(page.locator("#announce-notify")).to_be_checked(timeout=SOON)
        await expect(page.locator("#announce-least")).to_have_value("900")
        await page.context.close()


async def test_an_amount_that_is_being_typed_is_not_written_over(browser: Browser, sea: Sea) -> None:
    async with served(sea) as (address, _):
        page = await turned_on(browser, address, "Sound")
        await page.locator("#announce-least").fill("900")
        await page.get_by_role("heading", name="Confirmed flows").click()

        kept = "JSON.parse(localStorage.getItem('spout-announce')).least"
        await until(page, f"{kept} === 900")
        await expect(page.locator("#announce-least")).to_have_value("900")
        await page.context.close()


async def test_escape_closes_it_and_gives_the_focus_back(tab: Tab) -> None:
    page = await tab.open()
    await page.get_by_label("Sound and notifications").first.click()
    await page.locator("#announce-least").focus()
    await page.keyboard.press("Escape")

    await expect(page.locator("#announce-least")).to_be_hidden()
    assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"
