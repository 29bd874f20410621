"""A plain client for the stand-in's own tests."""

import asyncio
import json
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect

Json = dict[str, Any]
EVERYTHING = (
    {"action": "init"},
    {"action": "want", "data": ["blocks", "mempool-blocks", "stats", "live-2h-chart"]},
    {"track-mempool": True},
    {"track-mempool-txids": True},
    {"track-rbf": "all"},
    {"track-rbf-summary": True},
    {"track-mempool-block": 0},
)
_PATIENCE_SECONDS = 5.0


class PlainClient:
    """`async with PlainClient(url) as client:`; it subscribes to nothing by itself."""

    def __init__(self, url: str, path: str = "/api/v1/ws") -> None:
        self._address, self._url = url.replace("http", "ws", 1) + path, url
        self.socket: ClientConnection
        self.rest: httpx.AsyncClient

    async def __aenter__(self) -> Self:
        self.socket = await connect(self._address, max_size=None, ping_interval=None, max_queue=None)
        self.rest = httpx.AsyncClient(base_url=f"{self._url}/api/v1/", timeout=_PATIENCE_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.rest.aclose()
        await self.socket.close()

    async def say(self, *messages: Any) -> None:
        for message in messages:
            await self.socket.send(message if isinstance(message, str) else json.dumps(message))

    async def frame(self) -> Json:
        """Return the next frame.

        Raises:
            TimeoutError: if none comes within 5 s.
        """
        raw = await asyncio.wait_for(self.socket.recv(), _PATIENCE_SECONDS)
        reported: Json = json.loads(raw)
        return reported

    async def follow(self) -> None:
        """Subscribe to the mempool's transactions and the blocks, and wait until that is in force."""
        await self.say({"action": "want", "data": ["blocks"]}, {"track-mempool": True}, {"action": "ping"})
        while "pong" not in await self.frame():
            pass

    async def delta(self) -> Json:
        """Return the next `mempool-transactions`, with its `block` beside it where it has one."""
        while True:
            frame = await self.frame()
            if "mempool-transactions" in frame:
                reported: Json = {**frame["mempool-transactions"], "block": frame.get("block")}
                return reported

    async def get(self, path: str) -> tuple[int, Any]:
        answer = await self.rest.get(path)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.status_code, answer.json() if is_json else answer.text

    async def status(self, txid: str) -> Any:
        """Return `tx/:txid/status`, or the status code where it is no 200."""
        code, body = await self.get(f"tx/{txid}/status")
        return body if code == httpx.codes.OK else code
