"""A warning before the disk is full."""

import asyncio
import shutil
from pathlib import Path

import pytest

from app.engine.disk import LEAST_BYTES, LOOK_EVERY_SECONDS, DiskWatch, notice_words
from tests.fakes import FakeClock

DATA = Path("/data")


@pytest.mark.parametrize(
    ("free", "database", "warns"),
    [
        (LEAST_BYTES, 1_000, False),
        (LEAST_BYTES - 1, 1_000, True),
        (1_999_999_999, 1_000_000_000, True),
        (2_000_000_000, 1_000_000_000, False),
    ],
)
def test_it_warns_while_there_is_still_room(free: int, database: int, warns: bool) -> None:  # noqa: FBT001
    assert (notice_words(free, database, DATA) is not None) is warns


def test_the_words_say_how_much_and_what_to_do() -> None:
    words = notice_words(120_000_000, 0, DATA)

    assert words is not None
    assert words.startswith("The disk with /data has 120 MB left")
    assert "free some space" in words


async def test_the_notice_is_shown_and_ends(tmp_path: Path) -> None:
    sizes, clock = [10**18], FakeClock()
    watch = DiskWatch(tmp_path, lambda: sizes[0], clock)
    running = asyncio.create_task(watch.run())
    await looked(clock)
    shown = [notice.code for notice in watch.notices()]
    sizes[0] = -(10**18)
    await clock.advance(LOOK_EVERY_SECONDS)
    await looked(clock)
    running.cancel()

    assert shown == ["disk_filling"]
    assert watch.notices() == () or free_is_scarce(tmp_path)


async def looked(clock: FakeClock) -> None:
    """Until it sleeps again: it asks the disk on a thread."""
    while not clock.sleepers:  # noqa: ASYNC110 - a thread has no event here
        await asyncio.sleep(0.001)


def free_is_scarce(directory: Path) -> bool:
    """Of the machine that this runs on."""
    return shutil.disk_usage(directory).free < LEAST_BYTES
