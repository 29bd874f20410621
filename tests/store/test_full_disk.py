"""A disk without room, in two ways: a small file system that is filled, and a limit on the size of files."""

import asyncio
import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.core.models import Output
from app.core.prediction import Prediction
from app.core.units import Sats, Script
from app.errors import StoreError
from app.store.connections import Limits, checkpoint, connect
from app.store.opening import DATABASE_FILE, Opened, open_database
from app.store.predictions import PredictionStore
from app.views import PredictionQuery
from tests.store.builders import NOON, a_prediction, detected

KIBIBYTE = 1024


@dataclass(frozen=True)
class Disk:
    path: Path
    fill: Callable[[int], None]
    """Leave about so many bytes for files to grow."""
    free: Callable[[], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    yield from _a_disk(tmp_path, "12m")


@pytest.fixture
def roomy_disk(tmp_path: Path) -> Iterator[Disk]:
    """With room for what is told before its rows are written."""
    yield from _a_disk(tmp_path, "80m")


def _a_disk(path: Path, size: str) -> Iterator[Disk]:
    """A small file system where we may mount one: a limit on files would hold for this run's own log too."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=False)
    yield from (_limit if mounted.returncode else _small_file_system)(path)


def _small_file_system(path: Path) -> Iterator[Disk]:
    ballast = path / "ballast"

    def fill(left: int) -> None:
        room = os.statvfs(path)
        with suppress(OSError):  # the room may have shrunk since it was asked: then it is full, as wanted
            ballast.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - left)))

    yield Disk(path, fill, lambda: ballast.unlink(missing_ok=True))
    subprocess.run(["umount", "-l", path], check=True)


def _limit(path: Path) -> Iterator[Disk]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(left: int) -> None:
        # SIGXFSZ is ignored by Python, so a write beyond the limit is refused with EFBIG.
        log = path / "spout.duckdb.wal"
        size = log.stat().st_size if log.exists() else 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + left, before[1]))

    def free() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    yield Disk(path, fill, free)
    free()


async def appended(store: PredictionStore, number: int) -> int:
    whale = a_prediction(number)
    return (await store.append([detected(whale)], [whale]))[-1].sequence


async def until_full(store: PredictionStore) -> int:
    """Append until it is refused; return how many were acknowledged before."""
    while store.last_sequence < 10_000:
        try:
            await appended(store, store.last_sequence + 1)
        except StoreError as error:
            return store.last_sequence if "is full: free some space" in str(error) else -1
    return -1


async def opened_with_tables(disk: Disk) -> Opened:
    return await open_database(disk.path, at=NOON, limits=Limits(checkpoint_mb=1_000))


async def test_a_full_disk_at_opening_is_a_clear_error(disk: Disk) -> None:
    disk.fill(0)

    with pytest.raises(StoreError, match="is full: free some space"):
        await open_database(disk.path, at=NOON)


async def test_once_there_is_room_the_same_directory_opens_without_a_word(disk: Disk) -> None:
    disk.fill(0)
    with pytest.raises(StoreError):
        await open_database(disk.path, at=NOON)
    disk.free()

    opened = await open_database(disk.path, at=NOON)
    await opened.database.close()
    assert opened.notices == ()


async def test_what_a_full_disk_refuses_is_not_kept_and_what_came_before_is(disk: Disk) -> None:
    opened = await opened_with_tables(disk)
    store = PredictionStore(opened)
    disk.fill(100 * KIBIBYTE)

    acknowledged = await until_full(store)
    stored = [event.sequence for event in await store.events_after(0, 100_000)]
    disk.free()
    await opened.database.close()
    assert acknowledged > 0
    assert stored == list(range(1, acknowledged + 1))


async def test_appends_go_on_with_the_next_number_once_there_is_room(disk: Disk) -> None:
    opened = await opened_with_tables(disk)
    store = PredictionStore(opened)
    disk.fill(100 * KIBIBYTE)
    acknowledged = await until_full(store)
    disk.free()

    following = await appended(store, 99_999)
    await opened.database.close()
    assert following == acknowledged + 1


async def test_a_restart_after_a_full_disk_finds_all_that_was_acknowledged(disk: Disk) -> None:
    opened = await opened_with_tables(disk)
    store = PredictionStore(opened)
    disk.fill(100 * KIBIBYTE)
    acknowledged = await until_full(store)
    await opened.database.close()
    disk.free()

    again = await open_database(disk.path, at=NOON)
    stored = await PredictionStore(again).events_after(0, 100_000)
    await again.database.close()
    assert (len(stored), again.notices) == (acknowledged, ())


async def test_a_log_that_cannot_be_folded_in_for_want_of_room_loses_nothing(disk: Disk) -> None:
    opened = await open_database(disk.path, at=NOON, limits=Limits(checkpoint_mb=0))
    store = PredictionStore(opened)
    disk.fill(60 * KIBIBYTE)

    acknowledged = await until_full(store)
    stored = await store.events_after(0, 100_000)
    disk.free()
    following = await appended(store, 99_999)
    await opened.database.close()
    assert (len(stored), following) == (acknowledged, acknowledged + 1)


async def filled_behind_a_batch(disk: Disk) -> tuple[Opened, PredictionStore]:
    """Return a store that told of a hundred whales and then had no room for their rows."""
    opened = await opened_with_tables(disk)
    store = PredictionStore(opened)
    whales = [a_prediction(number) for number in range(1, 101)]
    await store.append([detected(whale) for whale in whales], whales)
    disk.fill(0)
    with pytest.raises(StoreError, match="is full: free some space"):
        await store.restore(NOON)
    return opened, store


async def test_a_full_disk_keeps_nobody_from_reading_what_was_written(roomy_disk: Disk) -> None:
    opened, store = await filled_behind_a_batch(roomy_disk)

    found = await store.page(PredictionQuery())
    roomy_disk.free()
    await opened.database.close()
    assert found.total_count == 0


async def test_events_that_cannot_be_read_yet_are_passed_over_by_nobody(roomy_disk: Disk) -> None:
    opened, store = await filled_behind_a_batch(roomy_disk)

    with pytest.raises(StoreError, match="is full: free some space"):
        await store.events_after(0, 1_000)
    roomy_disk.free()
    assert len(await store.events_after(0, 1_000)) == 100
    await opened.database.close()


async def test_what_was_told_before_the_disk_was_full_is_found_once_there_is_room(roomy_disk: Disk) -> None:
    opened, store = await filled_behind_a_batch(roomy_disk)
    roomy_disk.free()

    following = await appended(store, 101)
    stored = [event.sequence for event in await store.events_after(0, 1_000)]
    await opened.database.close()
    assert (following, stored) == (101, list(range(1, 102)))


async def test_what_was_told_before_the_disk_was_full_is_found_by_the_next_start(roomy_disk: Disk) -> None:
    opened, _ = await filled_behind_a_batch(roomy_disk)
    roomy_disk.free()

    await opened.database.close()
    again = await open_database(roomy_disk.path, at=NOON)
    store = PredictionStore(again)
    stored = [event.sequence for event in await store.events_after(0, 1_000)]
    whales = (await store.restore(NOON)).predictions
    await again.database.close()
    assert (stored, len(whales), again.notices) == (list(range(1, 101)), 100, ())


STARTS = 5
"""More than may begin to write out what ends them."""


async def large_batch(directory: Path) -> Opened:
    """Return a database in whose journal a batch of 2 MB waits."""
    opened = await open_database(directory, at=NOON, limits=Limits(checkpoint_mb=1_000))
    whales = [large(number) for number in range(1, 181)]
    await PredictionStore(opened).append([detected(whale) for whale in whales], whales)
    return opened


def folded(path: Path) -> None:
    """Fold the log into the file, so that no start makes room by it."""
    connection = connect(path, Limits())
    checkpoint(connection, path)
    connection.close()


def large(number: int) -> Prediction:
    """A whale of a hundred outputs, each to an address of its own."""
    whale, chance = a_prediction(number), random.Random(number)
    each = [chance.randbytes(20).hex() for _ in range(100)]
    outputs = tuple(Output(value=Sats(10**8), script=Script("0014" + one), address=one) for one in each)
    return replace(whale, tx=replace(whale.tx, outputs=outputs))


async def test_starts_without_room_do_not_count_against_what_waits_to_be_written(
    tmp_path_factory: pytest.TempPathFactory, roomy_disk: Disk
) -> None:
    opened = await large_batch(tmp_path_factory.mktemp("before"))
    for name in (DATABASE_FILE, f"{DATABASE_FILE}.wal", "last-sequence"):
        shutil.copy(opened.database.path.with_name(name), roomy_disk.path)
    await opened.database.close()
    folded(roomy_disk.path / DATABASE_FILE)
    roomy_disk.fill(600 * KIBIBYTE)
    for _ in range(STARTS):
        with pytest.raises(StoreError, match="is full: free some space"):
            await open_database(roomy_disk.path, at=NOON)
    roomy_disk.free()

    again = await open_database(roomy_disk.path, at=NOON)
    stored = await PredictionStore(again).events_after(0, 1_000)
    await again.database.close()
    assert (len(stored), again.notices) == (180, ())


async def test_a_compaction_without_room_for_what_waits_is_refused(
    roomy_disk: Disk,
) -> None:
    opened = await large_batch(roomy_disk.path)
    roomy_disk.fill(1_000 * KIBIBYTE)

    with pytest.raises(StoreError, match="is full: free some space"):
        await asyncio.wait_for(opened.database.compact(), 60)
    roomy_disk.free()
    await opened.database.close()
