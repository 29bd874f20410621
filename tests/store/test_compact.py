"""Rows that retention deletes leave room in the file; compaction gives it back, and loses nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.prediction import Prediction, Status
from app.store.checkpoint import saved_of
from app.store.connections import Connection
from app.store.database import Database
from app.store.opening import Opened, open_database
from app.store.predictions import PredictionStore
from tests.store.builders import NOON, a_prediction, detected

DAYS, KEPT, A_DAY = 120, 90, 40
GROWN = 1.3


def ended_on(day: int, number: int) -> Prediction:
    at = NOON + timedelta(days=day, seconds=number)
    return replace(a_prediction(number), detected_at=at, updated_at=at, ended_at=at, status=Status.DROPPED)


async def fill(store: PredictionStore, day: int) -> None:
    whales = [ended_on(day, day * A_DAY + one) for one in range(A_DAY)]
    await store.append([detected(whale) for whale in whales], whales)
    await store.prune(NOON + timedelta(days=day - KEPT))


def rows(connection: Connection) -> dict[str, list[Any]]:
    tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    return {
        table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}").fetchall()))
        for (table,) in tables
    }


async def copied(database: Database) -> int:
    """The size of a fresh file with the same rows: what is live."""
    path = database.path.with_name("backups") / "live"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    await database.copy_to(path, lambda _: None)
    return path.stat().st_size


@pytest.mark.timeout(300)
async def test_120_days_of_retention_leave_at_most_half_more_than_what_is_live_after_the_night(
    tmp_path: Path,
) -> None:
    opened = await open_database(tmp_path, at=NOON)
    database, store = opened.database, PredictionStore(opened)
    for day in range(DAYS):
        await fill(store, day)
        if day % 10 == 9 and await database.settle() > GROWN * await copied(database):
            assert await database.compact()
    live = await copied(database)
    await database.close()

    size = (tmp_path / "spout.duckdb").stat().st_size
    print(f"{size / 1e6:.1f} MB of which {live / 1e6:.1f} MB are live after {DAYS} days")
    assert size <= 1.5 * live


async def test_every_row_is_there_afterwards_and_more_can_be_stored(
    opened: Opened, store: PredictionStore
) -> None:
    await fill(store, 0)
    before = await opened.database.run(rows)

    assert await opened.database.compact()

    assert await opened.database.run(rows) == before
    await fill(store, 1)
    assert len(await store.events_after(0, 1_000)) == 2 * A_DAY
    assert (await opened.database.read(rows))["events"]


async def test_it_waits_while_a_backup_is_made(
    opened: Opened, store: PredictionStore, tmp_path: Path
) -> None:
    await fill(store, 0)
    loop, reached, go = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def held(_: Connection) -> None:
        loop.call_soon_threadsafe(reached.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(30)

    (tmp_path / "backups").mkdir()
    copying = asyncio.create_task(opened.database.copy_to(tmp_path / "backups" / "one", held))
    await reached.wait()
    compacted = await opened.database.compact()
    go.set()
    await copying

    assert not compacted
    assert await opened.database.compact()


async def test_a_restart_finds_the_compacted_file(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await fill(PredictionStore(opened), 0)
    await opened.database.compact()
    await opened.database.close()

    again = await open_database(tmp_path, at=NOON)
    found = await PredictionStore(again).events_after(0, 1_000)
    await again.database.close()
    assert again.notices == ()
    assert len(found) == A_DAY
    assert not saved_of(tmp_path / "spout.duckdb").exists()
