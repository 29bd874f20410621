"""How much Spout sees, and when a step of it is told."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.visibility import FLAPPING, Level, Reading, Transition, Visibility, VisibilityTracker

START = datetime(2030, 1, 1, tzinfo=UTC)


def a_reading(level: Level, *, starting: bool = False, reason: str | None = "the reason") -> Reading:
    return Reading(
        stream=level is Level.LIVE,
        answers=level in (Level.LIVE, Level.POLLING),
        blocks=level is not Level.BLIND,
        starting=starting,
        reason=reason,
    )


class Climber:
    """Takes a reading a second, and collects the steps."""

    def __init__(self, announced: Level = Level.LIVE) -> None:
        self.tracker = VisibilityTracker(START, announced)
        self.second = 0
        self.steps: list[Transition] = []

    def sees(self, level: Level, *, seconds: int = 1, starting: bool = False) -> "Climber":
        for _ in range(seconds):
            self.second += 1
            if step := self.tracker.step(a_reading(level, starting=starting), self.now):
                self.steps.append(step)
        return self

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.second)

    @property
    def announced(self) -> list[tuple[Level | None, Level]]:
        return [(step.before, step.now.level) for step in self.steps if step.announced]


def running() -> Climber:
    return Climber().sees(Level.LIVE)


@pytest.mark.parametrize("level", list(Level))
def test_each_rung_is_what_its_reading_gives(level: Level) -> None:
    assert a_reading(level).level is level


def test_a_start_that_goes_well_tells_nothing() -> None:
    assert (
        Climber().sees(Level.BLIND, seconds=5).sees(Level.POLLING, seconds=5).sees(Level.LIVE).announced == []
    )


def test_the_end_of_a_loss_that_the_run_before_announced_is_told() -> None:
    assert Climber(Level.BLIND).sees(Level.LIVE).announced == [(Level.BLIND, Level.LIVE)]


def test_a_loss_that_outlasts_the_restart_is_told_no_second_time() -> None:
    climber = Climber(Level.BLIND).sees(Level.BLIND, seconds=3_600)

    assert climber.announced == []
    assert climber.sees(Level.LIVE).announced == [(Level.BLIND, Level.LIVE)]


def test_a_loss_that_is_deeper_after_the_restart_is_told() -> None:
    climber = Climber(Level.BLOCKS_ONLY).sees(Level.BLIND, seconds=100)

    assert [now for _, now in climber.announced] == [Level.BLIND]


def test_a_short_reconnect_tells_nothing() -> None:
    assert running().sees(Level.BLIND, seconds=9).sees(Level.LIVE, seconds=9).announced == []


def test_a_step_down_is_told_once_after_ten_seconds() -> None:
    assert running().sees(Level.BLIND, seconds=300).announced == [(Level.LIVE, Level.BLIND)]


def test_a_step_down_says_when_it_came_to_be_so() -> None:
    climber = running().sees(Level.POLLING, seconds=30)

    assert climber.steps[-1].now.since == START + timedelta(seconds=2)


def test_a_step_up_is_told_at_once() -> None:
    climber = running().sees(Level.BLIND, seconds=20)
    before = len(climber.steps)

    climber.sees(Level.LIVE)

    assert [(one.now.level, one.is_down, one.announced) for one in climber.steps[before:]] == [
        (Level.LIVE, False, True)
    ]


def test_every_rung_on_the_way_back_is_told_once() -> None:
    climber = running().sees(Level.BLIND, seconds=20)

    climber.sees(Level.BLOCKS_ONLY, seconds=20).sees(Level.POLLING, seconds=20).sees(Level.LIVE, seconds=20)

    assert climber.announced == [
        (Level.LIVE, Level.BLIND),
        (Level.BLIND, Level.BLOCKS_ONLY),
        (Level.BLOCKS_ONLY, Level.POLLING),
        (Level.POLLING, Level.LIVE),
    ]


def test_a_fall_through_several_rungs_is_told_as_one_step() -> None:
    climber = running().sees(Level.POLLING, seconds=4).sees(Level.BLOCKS_ONLY, seconds=4)

    assert climber.sees(Level.BLIND, seconds=60).announced == [(Level.LIVE, Level.BLIND)]


def test_live_has_no_reason() -> None:
    assert running().tracker.visibility.reason is None


@pytest.mark.parametrize("climber", [Climber(), running()], ids=["at the start", "later"])
def test_what_only_starts_is_no_alarm_however_long(climber: Climber) -> None:
    assert climber.sees(Level.BLOCKS_ONLY, seconds=7200, starting=True).sees(Level.LIVE).announced == []


def test_a_start_without_any_source_is_told_after_a_minute() -> None:
    climber = Climber().sees(Level.BLIND, seconds=59)
    early = list(climber.announced)

    climber.sees(Level.BLIND, seconds=60)

    assert (early, climber.announced) == ([], [(None, Level.BLIND)])


def test_without_mempool_is_too_long_after_five_minutes() -> None:
    climber = running().sees(Level.BLOCKS_ONLY, seconds=300)
    early = climber.tracker.without_mempool_since(climber.now)

    climber.sees(Level.BLOCKS_ONLY)

    assert (early, climber.tracker.without_mempool_since(climber.now)) == (None, START + timedelta(seconds=2))


@pytest.mark.parametrize("level", [Level.POLLING, Level.LIVE])
def test_it_is_over_as_soon_as_a_source_gives_the_mempool_again(level: Level) -> None:
    climber = running().sees(Level.BLIND, seconds=600).sees(level)

    assert climber.tracker.without_mempool_since(climber.now) is None


def test_an_idle_chain_is_no_loss() -> None:
    climber = running().sees(Level.LIVE, seconds=3600)

    assert climber.tracker.without_mempool_since(climber.now) is None


def test_what_starts_all_the_while_beside_a_stream_does_not_excuse_its_loss() -> None:
    climber = (
        running().sees(Level.LIVE, seconds=120, starting=True).sees(Level.BLIND, seconds=20, starting=True)
    )

    assert climber.announced == [(Level.LIVE, Level.BLIND)]


def test_what_began_to_start_a_moment_before_the_loss_is_its_reason() -> None:
    climber = running().sees(Level.LIVE, seconds=10, starting=True)

    climber.sees(Level.BLIND, seconds=60, starting=True)

    assert climber.announced == []


def flapping(times: int) -> Climber:
    climber = running()
    for _ in range(times):
        climber.sees(Level.BLIND, seconds=15).sees(Level.LIVE, seconds=15)
    return climber


def test_a_cable_cut_for_ten_seconds_again_and_again_tells_nothing() -> None:
    climber = running()
    for _ in range(6):
        climber.sees(Level.BLIND, seconds=10).sees(Level.LIVE, seconds=10)

    assert climber.announced == []


def test_each_of_a_few_losses_is_told_and_so_is_each_return() -> None:
    assert flapping(4).announced == 4 * [(Level.LIVE, Level.BLIND), (Level.BLIND, Level.LIVE)]


def test_a_loose_cable_is_no_storm_of_alarms() -> None:
    assert len(flapping(50).announced) == 2 * FLAPPING


def test_what_is_not_told_any_more_is_shown_all_the_same() -> None:
    climber = flapping(10).sees(Level.BLIND, seconds=15)
    shown = climber.tracker.visibility.level

    climber.sees(Level.LIVE)

    assert (shown, climber.tracker.visibility.level) == (Level.BLIND, Level.LIVE)


def test_a_loss_that_lasts_is_told_after_many_short_ones_too() -> None:
    climber = flapping(10)
    before = len(climber.announced)

    climber.sees(Level.BLIND, seconds=150)

    assert climber.announced[before:] == [(Level.LIVE, Level.BLIND)]


def test_after_a_quiet_half_hour_a_loss_is_told_as_soon_as_ever() -> None:
    climber = flapping(10).sees(Level.LIVE, seconds=1800)
    before = len(climber.announced)

    climber.sees(Level.BLIND, seconds=15)

    assert climber.announced[before:] == [(Level.LIVE, Level.BLIND)]


def test_each_step_is_told_whole() -> None:
    climber = Climber().sees(Level.POLLING).sees(Level.LIVE).sees(Level.BLIND, seconds=11).sees(Level.POLLING)
    second = [START + timedelta(seconds=number) for number in range(15)]

    assert climber.steps == [
        Transition(
            before=None,
            now=Visibility(level=Level.POLLING, since=second[1], reason="the reason"),
            is_down=False,
            announced=False,
        ),
        Transition(
            before=None, now=Visibility(level=Level.LIVE, since=second[2]), is_down=False, announced=False
        ),
        Transition(
            before=Level.LIVE,
            now=Visibility(level=Level.BLIND, since=second[3], reason="the reason"),
            is_down=True,
            announced=True,
        ),
        Transition(
            before=Level.BLIND,
            now=Visibility(level=Level.POLLING, since=second[14], reason="the reason"),
            is_down=False,
            announced=True,
        ),
    ]


def test_a_loss_that_is_not_told_any_more_is_a_step_all_the_same_from_when_it_came() -> None:
    climber = flapping(10)
    before = len(climber.steps)
    since = climber.now + timedelta(seconds=1)
    climber.sees(Level.BLIND, seconds=15)

    assert climber.steps[before:] == [
        Transition(
            before=Level.LIVE,
            now=Visibility(level=Level.BLIND, since=since, reason="the reason"),
            is_down=True,
            announced=False,
        )
    ]


@pytest.mark.parametrize(("seconds", "excused"), [(60, True), (61, False)])
def test_what_has_been_starting_for_a_minute_beside_a_stream_is_no_reason(
    seconds: int, *, excused: bool
) -> None:
    """The first second begins it."""
    climber = running().sees(Level.LIVE, seconds=seconds, starting=True)

    climber.sees(Level.BLIND, seconds=60, starting=True)

    assert (climber.announced == []) is excused


def test_a_start_that_the_run_before_had_announced_as_lost_names_it_only_on_the_way_up() -> None:
    climber = Climber(Level.BLOCKS_ONLY).sees(Level.BLOCKS_ONLY).sees(Level.LIVE)

    assert [(step.before, step.now.level, step.announced) for step in climber.steps] == [
        (None, Level.BLOCKS_ONLY, False),
        (Level.BLOCKS_ONLY, Level.LIVE, True),
    ]
