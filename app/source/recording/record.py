"""Records a live backend: every frame of its WebSocket, and its REST replies, for `recording.play`."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from app.clock import Clock
from app.errors import UnreachableError
from app.settings import HttpUrl
from app.source.backend import (
    PROJECTED_BLOCKS,
    SUBSCRIPTION,
    RestAnswer,
    Transport,
    default_frame_mb,
    open_link,
    stream_address,
)
from app.source.recording.json_lines import JsonLines, as_json
from app.source.resilience import Delays, Reconnect, ReconnectCounts, in_words

LOOK_SECONDS = 1.0
"""Time per projected block, at the start of a connection."""
SILENCE_SECONDS = 30.0
_LOST = (OSError, WebSocketException, TimeoutError)
_log = structlog.get_logger(__name__)


class RecordListener(Protocol):
    """Receives what is recorded, as it is recorded."""

    async def opened(self) -> None: ...

    async def swept(self) -> None:
        """Called when every projected block was received once: the mempool is known."""
        ...

    async def received(self, frame: bytes) -> None: ...


class Recorder:
    """Records a backend with `run`; `moment` is the recording's second to which a reply belongs."""

    def __init__(
        self,
        url: HttpUrl,
        lines: JsonLines,
        clock: Clock,
        jitter: Callable[[], float],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take `tls`, the authorities trusted; None: the system's."""
        self._tls = tls
        self._url = url
        self._address = stream_address(url)
        self._most_frame_bytes = default_frame_mb() * 1024 * 1024
        self._lines = lines
        self._clock = clock
        self._jitter = jitter
        self.listener: RecordListener | None = None
        self._zero = clock.monotonic()
        self._opened_before = False
        self._sweeping = False
        self.moment = 0.0
        self.frames = 0
        self.bytes = 0

    async def run(self) -> None:
        """Record until cancelled; reconnects when the connection fails.

        Raises:
            UnreachableError: if the backend was never reached.
            RecordingError: if the file cannot be written.
        """
        delays = Delays(jitter=self._jitter)
        async for attempt in Reconnect(self._clock, ReconnectCounts(), delays, lost=_LOST):
            with attempt:
                async with open_link(
                    self._address,
                    most_bytes=self._most_frame_bytes,
                    pong_seconds=SILENCE_SECONDS,
                    tls=self._tls,
                ) as link:
                    attempt.connected()
                    await self._record(link)
            if (error := attempt.error) is not None:
                self._lost(in_words(error) or " ".join(str(error).split()) or type(error).__name__)

    def _lost(self, reason: str) -> None:
        if not self._opened_before:
            raise UnreachableError(f"{self._url.masked}: {reason}; check SPOUT_MEMPOOL_URL")
        _log.warning("link lost", reason=reason)
        self._note({"event": "close", "reason": reason})

    async def _record(self, link: ClientConnection) -> None:
        self._opened_before = self._sweeping = True
        self.moment = self._note({"event": "open", "url": stream_address(HttpUrl(self._url.masked))})
        if self.listener:
            await self.listener.opened()
        for message in SUBSCRIPTION:
            await self._say(link, message)
        sweep = asyncio.create_task(self._sweep(link))
        try:
            while True:
                await self._frame(await link.recv(decode=False))
        finally:
            sweep.cancel()
            await asyncio.gather(sweep, return_exceptions=True)

    async def _frame(self, raw: bytes) -> None:
        t = self._t()
        self._lines.write(("t", t), ("dir", "in"), ("frame", as_json(raw)))
        self._lines.flush_if_much()
        self.frames, self.bytes = self.frames + 1, self.bytes + len(raw)
        if not self._sweeping:
            self.moment = t
        if self.listener:
            await self.listener.received(raw)

    async def _sweep(self, link: ClientConnection) -> None:
        """Read each projected block once, as the live source does at its start; then follow the first."""
        with contextlib.suppress(WebSocketException):
            for index in (*range(1, PROJECTED_BLOCKS), 0):
                await self._clock.sleep(LOOK_SECONDS)
                await self._say(link, {"track-mempool-block": index})
            if self.listener:
                await self.listener.swept()
            self._sweeping = False

    async def _say(self, link: ClientConnection, message: dict[str, Any]) -> None:
        self._lines.write(("t", self._t()), ("dir", "out"), ("frame", message))
        await link.send(msgspec.json.encode(message).decode())

    def _note(self, reported: dict[str, str]) -> float:
        t = self._t()
        self._lines.write(("t", t), ("dir", "meta"), ("frame", reported))
        return t

    def _t(self) -> float:
        return round(self._clock.monotonic() - self._zero, 3)


class RecordingTransport:
    """Passes requests on and records each reply, or the failure (status 0).

    A reply is dated by the frame received last, or by the connection's start until the first frame: in a
    replay the request is made at that time.
    """

    def __init__(self, inner: Transport, lines: JsonLines, moment: Callable[[], float]) -> None:
        self._inner = inner
        self._lines = lines
        self._moment = moment

    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        """Raises UnreachableError as `inner` does."""
        t = self._moment()
        try:
            answer = await self._inner.request(method, path, payload)
        except UnreachableError:
            self._write(t, method, path, payload, 0, b"null")
            raise
        self._write(t, method, path, payload, answer.status, answer.body)
        return answer

    def _write(
        self, t: float, method: str, path: str, payload: bytes | None, status: int, body: bytes
    ) -> None:
        asked = [] if payload is None else [("method", method), ("request", msgspec.Raw(payload))]
        self._lines.write(("t", t), *asked, ("path", path), ("status", status), ("body", as_json(body)))
