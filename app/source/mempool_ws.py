"""The mempool backend's WebSocket: connect, subscribe, hear, and come back whenever it breaks.

What is heard goes through `app.source.frames`; nothing is concluded here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from app.clock import Clock
from app.core.backoff import backoff_seconds
from app.core.models import SourceName
from app.core.observations import Observation, SourceConnected
from app.source.examined import Examined
from app.source.frames import FrameReader
from app.source.health import SourceHealth
from app.source.link import open_link

Tell = Callable[[Sequence[Observation]], Awaitable[None]]

LARGE_FRAME_BYTES = 256 * 1024
"""From here on a frame is read off the event loop, in pieces."""
PIECE = 250
"""Observations a piece; small, so that others have their turn."""
ASK_SECONDS = 3.0
"""Not a byte for so long: a sign of life is asked for. An idle backend answers it at once."""
DOUBT_SECONDS = 9.0
"""Not a byte for so long, though it was asked: it is said, and the link is left as it is; a busy backend
on a small computer may not answer for some seconds."""
SILENCE_SECONDS = 25.0
"""Then the far side is frozen, or the cable cut: the link is given up."""
PROBE_SECONDS = 2.0
FAILED_AFTER = 6
"""Attempts in a row after which it is said to have failed; it is tried on all the same."""
PROJECTED_BLOCKS = 8
SWEEP_SECONDS = 3.0
SUBSCRIPTION: tuple[dict[str, Any], ...] = (
    {"action": "init"},
    {"action": "want", "data": ["blocks", "stats", "mempool-blocks"]},
    {"track-mempool": True},
    {"track-mempool-block": 0},
)
"""What is said first on every link; a recording is made with the same."""
_log = structlog.get_logger(__name__)


class MempoolWebSocket:
    """Runs for ever; tells what it hears in batches, and its own state through `health`."""

    def __init__(
        self,
        url: str,
        *,
        tell: Tell,
        health: SourceHealth,
        examined: Examined,
        clock: Clock,
        jitter: Callable[[], float],
        ask_seconds: float = ASK_SECONDS,
        doubt_seconds: float = DOUBT_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """`url` is the backend's or the frontend's http address; `jitter` returns 0..1."""
        self._url = stream_address(url)
        parts = urlsplit(self._url)
        self._host, self._port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
        self._shown = f"{parts.scheme}://{self._host}:{self._port}"
        self._tell = tell
        self._health = health
        self._examined = examined
        self._clock = clock
        self._jitter = jitter
        self._ask_seconds = ask_seconds
        self._doubt_seconds = doubt_seconds
        self._silence_seconds = silence_seconds
        self._connected_before = False
        self._silent = 0.0
        self._doubted = False
        self._reading = False
        """Nothing is taken from the link meanwhile, so its silence is ours."""

    async def run(self) -> None:
        """Keep a link up until cancelled."""
        attempt = 0
        while True:
            try:
                async with open_link(self._url, self._alive) as link:
                    attempt = 0
                    self._health.connected()
                    await self._listen(link)
                reason = "the backend closed the link"
            except (OSError, WebSocketException, TimeoutError) as error:
                reason = str(error) or type(error).__name__
            attempt += 1
            self._lost(reason, attempt)
            await self._wait(backoff_seconds(attempt, self._jitter()))

    def _lost(self, reason: str, attempt: int) -> None:
        self._doubted = False
        _log.warning("mempool link lost", reason=reason, attempt=attempt)
        if attempt >= FAILED_AFTER:
            self._health.failed(f"{self._shown}: {reason}; tried {attempt} times, still trying")
        else:
            self._health.reconnecting(f"{self._shown}: {reason}")

    async def _listen(self, link: ClientConnection) -> None:
        reader, news = FrameReader(), asyncio.Event()
        self._reading = False
        self._alive()
        for message in SUBSCRIPTION:
            await _say(link, message)
        beside = [
            asyncio.create_task(self._sweep(link, reader, news)),
            asyncio.create_task(self._keep_alive(link)),
        ]
        try:
            async for raw in _frames(link):
                self._health.heard()
                self._reading = True
                await self._read(reader, raw)
                self._reading = False
                news.set()
                del raw  # it may be large, and the next one long in coming
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _read(self, reader: FrameReader, raw: bytes) -> None:
        told = self._examined.noting(reader.feed(raw))
        if len(raw) < LARGE_FRAME_BYTES:
            await self._tell(tuple(told))
            return
        loop = asyncio.get_running_loop()
        while piece := await loop.run_in_executor(None, lambda: tuple(islice(told, PIECE))):
            await self._tell(piece)

    async def _sweep(self, link: ClientConnection, reader: FrameReader, news: asyncio.Event) -> None:
        """Look into each projected block once: together they hold nearly all that waits, with its value."""
        again, self._connected_before = self._connected_before, True
        with contextlib.suppress(WebSocketException):
            for index in range(1, PROJECTED_BLOCKS):
                await _say(link, {"track-mempool-block": index})
                if not await self._told_of(index, reader, news):
                    break  # so many blocks are not waiting
            await _say(link, {"track-mempool-block": 0})
        await self._tell((SourceConnected(source=SourceName.MEMPOOL_WS, again=again),))

    async def _told_of(self, index: int, reader: FrameReader, news: asyncio.Event) -> bool:
        """Whether that block came; the backend is silent about one that does not exist."""
        try:
            async with asyncio.timeout(SWEEP_SECONDS):
                while reader.projected_index != index:
                    if reader.projected_count is not None and index >= reader.projected_count:
                        return False
                    news.clear()
                    await news.wait()
        except TimeoutError:
            return False
        return True

    async def _keep_alive(self, link: ClientConnection) -> None:
        """Ask for a sign of life in the backend's own words; cut a link on which nothing comes back."""
        turn, asked_at = self._ask_seconds / 4, 0.0
        while self._silent <= self._silence_seconds:
            began = self._clock.monotonic()
            await self._clock.sleep(turn)
            # if we slept ourselves (a suspended machine), that was not its silence
            self._silent += 0.0 if self._reading else min(self._clock.monotonic() - began, 2 * turn)
            asked_at = min(asked_at, self._silent)
            if self._silent - asked_at >= self._ask_seconds:
                asked_at = self._silent
                with contextlib.suppress(WebSocketException):
                    await _say(link, {"action": "ping"})
            if self._silent >= self._doubt_seconds and not self._doubted:
                self._doubted = True
                words = f"nothing comes, not even an answer, for {self._silent:.0f} s"
                self._health.reconnecting(f"{self._shown}: {words}")
        _log.warning("mempool link is silent", seconds=round(self._silent, 1))
        link.transport.abort()

    def _alive(self) -> None:
        self._silent = 0.0
        if self._doubted:
            self._doubted = False
            self._health.connected()

    async def _wait(self, seconds: float) -> None:
        """Sleep, but no longer than until the port answers: then something is there again."""
        until = self._clock.monotonic() + seconds
        while (rest := until - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(rest, PROBE_SECONDS))
            if until - self._clock.monotonic() > 0 and await self._port_answers():
                return

    async def _port_answers(self) -> bool:
        try:
            async with asyncio.timeout(2):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True


def stream_address(url: str) -> str:
    """The WebSocket's address, by the backend's or the frontend's http address."""
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/api/v1/ws"


async def _frames(link: ClientConnection) -> AsyncIterator[bytes]:
    """Text frames undecoded: a hundred megabytes need not be held twice."""
    while True:
        yield await link.recv(decode=False)


async def _say(link: ClientConnection, message: dict[str, Any]) -> None:
    await link.send(msgspec.json.encode(message).decode())
