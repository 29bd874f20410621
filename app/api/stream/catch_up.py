"""Events for one client, in order: first stored ones, then live ones, without gap or duplicate."""

from collections.abc import AsyncGenerator, AsyncIterator

from app.bus import Bus
from app.core.events import Event
from app.errors import SpoutError
from app.views import History

_PAGE = 500


class SlowReaderError(SpoutError):
    """The client does not keep up, not even with replay from the store."""


async def is_ahead(history: History, after: int) -> bool:
    """Whether the client's sequence is beyond the store's: it belongs to a store that no longer exists."""
    return after > 0 and not await history.events_after(after - 1, 1)


async def catch_up(
    bus: Bus[Event], history: History, after: int | None, start: int, queue: int
) -> AsyncGenerator[Event]:
    """Yield events after `after` or, if that is None, live events only.

    It subscribes before it reads the store, so live events wait in the queue, and duplicates are recognised
    by their sequence. If the queue overflows, the lost events are read from the store (`start`: the last
    sequence at the start); if it overflows again meanwhile, the reader is too slow.

    Raises:
        SlowReaderError: in that case.
    """
    with bus.subscribe(queue) as live:
        cursor = start if after is None else after
        if after is not None:
            seen = -1
            while live.dropped != seen:
                seen = live.dropped
                async for event in _stored(history, cursor):
                    cursor = event.sequence
                    yield event
        fresh = after is None
        seen = live.dropped
        async for event in live:
            if live.dropped != seen:
                seen, fresh = live.dropped, False
                async for missed in _stored(history, cursor):
                    cursor = missed.sequence
                    yield missed
                if live.dropped != seen:
                    raise SlowReaderError("the reader does not keep up with the events")
            if event.sequence <= cursor and not fresh:
                continue
            fresh = False
            cursor = event.sequence
            yield event


async def _stored(history: History, after: int) -> AsyncIterator[Event]:
    while page := await history.events_after(after, _PAGE):
        for event in page:
            yield event
        after = page[-1].sequence
