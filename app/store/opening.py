"""From a data directory in whatever state to a working database, with words about what happened.

Nothing is ever deleted: what cannot be read is renamed (aside.py), and a notice stays
until the operator has moved it away.
"""

import asyncio
import os
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.errors import StoreError
from app.store.aside import SUFFIX, aside_name, set_aside
from app.store.database import (
    MEBIBYTE,
    Connection,
    Database,
    Limits,
    checked,
    connect,
    in_transaction,
    wal_of,
)
from app.store.hold import hold, unusable
from app.store.migrations import migrate, refuse_newer, schema_version
from app.store.refusals import DatabaseUnreadableError, WalUnreadableError
from app.store.watermark import Watermark
from app.views import Notice

FILE: Final = "spout.duckdb"
LOCK: Final = "lock"
_RECENT: Final = {
    "events": "sequence > (SELECT max(sequence) - 10000 FROM events)",
    "prediction_versions": (
        "status = 'pending' OR updated_at > "
        "(SELECT max(updated_at) - INTERVAL 2 DAYS FROM prediction_versions)"
    ),
}
"""What is read at a start of the tables that grow large."""
_ATTEMPTS: Final = 4
"""Whole log, its good part, no log, a fresh database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """`last_sequence`: of the last event that was ever acknowledged, stored or lost."""

    database: Database
    watermark: Watermark
    instance: str
    last_sequence: int
    notices: tuple[Notice, ...]


async def open_database(data_dir: Path, *, at: datetime, limits: Limits | None = None) -> Opened:
    """Open, mend or create the database in `data_dir`; `at` names what is set aside.

    Raises:
        StoreNewerError: if a newer Spout or DuckDB wrote it; it is left untouched.
        StoreError: if the directory cannot be used: locked, read-only, disk full.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="duckdb")
    opening = _Opening(data_dir, at, limits or Limits(), thread)
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, opening.go)
    except BaseException:
        thread.shutdown(wait=False)
        raise


