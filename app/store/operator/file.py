"""The operator's data in a file of its own: `operator.db`, SQLite from the standard library.

DuckDB allows one process. `spout keys revoke` must work beside a running appliance, and at once, so keys
and labels are stored where two processes may write: SQLite in WAL mode. Every query reads the file, so
the other process needs no notification.
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
from app.keyring import keep_private
from app.store.lock import RUNNING, hold, unusable
from app.store.quarantine import quarantine
from app.views import Notice

T = TypeVar("T")

OPERATOR_FILE: Final = "operator.db"
_LOCK: Final = "operator.lock"
_STEPS: Final = (
    """
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
""",
    """
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    changed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
""",
    """
CREATE TABLE endpoints (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    settings TEXT NOT NULL,
    sealed BLOB NOT NULL,
    enabled INTEGER NOT NULL,
    disabled_because TEXT,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
""",
    """
ALTER TABLE labels ADD COLUMN private INTEGER NOT NULL DEFAULT 0;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL
) STRICT;
""",
    """
CREATE TABLE called_hosts (
    host TEXT NOT NULL,
    used_for TEXT NOT NULL,
    first_at TEXT NOT NULL,
    PRIMARY KEY (host, used_for)
) STRICT, WITHOUT ROWID;
""",
)
"""The steps that migrate the file between versions, in one transaction; a released one is never changed."""
LATEST: Final = len(_STEPS)
_WAIT_SECONDS: Final = 5.0
"""How long to wait for another process to finish its write."""
_NO_PLACE: Final = ("SQLITE_IOERR", "SQLITE_PROTOCOL", "SQLITE_CANTOPEN")
"""SQLite's errors on a file system without shared memory or locks."""
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class OperatorFile:
    """The file; one thread owns the connection. Created by `open_operator`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._path = path
        self._inode = _inode(path)
        self._connection = connection
        self._thread = thread
        self._closed = False

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction; on any exception it is rolled back.

        Raises:
            StoreError: if SQLite fails.
        """
        if self._closed:
            raise StoreError("the operator's file is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def revision(self) -> tuple[int, int]:
        """Return a value that changes once this or any other process has changed something."""
        return await self.run(
            lambda connection: (
                int(connection.execute("PRAGMA data_version").fetchone()[0]) + (self._inode << 32),
                connection.total_changes,
            )
        )

    async def close(self) -> None:
        """Close the file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._follow()
            with self._connection:
                return work(self._connection)
        except sqlite3.Error as error:
            raise StoreError(f"keys and labels cannot be read or written: {error}") from error

    def _follow(self) -> None:
        """Reopen a file that was replaced: a key revoked in the new file must not be valid any more."""
        if _inode(self._path) == self._inode:
            return
        connection = _connected(self._path)
        self._connection.close()
        self._connection, self._inode = connection, _inode(self._path)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedOperator:
    file: OperatorFile
    notices: tuple[Notice, ...]


async def open_operator(data_dir: Path, *, at: datetime, owner: bool = False) -> OpenedOperator:
    """Open or create the file; a damaged one is quarantined, a new one has no keys: damage grants no access.

    Only the directory's owner quarantines it: the running appliance (`owner`), or the only process. If
    another process did, the running appliance would continue to read the old file.

    Raises:
        StoreNewerError: if a newer Spout wrote it; it is left untouched.
        StoreError: if it cannot be opened.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="operator")
    try:
        connection, notices = await asyncio.get_running_loop().run_in_executor(
            thread, _open, data_dir, at, owner
        )
    except BaseException:
        thread.shutdown(wait=False)
        raise
    return OpenedOperator(file=OperatorFile(data_dir / OPERATOR_FILE, connection, thread), notices=notices)


def _open(
    data_dir: Path,
    at: datetime,
    owner: bool,  # noqa: FBT001 - handed to a thread
) -> tuple[sqlite3.Connection, tuple[Notice, ...]]:
    path = data_dir / OPERATOR_FILE
    try:
        keep_private(data_dir)
        try:
            return _connected(path), ()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorname", "") not in _DAMAGED:
                raise
            with _owned(data_dir, owner=owner):
                return _fresh_beside(path, at)
    except OSError as error:
        raise unusable(data_dir, error) from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "").startswith(_NO_PLACE):
            raise _no_local_disk(data_dir, str(error)) from error
        raise StoreError(
            f"{path} cannot be opened: {error}. Free some space, or give {data_dir} to the user Spout runs as"
        ) from error


def _nothing() -> None:
    """Do nothing: there is no lock to release."""


@contextmanager
def _owned(data_dir: Path, *, owner: bool) -> Iterator[None]:
    try:
        release = _nothing if owner else hold(data_dir, RUNNING)
    except StoreError as error:
        raise StoreError(
            f"{data_dir / OPERATOR_FILE} is damaged and a running Spout uses it: restart that one, it sets "
            "the file aside"
        ) from error
    try:
        yield
    finally:
        release()


def _no_local_disk(data_dir: Path, words: str) -> StoreError:
    return StoreError(
        f"the file system of {data_dir} cannot hold a write-ahead log or lock files (a network share?): "
        f"put SPOUT_DATA_DIR on a local disk ({words})"
    )


def _connected(path: Path) -> sqlite3.Connection:
    with _alone(path.with_name(_LOCK)):
        if not path.exists():
            path.touch(mode=0o600)  # hashes of keys must not be readable by others
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
    """Hold a lock while preparing the file: SQLite does not wait for another process's change to WAL mode."""
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
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise _no_local_disk(path.parent, f"journal mode {mode}")
    connection.execute("PRAGMA synchronous = FULL")
    for number, step in enumerate(_STEPS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")
    for (verdict,) in connection.execute("PRAGMA quick_check").fetchall():
        if verdict != "ok":
            damage = sqlite3.DatabaseError(verdict)
            damage.sqlite_errorname = _DAMAGED[0]
            raise damage


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _fresh_beside(path: Path, at: datetime) -> tuple[sqlite3.Connection, tuple[Notice, ...]]:
    kept = quarantine(path, at)
    for companion in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        if companion.exists():
            quarantine(companion, at)
    words = f"keys and own labels were damaged, now {kept.name}: create and import them again"
    notice = Notice(code="operator_file_set_aside", words=words, since=at.astimezone(UTC))
    return _connected(path), (notice,)
