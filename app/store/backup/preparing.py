"""Makes a new database of a backup's rows, in a folder of its own; what is there now is not touched."""

import asyncio
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec

from app.errors import StoreError
from app.store.backup.foreign import PROGRESS, operator_columns, tables_of
from app.store.backup.frames import BadBackupError, Done, Frame, Opened, Refused, Rows, received
from app.store.backup.operator import Access, access_of, parsed
from app.store.backup.seal import Manifest, read_seal
from app.store.backup.shape import OPERATOR_TABLE, Column
from app.store.connections import Connection, Limits, checked, connect, in_transaction
from app.store.migrations import build
from app.store.opening import DATABASE_FILE, open_database
from app.store.opening import Opened as Opening
from app.store.parsed_statements import insert_columns
from app.store.predictions import PredictionStore
from app.store.records import event_id, moment
from app.views import PredictionQuery

RESTORING: Final = "restoring"
"""The folder in which a backup is prepared."""
_ROWS_A_TRANSACTION: Final = 50_000
_MOST_ROWS: Final = 200_000_000
_READ_BACK: Final = 200
_HIGHEST_SEQUENCE: Final = 2**48
"""Numbers never go back: of a file that began far beyond, our own backups would be refused one day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A database ready to take the place of another, and the operator's rows beside it.

    `trusted`: the MAC is good. `rows` counts those of the history.
    """

    folder: Path
    trusted: bool
    manifest: Manifest | None
    rows: int
    last_sequence: int
    operator: dict[str, list[Any]]
    access: Access

    @property
    def path(self) -> Path:
        return self.folder / DATABASE_FILE

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


