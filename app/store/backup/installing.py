"""Puts a prepared database in the place of the one that is there, which is kept beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.store.backup.preparing import Prepared
from app.store.backup.writing import fsync_directory
from app.store.checkpoint import forget_blocks
from app.store.connections import Connection, Limits, checked, checkpoint, connect, in_transaction, wal_of
from app.store.migrations import FLOOR
from app.store.opening import DATABASE_FILE

_REPLACED: Final = ".replaced"
_STAMP: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """`kept`: the database that was there before, under its new name; None if there was none."""

    kept: Path | None


def install(prepared: Prepared, data_dir: Path, *, floor: int, at: datetime) -> Installed:
    """Replace the database of `data_dir`, which nothing has open and which was closed in order. Blocking.

    `floor`: the last number that an event was given here; none is given again. Of databases replaced before
    only the latest is kept.

    Raises:
        OSError, StoreError: if the disk is full; what was there is there still.
    """
    _raise_floor(prepared.path, max(floor, prepared.last_sequence))
    path = data_dir / DATABASE_FILE
    kept = None
    for old in data_dir.glob(f"{DATABASE_FILE}.*{_REPLACED}*"):
        old.unlink()
    if path.exists():
        kept = path.with_name(f"{DATABASE_FILE}.{at.astimezone(UTC).strftime(_STAMP)}{_REPLACED}")
        _keep(path, kept)
    forget_blocks(path)
    prepared.path.replace(path)
    fsync_directory(data_dir)
    prepared.discard()
    return Installed(kept=kept)


def _keep(path: Path, kept: Path) -> None:
    """Give the file a second name, so that there is a database at every moment."""
    log = wal_of(path)
    if log.exists():  # it was not closed in order; what it holds goes with it
        log.rename(kept.with_name(kept.name + ".wal"))
    try:
        kept.hardlink_to(path)
    except OSError:  # a file system without hard links
        path.rename(kept)


def _raise_floor(path: Path, floor: int) -> None:
    def work(connection: Connection) -> None:
        connection.execute("DELETE FROM meta WHERE key = ?", [FLOOR])
        connection.execute("INSERT INTO meta VALUES (?, ?)", [FLOOR, str(floor)])

    connection = connect(path, Limits())
    try:
        checked(connection, path, lambda it: in_transaction(it, work))
        checkpoint(connection, path)
    finally:
        connection.close()
