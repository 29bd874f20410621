"""Writes a backup: a copy of the database as of one moment, with the operator's rows, sealed."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Final

from app.errors import StoreError
from app.store.backup.operator import Row
from app.store.backup.seal import Manifest, seal
from app.store.backup.shape import OPERATOR_TABLE
from app.store.connections import Connection
from app.store.database import Database
from app.store.lock import unusable
from app.store.parsed_statements import insert_columns

_UNFINISHED: Final = ".unfinished"
_AT_ONCE: Final = 2_000


async def write_backup(
    database: Database, path: Path, rows: Sequence[Row], *, key: bytes, at: datetime
) -> Manifest:
    """Write a backup to `path`, whose directory is the database's `backups`; all of it or nothing.

    Appends go on meanwhile; what they store after the copy began is not in it.

    Raises:
        StoreError: if the disk has no room, or DuckDB refuses.
    """
    draft = path.with_name(path.name + _UNFINISHED)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        for old in path.parent.glob(f"*{_UNFINISHED}*"):
            old.unlink()  # of a Spout that was killed: there is one writer at a time
        _need_room(path.parent, database.size_bytes())
        last = await database.copy_to(draft, lambda connection: _complete(connection, rows))
        manifest = Manifest(spout=metadata.version("spout"), made_at=at, last_sequence=last)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, seal, draft, manifest, key)
        draft.chmod(0o600)
        draft.rename(path)
    except OSError as error:
        raise unusable(path.parent, error) from error
    finally:
        for left in path.parent.glob(f"{draft.name}*"):
            left.unlink(missing_ok=True)
    return manifest


def _complete(connection: Connection, rows: Sequence[Row]) -> int:
    """Add the operator's rows to the copy; return the last sequence in it."""
    connection.execute(f"CREATE TABLE backup.main.{OPERATOR_TABLE} (table_name VARCHAR, row VARCHAR)")
    for start in range(0, len(rows), _AT_ONCE):
        few = rows[start : start + _AT_ONCE]
        insert_columns(
            connection, f"backup.main.{OPERATOR_TABLE}", [[one[0] for one in few], [one[1] for one in few]]
        )
    found = connection.execute("SELECT max(sequence) FROM backup.main.events").fetchone()
    return int(found[0]) if found and found[0] is not None else 0


def _need_room(directory: Path, size: int) -> None:
    free = shutil.disk_usage(directory).free
    if free < size + 16 * 1024 * 1024:
        raise StoreError(
            f"the disk with {directory} has {free / 1e6:.0f} MB left, and a backup takes "
            f"{size / 1e6:.0f} MB: free some space"
        )


def fsync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
