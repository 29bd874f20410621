"""DuckDB: one thread writes, one reads. The only module that imports duckdb; it raises our own errors.

Measured on DuckDB 2.0.0: a torn tail of the write-ahead log is dropped silently (see watermark.py), a
damaged entry refuses the whole log and names its byte position, a commit on a full disk is taken back
whole, and a failed checkpoint invalidates the instance. So checkpoints are never left to a commit: they
are made here, after it, when there is room, and an invalid instance is opened again.

A connection belongs to one thread: shared by eight it gave 77 wrong rows without an error in 2,000 reads. A
cursor of its own on a thread of its own is another connection to the same instance, and sees what is
committed: 315 reads beside 300 appends were right, every one (tests/store/test_reading.py does it again).
So reads never wait before ingest; a read that takes too long is interrupted.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import duckdb

from app.errors import QueryTooLongError, StoreError
from app.store.checkpoint import forget_blocks, save_blocks, undo_unfinished
from app.store.duckdb_errors import refusal

T = TypeVar("T")
Connection: TypeAlias = duckdb.DuckDBPyConnection
Statement: TypeAlias = duckdb.Statement

MEBIBYTE: Final = 1024 * 1024
FOREIGN_MB: Final = 256
"""DuckDB's memory limit while a stranger's file is read."""
READ_SECONDS: Final = 20.0
"""Time limit of a read; a longer one is interrupted, and the caller gets an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on DuckDB's use of the machine. Reads of 90 days of history fit in the default."""

    memory_mb: int = 64
    threads: int = 1
    checkpoint_mb: int = 4
    """The write-ahead log is checkpointed once it is longer than this."""
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
        connection.execute(f"SET allowed_directories = ['{_quoted(path.with_name('backups'))}']")
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
        connection.execute(f"ATTACH '{_quoted(path)}' AS stranger (READ_ONLY, TYPE duckdb)")
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
        connection.execute(f"SET allowed_directories = ['{_quoted(path.parent)}']")
        _lock_up(connection)
    except duckdb.Error as error:
        raise refusal(str(error), path) from error
    return connection


def _lock_up(connection: Connection) -> None:
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _quoted(path: Path) -> str:
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


class Database:
    """One DuckDB database; created by `app.store.opening.open_database`."""

    def __init__(
        self, path: Path, connection: Connection, thread: ThreadPoolExecutor, limits: Limits
    ) -> None:
        self.path = path
        self._connection: Connection | None = connection
        self._thread = thread
        self._limits = limits
        self._reader = _Reader(path)
        self._copier = ThreadPoolExecutor(max_workers=1, thread_name_prefix="duckdb-copies")
        self._copying: Connection | None = None
        self._closed = False
        self._release: Callable[[], None] = lambda: None

    def when_closed(self, release: Callable[[], None]) -> None:
        self._release = release

    async def run(self, work: Callable[[Connection], T], then: Callable[[T], None] | None = None) -> T:
        """Run `work` in one transaction on DuckDB's own thread, and `then` there after the commit.

        Raises:
            StoreError: if DuckDB fails; nothing of `work` is then kept.
        """
        if self._closed:
            raise StoreError("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work, then)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads, on the reading thread: it sees everything committed before.

        Raises:
            StoreError: if DuckDB fails, or it takes longer than READ_SECONDS.
        """
        if self._closed:
            raise StoreError("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(self._reader.thread, self._read, work)

    async def copy_to(self, path: Path, complete: Callable[[Connection], T]) -> T:
        """Copy all tables to a new file in `backups`, as of one moment, and `complete` it as `backup`.

        On a thread and a cursor of its own: neither reads nor appends wait for it.

        Raises:
            StoreError: if DuckDB fails; the file may be left unfinished.
        """
        if self._closed:
            raise StoreError("the database is closed")
        loop = asyncio.get_running_loop()
        cursor = await loop.run_in_executor(self._thread, lambda: self._opened().cursor())
        return await loop.run_in_executor(self._copier, self._copy, cursor, path, complete)

    async def compact(self) -> bool:
        """Rewrite the file without the room that deleted rows left in it; False if that must wait.

        Appends and reads wait meanwhile. A kill at any moment leaves the file as it was, or the new one.

        Raises:
            StoreError: if the disk has no room; the file is as it was.
        """
        if self._closed:
            raise StoreError("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._compact)

    async def close(self) -> None:
        """Checkpoint the write-ahead log and release the directory. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if (copying := self._copying) is not None:
            copying.interrupt()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._finish)
        self._thread.shutdown(wait=False)
        self._reader.thread.shutdown(wait=False)
        self._copier.shutdown(wait=False)
        self._release()

    async def settle(self) -> int:
        """Checkpoint the write-ahead log if the disk has room, and return the size on disk in bytes.

        Before it a file may look small that the checkpoint makes large: what it writes anew stands beside
        what it replaces.

        Raises:
            StoreError: if the database is closed.
        """
        if self._closed:
            raise StoreError("the database is closed")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._checkpoint)
        return self.size_bytes()

    def size_bytes(self) -> int:
        """Return the size of the database and its log on disk."""
        return _size(self.path) + _size(wal_of(self.path))

    def _read(self, work: Callable[[Connection], T]) -> T:
        # Created on the writing thread, once: the connection belongs to that thread.
        return self._reader.run(lambda: self._thread.submit(lambda: self._opened().cursor()).result(), work)

    def _copy(self, cursor: Connection, path: Path, complete: Callable[[Connection], T]) -> T:
        self._copying = cursor
        try:
            cursor.execute(f"ATTACH '{_quoted(path)}' AS backup")
            try:
                cursor.begin()
                cursor.execute(f'COPY FROM DATABASE "{self.path.stem}" TO backup')
                completed = complete(cursor)
                cursor.commit()
                cursor.execute("CHECKPOINT backup")
            finally:
                with suppress(duckdb.Error):
                    cursor.rollback()
                cursor.execute("DETACH backup")
        except duckdb.Error as error:
            raise refusal(str(error), path) from error
        finally:
            self._copying = None
            cursor.close()
        return completed

    def _compact(self) -> bool:
        draft = self.path.with_name("backups") / "compacting"
        try:
            draft.parent.mkdir(mode=0o700, exist_ok=True)
            self._remove(draft)
            checkpoint(self._opened(), self.path)
            with self._reader.held():  # the instance closes with its last cursor: none may be open
                if self._copying is not None:
                    return False
                self._copy(self._opened().cursor(), draft, lambda _: None)
                self._reader.close()
                self._close_connection()
                if wal_of(self.path).exists() or _holds_open(self.path):
                    return False
                draft.chmod(self.path.stat().st_mode & 0o777)
                draft.replace(self.path)
                return True
        except OSError as error:
            raise refusal(str(error), self.path) from error
        finally:
            self._remove(draft)

    def _remove(self, draft: Path) -> None:
        for left in (draft, wal_of(draft)):
            left.unlink(missing_ok=True)

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = reconnect(self.path, self._limits)
        return self._connection

    def _transact(self, work: Callable[[Connection], T], then: Callable[[T], None] | None) -> T:
        try:
            result = in_transaction(self._opened(), work)
        except duckdb.Error as error:
            # The state after a failed commit is best read from the file: the next transaction reopens it.
            self._drop()
            raise refusal(str(error), self.path) from error
        if then is not None:
            then(result)
        if _size(wal_of(self.path)) > self._limits.checkpoint_mb * MEBIBYTE:
            self._thread.submit(self._checkpoint)  # queued behind this reply: nobody waits for it
        return result

    def _checkpoint(self) -> None:
        """Checkpoint the log if the disk has room for it; committed data is safe either way."""
        if self._connection is None or not _room_for(self.path):
            return
        try:
            checkpoint(self._connection, self.path)
        except StoreError:
            self._drop()

    def _drop(self) -> None:
        self._reader.let_go()
        self._close_connection()

    def _close_connection(self) -> None:
        if self._connection is not None:
            with suppress(duckdb.Error):
                self._connection.close()
        self._connection = None

    def _finish(self) -> None:
        self._checkpoint()
        self._drop()


