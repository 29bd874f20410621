"""One browser for all tests of the pages; every page of a test is watched for errors and foreign hosts."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, async_playwright

from tests.browser.preview import served
from tests.browser.sea import Sea

DEBIANS = Path("/usr/bin/chromium")
CHROMIUM = DEBIANS if DEBIANS.exists() else None
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Debian's Chromium where it is, else Playwright's own."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Tab:
    """A page with what it complained of: errors, refused policies, and every host it asked."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    async def open(self, path: str = "/") -> Page:
        await self.page.goto(self.address + path)
        await self.ready()
        return self.page

    async def ready(self) -> None:
        await self.page.wait_for_selector("html[data-ready=yes]", timeout=30_000, state="attached")


def watched(page: Page, address: str) -> Tab:
    tab = Tab(page, address)
    page.on("pageerror", lambda error: tab.complaints.append(f"error: {error}"))
    page.on("console", lambda said: tab.complaints.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: tab.hosts.add(urlsplit(request.url.removeprefix("blob:")).netloc))
    page.on("websocket", lambda socket: tab.hosts.add(urlsplit(socket.url).netloc))
    return tab


async def until(page: Page, script: str, seconds: float = 40) -> None:
    """Wait until `script` is true. Playwright's own waiting evaluates strings, which the policy forbids."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                if await page.evaluate(script):
                    return
            except Error as error:
                if "context was destroyed" not in error.message:
                    raise
            await asyncio.sleep(0.1)


CHARTS_ARE_THERE = "Boolean(window.Bokeh?.documents?.[0]?.roots().length)"
IN_A_BROWSER = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    try:
        async with a_browser() as opened:
            yield opened
    except Error as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no browser: {error.message.splitlines()[0]}")


@pytest.fixture
def sea() -> Sea:
    return Sea()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(sea: Sea, browser: Browser) -> AsyncIterator[Tab]:
    """A tab at 1440x900 on a fresh server over `sea`; nothing is opened yet."""
    options: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"}
    async with served(sea) as (address, _):
        context = await browser.new_context(**options)
        yield watched(await context.new_page(), address)
        await context.close()
