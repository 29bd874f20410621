"""When the frames of a flood are left to gather."""

from app.source.backend.gathering import FEWEST, FLOOD_FRAMES, SMALL_READ, Gathering

SMALL, LARGE = 1_000, SMALL_READ


def waits(
    gathering: Gathering, frames: int, *, apart: float, read: int = SMALL, since: float = 0.0
) -> list[bool]:
    """For each of so many frames, each of a read of its own, whether others should gather first."""
    due = []
    for number in range(frames):
        gathering.came(read)
        due.append(gathering.is_due(since + number * apart))
    return due


def test_a_backend_in_its_usual_pace_is_never_waited_for() -> None:
    assert not any(waits(Gathering(), 1_000, apart=0.02))


def test_in_a_flood_the_frames_gather() -> None:
    assert waits(Gathering(), FLOOD_FRAMES, apart=0.001) == [False] * (FLOOD_FRAMES - 1) + [True]


def test_while_enough_gather_the_flood_goes_on_gathering() -> None:
    gathering, due = Gathering(), []
    waits(gathering, FLOOD_FRAMES - 1, apart=0.001)
    for turn in range(20):
        gathering.came(SMALL)
        due.append([gathering.is_due(0.02 + turn * 0.01 + frame * 1e-4) for frame in range(FEWEST + 1)])

    assert due == [[True] + [False] * FEWEST] * 20


def test_where_few_gather_the_sender_is_not_held_up() -> None:
    gathering = Gathering()
    waits(gathering, FLOOD_FRAMES, apart=0.001)

    held_up = waits(gathering, 200, apart=0.001, since=FLOOD_FRAMES * 0.001)

    assert held_up.count(True) <= 2


def test_after_a_large_read_nothing_is_waited_for() -> None:
    assert not any(waits(Gathering(), 100, apart=0.001, read=LARGE))


def test_frames_that_were_read_together_wait_once() -> None:
    gathering = Gathering()
    waits(gathering, FLOOD_FRAMES - 1, apart=0.001)
    gathering.came(SMALL)

    assert [gathering.is_due(0.02) for _ in range(3)] == [True, False, False]


def test_frames_that_joined_another_are_as_many_of_a_flood() -> None:
    gathering, due = Gathering(), []
    waits(gathering, FLOOD_FRAMES - 1, apart=0.001)
    for turn in range(20):
        gathering.came(SMALL)
        due.append(gathering.is_due(0.02 + turn * 0.01))
        for _ in range(FEWEST):
            gathering.joined(0.02 + turn * 0.01)

    assert all(due)


def test_what_was_read_while_others_gathered_waits_for_nobody() -> None:
    gathering = Gathering()
    waits(gathering, FLOOD_FRAMES - 1, apart=0.001)
    gathering.came(SMALL)

    gathering.done()

    assert not gathering.is_due(0.02)


def test_after_the_flood_nothing_is_waited_for() -> None:
    gathering = Gathering()
    assert any(waits(gathering, 100, apart=0.001))

    assert not any(waits(gathering, 100, apart=0.02, since=1.0))
