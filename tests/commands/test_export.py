"""`spout export` of a Spout that does not run; of a running one: tests/journey/test_backup.py."""

import csv
import stat
from pathlib import Path

import duckdb
import pytest

from tests.commands.conftest import Spout, one_line
from tests.commands.test_backup import stored


@pytest.fixture
def filled(here: Path) -> Path:
    stored(here / "kept", 1, 2, 3)
    return here


@pytest.mark.usefixtures("filled")
def test_a_csv_has_a_line_a_whale(spout: Spout, here: Path) -> None:
    ended = spout("export", "all.csv")

    lines = list(csv.DictReader((here / "all.csv").open(encoding="utf-8", newline="")))
    assert ended.stdout == "3 whales in all.csv.\n"
    assert sorted(line["prediction_id"] for line in lines) == ["whale-1", "whale-2", "whale-3"]
    assert stat.S_IMODE((here / "all.csv").stat().st_mode) == 0o600


@pytest.mark.usefixtures("filled")
def test_a_parquet_has_a_row_a_whale(spout: Spout, here: Path) -> None:
    spout("export", "all.parquet")

    rows = duckdb.connect().execute(f"SELECT prediction_id FROM '{here / 'all.parquet'}' ORDER BY ALL")
    assert rows.fetchall() == [("whale-1",), ("whale-2",), ("whale-3",)]


@pytest.mark.usefixtures("filled")
def test_a_time_without_whales_gives_none(spout: Spout) -> None:
    assert spout("export", "--from", "2020-01-01", "--to", "2020-02-01", "none.csv").stdout.startswith("0 ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["all.txt"], "name it .csv or .parquet"),
        (["--from", "yesterday", "all.csv"], "--from"),
        (["--from", "2026-02-01", "--to", "2026-01-01", "all.csv"], "--to must be after --from"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    spout: Spout, filled: Path, arguments: list[str], words: str
) -> None:
    ended = spout("export", *arguments)

    assert ended.returncode == 2
    assert words in one_line(ended.stderr)
    assert not (filled / "all.csv").exists()
