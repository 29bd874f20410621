"""A kill in the middle of a checkpoint: made by hand from the file before and after it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from app.store.checkpoint import HEADERS_LENGTH, saved_of
from app.store.connections import checkpoint
from app.store.database import Database
from app.store.opening import DATABASE_FILE, Opened, open_database
from app.store.predictions import PredictionStore
from tests.store.builders import NOON, a_prediction, detected

BLOCK, PAGE = 262_144, 4_096
WHALES = 60


async def appended(store: PredictionStore, count: int) -> None:
    for _ in range(count):
        whale = a_prediction(store.last_sequence + 1)
        await store.append([detected(whale)], [whale])


async def saved_before_a_checkpoint(database: Database, copy: Path) -> None:
    """Copy the directory at the moment when the blocks are saved and the checkpoint has not begun."""

    class Stopped:
        """The connection, until it is asked for the checkpoint."""

        def __init__(self, connection: object) -> None:
            self._connection = connection

        def execute(self, sql: str) -> object:
            if sql == "CHECKPOINT":
                shutil.copytree(database.path.parent, copy)
                raise InterruptedError
            return self._connection.execute(sql)  # type: ignore[attr-defined]  # DuckDB's own

    def work(connection: object) -> None:
        with pytest.raises(Exception, match="refused"):
            checkpoint(Stopped(connection), database.path)  # type: ignore[arg-type]

    await database.run(work)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directories `live`, after a checkpoint, and `torn`, as a kill early in a metadata block leaves it."""
    directory = tmp_path_factory.mktemp("checkpoint")
    asyncio.run(make(directory / "live", directory / "torn"))
    return directory


@pytest.fixture
def torn(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "torn", tmp_path / "torn"))


@pytest.fixture
def live(made: Path, tmp_path: Path) -> Path:
    """The checkpoint completed, and what was saved for it lies there still."""
    copy = Path(shutil.copytree(made / "live", tmp_path / "live"))
    shutil.copy(saved_of(made / "torn" / DATABASE_FILE), copy)
    return copy


async def make(live: Path, torn: Path) -> None:
    opened = await open_database(live, at=NOON)
    store = PredictionStore(opened)
    await appended(store, WHALES // 2)
    await opened.database.close()  # so that the file holds something, and its metadata blocks are in use
    opened = await open_database(live, at=NOON)
    await appended(PredictionStore(opened), WHALES // 2)
    await saved_before_a_checkpoint(opened.database, torn)
    await opened.database.close()

    (torn / DATABASE_FILE).write_bytes(
        partly_written((torn / DATABASE_FILE).read_bytes(), (live / DATABASE_FILE).read_bytes())
    )


def partly_written(before: bytes, after: bytes) -> bytes:
    """Return `before` with the first page of each block that the checkpoint wrote."""
    found = bytearray(before.ljust(len(after), b"\0"))
    for start in range(HEADERS_LENGTH, len(after), BLOCK):
        found[start : start + PAGE] = after[start : start + PAGE]
    return bytes(found)


async def events_in(directory: Path) -> tuple[Opened, list[int]]:
    opened = await open_database(directory, at=NOON)
    store = PredictionStore(opened)
    found = [event.sequence for event in await store.events_after(0, 1_000)]
    await appended(store, 1)
    await opened.database.close()
    return opened, found


async def test_a_checkpoint_cut_short_loses_nothing(torn: Path) -> None:
    opened, found = await events_in(torn)

    assert opened.notices == ()
    assert found == list(range(1, WHALES + 1))


async def test_without_the_saved_blocks_such_a_file_cannot_be_read(torn: Path) -> None:
    saved_of(torn / DATABASE_FILE).unlink()

    opened, _ = await events_in(torn)

    assert [notice.code for notice in opened.notices][:1] == ["database_set_aside"]


async def test_blocks_saved_for_a_checkpoint_that_completed_are_not_put_back(live: Path) -> None:
    opened, found = await events_in(live)

    assert opened.notices == ()
    assert found == list(range(1, WHALES + 1))
    assert not saved_of(live / DATABASE_FILE).exists()


async def test_blocks_that_were_not_saved_whole_are_left(live: Path) -> None:
    """Killed while they were saved: the checkpoint had not begun, so the file is as it was."""
    saved = saved_of(live / DATABASE_FILE)
    saved.write_bytes(saved.read_bytes()[:-1])

    _, found = await events_in(live)

    assert found == list(range(1, WHALES + 1))
