"""Connections to DuckDB, how they are opened and locked up. The only module that imports duckdb.

Measured on DuckDB 2.0.0: a torn tail of the write-ahead log is dropped silently (see watermark.py), a
damaged entry refuses the whole log and names its byte position, a commit on a full disk is taken back
whole, and a failed checkpoint invalidates the instance. So checkpoints are never left to a commit: they
are made after it, when there is room, and an invalid instance is opened again (database.py).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import duckdb

from app.store.checkpoint import forget_blocks, save_blocks, undo_unfinished
from app.store.duckdb_errors import refusal

T = TypeVar("T")
Connection: TypeAlias = duckdb.DuckDBPyConnection
Statement: TypeAlias = duckdb.Statement
DuckDBError: TypeAlias = duckdb.Error
InterruptedQuery: TypeAlias = duckdb.InterruptException
"""What a statement raises whose connection was interrupted; a DuckDBError too."""

MEBIBYTE: Final = 1024 * 1024
FOREIGN_MB: Final = 256
"""DuckDB's memory limit while a stranger's file is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on DuckDB's use of the machine. Reads of 90 days of history fit in the default."""

    memory_mb: int = 64
    threads: int = 1
    cached_mb: int = 8
    """What is kept of the file at rest. Some 7 MiB may be in use: with less they would go to the disk."""
    checkpoint_mb: int = 4
    """The write-ahead log is checkpointed once it is longer than this."""
    renew_mb: int = 16
    """After so much was checkpointed the file is opened anew: DuckDB holds what was deleted until then."""
    read_seconds: float = 20.0
    """Time limit of a read; a longer one is interrupted, and the caller gets an error."""
    full_check_mb: int = 256
    """A file up to this size is read completely at opening; of a larger one, only what a start needs."""


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def connect(path: Path, limits: Limits) -> Connection:
    """Open or create a database; does not write to an existing one by itself. Blocking.

    Raises:
        StoreNewerError: if a newer DuckDB wrote it.
        WalUnreadableError, DatabaseUnreadableError: if it is damaged.
        StoreError: if it is locked, inaccessible, or the disk is full.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{limits.memory_mb}MiB",
        "threads": limits.threads,
        "async_threads": 1,
        # DuckDB brings an allocator of its own, jemalloc. Without its threads it gives back what is free only
        # while it is called: after a query 26 MB of 50 stayed.
        "allocator_background_threads": True,
        "temp_directory": str(path.with_name("tmp")),
        "checkpoint_threshold": "1TiB",
        "auto_checkpoint_skip_wal_threshold": 1 << 62,
        # No extension is downloaded, and no file outside the database is read or run by accident.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }
    try:
        connection = duckdb.connect(str(path), config=settings)
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("SET TimeZone = 'UTC'")
        # Whatever a query is: it reads and writes this database and copies of it, no other file.
        connection.execute(f"SET allowed_directories = ['{quoted(path.with_name('backups'))}']")
        connection.execute("SET allowed_configs = ['memory_limit']")  # `trim` lowers it for a moment
        _lock_up(connection)
    except duckdb.Error as error:
        raise refusal(str(error), path) from error
    return connection


def connect_foreign(path: Path) -> Connection:
    """Open a stranger's file, read-only, as `stranger`: nothing of its own names is in force. Blocking.

    Raises:
        StoreError and its kinds, as `connect` does.
    """
    try:
        connection = in_memory(FOREIGN_MB)
        connection.execute(f"ATTACH '{quoted(path)}' AS stranger (READ_ONLY, TYPE duckdb)")
        _lock_up(connection)
    except duckdb.Error as error:
        raise refusal(str(error), path) from error
    return connection


def in_memory(memory_mb: int = 64) -> Connection:
    """Return a database in memory, which spills nothing to disk."""
    return duckdb.connect(
        ":memory:",
        config={
            "memory_limit": f"{memory_mb}MiB",
            "threads": 1,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
        },
    )


def scratch(path: Path) -> Connection:
    """Create a database for one piece of work; it reaches the files of its own folder only.

    Raises:
        StoreError: if the disk is full.
    """
    try:
        connection = duckdb.connect(
            str(path),
            config={"memory_limit": "64MiB", "threads": 1, "temp_directory": str(path.with_name("tmp"))},
        )
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET allowed_directories = ['{quoted(path.parent)}']")
        _lock_up(connection)
    except duckdb.Error as error:
        raise refusal(str(error), path) from error
    return connection


def _lock_up(connection: Connection) -> None:
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def quoted(path: Path) -> str:
    return str(path.absolute()).replace("'", "''")


def reconnect(path: Path, limits: Limits) -> Connection:
    """Open an existing database that nothing has open; a checkpoint that was cut short is undone first.

    Raises:
        StoreError and its kinds, as `connect` does.
    """
    try:
        undo_unfinished(path)
    except OSError as error:
        raise refusal(str(error), path) from error
    return connect(path, limits)


def checkpoint(connection: Connection, path: Path) -> None:
    """Checkpoint the write-ahead log such that a kill at any moment loses nothing (checkpoint.py).

    Raises:
        StoreError: if the disk has no room for the saved blocks: the database is as before.
        StoreError and its kinds, if DuckDB fails: the connection is invalid.
    """
    try:
        found = connection.execute(
            "SELECT block_id, block_size FROM pragma_metadata_info(), pragma_database_size()"
        ).fetchall()
        save_blocks(path, [block for block, _ in found], found[0][1] if found else 0)
        connection.execute("CHECKPOINT")
        forget_blocks(path)
    except (duckdb.Error, OSError) as error:
        raise refusal(str(error), path) from error


def trim(connection: Connection, cached_mb: int) -> None:
    """Let go of what is cached beyond so much. Blocking; a question meanwhile may lack memory.

    By itself DuckDB keeps all that it ever read until it is short of memory. Nothing is done if that fails.
    """
    with suppress(duckdb.Error):
        found = connection.execute("SELECT current_setting('memory_limit')").fetchone()
        if found is None:
            return
        with suppress(duckdb.Error):  # more is in use: as much as can be is let go of all the same
            connection.execute(f"SET memory_limit = '{cached_mb}MiB'")
        connection.execute(f"SET memory_limit = '{found[0]}'")


def in_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    """Run `work` and commit; on any exception the transaction is rolled back."""
    connection.begin()
    committed = False
    try:
        result = work(connection)
        connection.commit()
        committed = True
    finally:
        if not committed:
            with suppress(duckdb.Error):  # a failed commit has already rolled back
                connection.rollback()
    return result


def checked(connection: Connection, path: Path, work: Callable[[Connection], T]) -> T:
    """Run `work`, which reads outside of a transaction; DuckDB's errors are raised as ours."""
    try:
        return work(connection)
    except duckdb.Error as error:
        raise refusal(str(error), path) from error
