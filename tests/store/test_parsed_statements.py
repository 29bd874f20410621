"""A statement that was parsed once fits whatever database it is run in next."""

from pathlib import Path

import pytest

from app.store import Limits, connect, execute
from app.store.connections import Connection

INSERT = "INSERT INTO counted VALUES (?, ?)"


@pytest.fixture
def here(tmp_path: Path) -> Connection:
    return opened(tmp_path / "here.duckdb")


def opened(path: Path) -> Connection:
    connection = connect(path, Limits())
    connection.execute("CREATE TABLE counted (number INTEGER, name VARCHAR)")
    return connection


def test_it_writes_to_the_database_it_is_run_in(here: Connection, tmp_path: Path) -> None:
    there = opened(tmp_path / "there.duckdb")
    execute(here, INSERT, [1, "here"])
    execute(there, INSERT, [2, "there"])

    assert there.execute("FROM counted").fetchall() == [(2, "there")]


def test_it_follows_a_changed_table(here: Connection) -> None:
    execute(here, INSERT, [1, "before"])
    here.execute("DROP TABLE counted")
    here.execute("CREATE TABLE counted (name VARCHAR, number VARCHAR)")
    execute(here, INSERT, [2, "after"])

    assert here.execute("FROM counted").fetchall() == [("2", "after")]


def test_it_holds_no_closed_database_open(tmp_path: Path) -> None:
    path = tmp_path / "closed.duckdb"
    closed = opened(path)
    execute(closed, INSERT, [1, "one"])
    closed.close()

    held = [link for link in Path("/proc/self/fd").iterdir() if link.exists() and link.resolve() == path]
    assert held == []
