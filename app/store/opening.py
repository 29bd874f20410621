"""Opens the database in a data directory, whatever its state, and reports what was repaired.

Nothing is ever deleted: unreadable files are renamed (quarantine.py), and a notice stays
until the operator has moved them away.
"""

import asyncio
import os
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.errors import StoreError
from app.store import journal
from app.store.connections import (
    MEBIBYTE,
    Connection,
    Limits,
    checked,
    checkpoint,
    connect,
    in_transaction,
    reconnect,
    wal_of,
)
from app.store.database import Database
from app.store.duckdb_errors import DatabaseUnreadableError, MemoryShortError, WalUnreadableError
from app.store.lock import hold, unusable
from app.store.migrations import FLOOR, LATEST, has_table, migrate, refuse_newer, schema_version
from app.store.moving import LEAST_OF_MOST_MB, UNREAD, Moving
from app.store.parsed_statements import execute, of_words
from app.store.quarantine import SUFFIX, quarantine, quarantine_name
from app.store.table_writer import TableWriter
from app.store.watermark import Watermark
from app.views import Notice

DATABASE_FILE: Final = "spout.duckdb"
LOCK: Final = "lock"
_RECENT: Final = {
    "events": "sequence > (SELECT max(sequence) - 10000 FROM events)",
    "predictions": (
        "status = 'pending' OR updated_at > (SELECT max(updated_at) - INTERVAL 2 DAYS FROM predictions)"
    ),
    "superseded": "updated_at > (SELECT max(updated_at) - INTERVAL 2 DAYS FROM superseded)",
    "forecasts": "made_at > (SELECT max(made_at) - INTERVAL 2 DAYS FROM forecasts)",
    "parts": "id > (SELECT max(id) - 20000 FROM parts)",
}
"""What is read at a start of the tables that grow large."""
_ATTEMPTS: Final = 4
"""The whole log, its readable part, no log, a new database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """`last_sequence`: of the last event ever acknowledged, stored or lost."""

    database: Database
    watermark: Watermark
    instance: str
    last_sequence: int
    notices: tuple[Notice, ...]
    fresh: bool = False
    """Whether there was no readable database, so that this one was made now."""


async def open_database(data_dir: Path, *, at: datetime, limits: Limits | None = None) -> Opened:
    """Open, repair or create the database in `data_dir`; `at` names quarantined files.

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
    """One attempt to open a directory; runs on DuckDB's thread."""

    def __init__(self, data_dir: Path, at: datetime, limits: Limits, thread: ThreadPoolExecutor) -> None:
        self._dir = data_dir
        self._path = data_dir / DATABASE_FILE
        self._at = at.astimezone(UTC)
        self._limits = limits
        self._thread = thread
        self._watermark = Watermark(data_dir / "last-sequence")
        self._notices: list[Notice] = []
        self._prefix_tried = False
        self._fresh = False
        self._version = 0
        """The schema of what was opened last, before it is migrated."""

    def go(self) -> Opened:
        try:
            with ExitStack() as undo:
                release = hold(self._dir, LOCK)
                undo.callback(release)
                earlier = self._quarantined_before()
                opened = self._working(earlier)
                undo.pop_all()
                opened.database.when_closed(release)
                return opened
        except OSError as error:
            raise unusable(self._dir, error) from error

    def _working(self, earlier: list[Notice]) -> Opened:
        try:
            return self._ready(self._readable(), earlier)
        except DatabaseUnreadableError as error:  # the damage showed while old rows were moved
            self._without_bad_database(error)
            return self._ready(self._readable(), earlier)

    def _readable(self) -> Connection:
        """Return a connection to a readable database; unreadable files are quarantined on the way."""
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
        fresh = self._dir / f"{DATABASE_FILE}.new"
        for unfinished in (fresh, wal_of(fresh)):
            unfinished.unlink(missing_ok=True)  # it never held anything: it is renamed once complete
        if self._path.exists() and self._path.stat().st_size:
            return
        if wal_of(self._path).exists():
            quarantine(wal_of(self._path), self._at)
        connection = connect(fresh, self._limits)
        try:
            checked(connection, fresh, _create)
        finally:
            connection.close()
        fresh.replace(self._path)
        self._fresh = True

    def _connected(self) -> Connection:
        connection = self._with_memory(self._limits.memory_mb)
        try:
            self._version = checked(connection, self._path, schema_version)
            refuse_newer(self._version)
            with suppress(MemoryShortError):  # rows of an old schema: damage shows when they are moved
                checked(connection, self._path, self._read_through)
        except StoreError:
            connection.close()
            raise
        return connection

    def _with_memory(self, memory_mb: int) -> Connection:
        """Open with that memory limit, or a higher one if replaying the log needs it."""
        while True:
            try:
                return reconnect(self._path, replace(self._limits, memory_mb=memory_mb))
            except MemoryShortError:
                if memory_mb >= LEAST_OF_MOST_MB:
                    raise
                memory_mb = min(LEAST_OF_MOST_MB, 2 * memory_mb)

    def _read_through(self, connection: Connection) -> None:
        """Read stored data to detect damage now: everything, or of a large file what a start needs."""
        large = self._path.stat().st_size > self._limits.full_check_mb * MEBIBYTE
        for table in _tables(connection):
            recent = f"WHERE {_RECENT[table]}" if large and table in _RECENT else ""
            # One hash of a row: one for each column costs twice as much.
            statement = of_words("SELECT bit_xor(hash(*COLUMNS(*))) FROM", f'"{table}"', recent)
            execute(connection, statement).fetchall()

    def _without_bad_log(self, error: WalUnreadableError) -> None:
        log = wal_of(self._path)
        good_part = log.with_name(f"{log.name}.new")
        keeps_some = bool(error.position) and not self._prefix_tried
        if error.position and keeps_some:
            self._prefix_tried = True
            _copy_start(log, good_part, error.position)  # first, so that a full disk cannot lose it
        kept = quarantine(log, self._at)
        if keeps_some:
            good_part.replace(log)
        lost = "the entries after the damage" if keeps_some else "what it held beyond the database file"
        words = f"the write-ahead log was damaged, now {kept.name}; {lost} could not be read"
        self._report("wal_set_aside", words)

    def _without_bad_database(self, error: DatabaseUnreadableError) -> None:
        kept = quarantine(self._path, self._at)
        if wal_of(self._path).exists():
            quarantine(wal_of(self._path), self._at)
        self._report(
            "database_set_aside",
            f"the database was damaged ({error}) and is set aside as {kept.name}; Spout started a fresh one",
        )

    def _ready(self, connection: Connection, earlier: list[Notice]) -> Opened:
        moving = Moving(self._path, self._limits, connection, self._with_memory)
        try:
            last = checked(connection, self._path, _last_sequence) if self._version else 0
            witnessed = self._watermark.read()
            if witnessed > last:
                self._keep_torn_log(witnessed - last)
            self._keep_before_migrating(connection)
            instance = secrets.token_hex(4)
            checked(
                connection,
                self._path,
                lambda it: in_transaction(it, lambda own: migrate(own, instance)),
            )
            if not moving.go():
                self._report(
                    "versions_unread",
                    "not all that an older Spout wrote could be read with the memory there is: it stays in "
                    f"the database under the name {UNREAD}, and what was read is shown",
                )
            name = checked(moving.connection, self._path, _instance)
            self._write_out_journal(moving.connection, name)
            return Opened(
                database=Database(self._path, moving.connection, self._thread, self._limits),
                watermark=self._watermark,
                instance=name,
                last_sequence=max(last, witnessed),
                notices=(*earlier, *self._notices),
                fresh=self._fresh,
            )
        except BaseException:
            moving.connection.close()
            raise

    def _write_out_journal(self, connection: Connection, instance: str) -> None:
        """Write out what was appended just before a kill."""
        waits, unread = checked(connection, self._path, lambda it: in_transaction(it, journal.prepared))
        if unread:
            self._report(
                "journal_unread",
                "some of the last events before Spout ended could not be written out: they stay in the "
                "database under the name journal_unread",
            )
        if waits:
            tables = TableWriter(instance)
            try:
                checked(connection, self._path, lambda it: in_transaction(it, tables.recover))
            except StoreError:
                with suppress(StoreError):
                    checked(connection, self._path, lambda it: in_transaction(it, journal.not_tried))
                raise

    def _keep_before_migrating(self, connection: Connection) -> None:
        """Copy a database of an older schema to `backups`, as it is: an older Spout can go on from there."""
        if not 0 < self._version < LATEST:
            return
        with suppress(MemoryShortError):  # giant rows: the log is copied beside it
            checkpoint(connection, self._path)
        kept = self._dir / "backups" / f"before-schema-{LATEST}.duckdb"
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        for old in kept.parent.glob("before-schema-*"):
            old.unlink()
        for source, copy in ((wal_of(self._path), wal_of(kept)), (self._path, kept)):
            if source.exists():
                shutil.copyfile(source, copy)
                copy.chmod(0o600)

    def _keep_torn_log(self, lost: int) -> None:
        """Copy the log as found: DuckDB drops a torn tail at its next write."""
        words = f"{lost} acknowledged event{'s are' if lost > 1 else ' is'} missing from the database"
        log = wal_of(self._path)
        if log.exists() and not self._notices:
            kept = quarantine_name(log, self._at)
            shutil.copyfile(log, kept)
            words += f"; the torn write-ahead log is kept as {kept.name}"
        self._report("events_lost", words)

    def _quarantined_before(self) -> list[Notice]:
        return [
            Notice(
                code="set_aside_kept",
                words=f"{path.name}, damaged, is kept in {self._dir}: move it away to end this notice",
                since=datetime.fromtimestamp(path.stat().st_mtime, UTC),
            )
            for path in sorted(self._dir.glob(f"*{SUFFIX}"))
        ]

    def _report(self, code: str, words: str) -> None:
        self._notices.append(Notice(code=code, words=words, since=self._at))


def _create(connection: Connection) -> None:
    in_transaction(connection, lambda own: migrate(own, secrets.token_hex(4)))
    connection.execute("CHECKPOINT")


def _tables(connection: Connection) -> list[str]:
    # Not from duckdb_columns(), which first builds every view of DuckDB's own: 8 ms.
    rows = execute(connection, "SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
    return [str(table) for (table,) in rows]


def _last_sequence(connection: Connection) -> int:
    found = execute(
        connection,
        "SELECT greatest((SELECT max(sequence) FROM events), "
        "(SELECT max(CAST(value AS BIGINT)) FROM meta WHERE key = ?))",
        [FLOOR],
    ).fetchone()
    last = int(found[0]) if found and found[0] is not None else 0
    return max(last, journal.last(connection) if has_table(connection, "journal") else 0)


def _instance(connection: Connection) -> str:
    found = execute(connection, "SELECT value FROM meta WHERE key = 'instance'").fetchone()
    if not found:
        raise StoreError("the database has no instance name: it was not made by Spout")
    return str(found[0])


def _copy_start(source: Path, target: Path, length: int) -> None:
    with source.open("rb") as whole, target.open("wb") as part:
        part.write(whole.read(length))
        part.flush()
        os.fsync(part.fileno())
