"""What DuckDB holds in memory is let go of: at rest what was read, now and then all; not under a question."""

import asyncio
import threading
from pathlib import Path
from typing import Final

import pytest

from app.errors import StoreError
from app.store.connections import MEBIBYTE, Connection, Limits
from app.store.database import Database
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from app.store.pulse import Pulse
from app.views import PredictionQuery
from tests.fakes import FakeClock
from tests.store.builders import NOON, a_prediction, detected

CACHED: Final = 4
ROWS: Final = 800_000
"""Some 15 MiB on the disk."""


async def read_much(directory: Path) -> Database:
    opened = await open_database(directory, at=NOON, limits=Limits(cached_mb=CACHED))
    database = opened.database
    await database.run(
        lambda it: it.execute(f"CREATE TABLE much AS SELECT md5(range::VARCHAR) AS word FROM range({ROWS})")
    )
    await database.settle()
    await database.read(look_at_all)
    return database


def look_at_all(connection: Connection) -> object:
    return connection.execute("SELECT bit_xor(hash(word)) FROM much").fetchone()


async def held_mb(database: Database) -> float:
    question = "SELECT sum(memory_usage_bytes), current_setting('memory_limit') FROM duckdb_memory()"
    found = await database.glance(lambda it: it.execute(question).fetchone())
    assert found is not None
    assert found[1] == "64.0 MiB"
    return float(found[0]) / MEBIBYTE


async def test_what_was_read_is_let_go_of_at_rest_and_read_again_when_it_is_asked_for(tmp_path: Path) -> None:
    database = await read_much(tmp_path)
    before, answered = await held_mb(database), await database.read(look_at_all)

    await database.rest()

    assert before > 2 * CACHED
    assert await held_mb(database) <= CACHED
    assert await database.read(look_at_all) == answered
    await database.close()


@pytest.mark.parametrize("ask", ["read", "glance"])
async def test_while_a_question_is_answered_nothing_is_let_go_of(tmp_path: Path, ask: str) -> None:
    database = await read_much(tmp_path)
    before = await held_mb(database)
    begun, done = threading.Event(), threading.Event()

    def work(_: Connection) -> bool:
        begun.set()
        return done.wait(60)

    asked = asyncio.create_task(getattr(database, ask)(work))
    await asyncio.to_thread(begun.wait, 60)
    await database.rest()
    done.set()

    assert await asked
    assert await held_mb(database) >= before - 1
    await database.close()


async def test_what_is_not_checkpointed_yet_is_not_written_to_the_disk_for_it(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    store = PredictionStore(opened)
    for first in range(1, 1_001, 100):
        whales = [a_prediction(number) for number in range(first, first + 100)]
        await store.append([detected(whale) for whale in whales], whales)

    await opened.database.rest()

    spilt = await opened.database.read(
        lambda it: it.execute("SELECT sum(temporary_storage_bytes) FROM duckdb_memory()").fetchone()
    )
    assert spilt == (0,)
    await opened.database.close()


async def test_a_beat_of_the_pulse_lets_the_database_rest(tmp_path: Path) -> None:
    database = await read_much(tmp_path)

    await Pulse(database, FakeClock(NOON)).feel()

    assert await held_mb(database) <= CACHED
    await database.close()


async def marked(database: Database) -> None:
    """Leave what lives as long as the connection does."""
    await database.run(lambda it: it.execute("CREATE TEMP TABLE mark AS SELECT 1"))


async def is_marked(database: Database) -> bool:
    question = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'mark' AND temporary"
    return await database.run(lambda it: it.execute(question).fetchone()) == (1,)


async def written(store: PredictionStore, first: int) -> None:
    whales = [a_prediction(number) for number in range(first, first + 50)]
    await store.append([detected(whale) for whale in whales], whales)


async def opened_to_be_renewed(directory: Path) -> tuple[Database, PredictionStore]:
    opened = await open_database(directory, at=NOON, limits=Limits(renew_mb=0))
    await marked(opened.database)
    return opened.database, PredictionStore(opened)


async def test_after_so_much_was_written_the_file_is_opened_anew_and_all_is_there(tmp_path: Path) -> None:
    database, store = await opened_to_be_renewed(tmp_path)
    assert await store.one("whale-1") is None
    await written(store, 1)
    before = await is_marked(database)

    await database.settle()
    await written(store, 51)

    assert (before, await is_marked(database)) == (True, False)
    assert (await store.page(PredictionQuery(limit=1))).total_count == 100
    assert await store.one("whale-1") == a_prediction(1)
    await database.close()


async def test_with_less_written_it_stays_open(tmp_path: Path) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await marked(opened.database)
    await written(PredictionStore(opened), 1)

    await opened.database.settle()

    assert await is_marked(opened.database)
    await opened.database.close()


async def test_while_a_question_is_answered_it_stays_open_until_the_next_checkpoint(tmp_path: Path) -> None:
    database, store = await opened_to_be_renewed(tmp_path)
    begun, done = threading.Event(), threading.Event()

    def work(connection: Connection) -> object:
        begun.set()
        done.wait(60)
        return connection.execute("SELECT count(*) FROM events").fetchone()

    await written(store, 1)
    asked = asyncio.create_task(database.read(work))
    await asyncio.to_thread(begun.wait, 60)
    await written(store, 51)
    await database.settle()
    meanwhile = await is_marked(database)
    done.set()
    found = await asked
    await written(store, 101)
    await database.settle()

    assert (found, meanwhile, await is_marked(database)) == ((100,), True, False)
    await database.close()


async def test_a_copy_that_is_made_is_not_cut_off_by_it(tmp_path: Path) -> None:
    database, store = await opened_to_be_renewed(tmp_path)
    (tmp_path / "backups").mkdir()
    begun, done = threading.Event(), threading.Event()

    def complete(connection: Connection) -> object:
        begun.set()
        done.wait(60)
        return connection.execute("SELECT count(*) FROM backup.events").fetchone()

    await written(store, 1)
    copying = asyncio.create_task(database.copy_to(tmp_path / "backups" / "copy", complete))
    await asyncio.to_thread(begun.wait, 60)
    await written(store, 51)
    await database.settle()
    meanwhile = await is_marked(database)
    done.set()

    assert (await copying, meanwhile) == ((50,), True)
    await database.close()


async def test_nothing_is_lost_or_wrong_where_each_checkpoint_opens_it_anew(tmp_path: Path) -> None:
    database, store = await opened_to_be_renewed(tmp_path)
    wrong = []

    async def read() -> None:
        for _ in range(40):
            page = await store.page(PredictionQuery(limit=1))
            wrong.append(page.total_count % 50)

    async def write() -> None:
        for first in range(1, 1_001, 50):
            await written(store, first)
            await database.settle()

    await asyncio.gather(write(), read(), read())

    assert set(wrong) == {0}
    assert (await store.page(PredictionQuery(limit=1))).total_count == 1_000
    await database.close()


async def test_a_closed_database_has_nothing_to_let_go_of(tmp_path: Path) -> None:
    database = await read_much(tmp_path)
    await database.close()

    with pytest.raises(StoreError):
        await database.rest()
