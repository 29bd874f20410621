"""Backups that are made by themselves, and the one that is restored where there is no database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.engine.safekeeping import LOOK_EVERY_SECONDS, Safekeeping
from app.errors import StoreError
from app.store.backup.listing import backups_in, keep_latest, name_at
from app.store.opening import Opened, open_database
from app.store.operator import open_operator
from tests.fakes import FakeClock

EVENING = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
KEY = b"k" * 32


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(EVENING)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    found = await open_database(tmp_path, at=EVENING)
    yield found
    await found.database.close()


@pytest.fixture
async def safekeeping(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Safekeeping]:
    file = (await open_operator(tmp_path, at=EVENING)).file
    yield Safekeeping(tmp_path, file, key=KEY, finish=lambda _: None, clock=clock)
    await file.close()


async def passed(clock: FakeClock, hours: float) -> None:
    """Let so much time pass, as often awake as the loop asks for, and each backup come to its end."""
    for _ in range(round(hours * 3600 / LOOK_EVERY_SECONDS)):
        await clock.advance(LOOK_EVERY_SECONDS)
        while not clock.sleepers:  # noqa: ASYNC110 - a backup is being made on a thread
            await asyncio.sleep(0.01)


async def test_one_backup_is_made_a_night_and_three_are_kept(
    safekeeping: Safekeeping, opened: Opened, clock: FakeClock, tmp_path: Path
) -> None:
    running = asyncio.create_task(safekeeping.nightly(opened.database, lambda: 1))
    await asyncio.sleep(0)
    counted = []
    for hours in (6, 2, 14, 10, 24, 24):
        await passed(clock, hours)
        counted.append(len(backups_in(tmp_path)))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert counted == [0, 1, 1, 2, 3, 3]


async def test_of_an_empty_store_none_is_made(
    safekeeping: Safekeeping, opened: Opened, clock: FakeClock, tmp_path: Path
) -> None:
    running = asyncio.create_task(safekeeping.nightly(opened.database, lambda: 0))
    await asyncio.sleep(0)
    await passed(clock, 30)
    running.cancel()

    assert backups_in(tmp_path) == []


def test_the_latest_are_kept_and_other_files_left_alone(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    names = [name_at(EVENING + timedelta(days=day)) for day in range(5)]
    for name in (*names, "mine.backup", "spout-old.backup"):
        (tmp_path / "backups" / name).touch()

    keep_latest(tmp_path, EVENING + timedelta(days=5))

    left = {path.name for path in (tmp_path / "backups").iterdir()}
    assert left == {*names[2:], "mine.backup", "spout-old.backup"}


@pytest.fixture
async def clock_was_ahead(safekeeping: Safekeeping, opened: Opened, clock: FakeClock) -> None:
    """Three backups of a clock that was a hundred days ahead, and is right again."""
    clock.step(timedelta(days=100))
    for _ in range(3):
        await safekeeping.back_up(opened.database)
        clock.step(timedelta(days=1))
    clock.step(timedelta(days=-103))


@pytest.mark.usefixtures("clock_was_ahead")
async def test_backups_of_a_clock_that_was_ahead_do_not_push_out_the_next_ones(
    safekeeping: Safekeeping, opened: Opened, clock: FakeClock, tmp_path: Path
) -> None:
    for _ in range(3):
        made = await safekeeping.back_up(opened.database)
        assert made in backups_in(tmp_path)
        clock.step(timedelta(days=1))

    left = [name_at(EVENING + timedelta(days=night)) for night in (2, 1, 0)]
    assert [path.name for path in backups_in(tmp_path)] == left


@pytest.mark.usefixtures("clock_was_ahead")
async def test_what_a_clock_that_was_ahead_has_named_is_restored_last(
    safekeeping: Safekeeping, opened: Opened
) -> None:
    await safekeeping.back_up(opened.database)
    await opened.database.close()
    notice = await safekeeping.restore_newest(0)

    assert notice is not None
    assert f"{EVENING:%Y-%m-%d %H:%M}" in notice.words


async def test_where_the_newest_backup_is_damaged_the_one_before_is_restored(
    safekeeping: Safekeeping, opened: Opened, clock: FakeClock, tmp_path: Path
) -> None:
    await safekeeping.back_up(opened.database)
    await opened.database.close()
    clock.step(timedelta(days=2))
    (tmp_path / "backups" / name_at(EVENING + timedelta(days=1))).write_bytes(b"damaged")

    notice = await safekeeping.restore_newest(floor=500)

    again = await open_database(tmp_path, at=EVENING)
    await again.database.close()
    assert notice is not None
    assert (notice.code, again.last_sequence) == ("backup_restored", 500)
    assert "2026-11-22 20:00 UTC" in notice.words


async def test_a_second_restore_is_refused_while_one_waits_for_its_answer(safekeeping: Safekeeping) -> None:
    with safekeeping.restoring(), pytest.raises(StoreError, match="another restore"):
        safekeeping.restoring().__enter__()


async def test_a_copy_that_is_not_fetched_keeps_no_nightly_backup_waiting(
    safekeeping: Safekeeping, opened: Opened
) -> None:
    async with safekeeping.passing(opened.database):
        made = await safekeeping.back_up(opened.database)

    assert made.exists()


async def test_what_a_killed_spout_left_half_made_is_cleared(
    safekeeping: Safekeeping, opened: Opened, tmp_path: Path
) -> None:
    made = await safekeeping.back_up(opened.database)
    for folder in ("restoring", "export-abc"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows").touch()
    for file in (tmp_path / "incoming", tmp_path / "backups" / "passing-12"):
        file.touch()
    before = {made.name, *(one.name for one in tmp_path.iterdir())} - {"restoring", "export-abc", "incoming"}

    safekeeping.clear()

    left = {one.name for one in (*tmp_path.iterdir(), *(tmp_path / "backups").iterdir())}
    assert left == before
