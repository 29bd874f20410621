"""What each chart of Live and System draws is what the API answers at the same moment, over a real store."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from app.core.prediction import Status
from tests.browser.conftest import CHARTS_ARE_THERE, IN_A_BROWSER, until, watched
from tests.browser.lookback import Lookback, looking_back
from tests.browser.scenes import harbour
from tests.browser.sea import COIN, Sea

pytestmark = [*IN_A_BROWSER, pytest.mark.timeout(180)]
VALUES = "JSON.stringify(window.Bokeh.documents[0].get_model_by_name('{}').data)"
DRAWN = "Object.values(window.Bokeh.documents[0].get_model_by_name('{}').data)[0].length > 0"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown() -> AsyncIterator[Lookback]:
    sea = Sea()
    harbour(sea)
    sea.show(ended=tuple(one for one in sea.snapshot.ended if one.status is Status.CONFIRMED)[:60])
    whales = [*sea.snapshot.pending, *sea.snapshot.ended]
    async with looking_back(whales) as lookback:
        lookback.sea.live.show(sea.snapshot)
        yield lookback


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pages(shown: Lookback, browser: Browser) -> AsyncIterator[dict[str, Page]]:
    """Live over seven days, so that all that is stored is in its flow; and System."""
    context = await browser.new_context(viewport={"width": 1440, "height": 2_400})
    opened = {}
    for path in ("/?window=7d", "/system"):
        page = await watched(await context.new_page(), shown.address).open(path)
        await until(page, CHARTS_ARE_THERE)
        opened[path.partition("?")[0]] = page
    yield opened
    await context.close()


async def drawn(page: Page, source: str) -> dict[str, list[Any]]:
    await page.bring_to_front()  # what is hidden is not drawn
    await until(page, DRAWN.format(source))
    return dict(json.loads(await page.evaluate(VALUES.format(source))))


async def answered(shown: Lookback, path: str) -> Any:
    async with httpx.AsyncClient(base_url=shown.address, trust_env=False, timeout=30.0) as http:
        return (await http.get(path)).raise_for_status().json()


async def whales(shown: Lookback, status: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await answered(shown, f"/api/v1/predictions?status={status}&limit=500"))[
        "predictions"
    ]
    return found


async def metric(shown: Lookback, name: str) -> float:
    async with httpx.AsyncClient(base_url=shown.address, trust_env=False, timeout=30.0) as http:
        text = (await http.get("/metrics")).raise_for_status().text
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[1])


def millis(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def moved(whale: dict[str, Any], flow: str) -> float:
    split = whale["split_sat"] or {whale["flow_type"]: whale["moved_sat"]}
    return float(split.get(flow, 0)) / COIN


async def test_the_queue_holds_the_feerates_of_the_api(shown: Lookback, pages: dict[str, Page]) -> None:
    columns = await drawn(pages["/"], "queue-whales")
    waiting = {one["prediction_id"]: one["effective_fee_rate"] for one in await whales(shown, "pending")}

    assert set(columns["id"]) == {key for key, rate in waiting.items() if rate is not None}
    for key, said in zip(columns["id"], columns["fee"], strict=True):
        assert float(said) == pytest.approx(waiting[key], rel=0.01)


@pytest.mark.parametrize(
    ("source", "status"), [("bubbles-waiting", "pending"), ("bubbles-done", "confirmed")]
)
async def test_the_bubbles_stand_where_the_api_says(
    shown: Lookback, pages: dict[str, Page], source: str, status: str
) -> None:
    columns = await drawn(pages["/"], source)
    known = {one["prediction_id"]: one for one in await whales(shown, status)}

    for key, x, y in zip(columns["id"], columns["x"], columns["y"], strict=True):
        assert x == pytest.approx(
            millis(known[key]["detected_at"]), rel=0, abs=1
        )  # the API cuts, the page rounds
        assert y == round(known[key]["effective_fee_rate"], 2)


@pytest.mark.parametrize(("source", "status"), [("flow-bars-waiting", "pending"), ("flow-bars", "confirmed")])
async def test_the_flow_moves_what_the_api_says(
    shown: Lookback, pages: dict[str, Page], source: str, status: str
) -> None:
    columns = await drawn(pages["/"], source)
    tall = [abs(top - bottom) for top, bottom in zip(columns["top"], columns["bottom"], strict=True)]
    up = sum(one for one, top in zip(tall, columns["top"], strict=True) if top > 0)
    known = await whales(shown, status)

    assert up == pytest.approx(sum(moved(one, "inflow") for one in known))
    assert sum(tall) - up == pytest.approx(sum(moved(one, "outflow") for one in known))


async def test_the_net_is_what_confirmed_in_less_what_confirmed_out(
    shown: Lookback, pages: dict[str, Page]
) -> None:
    columns = await drawn(pages["/"], "flow-net")
    known = await whales(shown, "confirmed")

    assert sum(columns["y"]) == pytest.approx(
        sum(moved(one, "inflow") - moved(one, "outflow") for one in known)
    )


async def test_what_is_neither_is_drawn_below(shown: Lookback, pages: dict[str, Page]) -> None:
    columns = await drawn(pages["/"], "other-bars")
    tall = sum(top - bottom for top, bottom in zip(columns["top"], columns["bottom"], strict=True))
    known = await whales(shown, "confirmed")

    others = ("inter_exchange", "internal", "unknown")
    assert tall == pytest.approx(sum(moved(one, flow) for one in known for flow in others))


@pytest.mark.parametrize("path", ["/", "/system"])
async def test_memory_and_its_limit_are_the_metrics(
    shown: Lookback, pages: dict[str, Page], path: str
) -> None:
    line = await drawn(pages[path], "rss-line")
    limit = await drawn(pages[path], "rss-limit")

    assert line["y"][-1] == pytest.approx(await metric(shown, "spout_rss_megabytes"), abs=0.1)
    assert set(limit["y"]) == {await metric(shown, "spout_memory_limit_megabytes")}


async def test_the_lag_is_the_metric(shown: Lookback, pages: dict[str, Page]) -> None:
    line = await drawn(pages["/system"], "lag-line")

    assert line["y"][-1] == pytest.approx(await metric(shown, "spout_loop_lag_milliseconds"), abs=0.1)
