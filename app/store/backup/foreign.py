"""The process that opens a stranger's file: `python -m app.store.backup.foreign FILE`, rows to its output.

A database file may hold views, macros and generated columns that do as they like when they are read, and
damage that ends whoever reads it. So it is opened read-only in a process of its own: without our environment,
with little memory and time, unable to write any file, and DuckDB reaches none but this one. Only base tables
are read, column by column, each cast to the kind that our schema gives it.
"""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from app.errors import StoreError
from app.store.backup.frames import BadBackupError, Done, Opened, Refused, Rows, send
from app.store.backup.shape import LONGEST_TEXT, OPERATOR_TABLE, Column, columns_of
from app.store.connections import Connection, checked, connect_foreign, in_memory
from app.store.migrations import LATEST, build, refuse_newer

ROWS_AT_ONCE: Final = 1_024
_FRAME_BYTES: Final = 4 * 1024 * 1024
_CPU_SECONDS: Final = 3_600
_LEFT_BEHIND: Final = frozenset({"meta", "prediction_versions_3", "forecasts_3", "journal", "journal_unread"})
"""`meta` is written anew; the others are empty in what Spout copies: their rows have been moved (moving.py)
or written out (table_writer.py)."""
PROGRESS: Final = ("accounts_from", "backfilled")
"""Rows of `meta` that are taken: the day from which outcomes are kept as rows, the last whale backfilled."""
_OPERATOR: Final = (Column("table_name", "VARCHAR", False), Column("row", "VARCHAR", False))  # noqa: FBT003 - reads as the column's own words


def tables_of(schema: int) -> dict[str, tuple[Column, ...]]:
    """Return what a backup of this schema holds."""
    connection = in_memory()
    try:
        build(connection, schema)
        return {table: found for table, found in columns_of(connection).items() if table not in _LEFT_BEHIND}
    finally:
        connection.close()


def operator_columns() -> tuple[Column, ...]:
    return _OPERATOR


def send_rows(path: Path, stream: BinaryIO) -> None:
    """Send all rows of the file.

    Raises:
        StoreError: if it is no readable Spout database.
    """
    connection = connect_foreign(path)
    try:
        there = _base_tables(connection)
        opened = _opened(connection, path, there)
        send(stream, opened)
        for table, columns in tables_of(opened.schema).items():
            _send_table(connection, path, there, table, columns, stream)
        if OPERATOR_TABLE in there:
            _send_table(connection, path, there, OPERATOR_TABLE, _OPERATOR, stream)
        send(stream, Done())
    finally:
        connection.close()


def _base_tables(connection: Connection) -> dict[str, set[str]]:
    """Return the columns of each base table; a view is none."""
    rows = connection.execute(
        "SELECT t.table_name, c.column_name FROM duckdb_tables() t JOIN duckdb_columns() c USING "
        "(database_name, schema_name, table_name) WHERE database_name = 'stranger' AND schema_name = 'main'"
    ).fetchall()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def _opened(connection: Connection, path: Path, there: dict[str, set[str]]) -> Opened:
    if not {"key", "value"} <= there.get("meta", set()):
        raise BadBackupError("it is no database of Spout's")
    rows = checked(
        connection,
        path,
        lambda it: it.execute(
            "SELECT CAST(key AS VARCHAR), CAST(value AS VARCHAR) FROM stranger.main.meta LIMIT 100"
        ).fetchall(),
    )
    found = dict(rows)
    schema, instance = found.get("schema_version") or "", found.get("instance") or ""
    if not (schema.isascii() and schema.isdigit() and len(schema) < 4 and 0 < len(instance) <= 64):
        raise BadBackupError("it is no database of Spout's")
    refuse_newer(int(schema))
    if not 1 <= int(schema) <= LATEST or not instance.isalnum():
        raise BadBackupError("it is no database of Spout's")
    progress = {
        key: int(value)
        for key in PROGRESS
        if (value := found.get(key) or "").isascii() and value.isdigit() and len(value) < 16
    }
    return Opened(schema=int(schema), instance=instance, progress=progress)


def _send_table(
    connection: Connection,
    path: Path,
    there: dict[str, set[str]],
    table: str,
    columns: tuple[Column, ...],
    stream: BinaryIO,
) -> None:
    if missing := {column.name for column in columns} - there.get(table, set()):
        what = "table" if table not in there else f"column {min(missing)} in its table"
        raise BadBackupError(f"it has no {what} {table}")
    wanted = ", ".join(column.selected for column in columns)
    question = f'SELECT {wanted} FROM stranger.main."{table}"'  # noqa: S608 - names of our own schema
    checked(connection, path, lambda it: it.execute(question))
    while rows := checked(connection, path, lambda it: it.fetchmany(ROWS_AT_ONCE)):
        for few in _portions(rows, table):
            send(stream, Rows(table=table, columns=[list(column) for column in zip(*few, strict=True)]))


def _portions(rows: list[tuple[Any, ...]], table: str) -> Iterator[list[tuple[Any, ...]]]:
    few: list[tuple[Any, ...]] = []
    size = 0
    for row in rows:
        length = sum(len(one) for one in row if isinstance(one, str | bytes | list))
        if length > LONGEST_TEXT:
            raise BadBackupError(f"a row of its table {table} is too large")
        few.append(row)
        size += length
        if size > _FRAME_BYTES:
            yield few
            few, size = [], 0
    if few:
        yield few


def _confine() -> None:
    """From here on no file can be written, and time is limited; DuckDB's memory is by its own limit."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _confine()
    try:
        send_rows(Path(sys.argv[1]), sys.stdout.buffer)
    except StoreError as refused:
        send(sys.stdout.buffer, Refused(why=str(refused)))