class _Reader:
    """The reading thread and its cursor, which the writing thread closes before it reopens the database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="duckdb-reads")
        self._busy = threading.Lock()
        self._cursor: Connection | None = None
        self._generation = 0
        """Generation of the instance that the cursor belongs to."""

    def run(self, made: Callable[[], Connection], work: Callable[[Connection], T]) -> T:
        while True:
            generation = self._generation
            cursor = self._cursor or made()  # not under the lock: it waits for the writing thread
            with self._busy:
                if generation == self._generation:
                    self._cursor = cursor
                    return self._timed(cursor, work)
            cursor.close()  # its instance has been closed meanwhile

    def _timed(self, cursor: Connection, work: Callable[[Connection], T]) -> T:
        late = threading.Timer(READ_SECONDS, cursor.interrupt)
        late.start()
        try:
            return in_transaction(cursor, work)
        except duckdb.InterruptException as error:
            raise QueryTooLongError(
                f"a question took longer than {READ_SECONDS:g} s: ask for less"
            ) from error
        except duckdb.Error as error:
            self._close()
            raise refusal(str(error), self._path) from error
        finally:
            late.cancel()

    def let_go(self) -> None:
        """Interrupt the current read, if any: the instance is about to be closed."""
        if (cursor := self._cursor) is not None:
            cursor.interrupt()
        with self._busy:
            self._generation += 1
            self._close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the current read end, and no other begin."""
        with self._busy:
            yield

    def close(self) -> None:
        """Close the cursor, while `held`."""
        self._generation += 1
        self._close()

    def _close(self) -> None:
        if self._cursor is not None:
            with suppress(duckdb.Error):
                self._cursor.close()
        self._cursor = None


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


def _holds_open(path: Path) -> bool:
    """Whether this process has the file open: DuckDB would go on with it under its old inode."""
    wanted = path.stat()
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if os.path.samestat(handle.stat(), wanted):
                return True
    return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _room_for(path: Path) -> bool:
    """Whether the disk has room for a checkpoint, which writes about the log's size: twice that."""
    space = os.statvfs(path.parent)
    return space.f_bavail * space.f_frsize > 2 * _size(wal_of(path)) + 2 * MEBIBYTE
