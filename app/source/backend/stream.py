"""The mempool backend's WebSocket: connects, subscribes, emits what it receives, and reconnects.

Frames are decoded by `app.source.backend.frames`; no conclusions are drawn here.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from app.clock import Clock
from app.core.models import SourceName
from app.core.observations import Observation, SourceConnected, TransactionsSeen
from app.core.units import Sats, counted
from app.metrics import Metrics, frame_arrived
from app.source.backend.connection import has_another, is_too_large, open_link
from app.source.backend.frame_limit import MOST_MB
from app.source.backend.frames import FrameReader
from app.source.backend.gathering import GATHER_SECONDS, Gathering
from app.source.backend.progress import FrameProgress
from app.source.resilience import Delays, Reconnect, ReconnectAttempt, SeenTxids, SourceHealth, in_words

Emit = Callable[[Sequence[Observation]], Awaitable[None]]

LARGE_FRAME_BYTES = 256 * 1024
"""Frames of this size and more are decoded off the event loop, in pieces."""
TOGETHER_BYTES = LARGE_FRAME_BYTES
"""Smaller frames that came together are decoded together, up to this size."""
MOST_TOGETHER = 64
"""Frames: what each of them may report, and not its size alone, holds up what comes after it."""
PIECE = 250
"""Transactions per piece; small, so that other tasks can run in between."""
ASK_SECONDS = 3.0
"""Without a message for this long, a ping is sent. An idle backend answers at once."""
DOUBT_SECONDS = 9.0
"""Without a message, or progress of one, for this long after a ping, health reports it but the connection is
kept; a busy backend on a small computer may not answer for some seconds."""
SILENCE_SECONDS = 25.0
"""After this long the backend is taken for frozen or unreachable, and the connection is closed."""
PING_SECONDS = 2.0
ASK_ANEW_SECONDS = 10.0
"""How often at most the latest blocks are asked for after a lost frame."""
FAILED_AFTER = 6
"""Consecutive attempts after which the source is reported as failed; it keeps trying all the same."""
PROJECTED_BLOCKS = 8
SWEEP_SECONDS = 3.0
BEGIN: dict[str, Any] = {"action": "init"}
"""Answered with the latest blocks, among others; may be said again."""
SUBSCRIPTION: tuple[dict[str, Any], ...] = (
    BEGIN,
    {"action": "want", "data": ["blocks", "stats", "mempool-blocks"]},
    {"track-mempool": True},
    {"track-mempool-block": 0},
)
"""Messages sent first on every connection; recordings are made with the same."""
_log = structlog.get_logger(__name__)


class MempoolWebSocket:
    """Runs until cancelled; emits observations in batches, and its own state through `health`."""

    def __init__(
        self,
        url: str,
        *,
        emit: Emit,
        health: SourceHealth,
        seen_txids: SeenTxids,
        threshold: Callable[[], Sats],
        clock: Clock,
        jitter: Callable[[], float],
        metrics: Metrics | None = None,
        ask_seconds: float = ASK_SECONDS,
        doubt_seconds: float = DOUBT_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        most_frame_bytes: int = MOST_MB * 1024 * 1024,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take the backend's or the frontend's http address as `url`; `jitter` returns 0..1."""
        self._url = stream_address(url)
        parts = urlsplit(self._url)
        self._host, self._port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
        self._shown = f"{parts.scheme}://{self._host}:{self._port}"
        self._emit = emit
        self._health = health
        self._seen_txids = seen_txids
        self._threshold = threshold
        self._clock = clock
        self._jitter = jitter
        self._metrics = metrics or Metrics()
        self._ask_seconds = ask_seconds
        self._doubt_seconds = doubt_seconds
        self._silence_seconds = silence_seconds
        self._most_frame_bytes = most_frame_bytes
        self._progress = FrameProgress()
        self._gathering = Gathering()
        self._sweeping: int | None = None
        """The projected block being read, beyond the first."""
        self._sweep_to = PROJECTED_BLOCKS
        """Projected blocks from this index on exceed the frame limit and are not requested again."""
        self._tls = tls
        self._connected_before = False
        self._silent = 0.0
        self._doubted = False
        self._reading = False
        """Set while a frame is decoded: nothing is read from the connection, so its silence is our own."""

    async def run(self) -> None:
        """Keep a connection up until cancelled."""
        async for attempt in Reconnect(
            self._clock,
            self._health.reconnects,
            Delays(jitter=self._jitter),
            lost=(OSError, WebSocketException, TimeoutError),
            pause=self._wait,
        ):
            with attempt:
                async with open_link(
                    self._url, self._bytes_came, most_bytes=self._most_frame_bytes, tls=self._tls
                ) as link:
                    attempt.connected()
                    self._health.connected()
                    await self._listen(link)
            self._lost(self._why(attempt), attempt.failures)

    def _why(self, attempt: ReconnectAttempt) -> str:
        error = attempt.error
        if error is None:
            return "the backend closed the link"
        if is_too_large(error):
            attempt.futile = True
            return self._refused_frame()
        return in_words(error) or str(error) or type(error).__name__

    def _refused_frame(self) -> str:
        """Report a frame over the size limit; the next reconciliation reads its contents one by one."""
        if self._sweeping is not None:
            self._sweep_to = min(self._sweep_to, self._sweeping)
        most = self._most_frame_bytes // (1024 * 1024)
        words = (
            f"a frame of more than {most} MB was refused (SPOUT_MAX_FRAME_MB); its whales are read one by one"
        )
        self._health.note(words)
        return words

    def _lost(self, reason: str, attempt: int) -> None:
        self._doubted = False
        _log.warning("mempool link lost", reason=reason, attempt=attempt)
        if attempt >= FAILED_AFTER:
            self._health.failed(f"{self._shown}: {reason}; tried {counted(attempt, 'time')}, still trying")
        else:
            self._health.reconnecting(f"{self._shown}: {reason}")

    async def _listen(self, link: ClientConnection) -> None:
        reader, news, to_sweep = FrameReader(self._threshold), asyncio.Event(), asyncio.Event()
        ask_anew_at = self._clock.monotonic()
        self._reading = False
        self._progress.whole()
        self._alive()
        for message in SUBSCRIPTION:
            await _say(link, message)
        beside = [
            asyncio.create_task(self._keep_sweeping(link, reader, news, to_sweep)),
            asyncio.create_task(self._keep_alive(link)),
        ]
        try:
            async for raws in self._frames(link):
                self._progress.whole()
                self._alive()
                self._reading = True
                await self._read(reader, raws)
                self._reading = False
                news.set()
                if reader.moved:
                    self._health.moved()
                if reader.lost and self._clock.monotonic() >= ask_anew_at:
                    reader.lost, ask_anew_at = False, self._clock.monotonic() + ASK_ANEW_SECONDS
                    await _say(link, BEGIN)
                if reader.untold and reader.projected_count != 0:
                    reader.untold = False
                    to_sweep.set()
                del raws  # they may be large, and the next one may be long in coming
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _read(self, reader: FrameReader, raws: Sequence[bytes]) -> None:
        reported = self._seen_txids.noting(
            reader.feed(raws[0]) if len(raws) == 1 else reader.feed_together(raws)
        )
        began = self._clock.monotonic()
        if len(raws) > 1 or len(raws[0]) < LARGE_FRAME_BYTES:
            small = await self._taken(reported)
            self._metrics.decoded(self._clock.monotonic() - began)
            await self._emit(small)
            return
        spent = 0.0
        while piece := await self._taken(reported, at_least=PIECE):
            spent += self._clock.monotonic() - began
            await self._emit(piece)
            began = self._clock.monotonic()
        self._metrics.decoded(spent)

    async def _taken(
        self, reported: Iterator[Observation], at_least: int | None = None
    ) -> Sequence[Observation]:
        """Take all observations; with `at_least`, those of so many transactions, off the event loop."""
        taken: list[Observation] = []
        try:
            if at_least is None:
                taken.extend(reported)
            else:
                await asyncio.get_running_loop().run_in_executor(None, _take, reported, taken, at_least)
        except Exception:
            await self._emit(taken)  # they are noted as read: nobody would ask for them again
            raise
        return taken

    async def _keep_sweeping(
        self, link: ClientConnection, reader: FrameReader, news: asyncio.Event, due: asyncio.Event
    ) -> None:
        """Sweep at the start, and whenever the mempool holds transactions that the backend did not send."""
        again, self._connected_before = self._connected_before, True
        await self._sweep(link, reader, news)
        await self._emit((SourceConnected(source=SourceName.MEMPOOL_WS, again=again),))
        while True:
            await due.wait()
            due.clear()
            await self._sweep(link, reader, news)

    async def _sweep(self, link: ClientConnection, reader: FrameReader, news: asyncio.Event) -> None:
        """Read each projected block once: together they hold nearly the whole mempool, with values."""
        with contextlib.suppress(WebSocketException):
            for index in range(1, self._sweep_to):
                self._sweeping = index
                reader.projected_index = None
                await _say(link, {"track-mempool-block": index})
                if not await self._reported(index, reader, news):
                    break  # there are fewer projected blocks
            self._sweeping = None
            reader.projected_index = None
            await _say(link, {"track-mempool-block": 0})

    async def _reported(self, index: int, reader: FrameReader, news: asyncio.Event) -> bool:
        """Whether that block was received; the backend sends nothing for one that does not exist."""
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
        """Send pings in the backend's own protocol; close a connection on which nothing comes back."""
        turn, asked_at = self._ask_seconds / 4, 0.0
        while self._silent <= self._silence_seconds and not self._progress.is_endless:
            began = self._clock.monotonic()
            await self._clock.sleep(turn)
            # if we were suspended ourselves, that was not the backend's silence
            waited = 0.0 if self._reading else min(self._clock.monotonic() - began, 2 * turn)
            self._silent += waited
            self._progress.waited(waited)
            asked_at = min(asked_at, self._silent)
            if self._silent - asked_at >= self._ask_seconds:
                asked_at = self._silent
                with contextlib.suppress(WebSocketException):
                    await _say(link, {"action": "ping"})
            if self._silent >= self._doubt_seconds and not self._doubted:
                self._doubted = True
                words = f"nothing comes, not even an answer, for {self._silent:.0f} s"
                self._health.reconnecting(f"{self._shown}: {words}")
        endless = self._progress.is_endless
        _log.warning("mempool link is silent", seconds=round(self._silent, 1), message_without_end=endless)
        link.transport.abort()

    async def _frames(self, link: ClientConnection) -> AsyncIterator[Sequence[bytes]]:
        """Yield text frames, of small ones all that came together, a large one alone.

        They are undecoded: a hundred megabytes need not be held twice.
        """
        kept: bytes | None = None
        while True:
            raw = await link.recv(decode=False) if kept is None else kept
            arrived = self._clock.monotonic()
            if kept is None and self._gathering.is_due(arrived):
                await self._clock.sleep(GATHER_SECONDS)
                self._gathering.done()
            frame_arrived.set(arrived)
            raws, size, kept = [raw], len(raw), None
            while has_another(link) and kept is None and size < TOGETHER_BYTES and len(raws) < MOST_TOGETHER:
                following = await link.recv(decode=False)
                self._gathering.joined(arrived)
                if size + len(following) >= TOGETHER_BYTES:
                    kept = following
                else:
                    raws.append(following)
                    size += len(following)
            del raw
            yield raws
            del raws  # while the next one is waited for

    def _bytes_came(self, count: int) -> None:
        self._gathering.came(count)
        if self._progress.came(count):
            self._alive()

    def _alive(self) -> None:
        self._silent = 0.0
        if self._doubted:
            self._doubted = False
            self._health.connected()

    async def _wait(self, seconds: float) -> None:
        """Sleep, but only until the port accepts connections again."""
        until = self._clock.monotonic() + seconds
        while (rest := until - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(rest, PING_SECONDS))
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
    """Return the WebSocket's address for the backend's or the frontend's http address."""
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/api/v1/ws"


def _take(reported: Iterator[Observation], taken: list[Observation], at_least: int) -> None:
    """Append the next observations, of so many transactions or little more."""
    size = 0
    for observation in reported:
        taken.append(observation)
        size += len(observation.batch.txids) if isinstance(observation, TransactionsSeen) else 1
        if size >= at_least:
            break


async def _say(link: ClientConnection, message: dict[str, Any]) -> None:
    await link.send(msgspec.json.encode(message).decode())
