"""What the operator decides, in a file of its own: `operator.db`, SQLite from the standard library.

DuckDB lets one process in. `spout keys revoke` must work beside a running appliance, and at once, so keys
and labels live where two processes may write: SQLite in WAL mode. Every question is asked of the file, so
nothing has to be told to the other process.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from app.errors import StoreError, StoreNewerError
from app.store.aside import set_aside
from app.views import Notice

T = TypeVar("T")

FILE: Final = "operator.db"
LATEST: Final = 1
_LOCK: Final = "operator.lock"
_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_living_key_a_name ON keys (name) WHERE revoked_at IS NULL;
CREATE TABLE labels (
    script TEXT PRIMARY KEY,
    address TEXT NOT NULL,
    entity TEXT NOT NULL,
    "group" TEXT NOT NULL,
    kind TEXT NOT NULL,
    basis TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
"""
_WAIT_SECONDS: Final = 5.0
"""For another process to finish its write."""
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class OperatorFile:
    """One thread owns the connection; use `open_operator` to make one."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread
        self._closed = False

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction; whatever it raises, nothing of it is kept.

        Raises:
            StoreError: if SQLite refuses.
        """
        if self._closed:
            raise StoreError("the operator's file is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def revision(self) -> tuple[int, int]:
        """Differs from before once this or any other process has changed something."""
        return await self.run(
            lambda connection: (
                int(connection.execute("PRAGMA data_version").fetchone()[0]),
                connection.total_changes,
            )
        )

    async def close(self) -> None:
        """Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._connection:
                return work(self._connection)
        except sqlite3.Error as error:
            raise StoreError(f"keys and labels cannot be read or written: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedOperator:
    file: OperatorFile
    notices: tuple[Notice, ...]


async def open_operator(data_dir: Path, *, at: datetime) -> OpenedOperator:
    """Open or create; a damaged file is set aside, a fresh one holds no keys: nobody gets in by damage.

    Raises:
        StoreNewerError: if a newer Spout wrote it; it is left untouched.
        StoreError: if it cannot be opened.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="operator")
    try:
        connection, notices = await asyncio.get_running_loop().run_in_executor(thread, _open, data_dir, at)
    except BaseException:
        thread.shutdown(wait=False)
        raise
    return OpenedOperator(file=OperatorFile(connection, thread), notices=notices)


def _open(data_dir: Path, at: datetime) -> tuple[sqlite3.Connection, tuple[Notice, ...]]:
    path = data_dir / FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            return _connected(path), ()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "") not in _DAMAGED:
                raise
            return _fresh_beside(path, at)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"{path} cannot be opened: {error}. Free some space, or give {data_dir} to the user Spout runs as"
        ) from error


def _connected(path: Path) -> sqlite3.Connection:
    with _alone(path.with_name(_LOCK)):
        if not path.exists():
            path.touch(mode=0o600)  # hashes of keys are nobody else's business
        connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, check_same_thread=False)
        usable = False
        try:
            _prepare(connection, path)
            usable = True
        finally:
            if not usable:
                connection.close()
    return connection


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time prepares the file: SQLite does not wait for another's change to WAL mode."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > LATEST:
        raise StoreNewerError(
            f"{path} was written by a newer Spout (its version {version}, this one knows {LATEST}): "
            "install that one again, or choose another SPOUT_DATA_DIR; the file is left untouched"
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if version == 0:
        connection.executescript(_SCHEMA)
    for (verdict,) in connection.execute("PRAGMA quick_check").fetchall():
        if verdict != "ok":
            damage = sqlite3.DatabaseError(verdict)
            damage.sqlite_errorname = _DAMAGED[0]
            raise damage


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _fresh_beside(path: Path, at: datetime) -> tuple[sqlite3.Connection, tuple[Notice, ...]]:
    kept = set_aside(path, at)
    for companion in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if companion.exists():
            set_aside(companion, at)
    words = f"keys and own labels were damaged, now {kept.name}: create and import them again"
    notice = Notice(code="operator_file_set_aside", words=words, since=at.astimezone(UTC))
    return _connected(path), (notice,)
