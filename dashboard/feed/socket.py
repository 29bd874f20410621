"""The pages' own WebSocket, `/api/v1/live`: at most two messages a second, nothing to tabs that look away."""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from app.errors import SpoutError
from app.views import LiveSnapshot, Snapshot
from dashboard.feed.channel import FeedChannel
from dashboard.feed.page_state import PageState

PACE_SECONDS = 0.5
PULSE_SECONDS = 10.0
MOST_WAITING_BYTES = 4_000_000
"""What may wait unsent for one reader; beyond it the reader is too slow and is let go."""
LARGEST_QUESTION_BYTES = 4_096
GOING_AWAY = 1001
TOO_SLOW = 1013
NOT_UNDERSTOOD = 1007


class Feed:
    """Turns the changes of `live` into at most two messages a second for each page's channel."""

    def __init__(
        self,
        live: LiveSnapshot,
        renderers: Mapping[str, Callable[[Snapshot], PageState]],
        whale: Callable[[str], Awaitable[dict[str, Any] | None]],
    ) -> None:
        epoch = secrets.token_hex(8)
        self.channels = {page: FeedChannel(epoch, render) for page, render in renderers.items()}
        self.whale = whale
        self.sockets: set[WebSocketHandler] = set()
        self._live = live
        self._due: asyncio.TimerHandle | None = None
        self._next_at = 0.0
        self._pulse: asyncio.TimerHandle | None = None
        self._unwatch: Callable[[], None] | None = None

    def open(self) -> None:
        """Begin to listen; call it on the loop that serves."""
        self._unwatch = self._live.watch(lambda _: self.changed())
        self._pulsing()

    def close(self) -> None:
        """Stop, and say goodbye: a page that is told so comes back at once."""
        for timer in (self._due, self._pulse):
            if timer is not None:
                timer.cancel()
        if self._unwatch is not None:
            self._unwatch()
        for socket in tuple(self.sockets):
            socket.close(GOING_AWAY, "Spout is stopping; ask again in a moment")

    @property
    def snapshot(self) -> Snapshot:
        return self._live.snapshot

    @property
    def readers(self) -> int:
        return sum(channel.readers for channel in self.channels.values())

    def changed(self) -> None:
        """Something that the pages show is new; they are told with the next message."""
        if self._due is None and self.readers:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time(), self._next_at), self._show)

    def _show(self) -> None:
        self._due = None
        self._next_at = asyncio.get_running_loop().time() + PACE_SECONDS
        for channel in self.channels.values():
            channel.show(self._live.snapshot)

    def _pulsing(self) -> None:
        """Windows of time move on even when nothing happens; and a reader learns that the line lives."""
        self.changed()
        for channel in self.channels.values():
            channel.pulse()
        self._pulse = asyncio.get_running_loop().call_later(PULSE_SECONDS, self._pulsing)


class SameHostSocket(WebSocketHandler):
    """The least of doors: only pages of our own host may come in; the appliance puts its login here."""

    def check_origin(self, origin: str) -> bool:
        """The page's own host, whatever name the operator gave it: no list could name them all."""
        return urlsplit(origin).netloc.lower() == self.request.host.lower()


class LiveSocket(WebSocketHandler):
    """One open page, to be joined with a door (`behind`).

    It says `{"hello": page, "epoch", "seq"}`, `{"pause": true}` and `{"whale": id}`.
    """

    def initialize(self, feed: Feed) -> None:
        self._feed = feed
        self._channel: FeedChannel | None = None
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._questions: set[asyncio.Task[None]] = set()

    def get_compression_options(self) -> dict[str, Any] | None:
        return {"compression_level": 4, "mem_level": 5}

    def open(self, *_: str, **__: str) -> None:
        self.set_nodelay(True)
        self._feed.sockets.add(self)

    def on_message(self, message: str | bytes) -> None:
        asked = _question(message)
        if asked is None:
            self.close(NOT_UNDERSTOOD, "not understood")
        elif isinstance(page := asked.get("hello"), str) and page in self._feed.channels:
            self._leave()
            self._channel = self._feed.channels[page]
            self._channel.join(self, self._feed.snapshot, asked.get("epoch"), _number(asked.get("seq")))
        elif asked.get("pause"):
            self._leave()
        elif isinstance(whale := asked.get("whale"), str):
            task = asyncio.get_running_loop().create_task(self._answer(whale))
            self._questions.add(task)
            task.add_done_callback(self._questions.discard)

    def on_close(self) -> None:
        super().on_close()
        self._feed.sockets.discard(self)
        self._leave()
        for task in self._questions:
            task.cancel()

    def send(self, message: str) -> None:
        """Send without waiting; a reader that leaves too much unread is let go with a reason."""
        while self._waiting and self._waiting[0][0].done():
            self._waiting.popleft()
        if sum(size for _, size in self._waiting) > MOST_WAITING_BYTES:
            self._leave()
            self.close(TOO_SLOW, "too slow: come again for a fresh page state")
            return
        try:
            sent = asyncio.ensure_future(self.write_message(message))
        except WebSocketClosedError:
            self._leave()
            return
        sent.add_done_callback(_quietly)
        self._waiting.append((sent, len(message)))

    async def _answer(self, whale: str) -> None:
        try:
            found = await self._feed.whale(whale)
        except SpoutError as error:
            found = {"error": str(error)}
        self.send(json.dumps({"kind": "whale", "id": whale, "whale": found}))

    def _leave(self) -> None:
        if self._channel is not None:
            self._channel.leave(self)
            self._channel = None


def behind(door: type[WebSocketHandler]) -> type[WebSocketHandler]:
    """Return the feed's handler guarded by `door`: its `prepare`, `check_origin` and `on_close` apply."""
    return type("GuardedLiveSocket", (LiveSocket, door), {})


def _question(message: str | bytes) -> dict[str, Any] | None:
    if len(message) > LARGEST_QUESTION_BYTES:
        return None
    try:
        asked = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return asked if isinstance(asked, dict) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _quietly(sent: asyncio.Future[None]) -> None:
    """A reader that goes away in the middle of a message is no error; look at it, so that none is logged."""
    if not sent.cancelled() and not isinstance(
        sent.exception(), WebSocketClosedError | StreamClosedError | None
    ):
        raise sent.exception()  # type: ignore[misc]
