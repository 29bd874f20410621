"""A file of an older Spout opens, whatever it holds, and says what it said before."""

import asyncio
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.core.models import Input
from app.core.prediction import Prediction
from app.core.units import Height, Outpoint, Sats, Script
from app.store.assembling import ROW, assembled, rows_of
from app.store.connections import Connection, Limits, connect
from app.store.opening import DATABASE_FILE, open_database
from app.store.parsed_statements import insert_columns
from app.store.predictions import PredictionStore
from tests.builders import numbered_txid
from tests.store.builders import NOON, a_prediction
from tests.store.test_kill import ROOT

ROWS = Path(__file__).with_name("schema_3_rows.json")
"""Every row of a database that commit c4090c1 wrote, as it wrote them."""
NAMES_THEN = set(json.loads(json.loads(ROWS.read_text("utf-8"))["prediction_versions"][0][-1]))
INPUTS = 1_450
REVISIONS = 140 if not os.environ.get("SPOUT_SOAK") else 400
"""Of each of four whales. c4090c1 itself refused after 552 rows in all."""
MOST_MB = 300 + 4 * REVISIONS * 0.31
"""DuckDB unpacks rows of 0.3 MB together, up to 2,048, whatever is asked of them; only they may count."""


def schema_3(connection: Connection, steps: int = 3) -> None:
    for step in range(1, steps + 1):
        connection.execute((files("app.store") / f"schema_{step}.sql").read_text("utf-8"))


@pytest.fixture
def written_by_c4090c1(tmp_path: Path) -> dict[str, list[list[Any]]]:
    """A data directory with those rows; returns them."""
    tables: dict[str, list[list[Any]]] = json.loads(ROWS.read_text("utf-8"))
    connection = connect(tmp_path / DATABASE_FILE, Limits())
    schema_3(connection)
    for table, rows in tables.items():
        for row in rows:
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    connection.close()
    return tables


def in_old_words(whale: Prediction) -> dict[str, Any]:
    """As c4090c1 wrote it; its forecasts apart."""
    found: dict[str, Any] = json.loads(msgspec.json.encode(whale))
    for forecast in (*found["forecasts"], *filter(None, [found["first_forecast"]])):
        forecast["unstraightened"] = forecast.pop("raw")
        assert forecast.pop("projected_block") is None
    for name in set(found) - NAMES_THEN:
        assert not found.pop(name), f"{name} was not known then"
    found["flags"].sort()
    return found


def as_recorded(record: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record)
    found["flags"].sort()
    return found


async def test_every_version_of_every_whale_is_the_same_in_every_field(
    tmp_path: Path, written_by_c4090c1: dict[str, list[list[Any]]]
) -> None:
    opened = await open_database(tmp_path, at=NOON)
    found = await opened.database.run(
        lambda connection: assembled(
            connection,
            rows_of(
                connection.execute(
                    f"SELECT {ROW} FROM (FROM predictions UNION ALL FROM superseded) "
                    "ORDER BY prediction_id, version"
                ).fetchall()
            ),
        )
    )
    await opened.database.close()

    written = sorted(written_by_c4090c1["prediction_versions"], key=lambda row: (row[0], row[1]))
    assert [in_old_words(whale) for whale in found] == [as_recorded(row[-1]) for row in written]


async def test_every_revision_of_every_forecast_is_there_in_its_order(
    tmp_path: Path, written_by_c4090c1: dict[str, list[list[Any]]]
) -> None:
    opened = await open_database(tmp_path, at=NOON)
    whale = await PredictionStore(opened).one("whale-1")
    await opened.database.close()

    assert whale is not None
    assert in_old_words(whale)["forecasts"] == [json.loads(row[2]) for row in written_by_c4090c1["forecasts"]]


async def test_every_event_says_what_it_said(
    tmp_path: Path, written_by_c4090c1: dict[str, list[list[Any]]]
) -> None:
    opened = await open_database(tmp_path, at=NOON)
    store = PredictionStore(opened)
    events = await store.events_after(0, 1_000)
    await opened.database.close()

    reported = [(one.sequence, one.id, one.type.value, one.prediction_id, one.body) for one in events]
    assert reported == [
        (row[0], row[1], row[2], row[4], json.loads(row[5])) for row in written_by_c4090c1["events"]
    ]


async def test_the_file_is_kept_as_it_was_among_the_backups(
    tmp_path: Path, written_by_c4090c1: dict[str, list[list[Any]]]
) -> None:
    opened = await open_database(tmp_path, at=NOON)
    await opened.database.close()

    (kept,) = (tmp_path / "backups").iterdir()
    connection = connect(kept, Limits())
    rows = connection.execute("SELECT version FROM prediction_versions ORDER BY ALL").fetchall()
    connection.close()
    assert rows == sorted((row[1],) for row in written_by_c4090c1["prediction_versions"])