async def prepare(
    file: Path, data_dir: Path, *, key: bytes, at: datetime, finish: Callable[[Connection], None]
) -> Prepared:
    """Read a backup into a new database under `data_dir`; `finish` works on it at the end.

    Raises:
        BadBackupError: why nothing is restored from it.
        StoreNewerError: if a newer Spout wrote it.
        StoreError: if the disk is full.
    """
    folder = data_dir / RESTORING
    shutil.rmtree(folder, ignore_errors=True)
    loop = asyncio.get_running_loop()
    try:
        folder.mkdir(mode=0o700, parents=True)
        manifest, trusted = await loop.run_in_executor(None, read_seal, file, key)
        taken = await loop.run_in_executor(None, _take, file, folder)
        await _read_back(folder, at, finish)
        operator = parsed(taken.operator)
    except (OSError, msgspec.DecodeError, ValueError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BadBackupError(f"nothing is restored from {file.name}: {error}") from error
    except BadBackupError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BadBackupError(f"nothing is restored from {file.name}: {error}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Prepared(
        folder=folder,
        trusted=trusted,
        manifest=manifest,
        rows=taken.rows,
        last_sequence=taken.last_sequence,
        operator=operator,
        access=access_of(operator),
    )


async def _read_back(folder: Path, at: datetime, finish: Callable[[Connection], None]) -> None:
    """Open it as a start does, which migrates an older schema, and read what a start and a page need."""
    opened = await open_database(folder, at=at)
    try:
        _need_whole(opened)
        await opened.database.run(finish)
        store = PredictionStore(opened)
        await store.restore(at)
        await store.page(PredictionQuery(limit=_READ_BACK))
        await store.events_after(max(0, opened.last_sequence - _READ_BACK), _READ_BACK)
    except BadBackupError:
        raise
    except StoreError as error:
        raise BadBackupError(str(error)) from error
    finally:
        await opened.database.close()


def _need_whole(opened: Opening) -> None:
    if opened.notices:
        raise BadBackupError(opened.notices[0].words)


@dataclass(slots=True)
class _Taken:
    rows: int = 0
    last_sequence: int = 0
    operator: list[tuple[str, str]] = field(default_factory=list)


def _take(file: Path, folder: Path) -> _Taken:
    """Fill a new database with the rows of the file."""
    path = folder / DATABASE_FILE
    connection = connect(path, Limits())
    try:
        with _reading(file) as frames:
            opened = next(frames, None)
            if isinstance(opened, Refused):
                raise BadBackupError(opened.why)
            if not isinstance(opened, Opened):
                raise BadBackupError("it could not be read")
            checked(connection, path, lambda it: in_transaction(it, lambda own: build(own, opened.schema)))
            filling = _Filling(connection, path, opened)
            filling.take(frames)
        checked(connection, path, lambda it: in_transaction(it, lambda own: _name(own, opened)))
        checked(connection, path, _need_distinct_sequences)
        checked(connection, path, lambda it: it.execute("CHECKPOINT"))
    finally:
        connection.close()
    return filling.taken


class _Filling:
    """Checks each row by its column, and inserts it."""

    def __init__(self, connection: Connection, path: Path, opened: Opened) -> None:
        self.taken = _Taken()
        self._connection = connection
        self._path = path
        self._instance = opened.instance
        self._tables = tables_of(opened.schema)
        self._waiting: list[tuple[str, list[list[Any]]]] = []
        self._waiting_rows = 0

    def take(self, frames: Iterator[Frame]) -> None:
        for frame in frames:
            match frame:
                case Rows():
                    self._rows(frame)
                case Refused():
                    raise BadBackupError(frame.why)
                case Done():
                    self._store()
                    return
                case _:
                    break
        raise BadBackupError("it could not be read to its end: it is damaged, or too large for this machine")

    def _rows(self, rows: Rows) -> None:
        columns = operator_columns() if rows.table == OPERATOR_TABLE else self._tables.get(rows.table)
        if columns is None or len(columns) != len(rows.columns) or len(set(map(len, rows.columns))) != 1:
            raise BadBackupError("its rows are not those of its tables")
        for column, values in zip(columns, rows.columns, strict=True):
            if not all(map(column.fits, values)):
                raise BadBackupError(f"its table {rows.table} holds what its column {column.name} cannot")
        count = len(rows.columns[0])
        self.taken.rows += count
        if self.taken.rows > _MOST_ROWS:
            raise BadBackupError("it has too many rows")
        if rows.table == OPERATOR_TABLE:
            self.taken.rows -= count
            self.taken.operator.extend(zip(*rows.columns, strict=True))
            return
        self._waiting.append((rows.table, self._own(rows, columns)))
        self._waiting_rows += count
        if self._waiting_rows >= _ROWS_A_TRANSACTION:
            self._store()

    def _own(self, rows: Rows, columns: Sequence[Column]) -> list[list[Any]]:
        found = [
            [None if one is None else moment(one) for one in values]
            if column.kind.startswith("TIMESTAMP")
            else values
            for column, values in zip(columns, rows.columns, strict=True)
        ]
        if rows.table == "events":
            names = [column.name for column in columns]
            sequences, ids = found[names.index("sequence")], found[names.index("id")]
            self.taken.last_sequence = max(self.taken.last_sequence, *sequences)
            # Events keep the ids that they were told by, whatever the new database calls itself.
            found[names.index("id")] = [
                name or event_id(self._instance, sequence)
                for name, sequence in zip(ids, sequences, strict=True)
            ]
        return found

    def _store(self) -> None:
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0

        def work(connection: Connection) -> None:
            for table, columns in waiting:
                insert_columns(connection, f'"{table}"', columns)

        checked(self._connection, self._path, lambda it: in_transaction(it, work))
        checked(self._connection, self._path, lambda it: it.execute("CHECKPOINT"))


def _name(connection: Connection, opened: Opened) -> None:
    """Give the database a name of its own: no two give the same id to different events."""
    connection.execute("DELETE FROM meta")
    connection.execute(
        "INSERT INTO meta VALUES ('schema_version', ?), ('instance', ?)",
        [str(opened.schema), secrets.token_hex(4)],
    )
    for key in PROGRESS:
        if key in opened.progress:
            connection.execute("INSERT INTO meta VALUES (?, ?)", [key, str(opened.progress[key])])


def _need_distinct_sequences(connection: Connection) -> None:
    found = connection.execute(
        "SELECT count(*), count(DISTINCT sequence), coalesce(min(sequence), 1), coalesce(max(sequence), 1) "
        "FROM events"
    ).fetchone()
    if not found or found[0] != found[1] or found[2] < 1:
        raise BadBackupError("its events are numbered twice")
    if found[3] > _HIGHEST_SEQUENCE:
        raise BadBackupError("its events have numbers that no Spout has come to")


@contextmanager
def _reading(file: Path) -> Iterator[Iterator[Frame]]:
    """Run the process that opens the file; it ends with this, whatever happens."""
    process = subprocess.Popen(  # noqa: S603 - ourselves, and a path
        [sys.executable, "-P", "-m", "app.store.backup.foreign", str(file.absolute())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    try:
        if process.stdout is None:
            raise BadBackupError("it could not be read")
        yield received(cast("BinaryIO", process.stdout))
    finally:
        process.kill()
        process.communicate()
