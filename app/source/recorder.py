"""Records a live backend: every frame of its WebSocket, and what it answers, for `app.source.recording`."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.clock import Clock
from app.core.backoff import backoff_seconds
from app.errors import UnreachableError
from app.setting_types import HttpUrl
from app.source.json_lines import JsonLines, as_json
from app.source.mempool_ws import PROJECTED_BLOCKS, SUBSCRIPTION, stream_address
from app.source.transport import RestAnswer, Transport

LOOK_SECONDS = 1.0
"""At each projected block, at the start of a link."""
SILENCE_SECONDS = 30.0
_LOST = (OSError, WebSocketException, TimeoutError)
_log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Hears what is recorded, as it is recorded."""

    async def opened(self) -> None: ...

    async def swept(self) -> None:
        """Every projected block was shown once: what waits is known."""
        ...

    async def heard(self, frame: bytes) -> None: ...


class Recorder:
    """Use `run`; `moment` is the second that an answer got now belongs to."""

    def __init__(
        self,
        url: HttpUrl,
        lines: JsonLines,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._url = url
        self._lines = lines
        self._clock = clock
        self._jitter = jitter
        self.listener: Listener | None = None
        self._zero = clock.monotonic()
        self._opened_before = False
        self._sweeping = False
        self.moment = 0.0
        self.frames = 0
        self.bytes = 0

    async def run(self) -> None:
        """Record until cancelled, and come back whenever the link breaks.

        Raises:
            UnreachableError: if the backend was never reached at all.
            RecordingError: if the file cannot be written.
        """
        attempt = 0
        while True:
            try:
                async with self._connect() as link:
                    attempt = 0
                    await self._record(link)
            except _LOST as error:
                attempt += 1
                self._lost(" ".join(str(error).split()) or type(error).__name__)
            await self._clock.sleep(backoff_seconds(attempt, self._jitter()))

    def _connect(self) -> connect:
        return connect(
            stream_address(self._url),
            max_size=None,
            compression=None,
            open_timeout=10,
            close_timeout=1,
            ping_interval=20,
            ping_timeout=SILENCE_SECONDS,
            max_queue=64,
            proxy=None,
        )

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
            await self.listener.heard(raw)

    async def _sweep(self, link: ClientConnection) -> None:
        """Look into each projected block once, as a start does; then follow the first."""
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

    def _note(self, told: dict[str, str]) -> float:
        t = self._t()
        self._lines.write(("t", t), ("dir", "meta"), ("frame", told))
        return t

    def _t(self) -> float:
        return round(self._clock.monotonic() - self._zero, 3)


class RecordingTransport:
    """Hands requests on and writes down what came back, or that nothing did (status 0).

    An answer is dated with the moment of the frame that was heard last, or of the link's opening while
    that begins: in a replay the question is asked at that moment.
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
