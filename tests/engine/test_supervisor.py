"""Parts that fall are started again; the others go on."""

import asyncio

from app.engine.supervisor import SHOWN_FOR, STEADY_SECONDS, Supervisor
from tests.fakes import LeapingClock


class Part:
    """Falls so many times, then returns; `lasts` seconds each time by the clock."""

    def __init__(self, clock: LeapingClock, falls: int, lasts: float = 0.0) -> None:
        self._clock = clock
        self._falls = falls
        self._lasts = lasts
        self.starts = 0
        self.done = asyncio.Event()

    async def run(self) -> None:
        self.starts += 1
        self._clock.advance(self._lasts)
        if self.starts <= self._falls:
            raise RuntimeError("fell")
        self.done.set()


async def run_to_its_end(part: Part, clock: LeapingClock) -> Supervisor:
    supervisor = Supervisor(clock, lambda: 0.0)
    supervisor.start("part", part.run)
    await part.done.wait()
    await supervisor.stop()
    return supervisor


async def test_a_part_that_falls_is_started_again() -> None:
    clock = LeapingClock()
    part = Part(clock, falls=2)
    await run_to_its_end(part, clock)

    assert part.starts == 3


async def test_waits_between_two_falls_double() -> None:
    clock = LeapingClock()
    await run_to_its_end(Part(clock, falls=4), clock)

    assert clock.slept == [1, 2, 4, 8]


async def test_no_wait_is_longer_than_a_minute() -> None:
    clock = LeapingClock()
    await run_to_its_end(Part(clock, falls=9), clock)

    assert max(clock.slept) == 60


async def test_one_that_ran_long_begins_to_count_anew() -> None:
    clock = LeapingClock()
    await run_to_its_end(Part(clock, falls=4, lasts=STEADY_SECONDS + 1), clock)

    assert clock.slept == [1, 1, 1, 1]


async def test_falls_are_counted_by_part() -> None:
    clock = LeapingClock()
    supervisor = await run_to_its_end(Part(clock, falls=3), clock)

    assert supervisor.failures == {"part": 3}


async def test_one_that_returns_is_done() -> None:
    clock = LeapingClock()
    part = Part(clock, falls=0)
    supervisor = await run_to_its_end(part, clock)

    assert (part.starts, supervisor.failures) == (1, {})


async def test_another_part_goes_on_while_one_falls() -> None:
    clock = LeapingClock()
    falling, steady = Part(clock, falls=3), Part(clock, falls=0)
    supervisor = Supervisor(clock, lambda: 0.0)
    supervisor.start("falling", falling.run)
    supervisor.start("steady", steady.run)
    await steady.done.wait()
    await falling.done.wait()
    await supervisor.stop()

    assert (falling.starts, steady.starts) == (4, 1)


async def test_a_group_of_errors_is_a_fall_too() -> None:
    clock = LeapingClock()
    part = Part(clock, falls=1)

    async def grouped() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(part.run())

    supervisor = Supervisor(clock, lambda: 0.0)
    supervisor.start("part", grouped)
    await part.done.wait()
    await supervisor.stop()

    assert supervisor.failures == {"part": 1}


async def test_to_stop_ends_what_runs_for_ever_last_started_first() -> None:
    ended: list[str] = []

    async def for_ever(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    supervisor = Supervisor(LeapingClock(), lambda: 0.0)
    supervisor.start("first", lambda: for_ever("first"))
    supervisor.start("second", lambda: for_ever("second"))
    await asyncio.sleep(0)
    await supervisor.stop()

    assert ended == ["second", "first"]


async def test_what_fell_is_told_with_how_often() -> None:
    clock = LeapingClock()
    supervisor = await run_to_its_end(Part(clock, falls=2), clock)

    (notice,) = supervisor.notices()
    assert notice.code == "part_fell"
    assert "'part'" in notice.words
    assert "2 times" in notice.words


async def test_a_step_that_fell_is_told_too() -> None:
    clock = LeapingClock()
    supervisor = Supervisor(clock, lambda: 0.0)
    supervisor.run_guarded("track", lambda: int("odd"))

    assert [notice.code for notice in supervisor.notices()] == ["part_fell"]


async def test_a_fall_long_ago_is_told_no_more() -> None:
    clock = LeapingClock()
    supervisor = await run_to_its_end(Part(clock, falls=1), clock)
    clock.advance(SHOWN_FOR.total_seconds() + 1)

    assert supervisor.notices() == ()
