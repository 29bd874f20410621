"""Our own memory watched: what lasts is answered, what passes is not."""

import resource

from app.core.observations import MemoryPressed, Observation
from app.engine.memory import (
    HAND_BACK_SECONDS,
    LASTING_READINGS,
    LEFT_MB,
    READ_SECONDS,
    RISE_MB,
    MemoryWatch,
    ResidentMemory,
)
from app.views import ComponentStatus
from tests.fakes import LeapingClock

LIMIT_MB = 500
QUIET, OVER, BETWEEN = 300.0, 410.0, 390.0


class Watched:
    """A watch whose readings the test gives."""

    def __init__(self) -> None:
        self.clock = LeapingClock()
        self.reported: list[Observation] = []
        self.tidied = self.trimmed = 0
        self._now = 0.0
        self.watch = MemoryWatch(
            lambda: self._now,
            self._emit,
            self.clock,
            limit_mb=LIMIT_MB,
            tidy=self._tidy,
            trim=self._trim,
        )

    async def reads(self, *megabytes: float) -> "Watched":
        for one in megabytes:
            self._now = one
            await self.watch.look()
            self.clock.advance(READ_SECONDS)
        return self

    @property
    def firsts(self) -> list[bool]:
        return [one.first for one in self.reported if isinstance(one, MemoryPressed)]

    async def _emit(self, observation: Observation) -> None:
        self.reported.append(observation)

    async def _tidy(self) -> None:
        self.tidied += 1

    async def _trim(self) -> None:
        self.trimmed += 1


async def test_a_passing_peak_sheds_nothing() -> None:
    watched = await Watched().reads(*[OVER] * (LASTING_READINGS - 1), QUIET, OVER, QUIET)

    assert watched.reported == []


async def test_what_lasts_ten_seconds_is_answered() -> None:
    watched = await Watched().reads(*[OVER] * LASTING_READINGS)

    assert watched.firsts == [True]


async def test_garbage_is_collected_before_anything_is_shed() -> None:
    watched = await Watched().reads(OVER)

    assert (watched.tidied, watched.reported) == (1, [])


async def test_as_long_as_it_lasts_it_is_answered_again_as_one_episode() -> None:
    watched = await Watched().reads(*[OVER] * LASTING_READINGS * 3)

    assert watched.firsts == [True, False, False]


async def test_a_dip_that_is_none_does_not_begin_a_new_episode() -> None:
    watched = await Watched().reads(*[OVER] * LASTING_READINGS, BETWEEN, *[OVER] * LASTING_READINGS)

    assert watched.firsts == [True, False]


async def test_after_a_real_relief_the_next_one_is_a_new_episode() -> None:
    watched = await Watched().reads(*[OVER] * LASTING_READINGS, QUIET, *[OVER] * LASTING_READINGS)

    assert watched.firsts == [True, True]


async def test_health_says_it_in_words_while_it_lasts() -> None:
    watched = await Watched().reads(*[OVER] * LASTING_READINGS)

    component = watched.watch.component(12)

    assert component.status is ComponentStatus.DEGRADED
    assert "410 MB of 500 MB" in (component.error or "")
    assert "12 whales" in (component.error or "")


async def test_the_notice_goes_by_itself() -> None:
    watched = await Watched().reads(*[OVER] * LASTING_READINGS)
    there = [one.code for one in watched.watch.notices(0)]

    await watched.reads(QUIET)

    assert (there, watched.watch.notices(0)) == (["memory"], ())


def test_with_no_descriptor_left_the_last_reading_stands() -> None:
    read = ResidentMemory()
    before = read()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        without = read()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert without == before > 0


async def test_what_is_free_is_handed_back_after_each_rise_and_not_while_nothing_rises() -> None:
    low = QUIET - 2 * RISE_MB
    watched = await Watched().reads(QUIET, QUIET + RISE_MB - 1, low, low + RISE_MB, QUIET, QUIET)

    assert watched.trimmed == 2


async def test_a_smaller_rise_is_handed_back_once_it_has_ended() -> None:
    rises = [QUIET + part * LEFT_MB / 3 for part in range(4)]
    rising = await Watched().reads(*rises)
    meanwhile = rising.trimmed
    ended = await rising.reads(rises[-1], rises[-1], rises[-1])
    trifle = await Watched().reads(QUIET, QUIET + LEFT_MB - 1, QUIET + LEFT_MB - 1)

    assert (meanwhile, ended.trimmed, trifle.trimmed) == (0, 1, 0)


async def test_once_an_hour_it_is_handed_back_however_little_it_rose() -> None:
    watched = await Watched().reads(QUIET, QUIET + 1)
    meanwhile = watched.trimmed
    watched.clock.advance(HAND_BACK_SECONDS)
    await watched.reads(QUIET + 1, QUIET + 1)

    assert (meanwhile, watched.trimmed) == (0, 1)