async def test_what_was_written_before_goes_on_after(
    tmp_path: Path, written_by_c4090c1: dict[str, list[list[Any]]]
) -> None:
    opened = await open_database(tmp_path, at=NOON)
    store = PredictionStore(opened)
    (before,) = [one for one in (await store.restore(NOON)).predictions if one.prediction_id == "whale-1"]
    after = replace(before, version=before.version + 1, reason="and on it goes")
    await store.append([], [after])
    found = await store.one("whale-1")
    await opened.database.close()

    assert found is not None
    assert (found.reason, len(found.forecasts)) == (
        "and on it goes",
        len(written_by_c4090c1["forecasts"]),
    )


@pytest.mark.parametrize("steps", [1, 2])
async def test_an_even_older_schema_opens(tmp_path: Path, steps: int) -> None:
    whale = a_prediction(1)
    connection = connect(tmp_path / DATABASE_FILE, Limits())
    schema_3(connection, steps)
    connection.execute("INSERT INTO meta VALUES ('schema_version', ?), ('instance', 'abc')", [str(steps)])
    insert_columns(connection, "prediction_versions", [[value] for value in old_row(whale)])
    connection.close()

    opened = await open_database(tmp_path, at=NOON)
    found = await PredictionStore(opened).one("whale-1")
    await opened.database.close()
    assert found == whale


def old_row(whale: Prediction) -> list[Any]:
    record = msgspec.json.encode(whale).decode().replace('"raw":', '"unstraightened":')
    return [
        *(whale.prediction_id, whale.version, whale.txid, [], whale.status.value, "inflow", 1, 1, "high"),
        *(["binance"], whale.detected_at, whale.updated_at, None, None, record),
    ]


def a_consolidation(number: int, chance: random.Random) -> Prediction:
    whale = a_prediction(number)
    coins = tuple(
        Input(
            outpoint=Outpoint(numbered_txid(chance.getrandbits(255)), 1),
            sequence=0xFFFFFFFD,
            script=Script(f"0014{chance.getrandbits(160):040x}"),
            value=Sats(chance.randrange(10**7, 10**8)),
        )
        for _ in range(INPUTS)
    )
    return replace(whale, tx=replace(whale.tx, inputs=coins))


def revised(whale: Prediction, turn: int) -> Prediction:
    at = NOON + timedelta(minutes=10 * turn)
    forecast = replace(whale.forecasts[-1], made_at=at, at_height=Height(900_000 + turn))
    return replace(whale, version=whale.version + 1, updated_at=at, forecasts=(forecast,))


def what_stopped_c4090c1(directory: Path) -> None:
    """Four consolidations of 1,450 inputs, revised often: rows of 0.3 MB; more of them in make soak."""
    chance = random.Random(11)
    connection = connect(directory / DATABASE_FILE, Limits(memory_mb=2_000))
    schema_3(connection)
    connection.execute("INSERT INTO meta VALUES ('schema_version', '3'), ('instance', 'abc')")
    whales = [a_consolidation(number, chance) for number in range(1, 5)]
    for turn in range(REVISIONS):
        columns = [list(column) for column in zip(*(old_row(whale) for whale in whales), strict=True)]
        insert_columns(connection, "prediction_versions", columns)
        whales = [revised(whale, turn + 1) for whale in whales]
    connection.execute("CHECKPOINT")
    connection.close()


OPEN = """
import asyncio, pathlib, sys
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.store.builders import NOON
async def open_it():
    opened = await open_database(pathlib.Path(sys.argv[1]), at=NOON)
    restored = await PredictionStore(opened).restore(NOON)
    kept = await opened.database.run(lambda it: it.execute("SELECT count(*) FROM superseded").fetchone()[0])
    await opened.database.close()
    print(len(restored.predictions), kept, len(opened.notices), len(restored.predictions[0].tx.inputs))
    # Not getrusage: its peak is inherited from the process that started this one.
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
asyncio.run(open_it())
"""


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_file_that_stopped_c4090c1_opens_within_its_memory(tmp_path: Path) -> None:
    what_stopped_c4090c1(tmp_path)
    before = (tmp_path / DATABASE_FILE).stat().st_size

    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    whales, peak_mb = done.stdout.splitlines()[-2:]
    print(f"{before / 1e6:.0f} MB before; {done.stdout}")
    assert whales == f"4 {4 * (REVISIONS - 1)} 0 {INPUTS}"
    assert int(peak_mb) < MOST_MB


async def test_a_kill_while_rows_are_moved_costs_nothing(tmp_path: Path) -> None:
    connection = connect(tmp_path / DATABASE_FILE, Limits())
    schema_3(connection)
    connection.execute("INSERT INTO meta VALUES ('schema_version', '3'), ('instance', 'abc')")
    rows = [old_row(a_prediction(number)) for number in range(1, 6_001)]
    insert_columns(connection, "prediction_versions", [list(column) for column in zip(*rows, strict=True)])
    connection.close()
    child = subprocess.Popen([sys.executable, "-c", OPEN, str(tmp_path)], cwd=ROOT)
    await asyncio.sleep(0)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.9)
    child.kill()
    child.wait()

    opened = await open_database(tmp_path, at=NOON)
    kept = await opened.database.run(lambda it: it.execute("SELECT count(*) FROM predictions").fetchone())
    await opened.database.close()
    assert kept == (6_000,)