class _Opening:
    """One attempt to open one directory; runs on DuckDB's thread."""

    def __init__(self, data_dir: Path, at: datetime, limits: Limits, thread: ThreadPoolExecutor) -> None:
        self._dir = data_dir
        self._path = data_dir / FILE
        self._at = at.astimezone(UTC)
        self._limits = limits
        self._thread = thread
        self._watermark = Watermark(data_dir / "last-sequence")
        self._notices: list[Notice] = []
        self._prefix_tried = False

    def go(self) -> Opened:
        try:
            with ExitStack() as undo:
                release = hold(self._dir, LOCK)
                undo.callback(release)
                earlier = self._set_aside_before()
                connection = self._readable()
                undo.callback(connection.close)
                opened = self._ready(connection, earlier)
                undo.pop_all()
                opened.database.when_closed(release)
                return opened
        except OSError as error:
            raise unusable(self._dir, error) from error

    def _readable(self) -> Connection:
        """Return a connection to a database that reads; what does not read is set aside on the way."""
        for _ in range(_ATTEMPTS):
            self._make_sure_of_a_file()
            try:
                return self._connected()
            except WalUnreadableError as error:
                self._without_bad_log(error)
            except DatabaseUnreadableError as error:
                self._without_bad_database(error)
        raise StoreError(f"{self._path} cannot be opened, nor a fresh one in its place")

    def _make_sure_of_a_file(self) -> None:
        fresh = self._dir / f"{FILE}.new"
        for leftover in (fresh, wal_of(fresh)):
            leftover.unlink(missing_ok=True)  # never held anything: it is renamed once it is whole
        if self._path.exists() and self._path.stat().st_size:
            return
        if wal_of(self._path).exists():
            set_aside(wal_of(self._path), self._at)
        connection = connect(fresh, self._limits)
        try:
            checked(connection, fresh, _create)
        finally:
            connection.close()
        fresh.replace(self._path)

    def _connected(self) -> Connection:
        connection = connect(self._path, self._limits)
        try:
            checked(connection, self._path, lambda reader: refuse_newer(schema_version(reader)))
            checked(connection, self._path, self._read_through)
        except StoreError:
            connection.close()
            raise
        return connection

    def _read_through(self, connection: Connection) -> None:
        """Touch what is stored, so that damage shows now: all, or of a large file what a start needs."""
        if schema_version(connection) == 0:
            return
        large = self._path.stat().st_size > self._limits.full_check_mb * MEBIBYTE
        for table, columns in _tables(connection):
            hashes = ", ".join(f'bit_xor(hash("{column}"))' for column in columns)
            recent = f"WHERE {_RECENT[table]}" if large and table in _RECENT else ""
            # Names of our own schema, as the database lists them.
            connection.execute(f'SELECT {hashes} FROM "{table}" {recent}').fetchall()  # noqa: S608

    def _without_bad_log(self, error: WalUnreadableError) -> None:
        log = wal_of(self._path)
        good_part = log.with_name(f"{log.name}.new")
        keeps_some = bool(error.position) and not self._prefix_tried
        if error.position and keeps_some:
            self._prefix_tried = True
            _copy_start(log, good_part, error.position)  # first: a full disk must not cost it
        kept = set_aside(log, self._at)
        if keeps_some:
            good_part.replace(log)
        lost = "the entries after the damage" if keeps_some else "what it held beyond the database file"
        words = f"the write-ahead log was damaged, now {kept.name}; {lost} could not be read"
        self._tell("wal_set_aside", words)

    def _without_bad_database(self, error: DatabaseUnreadableError) -> None:
        kept = set_aside(self._path, self._at)
        if wal_of(self._path).exists():
            set_aside(wal_of(self._path), self._at)
        self._tell(
            "database_set_aside",
            f"the database was damaged ({error}) and is set aside as {kept.name}; Spout started a fresh one",
        )

    def _ready(self, connection: Connection, earlier: list[Notice]) -> Opened:
        last = checked(connection, self._path, _last_sequence)
        witnessed = self._watermark.read()
        if witnessed > last:
            self._keep_torn_log(witnessed - last)
        instance = secrets.token_hex(4)
        checked(connection, self._path, lambda it: in_transaction(it, lambda own: migrate(own, instance)))
        return Opened(
            database=Database(self._path, connection, self._thread, self._limits),
            watermark=self._watermark,
            instance=checked(connection, self._path, _instance),
            last_sequence=max(last, witnessed),
            notices=(*earlier, *self._notices),
        )

    def _keep_torn_log(self, lost: int) -> None:
        """DuckDB drops a torn tail at its next write: keep a copy of the log as it was found."""
        words = f"{lost} acknowledged event{'s are' if lost > 1 else ' is'} missing from the database"
        log = wal_of(self._path)
        if log.exists() and not self._notices:
            kept = aside_name(log, self._at)
            shutil.copyfile(log, kept)
            words += f"; the torn write-ahead log is kept as {kept.name}"
        self._tell("events_lost", words)

    def _set_aside_before(self) -> list[Notice]:
        return [
            Notice(
                code="set_aside_kept",
                words=f"{path.name}, damaged, is kept in {self._dir}: move it away to end this notice",
                since=datetime.fromtimestamp(path.stat().st_mtime, UTC),
            )
            for path in sorted(self._dir.glob(f"*{SUFFIX}"))
        ]

    def _tell(self, code: str, words: str) -> None:
        self._notices.append(Notice(code=code, words=words, since=self._at))


def _create(connection: Connection) -> None:
    in_transaction(connection, lambda own: migrate(own, secrets.token_hex(4)))
    connection.execute("CHECKPOINT")


def _tables(connection: Connection) -> list[tuple[str, list[str]]]:
    rows = connection.execute(
        "SELECT table_name, list(column_name) FROM duckdb_columns() WHERE NOT internal GROUP BY table_name"
    ).fetchall()
    return [(str(table), list(columns)) for table, columns in rows]


def _last_sequence(connection: Connection) -> int:
    if schema_version(connection) == 0:
        return 0
    found = connection.execute("SELECT max(sequence) FROM events").fetchone()
    return int(found[0]) if found and found[0] is not None else 0


def _instance(connection: Connection) -> str:
    found = connection.execute("SELECT value FROM meta WHERE key = 'instance'").fetchone()
    if not found:
        raise StoreError("the database has no instance name: it was not made by Spout")
    return str(found[0])


def _copy_start(source: Path, target: Path, length: int) -> None:
    with source.open("rb") as whole, target.open("wb") as part:
        part.write(whole.read(length))
        part.flush()
        os.fsync(part.fileno())
