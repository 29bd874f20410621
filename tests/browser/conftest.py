"""One browser for all tests of the pages; every page of a test is watched for errors and foreign hosts."""

import asyncio
import os
import shutil
import subprocess
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
ON_THE_LAN = "umbrel.local"
"""The pages by a name, over plain http: no secure context for a browser, whose calls stay on this machine."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--host-resolver-rules=MAP {ON_THE_LAN} 127.0.0.1",
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
    """Wait until `script`, an expression, is true; a document that has only begun has no element yet.

    Playwright's own waiting evaluates strings, which the policy forbids.
    """
    script = f"document.documentElement !== null && ({script})"
    async with asyncio.timeout(seconds):
        while True:
            try:
                if await page.evaluate(script):
                    return
            except Error as error:
                if "context was destroyed" not in error.message:
                    raise
            await asyncio.sleep(0.1)


CHARTS_ARE_THERE = "document.documentElement.dataset.session === 'yes'"
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


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_stays_open(browser: Browser) -> AsyncIterator[None]:
    """A page whose server is gone asks for it again for ever: fifty of them slow the whole suite down."""
    shared = set(browser.contexts)
    yield
    for context in browser.contexts:
        if context not in shared:
            await context.close()


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


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core from the npm registry, into a folder of its own; skipped where npm or the registry is not."""
    folder = tmp_path_factory.mktemp("axe")
    reason = "npm is not installed"
    if npm := shutil.which("npm"):
        done = subprocess.run(
            [npm, "install", "--no-save", "--no-audit", "--no-fund", "axe-core@4"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        reason = f"npm could not install axe-core: {done.stderr[-200:]}"
        if done.returncode == 0:
            return (folder / "node_modules/axe-core/axe.min.js").read_text()
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


async def findings(page: Page, axe: str) -> list[str]:
    await page.evaluate(axe)
    reported: dict[str, Any] = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['impact']} {one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in reported["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"][:3]
    ]
