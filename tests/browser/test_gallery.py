"""The gallery: each component of the library alone, with sample data, in both lights."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from dashboard.components import __all__ as library
from dashboard.gallery.serving import gallery_pages, serving
from tests.browser.conftest import CHARTS_ARE_THERE, IN_A_BROWSER, Tab, findings, until, watched

pytestmark = IN_A_BROWSER
SOON = 10_000
NOT_SHOWN = {"Charted", "Column", "EarlyComponent", "FileComponent", "PageAsked", "PageOfRows", "pane"}
"""What is not drawn: bases, and what a table is asked with."""
IN_THE_FORM = {"Field", "Buttons", "Toasts"}
OVER_THE_PAGE = {"Announcements": ".announce", "WhaleDrawer": "#drawer"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address() -> AsyncIterator[str]:
    async with serving(gallery_pages()) as served:
        yield served


async def opened(browser: Browser, address: str, light: Any = "light", width: int = 1440) -> Tab:
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=light, reduced_motion="reduce"
    )
    tab = watched(await context.new_page(), address)
    await tab.open()
    await until(tab.page, CHARTS_ARE_THERE)
    return tab


async def test_each_component_of_the_library_is_shown_with_something_in_it(
    browser: Browser, address: str
) -> None:
    tab = await opened(browser, address)
    alone = set(library) - NOT_SHOWN - IN_THE_FORM - OVER_THE_PAGE.keys()

    for name in sorted(alone):
        await expect(tab.page.locator(f"#root-{name}-part")).not_to_be_empty(timeout=SOON)
    for selector in OVER_THE_PAGE.values():
        await expect(tab.page.locator(selector)).to_be_attached()
    assert tab.complaints == []
    assert tab.hosts == {address.removeprefix("http://")}
    await tab.page.context.close()


async def test_a_whale_of_the_sample_is_opened(browser: Browser, address: str) -> None:
    tab = await opened(browser, address)
    await tab.page.locator("#pending .row", has_text="150.00").click()

    await expect(tab.page.locator("#drawer .txid")).to_be_visible(timeout=SOON)
    await tab.page.context.close()


@pytest.mark.parametrize("light", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
async def test_axe_finds_nothing_serious_in_the_gallery(
    browser: Browser, address: str, axe: str, light: str, width: int
) -> None:
    tab = await opened(browser, address, light, width)

    assert await findings(tab.page, axe) == []
    assert await tab.page.evaluate("document.documentElement.scrollWidth") <= width
    await tab.page.context.close()
