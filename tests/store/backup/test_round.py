"""A backup is restored, and compared row by row with what it was made of."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from app.store.backup import install, prepare, read_seal
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.store.backup.conftest import KEY, WHALES, Made, Preparing
from tests.store.builders import NOON, a_prediction, detected

NAMED_ANEW = {"meta", "operator_rows"}


def rows_by_table(file: Path) -> dict[str, list[Any]]:
    """Every row of every table, as text; an event's id as it is reported."""
    connection = duckdb.connect(str(file), read_only=True)
    instance = connection.execute("SELECT value FROM meta WHERE key = 'instance'").fetchone()
    found = {}
    for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        columns = "*"
        if table == "events":
            columns = f"* REPLACE (coalesce(id, 'evt_{instance[0]}_' || sequence) AS id)" if instance else "*"
        rows = connection.execute(f"SELECT {columns} FROM {table}").fetchall()
        found[table] = sorted(map(repr, rows))
    connection.close()
    return {table: rows for table, rows in found.items() if table not in NAMED_ANEW}


async def test_every_row_of_every_table_comes_back(made: Made, preparing: Preparing) -> None:
    prepared = await preparing(made.file)

    before = rows_by_table(made.data_dir / "spout.duckdb")
    assert rows_by_table(prepared.path) == before
    assert len(before["predictions"]) == WHALES


async def test_a_restored_store_says_what_it_said(made: Made, preparing: Preparing, tmp_path: Path) -> None:
    prepared = await preparing(made.file)
    install(prepared, tmp_path / "data", floor=0, at=NOON)

    reported = []
    for directory in (made.data_dir, tmp_path / "data"):
        opened = await open_database(directory, at=NOON)
        store = PredictionStore(opened)
        reported.append(
            (await store.events_after(0, 1_000), (await store.restore(NOON)).predictions, opened.notices)
        )
        await opened.database.close()
    assert reported[0] == reported[1]


async def test_no_number_is_given_again(made: Made, preparing: Preparing, tmp_path: Path) -> None:
    install(await preparing(made.file), tmp_path / "data", floor=WHALES + 100, at=NOON)

    opened = await open_database(tmp_path / "data", at=NOON)
    whale = a_prediction(99)
    (event,) = await PredictionStore(opened).append([detected(whale)], [whale])
    await opened.database.close()

    assert event.sequence == WHALES + 101
    assert opened.notices == ()


async def test_new_events_have_ids_that_no_other_box_gives(
    made: Made, preparing: Preparing, tmp_path: Path
) -> None:
    install(await preparing(made.file), tmp_path / "data", floor=0, at=NOON)

    opened = await open_database(tmp_path / "data", at=NOON)
    before = await open_database(made.data_dir, at=NOON)
    await opened.database.close()
    await before.database.close()

    assert opened.instance != before.instance


async def test_what_was_there_is_kept(made: Made, preparing: Preparing, tmp_path: Path) -> None:
    opened = await open_database(tmp_path / "data", at=NOON)
    await opened.database.close()
    before = (tmp_path / "data" / "spout.duckdb").read_bytes()

    done = install(await preparing(made.file), tmp_path / "data", floor=0, at=NOON)

    assert done.kept is not None
    assert done.kept.read_bytes() == before


async def test_of_what_was_replaced_only_the_latest_is_kept(
    made: Made, preparing: Preparing, tmp_path: Path
) -> None:
    for hours in range(3):
        install(await preparing(made.file), tmp_path / "data", floor=0, at=NOON + timedelta(hours=hours))

    assert len(list((tmp_path / "data").glob("*.replaced"))) == 1


async def test_a_backup_of_an_older_schema_is_brought_up_to_date(made: Made, tmp_path: Path) -> None:
    file = tmp_path / "older.backup"
    file.write_bytes(made.file.read_bytes())
    connection = duckdb.connect(str(file))
    for table in (
        "forecast_outcomes",
        "whale_outcomes",
        "daily_accuracy",
        "daily_lead_times",
        "whale_scripts",
    ):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("UPDATE meta SET value = '5' WHERE key = 'schema_version'")
    connection.close()

    prepared = await prepare(file, tmp_path / "data", key=KEY, at=NOON, finish=lambda _: None)

    assert rows_by_table(prepared.path)["forecast_outcomes"] == []


def test_the_mac_is_good_under_the_secret_alone(made: Made) -> None:
    assert read_seal(made.file, KEY)[1]
    assert not read_seal(made.file, b"x" * 32)[1]


def test_a_single_changed_byte_is_noticed(made: Made, tmp_path: Path) -> None:
    content = bytearray(made.file.read_bytes())
    content[300_000] ^= 1
    (tmp_path / "changed").write_bytes(content)

    assert not read_seal(tmp_path / "changed", KEY)[1]


def test_a_backup_holds_nothing_of_the_secret(made: Made) -> None:
    assert KEY not in made.file.read_bytes()
