"""Debian's WebKit under a screen of its own, in place of Safari: its small browser, and its WebDriver.

The driver tells nothing of the console, and the small browser prints it only where nothing drives it: so a
page is opened twice, once to ask it, once to listen.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

DRIVER = "/usr/bin/WebKitWebDriver"
QUIET = {**os.environ, "LIBGL_ALWAYS_SOFTWARE": "1", "WEBKIT_DISABLE_COMPOSITING_MODE": "1"}
PANEL_IS_THERE = "[bokeh"
"""Bokeh says so of itself, the last thing that a page loads."""
SETTLES_SECONDS = 2.0
WATCH_SCRIPTS = """
window.failed = [];
addEventListener('error', (event) => window.failed.push(event.message));
addEventListener('unhandledrejection', (event) => window.failed.push(String(event.reason)));
"""


def small_browser() -> str:
    """Where Debian puts it, which names the processor.

    Raises:
        FileNotFoundError: if it is not there.
    """
    found = next(Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser"), None)
    if found is None:
        raise FileNotFoundError("MiniBrowser of webkit2gtk-4.1")
    return str(found)


class WebKit:
    """One tab, driven; the console is listened to in another one."""

    def __init__(self, driver: httpx.AsyncClient) -> None:
        self._driver = driver
        self._address = ""

    async def start(self) -> None:
        options = {"binary": small_browser(), "args": ["--automation"]}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        made = await self._driver.post("/session", json=wanted)
        made.raise_for_status()
        self._driver.base_url = self._driver.base_url.join(f"/session/{made.json()['value']['sessionId']}/")

    async def open(self, address: str) -> None:
        self._address = address
        await self._ask("url", url=address)
        await self._ask("execute/sync", script=WATCH_SCRIPTS, args=[])

    async def evaluate(self, expression: str) -> Any:
        return await self._ask("execute/sync", script=f"return ({expression})", args=[])

    async def errors(self) -> list[str]:
        """Of the page that is open: what it says where nothing drives it, and what failed here."""
        return [*await self.script_errors(), *await console_errors(self._address)]

    async def script_errors(self) -> list[str]:
        failed: list[str] = await self.evaluate("window.failed")
        return failed

    async def leave(self) -> None:
        await self.open("about:blank")

    async def close(self) -> None:
        await self._driver.delete("")

    async def _ask(self, what: str, **body: Any) -> Any:
        answer = await self._driver.post(what, json=body)
        value = answer.json()["value"]
        if answer.is_error:
            raise RuntimeError(f"{what}: {value['error']}: {value['message']}")
        return value


@asynccontextmanager
async def webkit() -> AsyncIterator[WebKit]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await _under_a_screen(DRIVER, f"--port={port}")
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=40, trust_env=False
        ) as driver:
            await _answers(driver)
            opened = WebKit(driver)
            await opened.start()
            yield opened
            await opened.close()
    finally:
        await _ended(process)


async def console_errors(address: str) -> list[str]:
    """Open the page with nothing that drives it, and return what it calls an error.

    Raises:
        TimeoutError: if Panel has not come after a minute.
    """
    process = await _under_a_screen(
        *("stdbuf", "-oL", small_browser(), "--enable-write-console-messages-to-stdout=true", address)
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(60):
            while not any(PANEL_IS_THERE in line for line in lines):
                lines.append((await process.stdout.readline()).decode(errors="replace").strip())
        try:
            async with asyncio.timeout(SETTLES_SECONDS):
                while line := await process.stdout.readline():
                    lines.append(line.decode(errors="replace").strip())
        except TimeoutError:
            pass
    finally:
        await _ended(process)
    return [line for line in lines if " CONSOLE " in line and "ERROR" in line]


async def _under_a_screen(*command: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *("xvfb-run", "--auto-servernum", "--server-args=-screen 0 1440x900x24", *command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=QUIET,
        start_new_session=True,
    )


async def _answers(driver: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await driver.get("/status")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


async def _ended(process: asyncio.subprocess.Process) -> None:
    """With the browser and the screen that it started."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await process.communicate()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
