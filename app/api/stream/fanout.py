"""From the bus to all clients: each event is framed once, and the same bytes go to every connection.

One task serves everyone. Each reader has a place among the recent events. What its connection takes at once
costs no task, timer or future. Where it takes less, the rest waits in the connection's buffer and the reader
stands still until it is gone, then goes on from its place; one that fell out of the recent events reads the
store instead. One timer ends those that take nothing for too long.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog
from tornado.websocket import WebSocketClosedError

from app.api.stream.recent_events import RecentEvents
from app.bus import Bus
from app.clock import Clock
from app.core.events import Event
from app.errors import SpoutError, StoreError
from app.views import History

PAGE: Final = 500
"""Number of events that are read from the store together."""
CHUNK_BYTES: Final = 64 * 1024
"""A connection is given frames up to about this size at once."""
READERS_A_TURN: Final = 64
"""After so many the loop may do something else."""
_log = structlog.get_logger(__name__)


class SlowReaderError(SpoutError):
    """The client does not keep up, or takes nothing."""


class BrokenFanoutError(SpoutError):
    """The task that serves all clients ended by an error of ours."""


class Link(Protocol):
    """The connection of one client."""

    def send(self, frames: bytes) -> "asyncio.Future[None] | None":
        """Send without waiting; return None if all is gone, else what is done once the rest is.

        Raises:
            WebSocketClosedError: if the connection is closed.
        """
        ...

    def end_stream(self, error: SpoutError) -> None:
        """Close: SlowReaderError, StoreError, or BrokenFanoutError."""
        ...


@dataclass(eq=False, slots=True, kw_only=True)
class Reader:
    """One client that listens. `sequence`: of the last event that it had or did not want."""

    link: Link
    wants: Callable[[Event], bool]
    history: History
    sequence: int
    place: int = 0
    context: Context = field(default_factory=copy_context)
    """Of the client's request, for its log lines."""


async def is_ahead(history: History, after: int) -> bool:
    """Whether the client's sequence is beyond the store's: it belongs to a store that no longer exists."""
    return after > 0 and not await history.events_after(after - 1, 1)


