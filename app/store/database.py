"""DuckDB, owned by one thread. The only module that imports duckdb: elsewhere its errors are ours.

Measured on DuckDB 2.0.0: a torn tail of the write-ahead log is dropped silently (see watermark.py), a
damaged entry refuses the whole log and names its byte position, a commit on a full disk is taken back
whole, and a failed checkpoint invalidates the instance. So checkpoints are never left to a commit: they
are made here, after it, when there is room, and an invalid instance is opened again.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import duckdb

from app.errors import StoreError
from app.store.refusals import refusal

T = TypeVar("T")
Connection: TypeAlias = duckdb.DuckDBPyConnection

MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What DuckDB may take of the machine. Reads of 90 days of history fit in the default."""

    memory_mb: int = 64
    threads: int = 1
    checkpoint_mb: int = 4
    """The write-ahead log is folded into the database once it is longer than this."""
    full_check_mb: int = 256
    """A file up to this size is read through at opening; of a larger one, what a start needs."""


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def connect(path: Path, limits: Limits) -> Connection:
    """Open or create; nothing is written to an existing database by this alone. Blocks.

    Raises:
        StoreNewerError: if a newer DuckDB wrote it.
        WalUnreadableError, DatabaseUnreadableError: if it is damaged.
        StoreError: if it is locked, out of reach, or the disk is full.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{limits.memory_mb}MiB",
        "threads": limits.threads,
        "async_threads": 1,
        "temp_directory": str(path.with_name("tmp")),
        "checkpoint_threshold": "1TiB",
        "auto_checkpoint_skip_wal_threshold": 1 << 62,
        # Nothing is fetched from anywhere, and nothing outside the database is run or read by accident.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
    }
    try:
        connection = duckdb.connect(str(path), config=settings)
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("SET TimeZone = 'UTC'")
    except duckdb.Error as error:
        raise refusal(str(error), path) from error
    return connection


class Database:
    """Use `app.store.opening.open_database` to make one."""

    def __init__(
        self, path: Path, connection: Connection, thread: ThreadPoolExecutor, limits: Limits
    ) -> None:
        self.path = path
        self._connection: Connection | None = connection
        self._thread = thread
        self._limits = limits
        self._closed = False
        self._release: Callable[[], None] = lambda: None

    def when_closed(self, release: Callable[[], None]) -> None:
        self._release = release

    async def run(self, work: Callable[[Connection], T], then: Callable[[T], None] | None = None) -> T:
        """Run `work` in one transaction on DuckDB's own thread, and `then` there once it is committed.

        Raises:
            StoreError: if DuckDB refuses; nothing of `work` is then kept.
        """
        if self._closed:
            raise StoreError("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work, then)

    async def close(self) -> None:
        """Fold the log into the database and let go of the directory. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._finish)
        self._thread.shutdown(wait=False)
        self._release()

    def size_bytes(self) -> int:
        """What the database and its log take on the disk."""
        return _size(self.path) + _size(wal_of(self.path))

    def _transact(self, work: Callable[[Connection], T], then: Callable[[T], None] | None) -> T:
        if self._connection is None:
            self._connection = connect(self.path, self._limits)
        try:
            result = in_transaction(self._connection, work)
        except duckdb.Error as error:
            # What a failed commit left is best learnt from the file: the next piece of work opens it again.
            self._drop()
            raise refusal(str(error), self.path) from error
        if then is not None:
            then(result)
        if _size(wal_of(self.path)) > self._limits.checkpoint_mb * MEBIBYTE:
            self._thread.submit(self._checkpoint)  # behind this answer: nobody waits for it
        return result

    def _checkpoint(self) -> None:
        """Fold the log in, if the disk has room for it; what is committed is safe either way."""
        if self._connection is None or not _room_for(self.path):
            return
        try:
            self._connection.execute("CHECKPOINT")
        except duckdb.Error:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(duckdb.Error):
                self._connection.close()
        self._connection = None

    def _finish(self) -> None:
        self._checkpoint()
        self._drop()


def in_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    """Return what `work` returns, once it is committed; whatever it raises, nothing of it is kept."""
    connection.begin()
    committed = False
    try:
        result = work(connection)
        connection.commit()
        committed = True
    finally:
        if not committed:
            with suppress(duckdb.Error):  # a refused commit has already rolled back
                connection.rollback()
    return result


def checked(connection: Connection, path: Path, work: Callable[[Connection], T]) -> T:
    """Return what `work` reads outside of a transaction, with DuckDB's errors as ours."""
    try:
        return work(connection)
    except duckdb.Error as error:
        raise refusal(str(error), path) from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _room_for(path: Path) -> bool:
    """A checkpoint writes about what the log holds; twice that, and a little, is asked for."""
    space = os.statvfs(path.parent)
    return space.f_bavail * space.f_frsize > 2 * _size(wal_of(path)) + 2 * MEBIBYTE
