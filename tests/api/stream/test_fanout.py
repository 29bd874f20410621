"""What each client is sent, where replay and live events meet at the worst moments, and who is too slow."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from tornado.websocket import WebSocketClosedError

from app.api.stream.fanout import Fanout, Reader, SlowReaderError, is_ahead
from app.api.stream.frames import event_text
from app.bus import Bus
from app.core.events import Event
from app.errors import SpoutError, StoreError
from tests.api.builders import an_event
from tests.api.fakes import ListHistory
from tests.fakes import FakeClock

STALL_SECONDS = 10.0


class BusyHistory(ListHistory):
    """Each read happens while the world goes on: `bursts` says how many events come with each."""

    def __init__(self, bus: Bus[Event], stored: int = 0, bursts: tuple[int, ...] = ()) -> None:
        super().__init__(events=[an_event(number) for number in range(1, stored + 1)])
        self._bus = bus
        self.bursts = list(bursts)
        self.broken = False

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        if self.broken:
            raise StoreError("the disk is gone")
        self.happen(self.bursts.pop(0) if self.bursts else 0)
        return await super().events_after(sequence, limit)

    def happen(self, count: int = 1) -> None:
        for _ in range(count):
            event = an_event(len(self.events) + 1)
            self.events.append(event)
            self._bus.publish(event)


@dataclass
class AClient:
    """A client's connection that takes everything, or nothing while it is `full`."""

    full: bool = False
    closed: bool = False
    sent: list[int] = field(default_factory=list)
    ended: list[SpoutError] = field(default_factory=list)
    rest: "asyncio.Future[None] | None" = None
    calls: int = 0

    def send(self, frames: bytes) -> "asyncio.Future[None] | None":
        if self.closed:
            raise WebSocketClosedError
        self.calls += 1
        self.sent += [json.loads(line)["sequence"] for line in frames.decode().splitlines()]
        self.rest = asyncio.get_running_loop().create_future() if self.full else None
        return self.rest

    def take(self) -> None:
        self.full = False
        assert self.rest is not None
        self.rest.set_result(None)

    def end_stream(self, error: SpoutError) -> None:
        self.ended.append(error)


@dataclass
class Stage:
    bus: Bus[Event]
    clock: FakeClock
    fanout: Fanout
    history: BusyHistory

    def reader(
        self, link: AClient, after: int = 0, wants: Callable[[Event], bool] = lambda _: True
    ) -> Reader:
        return Reader(link=link, wants=wants, history=self.history, sequence=after)

    def follow(self, link: AClient, **more: Callable[[Event], bool]) -> Reader:
        reader = self.reader(link, self.history.events[-1].sequence if self.history.events else 0, **more)
        self.fanout.follow(reader)
        return reader

    def replay(self, link: AClient, after: int) -> Reader:
        reader = self.reader(link, after)
        self.fanout.replay(reader)
        return reader


OpenStage = Callable[..., Stage]


@pytest.fixture
async def open_stage() -> AsyncIterator[OpenStage]:
    stages: list[Stage] = []

    def build(queue: int = 100, stored: int = 0, bursts: tuple[int, ...] = ()) -> Stage:
        bus, clock = Bus[Event](), FakeClock()
        fanout = Fanout(
            bus,
            clock,
            lambda event: event_text(event).encode() + b"\n",
            queue=queue,
            stall_seconds=STALL_SECONDS,
        )
        stages.append(Stage(bus, clock, fanout, BusyHistory(bus, stored, bursts)))
        return stages[-1]

    yield build
    for stage in stages:
        stage.fanout.close()


