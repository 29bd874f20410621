"""Replay and live events meet at the worst moments: while the store is being read."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from app.api.stream.catch_up import SlowReaderError, catch_up, is_ahead
from app.bus import Bus
from app.core.events import Event
from tests.api.builders import an_event
from tests.api.fakes import ListHistory

_ASKED: "dict[int, asyncio.Future[Event]]" = {}


class BusyHistory(ListHistory):
    """Each read happens while the world goes on: `bursts` says how many events come with each."""

    def __init__(self, bus: Bus[Event], stored: int, bursts: list[int]) -> None:
        super().__init__(events=[an_event(number) for number in range(1, stored + 1)])
        self._bus = bus
        self.bursts = bursts

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        for _ in range(self.bursts.pop(0) if self.bursts else 0):
            self.happen()
        return await super().events_after(sequence, limit)

    def happen(self) -> None:
        event = an_event(len(self.events) + 1)
        self.events.append(event)
        self._bus.publish(event)


async def received(bus: Bus[Event], history: BusyHistory, after: int | None, queue: int) -> list[int]:
    """The sequences of all that comes until nothing more comes by itself, and of one more event then."""
    sequences: list[int] = []
    events = catch_up(bus, history, after, len(history.events), queue)
    for last in (False, True):
        if last:
            history.happen()
        while (event := await at_once(events)) is not None:
            sequences.append(event.sequence)
    _ASKED.pop(id(events)).cancel()
    await asyncio.sleep(0)
    await events.aclose()
    return sequences


async def at_once(events: AsyncGenerator[Event]) -> Event | None:
    """The next event, or None if the loop runs dry before one comes."""
    asked = _ASKED.pop(id(events), None) or asyncio.ensure_future(anext(events))
    for _ in range(50):
        if asked.done():
            return asked.result()
        await asyncio.sleep(0)
    _ASKED[id(events)] = asked
    return None


async def test_what_happens_during_the_replay_is_told_once() -> None:
    bus = Bus[Event]()
    history = BusyHistory(bus, stored=10, bursts=[5, 3])

    assert await received(bus, history, 0, queue=100) == list(range(1, 20))


async def test_what_the_queue_lost_during_the_replay_is_told_from_the_store() -> None:
    bus = Bus[Event]()
    # The first round of reading ends before the second burst overflows the queue.
    history = BusyHistory(bus, stored=10, bursts=[30, 0, 30])

    assert await received(bus, history, 0, queue=5) == list(range(1, 72))


async def test_a_burst_during_the_last_read_is_not_lost() -> None:
    bus = Bus[Event]()

    class LateHistory(BusyHistory):
        """More happens after the store has answered "nothing more"."""

        async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
            page = await super().events_after(sequence, limit)
            if not page and len(self.events) < 40:
                for _ in range(30):
                    self.happen()
            return page

    history = LateHistory(bus, stored=10, bursts=[])

    assert await received(bus, history, 0, queue=5) == list(range(1, 42))


async def test_without_after_nothing_old_is_told() -> None:
    bus = Bus[Event]()
    history = BusyHistory(bus, stored=10, bursts=[])
    events = catch_up(bus, history, None, 10, 100)
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    history.happen()

    assert (await first).sequence == 11
    await events.aclose()


async def test_a_burst_before_the_first_event_is_told_once() -> None:
    bus = Bus[Event]()
    history = BusyHistory(bus, stored=10, bursts=[])
    events = catch_up(bus, history, None, 10, 3)
    assert await at_once(events) is None
    for _ in range(5):
        history.happen()

    reported = [await at_once(events) for _ in range(6)]

    assert [event and event.sequence for event in reported] == [11, 12, 13, 14, 15, None]


async def test_who_falls_behind_while_catching_up_is_too_slow() -> None:
    bus = Bus[Event]()
    history = BusyHistory(bus, stored=0, bursts=[])
    events = catch_up(bus, history, None, 0, 3)
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    history.happen()
    await first
    for _ in range(10):
        history.happen()
    history.bursts = [10]

    with pytest.raises(SlowReaderError):
        async for _ in events:
            pass


async def test_who_stops_listening_leaves_the_bus() -> None:
    bus = Bus[Event]()
    history = BusyHistory(bus, stored=3, bursts=[])
    events = catch_up(bus, history, 0, 3, 100)
    await anext(events)
    await events.aclose()

    assert bus.readers == 0


async def test_a_sequence_nobody_gave_yet_is_ahead() -> None:
    history = ListHistory(events=[an_event(1), an_event(2)])

    assert [await is_ahead(history, after) for after in (0, 1, 2, 3)] == [False, False, False, True]
