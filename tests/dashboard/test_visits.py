"""The pages that look back and the gallery, each in a session, over a real store: what they say if asked."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from dashboard.gallery.serving import gallery_pages, serving
from dashboard.page import PageSources
from dashboard.pages.accuracy import NOT_READ, AccuracyPage
from tests.browser.lookback import looking_back
from tests.browser.quarter import a_quarter
from tests.browser.sea import Sea
from tests.dashboard.visit import visiting

pytestmark = pytest.mark.asyncio(loop_scope="module")
WHALES = 400


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address() -> AsyncIterator[str]:
    async with looking_back(a_quarter(datetime.now(UTC), whales=WHALES, days=30)) as shown:
        yield shown.address


async def test_the_window_that_is_chosen_is_the_one_that_accuracy_speaks_of(address: str) -> None:
    async with visiting(address, "/accuracy") as visit:
        await visit.choose("window", "30d")

        assert "in the last 30 days" in await visit.shows("forecasts that came due")


async def test_another_number_of_blocks_has_another_calibration(address: str) -> None:
    async with visiting(address, "/accuracy") as visit:
        await visit.choose("window", "30d")
        await visit.shows("in the next block")
        await visit.choose("horizon", "3")

        assert "within 3 blocks" in await visit.shows("Most often it said")


async def test_another_window_asks_the_misses_anew(address: str) -> None:
    async with visiting(address, "/accuracy") as visit:
        await visit.choose("window", "7d")
        await visit.shows("in the last 7 days")
        await visit.choose("window", "90d")

        assert await visit.until(lambda change: change if change.get("attr") == "asked_anew" else None)


async def test_the_misses_of_the_window_come_by_the_page(address: str) -> None:
    async with visiting(address, "/accuracy") as visit:
        await visit.choose("window", "30d")
        page = await visit.rows("missed", offset=0, limit=5)

        assert len(page["rows"]) == len(page["ids"]) == 5
        assert page["total"] > 5


async def test_what_cannot_be_read_accuracy_says() -> None:
    sea = Sea()
    page = AccuracyPage(PageSources(live=sea.live, history=sea.past))

    await page.show()

    assert page.sentence.text == NOT_READ


async def test_history_counts_all_that_is_kept(address: str) -> None:
    async with visiting(address, "/history") as visit:
        assert (await visit.shows("whales move")).startswith(f"{WHALES} whales")


async def test_a_filter_is_searched_for_and_goes_into_the_files_address(address: str) -> None:
    async with visiting(address, "/history") as visit:
        await visit.choose("filter-status", "dropped")

        assert await visit.shows("predictions.csv?") == "./api/v1/predictions.csv?status=dropped"


async def test_whales_come_sorted_by_the_column_that_is_asked_for(address: str) -> None:
    async with visiting(address, "/history") as visit:
        page = await visit.rows("whales", offset=0, limit=3, sort="moved_sat", down=True)
        moved = [float(row[0].removesuffix(" BTC").replace(",", "")) for row in page["rows"]]

        assert page["total"] == WHALES
        assert moved == sorted(moved, reverse=True)


async def test_days_that_are_brushed_stand_in_the_filters(address: str) -> None:
    day = datetime.now(UTC).replace(hour=12) - timedelta(days=3)  # a sliver at midnight is the next day's
    async with visiting(address, "/history") as visit:
        at = day.timestamp() * 1000
        await visit.event(
            "selectiongeometry",
            visit.named("days"),
            geometry={"type": "map", "entries": [["x0", at], ["x1", at]]},
            final=True,
        )

        assert (
            await visit.until(lambda change: change.get("attr") == "value" and change["new"])
            == f"{day:%Y-%m-%d}"
        )


async def test_an_amount_that_is_none_finds_nothing(address: str) -> None:
    async with visiting(address, "/history") as visit:
        await visit.choose("filter-min_btc_value", "much")

        assert (await visit.rows("whales", offset=0, limit=5))["total"] == 0


async def test_cleared_filters_let_everything_through(address: str) -> None:
    async with visiting(address, "/history") as visit:
        await visit.choose("filter-status", "dropped")
        await visit.shows("predictions.csv?")
        await visit.shows("whales move")
        await visit.press("clear", "Clear the filters")

        assert (await visit.shows("whales move")).startswith(f"{WHALES} whales")


async def test_fees_tells_what_whales_of_the_last_day_paid(address: str) -> None:
    async with visiting(address, "/fees") as visit:
        assert "half of them paid at most" in await visit.shows("confirmed;")


async def test_fees_tells_the_price_of_each_place(address: str) -> None:
    async with visiting(address, "/fees") as visit:
        page = await visit.rows("now-rows")

        assert [row[0] for row in page["rows"]] == ["the next block", "half an hour", "an hour", "at all"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gallery() -> AsyncIterator[str]:
    async with serving(gallery_pages()) as served:
        yield served


async def test_the_form_that_is_shown_refuses_what_is_wrong(gallery: str) -> None:
    async with visiting(gallery, "/") as visit:
        await visit.choose("form-name", "")
        await visit.press("form-buttons", "Save")

        assert await visit.shows("Not saved")


async def test_the_form_that_is_shown_keeps_what_is_right(gallery: str) -> None:
    async with visiting(gallery, "/") as visit:
        await visit.press("form-buttons", "Save")

        assert await visit.shows("Saved, for as long as this page is open")


async def test_what_is_said_in_passing_is_shown(gallery: str) -> None:
    async with visiting(gallery, "/") as visit:
        await visit.press("form-buttons", "Say something")

        assert await visit.shows("Said in passing")


async def test_numbers_come_backward_where_that_is_asked_for(gallery: str) -> None:
    async with visiting(gallery, "/") as visit:
        page = await visit.rows("PagedTable-part", offset=1, limit=2, down=True)

        assert page["rows"] == [["238", "56644", "seventh"], ["237", "56169", None]]