async def calm() -> None:
    """Until the loop runs dry."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_without_a_replay_nothing_old_is_sent(open_stage: OpenStage) -> None:
    stage, link = open_stage(stored=10), AClient()
    stage.follow(link)
    stage.history.happen()
    await calm()

    assert link.sent == [11]


@pytest.mark.parametrize(
    ("queue", "bursts", "last"),
    [(100, (5, 3), 19), (5, (30,), 41)],
    ids=["all of it is kept", "what was lost is read from the store"],
)
async def test_what_happens_during_the_replay_is_sent_once(
    open_stage: OpenStage, queue: int, bursts: tuple[int, ...], last: int
) -> None:
    stage, link = open_stage(queue=queue, stored=10, bursts=bursts), AClient()
    stage.replay(link, 0)
    await calm()
    stage.history.happen()
    await calm()

    assert link.sent == list(range(1, last + 1))


async def test_a_burst_after_the_last_read_is_not_lost(open_stage: OpenStage) -> None:
    stage, link = open_stage(queue=5, stored=10), AClient()

    class LateHistory(BusyHistory):
        """More happens after the store has answered "nothing more"."""

        async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
            page = await super().events_after(sequence, limit)
            if not page and len(self.events) < 40:
                self.happen(30)
            return page

    stage.history = LateHistory(stage.bus, stored=10)
    stage.replay(link, 0)
    await calm()

    assert link.sent == list(range(1, 41))


async def test_a_burst_beyond_what_is_kept_is_sent_from_the_store(open_stage: OpenStage) -> None:
    stage, link = open_stage(queue=3, stored=10), AClient()
    stage.follow(link)
    stage.history.happen(7)
    await calm()

    assert link.sent == list(range(11, 18))


async def test_who_falls_behind_while_catching_up_is_too_slow(open_stage: OpenStage) -> None:
    stage, link = open_stage(queue=3, bursts=(10,)), AClient()
    stage.follow(link)
    stage.history.happen(10)
    await calm()

    assert [type(error) for error in link.ended] == [SlowReaderError]


async def test_every_client_is_sent_the_event(open_stage: OpenStage) -> None:
    stage, links = open_stage(), [AClient() for _ in range(200)]
    for link in links:
        stage.follow(link)
    stage.history.happen(1)
    await calm()

    assert [link.sent for link in links] == [[1]] * 200


async def test_what_comes_together_is_sent_together(open_stage: OpenStage) -> None:
    stage, link = open_stage(), AClient()
    stage.follow(link)
    stage.history.happen(9)
    await calm()

    assert (link.calls, link.sent) == (1, list(range(1, 10)))


async def test_a_client_is_sent_only_what_it_wants(open_stage: OpenStage) -> None:
    stage, link = open_stage(), AClient()
    stage.follow(link, wants=lambda event: event.sequence % 2 == 0)
    stage.history.happen(4)
    await calm()

    assert link.sent == [2, 4]


async def test_who_takes_nothing_for_now_goes_on_where_it_was(open_stage: OpenStage) -> None:
    stage, link = open_stage(), AClient(full=True)
    stage.follow(link)
    for _ in range(3):
        stage.history.happen()
        await calm()
    waited = list(link.sent)
    link.take()
    await calm()

    assert (waited, link.sent) == ([1], [1, 2, 3])


async def test_who_takes_nothing_makes_nobody_wait(open_stage: OpenStage) -> None:
    stage, full, quick = open_stage(), AClient(full=True), AClient()
    stage.follow(full)
    stage.follow(quick)
    for _ in range(3):
        stage.history.happen()
        await calm()

    assert quick.sent == [1, 2, 3]


async def test_who_takes_nothing_for_too_long_is_too_slow(open_stage: OpenStage) -> None:
    stage, link = open_stage(), AClient(full=True)
    stage.follow(link)
    stage.history.happen()
    await calm()
    await stage.clock.advance(STALL_SECONDS - 1)
    before = len(link.ended)
    await stage.clock.advance(1)

    assert (before, [type(error) for error in link.ended]) == (0, [SlowReaderError])


async def test_who_took_it_in_time_is_not_too_slow_for_the_next(open_stage: OpenStage) -> None:
    stage, link = open_stage(), AClient(full=True)
    stage.follow(link)
    stage.history.happen()
    await calm()
    await stage.clock.advance(STALL_SECONDS - 1)
    link.take()
    link.full = True
    stage.history.happen()
    await calm()
    await stage.clock.advance(STALL_SECONDS - 1)

    assert link.ended == []


async def test_who_takes_nothing_of_a_replay_is_too_slow(open_stage: OpenStage) -> None:
    stage, link = open_stage(stored=5), AClient(full=True)
    stage.replay(link, 0)
    await calm()
    await stage.clock.advance(STALL_SECONDS)

    assert [type(error) for error in link.ended] == [SlowReaderError]


async def test_nobody_who_reads_has_a_timer(open_stage: OpenStage) -> None:
    stage, link = open_stage(stored=5), AClient()
    stage.replay(link, 0)
    stage.history.happen(3)
    await calm()

    assert stage.clock.sleepers == []


async def test_a_store_that_cannot_be_read_ends_the_stream(open_stage: OpenStage) -> None:
    stage, link = open_stage(stored=5), AClient()
    stage.history.broken = True
    stage.replay(link, 0)
    await calm()

    assert [type(error) for error in link.ended] == [StoreError]


async def test_who_is_gone_is_sent_nothing(open_stage: OpenStage) -> None:
    stage, link = open_stage(), AClient()
    stage.fanout.leave(stage.follow(link))
    stage.history.happen()
    await calm()

    assert link.sent == []


async def test_a_connection_that_closes_ends_nobody_elses_stream(open_stage: OpenStage) -> None:
    stage, closed, open_ = open_stage(), AClient(closed=True), AClient()
    stage.follow(closed)
    stage.follow(open_)
    stage.history.happen()
    await calm()

    assert open_.sent == [1]


async def test_a_closed_fanout_leaves_the_bus(open_stage: OpenStage) -> None:
    stage = open_stage()
    stage.fanout.close()

    assert stage.bus.readers == 0


async def test_a_fault_of_ours_ends_every_stream_with_a_reason(open_stage: OpenStage) -> None:
    stage, links = open_stage(), [AClient(), AClient()]

    def wants(_: Event) -> bool:
        raise ArithmeticError

    for link in links:
        stage.follow(link, wants=wants)
    stage.history.happen()
    await calm()

    assert [len(link.ended) for link in links] == [1, 1]


async def test_a_sequence_nobody_gave_yet_is_ahead() -> None:
    history = ListHistory(events=[an_event(1), an_event(2)])

    assert [await is_ahead(history, after) for after in (0, 1, 2, 3)] == [False, False, False, True]
