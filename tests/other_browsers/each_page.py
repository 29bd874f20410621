"""Every page in Firefox and in WebKit: `make test-browsers`; each starts its own, so not among `make test`.

Nothing is skipped: without one of the browsers the tests fail, and say what to install.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.preview import served
from tests.browser.scenes import harbour
from tests.browser.sea import Sea, a_whale
from tests.browser.session_page import TRIAL
from tests.other_browsers.firefox import Firefox, firefox
from tests.other_browsers.webkit import WebKit, webkit

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
Tab = Firefox | WebKit
DRAWN = (
    "document.documentElement.dataset.ready === 'yes' && document.documentElement.dataset.session === 'yes'"
)
LOST = "!document.getElementById('line-lost').hidden"
SHOWS = "document.querySelector('#pending').textContent.includes('{}')"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["firefox", "webkit"])
async def tab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    profile: Path = tmp_path_factory.mktemp("profile")
    async with firefox(profile) if request.param == "firefox" else webkit() as opened:
        yield opened


async def until(tab: Tab, expression: str, seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not await tab.evaluate(expression):  # noqa: ASYNC110 - another process has no event for it
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("path", [page.path for page in TRIAL])
async def test_a_page_is_drawn_and_its_console_has_no_error(tab: Tab, path: str) -> None:
    sea = Sea()
    harbour(sea)
    async with served(sea, pages=TRIAL) as (address, _):
        await tab.open(address + path)
        await until(tab, DRAWN)

        assert await tab.errors() == []
        await tab.leave()


async def test_a_page_goes_on_after_a_restart_of_the_program_without_a_reload(tab: Tab) -> None:
    async with AsyncExitStack() as first:
        address, _ = await first.enter_async_context(served(Sea()))
        port = int(address.rsplit(":", 1)[1])
        await tab.open(address)
        await until(tab, DRAWN)
        await tab.evaluate("(window.sameVisit = true)")
    await until(tab, LOST)
    sea = Sea()
    sea.appear(a_whale("after", 777.77, sea.now))
    async with served(sea, port):
        await until(tab, SHOWS.format("777.77"))
        await until(tab, f"!({LOST})")

        assert await tab.evaluate("window.sameVisit === true")
        assert await tab.script_errors() == []
        await tab.leave()
