"""Events to one client, in order: first what is stored, then what happens, with no gap and nothing twice."""

from collections.abc import AsyncGenerator, AsyncIterator

from app.bus import Bus
from app.core.events import Event
from app.errors import SpoutError
from app.views import History

_PAGE = 500


class SlowReaderError(SpoutError):
    """The reader does not keep up, even from the store."""


async def is_ahead(history: History, after: int) -> bool:
    """True if nothing so new is stored: the client knows a store that is no more."""
    return after > 0 and not await history.events_after(after - 1, 1)


async def tell(
    bus: Bus[Event], history: History, after: int | None, start: int, queue: int
) -> AsyncGenerator[Event]:
    """Yield events after `after`, or, where that is None, those that happen from now on.

    It listens before it reads, so what happens meanwhile waits in the queue, and what comes by both
    ways is known by its sequence. If the queue overflows, what it lost is read from the store
    (`start`: the last sequence when it began); if it overflows again meanwhile, the reader is too slow.

    Raises:
        SlowReaderError: then.
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
