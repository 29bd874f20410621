"""What the charts draw is what the appliance knows: the drawn values, read from each Bokeh figure."""

from typing import Any

import pytest
from playwright.async_api import Page

from app.core.classification import Flow
from tests.browser.conftest import CHARTS_ARE_THERE, IN_A_BROWSER, Tab, until
from tests.browser.sea import Sea, a_whale

pytestmark = IN_A_BROWSER
VALUES = """
Object.fromEntries(Object.entries(window.Bokeh.documents[0].get_model_by_name('{}').data)
  .map(([name, values]) => [name, [...values]]))
"""


async def drawn(page: Page, chart: str, source: str, column: str = "x") -> dict[str, list[Any]]:
    """The columns of a chart's source, once it has been drawn."""
    await until(page, CHARTS_ARE_THERE)
    await page.locator(f"[data-chart={chart}]").scroll_into_view_if_needed()
    values = VALUES.format(source)
    await until(page, f"({values}).{column}.length > 0")
    columns: dict[str, list[Any]] = await page.evaluate(f"({values})")
    return columns


async def test_each_whale_with_a_feerate_floats_in_the_queue_with_what_it_pays(tab: Tab, sea: Sea) -> None:
    whales = [a_whale(f"w{n}", 200 + 100 * n, sea.now, rate=rate) for n, rate in enumerate((18.4, 3.1, 1.25))]
    sea.appear(*whales)
    columns = await drawn(await tab.open(), "queue", "queue-whales")

    assert dict(zip(columns["id"], columns["fee"], strict=True)) == {
        one.prediction_id: fee for one, fee in zip(whales, ("18.4", "3.1", "1.25"), strict=True)
    }


async def test_a_bubble_stands_at_its_moment_and_feerate(tab: Tab, sea: Sea) -> None:
    whale = a_whale("one", 512.25, sea.now, rate=7.5)
    sea.appear(whale)
    columns = await drawn(await tab.open(), "bubbles", "bubbles-waiting")

    assert (columns["x"], columns["y"]) == ([round(whale.detected_at.timestamp() * 1000)], [7.5])


@pytest.mark.parametrize(("flow", "sign"), [(Flow.INFLOW, 1), (Flow.OUTFLOW, -1)])
async def test_what_waits_is_hatched_on_its_side_with_its_amount(
    tab: Tab, sea: Sea, flow: Flow, sign: int
) -> None:
    sea.appear(a_whale("one", 512.25, sea.now, flow=flow, source="Kraken", target="Kraken"))
    columns = await drawn(await tab.open(), "flow", "flow-bars-waiting", "top")

    assert columns["top"] == [pytest.approx(sign * 512.25)]


async def test_what_confirmed_is_a_solid_bar_and_part_of_the_net(tab: Tab, sea: Sea) -> None:
    whale = a_whale("one", 512.25, sea.now, flow=Flow.INFLOW, target="Kraken")
    sea.appear(whale)
    sea.block(whale)
    page = await tab.open()
    columns = await drawn(page, "flow", "flow-bars", "top")
    net = await drawn(page, "flow", "flow-net", "y")

    assert columns["top"] == [pytest.approx(512.25)]
    assert sum(net["y"]) == pytest.approx(512.25)


async def test_memory_is_drawn_against_its_limit_on_live(tab: Tab, sea: Sea) -> None:
    page = await tab.open()
    columns = await drawn(page, "rss", "rss-line")
    limit = await drawn(page, "rss", "rss-limit")

    assert columns["y"][-1] == pytest.approx(sea.snapshot.rss_mb, abs=0.1)
    assert set(limit["y"]) == {sea.snapshot.memory_limit_mb}


async def test_the_lag_is_drawn_on_system(tab: Tab, sea: Sea) -> None:
    columns = await drawn(await tab.open("/system"), "lag", "lag-line")

    assert columns["y"][-1] == pytest.approx(sea.snapshot.loop_lag_ms, abs=0.1)


async def test_the_fees_page_draws_what_whales_of_the_last_day_paid(tab: Tab, sea: Sea) -> None:
    whale = a_whale("one", 512.25, sea.now, rate=7.5)
    sea.appear(whale)
    sea.block(whale)
    page = await tab.open("/fees")
    columns = await drawn(page, "fees", "fees-paid", "rate")

    assert (columns["rate"], columns["btc"]) == ([7.5], [512.25])
    assert "paid at most 7.5 sat/vB" in await page.inner_text("#fees-words")


async def test_a_chart_is_saved_as_a_picture_and_its_table_as_csv(tab: Tab, sea: Sea) -> None:
    sea.appear(a_whale("one", 512.25, sea.now, rate=7.5))
    page = await tab.open()
    await drawn(page, "queue", "queue-whales")
    await page.locator("details:has(#queue-table) summary").click()
    saved = {}
    for kind in ("PNG", "CSV"):
        async with page.expect_download() as download:
            await page.get_by_role("button", name=f"Save queue as {kind}").click()
        file = await (await download.value).path()
        saved[kind] = file.read_bytes()

    assert saved["PNG"].startswith(b"\x89PNG")
    assert saved["CSV"].decode().startswith("Block,sat/vB,Transactions,Whales,BTC\r\nnext,")
    assert tab.complaints == []