class Fanout:
    """Serves readers from its creation until `close`; `frame` encodes one event."""

    def __init__(
        self,
        bus: Bus[Event],
        clock: Clock,
        frame: Callable[[Event], bytes],
        *,
        queue: int,
        stall_seconds: float,
    ) -> None:
        """`queue`: how many events a reader may be behind; `stall_seconds`: how long it may take nothing."""
        self._bus = bus
        self._clock = clock
        self._frame = frame
        self._queue = queue
        self._stall_seconds = stall_seconds
        self._recent = RecentEvents(queue)
        self._following: dict[Reader, None] = {}
        self._replays: dict[Reader, asyncio.Task[None]] = {}
        self._blocked: dict[Reader, float] = {}
        """Since when each waits for its connection, monotonic, in that order."""
        self._sweeping: asyncio.Task[None] | None = None
        bus.add(self._recent)
        self._spreading = asyncio.create_task(self._spread(), context=Context())
        self._spreading.add_done_callback(self._broken)

    def follow(self, reader: Reader) -> None:
        """Send what happens from now on."""
        reader.place = self._recent.head
        self._following[reader] = None

    def replay(self, reader: Reader) -> None:
        """Send what is stored after the reader's sequence, then what happens, without gap or duplicate."""
        self._begin_replay(reader, None)

    def leave(self, reader: Reader) -> None:
        self._following.pop(reader, None)
        self._blocked.pop(reader, None)
        if (replaying := self._replays.pop(reader, None)) is not None:
            replaying.cancel()

    def close(self) -> None:
        self._bus.forget(self._recent)
        for reader in (*self._following, *self._replays, *self._blocked):
            self.leave(reader)
        self._spreading.cancel()
        if self._sweeping is not None:
            self._sweeping.cancel()

    # Live.

    async def _spread(self) -> None:
        while await self._recent.bell.wait():
            self._recent.bell.clear()
            for count, reader in enumerate(tuple(self._following), start=1):
                self._advance(reader)
                if count % READERS_A_TURN == 0:
                    await asyncio.sleep(0)

    def _advance(self, reader: Reader) -> None:
        """Send what the reader has not had, as far as its connection takes it at once."""
        recent = self._recent
        while reader in self._following and reader.place < recent.head:
            if reader.place < recent.oldest:
                del self._following[reader]
                self._begin_replay(reader, recent.head + self._queue)
                return
            if not (frames := self._next_frames(reader)):
                return
            try:
                rest = reader.link.send(frames)
            except WebSocketClosedError:
                self.leave(reader)
                return
            if rest is not None:
                del self._following[reader]
                self._block(reader)
                rest.add_done_callback(lambda rest: self._unblock(reader, rest))

    def _next_frames(self, reader: Reader) -> bytes:
        """Move the reader on, and return the frames of what it wants of that."""
        frames: list[bytes] = []
        size = 0
        while reader.place < self._recent.head and size < CHUNK_BYTES:
            event = self._recent.at(reader.place)
            reader.place += 1
            reader.sequence = event.sequence
            if reader.wants(event):
                frames.append(self._frame(event))
                size += len(frames[-1])
        return frames[0] if len(frames) == 1 else b"".join(frames)

    # Readers whose connection takes nothing for now.

    def _block(self, reader: Reader) -> None:
        self._blocked[reader] = self._clock.monotonic()
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep(), context=Context())

    def _unblock(self, reader: Reader, rest: "asyncio.Future[None]") -> None:
        if self._blocked.pop(reader, None) is None or rest.cancelled() or rest.exception() is not None:
            return
        self._following[reader] = None
        self._advance(reader)

    async def _sweep(self) -> None:
        """End those that have waited for too long; ends with the last that waits."""
        while self._blocked:
            reader, since = next(iter(self._blocked.items()))
            left = since + self._stall_seconds - self._clock.monotonic()
            if left > 0:
                await self._clock.sleep(left)
            else:
                self._end(reader, SlowReaderError("the reader takes nothing"))

    def _end(self, reader: Reader, error: SpoutError) -> None:
        self.leave(reader)
        reader.context.copy().run(reader.link.end_stream, error)  # it may be active already

    def _broken(self, spreading: "asyncio.Task[None]") -> None:
        if spreading.cancelled():
            return
        error = BrokenFanoutError("the event stream ended by an error of its own")
        _log.error("event stream broken", exc_info=spreading.exception())
        for reader in (*self._following, *self._replays, *self._blocked):
            self._end(reader, error)

    # From the store.

    def _begin_replay(self, reader: Reader, latest: int | None) -> None:
        replaying = asyncio.create_task(self._replay(reader, latest), context=reader.context)
        self._replays[reader] = replaying

    async def _replay(self, reader: Reader, latest: int | None) -> None:
        """`latest`: beyond this place the reader is too slow."""
        try:
            await self._send_stored(reader)
        except (SlowReaderError, StoreError) as error:
            self._replays.pop(reader, None)
            self._end(reader, error)
            return
        except WebSocketClosedError:
            self._replays.pop(reader, None)
            self.leave(reader)
            return
        self._replays.pop(reader, None)
        if latest is not None and self._recent.head > latest:
            self._end(reader, SlowReaderError("the reader does not keep up with the events"))
            return
        self._following[reader] = None
        self._advance(reader)

    async def _send_stored(self, reader: Reader) -> None:
        """Send from the store until the recent events reach back far enough; sets the reader's place."""
        place: int | None = None
        while place is None:
            lost = self._recent.lost_up_to
            page = await reader.history.events_after(reader.sequence, PAGE)
            for frames in self._joined(reader, page):
                await self._send_all(reader, frames)
            if page:
                reader.sequence = page[-1].sequence
            else:
                # What was published is stored: whatever was lost before this read is not there.
                reader.sequence = max(reader.sequence, lost)
                place = self._recent.place_after(reader.sequence)
        reader.place = place

    def _joined(self, reader: Reader, events: tuple[Event, ...]) -> Iterator[bytes]:
        frames: list[bytes] = []
        size = 0
        for event in filter(reader.wants, events):
            frames.append(self._frame(event))
            size += len(frames[-1])
            if size >= CHUNK_BYTES:
                yield b"".join(frames)
                frames, size = [], 0
        if frames:
            yield b"".join(frames)

    async def _send_all(self, reader: Reader, frames: bytes) -> None:
        rest = reader.link.send(frames)
        if rest is None:
            await asyncio.sleep(0)  # framing a page would hold the loop for too long
            return
        self._block(reader)
        try:
            # Not awaited itself: cancelled with this task, it would be logged as an error by Tornado.
            await asyncio.wait({rest})
            if rest.cancelled() or rest.exception() is not None:
                raise WebSocketClosedError
        finally:
            self._blocked.pop(reader, None)
