"""What is saved and copied of charts and tables; over plain http from elsewhere nothing can be copied."""

import csv
import io

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import CHARTS_ARE_THERE, IN_A_BROWSER, ON_THE_LAN, Tab, until, watched
from tests.browser.preview import served
from tests.browser.sea import Sea, a_whale

pytestmark = IN_A_BROWSER
SOON = 10_000


async def saved(page: Page, button: str) -> bytes:
    async with page.expect_download() as download:
        await page.get_by_role("button", name=button, exact=True).click()
    return (await (await download.value).path()).read_bytes()


def table_of(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode())))


def by_name(address: str) -> str:
    """The same pages as another machine of the house asks for them."""
    return address.replace("127.0.0.1", ON_THE_LAN)


async def test_the_waiting_whales_are_saved_as_csv_with_every_figure_in_full(tab: Tab, sea: Sea) -> None:
    whale = a_whale("one", 512.25, sea.now, rate=7.5, target="=HYPERLINK(1)")
    sea.appear(whale)
    head, row = table_of(await saved(await tab.open(), "Save pending-whales as CSV"))
    cells = dict(zip(head, row, strict=True))

    assert (cells["Transaction"], cells["Moved BTC"], cells["sat/vB"]) == (whale.txid, "512.25000000", "7.5")
    assert cells["To"] == "'=HYPERLINK(1)"


async def test_what_the_filters_hide_is_not_saved(tab: Tab, sea: Sea) -> None:
    sea.appear(a_whale("one", 512.25, sea.now), a_whale("two", 133, sea.now))
    page = await tab.open("/?min=500")
    rows = table_of(await saved(page, "Save pending-whales as CSV"))

    assert [row[rows[0].index("Moved BTC")] for row in rows[1:]] == ["512.25000000"]


async def test_a_table_is_copied_on_this_machine(browser: Browser, sea: Sea) -> None:
    sea.appear(a_whale("one", 512.25, sea.now))
    async with served(sea) as (address, _):
        context = await browser.new_context()
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        tab = watched(await context.new_page(), address)
        page = await tab.open()
        button = page.get_by_role("button", name="Copy pending-whales as CSV")
        await button.click()
        await expect(button).to_have_text("copied", timeout=SOON)

        assert "512.25000000" in await page.evaluate("navigator.clipboard.readText()")
        await context.close()


async def test_over_plain_http_from_another_machine_all_is_saved_as_files(browser: Browser, sea: Sea) -> None:
    sea.appear(a_whale("one", 512.25, sea.now, rate=7.5))
    async with served(sea) as (address, _):
        tab = watched(await browser.new_page(), by_name(address))
        page = await tab.open()
        await until(page, CHARTS_ARE_THERE)
        await page.locator("details:has(#queue-table) summary").click()
        image = await saved(page, "Save queue as PNG")
        table = await saved(page, "Save queue as CSV")
        secure = await page.evaluate("isSecureContext")

        assert secure is False
        assert image.startswith(b"\x89PNG")
        assert table.startswith(b"Block,sat/vB")
        assert await page.get_by_role("button", name="Copy").count() == 0
        assert tab.complaints == []
        await page.close()


@pytest.mark.parametrize("path", ["/", "/system"])
async def test_every_chart_offers_both(tab: Tab, path: str) -> None:
    page = await tab.open(path)
    charts = await page.locator(".chart").count()

    assert charts > 0
    assert await page.locator("button[aria-label^=Save][aria-label$='as PNG']").count() == charts


@pytest.mark.parametrize("path", ["/", "/fees", "/system"])
async def test_no_two_files_of_a_page_have_one_name(tab: Tab, path: str) -> None:
    page = await tab.open(path)
    await until(page, CHARTS_ARE_THERE)
    await expect(page.locator("button[aria-label^=Save]").first).to_be_attached(timeout=SOON)
    buttons = await page.locator("button[aria-label^=Save]").all()
    names = [await one.get_attribute("aria-label") for one in buttons]

    assert len(names) == len(set(names))
