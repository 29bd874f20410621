"""The backend's port: its WebSocket on any path, its REST, its limits and its faults."""

import asyncio
import json
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Self

from tests.backend.faults import Faults
from tests.backend.protocol import (
    CLOSE,
    PING,
    PONG,
    Request,
    Socket,
    TooBigError,
    close_payload,
    read_request,
    response,
)
from tests.backend.stories import RecordingStory, WorldStory
from tests.backend.subscriptions import MAX_TRACKED, Client
from tests.backend.world import World

Json = dict[str, Any]
HTML = "text/html; charset=utf-8"
_MESSAGES, _WINDOW_SECONDS, _MESSAGE_BYTES, _UNSENT_BYTES = 100, 10.0, 50_000, 10_000_000
FRONTEND_IDLE_SECONDS = 60.0
_WHOLE = re.compile(rb"(?<=\d)\.0(?=[,\]}])")


class Backend(Faults):
    """One mempool backend on a port of loopback; use it as `async with Backend(world) as backend`.

    `strict`: the limits of 3.4. `frontend`: `/api/…` is `/api/v1/…` too, only the proxied paths upgrade, and
    a socket on which nothing was sent for `idle_seconds` is cut. `messages` are what clients sent, in order.
    """

    def __init__(
        self,
        story: World | WorldStory | RecordingStory | None = None,
        *,
        strict: bool = False,
        frontend: bool = False,
        idle_seconds: float = FRONTEND_IDLE_SECONDS,
        port: int = 0,
    ) -> None:
        super().__init__(port)
        self.story = WorldStory(story or World()) if isinstance(story, World | None) else story
        self.strict, self.frontend, self.idle_seconds = strict, frontend, idle_seconds
        self.messages: list[Any] = []
        self.requests: list[str] = []
        self.connections = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        if isinstance(self.story, WorldStory):
            self.world.push = self.push

    @property
    def played(self) -> WorldStory:
        """Return the hand-driven story.

        Raises:
            TypeError: if a recording is played.
        """
        if not isinstance(self.story, WorldStory):
            raise TypeError("a recording plays: there is no world to drive")
        return self.story

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.listen()
        if isinstance(self.story, RecordingStory):
            self._spawn(self.story.play(self.push, self._gone))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        self._awake.set()
        tasks = [*self._tasks, *([self._down] if self._down else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def push(self, frame: Json) -> None:
        """Give every client its part of a full frame."""
        if not self._awake.is_set():
            return
        encoded: dict[tuple[str, ...], bytes] = {}
        for client in list(self.clients):
            part = client.subscriptions.cut(frame)
            if not part and frame:
                continue
            key = (*part, str(client.subscriptions.index))
            if key not in encoded:
                encoded[key] = encode(part)
            self._send(client, encoded[key])

    def push_to_all(self, frames: Sequence[Any]) -> None:
        """Send whole frames to everybody, whatever they subscribed to."""
        for frame in frames:
            self.send_raw(json.dumps(frame))

    def _send(self, client: Client, payload: bytes) -> None:
        if self.strict and client.socket.queued_bytes > _UNSENT_BYTES:
            client.socket.cut()
            return
        client.socket.send(payload)
        self._watch_idle(client)

    def _watch_idle(self, client: Client) -> None:
        if not self.frontend:
            return
        if client.idle is not None:
            client.idle.cancel()
        client.idle = asyncio.get_running_loop().call_later(self.idle_seconds, client.socket.cut)

    async def _gone(self, away: bool) -> None:  # noqa: FBT001  (a recording's callback)
        await (self.refuse() if away else self.listen())

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (request := await read_request(reader)) is not None:
                await self._awake.wait()
                if request.upgrades and self._upgrades_at(request.path):
                    await self._websocket(
                        request, Socket(reader, writer, _MESSAGE_BYTES if self.strict else None)
                    )
                    return
                writer.write(await self._rest(request))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    def _upgrades_at(self, path: str) -> bool:
        return not self.frontend or path.startswith(("/api/v1/ws", "/ws"))

    async def _rest(self, request: Request) -> bytes:
        self.requests.append(f"{request.method} {request.path}")
        await asyncio.sleep(self.slow_seconds)
        path = request.path
        if self.frontend and path.startswith("/api/") and not path.startswith("/api/v1/"):
            path = "/api/v1/" + path.removeprefix("/api/")
        for pattern, override in self.overrides.items():
            if fnmatchcase(path, pattern):
                return response(override[0], override[1], override[2])
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            return response(400, HTML, b"<!DOCTYPE html>\n<pre>Bad Request</pre>\n")
        found = self.story.answer(request.method, path, body) if path.startswith("/api/v1/") else None
        if found is None:
            return response(
                404, HTML, f"<!DOCTYPE html>\n<pre>Cannot {request.method} {path}</pre>\n".encode()
            )
        status, content_type, reported = found
        raw = str(reported).encode() if content_type.startswith("text/") else encode(reported)
        return response(status, content_type, raw)

    async def _websocket(self, request: Request, socket: Socket) -> None:
        await socket.accept(request)
        client = Client(socket)
        self.clients.append(client)
        self.connections += 1
        self._watch_idle(client)
        pump = asyncio.get_running_loop().create_task(socket.pump())
        try:
            async for opcode, payload in socket.messages():
                await self._awake.wait()
                if not self._take(client, opcode, payload):
                    break
        except TooBigError:
            socket.send(close_payload(1009, "Max payload size exceeded"), CLOSE)
        finally:
            self.clients.remove(client)
            if client.idle is not None:
                client.idle.cancel()
            socket.close()
            await asyncio.wait([pump], timeout=5)
            pump.cancel()

    def _take(self, client: Client, opcode: int, payload: bytes) -> bool:
        """Follow one message; False ends the connection."""
        if opcode == PING:
            client.socket.send(payload, PONG)
        if opcode == CLOSE:
            client.socket.send(payload[:2], CLOSE)
            return False
        if opcode >= CLOSE:
            return True
        if self.strict and self._too_many(client):
            client.socket.send(b"", CLOSE)
            return False
        try:
            message = json.loads(payload)
        except ValueError:
            message = None
        self.messages.append(message)
        if message is None and self.strict:
            client.socket.send(b"", CLOSE)
            return False
        return not isinstance(message, dict) or self._follow(client, message)

    def _follow(self, client: Client, message: Json) -> bool:
        if isinstance(self.story, RecordingStory) and message.get("action") != "ping":
            self.story.started.set()
        tracked = message.get("track-txs")
        if self.strict and isinstance(tracked, list) and len(tracked) > MAX_TRACKED:
            client.socket.send(json.dumps({"track-txs-error": "too many txids"}).encode())
            client.socket.send(b"", CLOSE)
            return False
        for answer in client.subscriptions.take(message, self.story):
            self._send(client, encode(answer))
        return True

    def _too_many(self, client: Client) -> bool:
        now = asyncio.get_running_loop().time()
        client.moments = [*(m for m in client.moments if m > now - _WINDOW_SECONDS), now]
        return len(client.moments) > _MESSAGES


def encode(body: Any) -> bytes:
    """Return compact JSON as JavaScript writes it: `10`, never `10.0`."""
    return _WHOLE.sub(b"", json.dumps(body, separators=(",", ":")).encode())
