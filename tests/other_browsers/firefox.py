"""Debian's Firefox, driven by WebDriver BiDi over its own socket: there is no geckodriver in Debian."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
WATCH_POLICY = """() => {
  window.refused = [];
  addEventListener('securitypolicyviolation', (event) => window.refused.push(event.violatedDirective));
}"""


class Firefox:
    """One tab. `complaints`: what its console called an error, those of scripts marked so."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self._tab = ""
        self.complaints: list[str] = []

    async def start(self) -> None:
        await self._call("session.new", capabilities={})
        await self._call("session.subscribe", events=["log.entryAdded"])
        await self._call("script.addPreloadScript", functionDeclaration=WATCH_POLICY)
        self._tab = (await self._call("browsingContext.create", type="tab"))["context"]

    async def open(self, address: str) -> None:
        self.complaints.clear()
        await self._call("browsingContext.navigate", context=self._tab, url=address, wait="complete")

    async def evaluate(self, expression: str) -> Any:
        """What it is, as JSON carries it."""
        answer = await self._call(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self._tab},
            awaitPromise=False,
        )
        if answer["type"] != "success":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"].get("value", "null"))

    async def errors(self) -> list[str]:
        """Of the page that is open: its console's errors, and what the policy refused."""
        refused = await self.evaluate("window.refused")
        return [*self.complaints, *(f"refused by the policy: {one}" for one in refused)]

    async def script_errors(self) -> list[str]:
        """The same without a line or an address that did not answer."""
        return [one for one in await self.errors() if "ws://" not in one and "http://" not in one]

    async def leave(self) -> None:
        await self.open("about:blank")

    async def close(self) -> None:
        await self._call("browser.close")

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            reply = json.loads(await self._socket.recv())
            if reply.get("id") == self._number:
                if reply["type"] == "error":
                    raise RuntimeError(f"{method}: {reply['message']}")
                result: dict[str, Any] = reply["result"]
                return result
            if reply.get("method") == "log.entryAdded" and reply["params"]["level"] == "error":
                self.complaints.append(f"{reply['params']['type']}: {reply['params']['text']}")


@asynccontextmanager
async def firefox(profile: Path) -> AsyncIterator[Firefox]:
    """Started without a window, with a profile of its own; ended with it."""
    process = await asyncio.create_subprocess_exec(
        *("firefox-esr", "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HOME": str(profile)},
    )
    try:
        async with asyncio.timeout(60):
            address = await _address(process)
        async with connect(f"{address}/session", max_size=None) as socket:
            opened = Firefox(socket)
            await opened.start()
            yield opened
            await opened.close()
        async with asyncio.timeout(20):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = ""
    while line := (await process.stderr.readline()).decode(errors="replace"):
        said += line
        if found := LISTENING.search(line):
            return found[1]
    raise RuntimeError(f"Firefox did not start: {said[-500:]}")
