"""What `spout doctor` says about this machine: the data directory and its disk. Changes nothing."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import StoreError
from app.source import CheckVerdict, Finding
from app.store import (
    CANNOT_LOCK,
    DATABASE_FILE,
    LATEST,
    SUFFIX,
    Limits,
    checked,
    connect,
    refuse_newer,
    schema_version,
)

TIGHT_BYTES = 1_000_000_000
TOO_LITTLE_BYTES = 100_000_000


def examine_data_dir(data_dir: Path) -> Finding:
    """Whether it can be written, who uses it, and what its database is."""
    existing = _nearest(data_dir)
    if not existing.is_dir():
        return _bad(f"{existing} is a file", "Choose another SPOUT_DATA_DIR.")
    if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        remedy = "Give it to the user Spout runs as, or choose another SPOUT_DATA_DIR."
        return _bad(f"{existing} cannot be written", remedy)
    if existing != data_dir:
        return _good(f"{data_dir} is made at the first start")
    return _database(data_dir)


def examine_disk(data_dir: Path) -> Finding:
    """A whale takes some kilobytes; but a full disk stops everything."""
    free = shutil.disk_usage(_nearest(data_dir)).free
    message = f"{free / 1e9:.1f} GB free"
    if free >= TIGHT_BYTES:
        return Finding(component="free disk", status=CheckVerdict.OK, message=message)
    status = CheckVerdict.FAILED if free < TOO_LITTLE_BYTES else CheckVerdict.DEGRADED
    return Finding(
        component="free disk",
        status=status,
        message=message,
        remedy="Free some space, or set a lower retention.",
    )


def _database(data_dir: Path) -> Finding:
    path = data_dir / DATABASE_FILE
    if not path.exists():
        return _good(f"{data_dir} is writable and holds no database yet")
    try:
        with _held(data_dir) as held:
            return _held_database(data_dir, path, held=held)
    except OSError as error:
        if error.errno in CANNOT_LOCK:
            return _bad(f"the file system of {data_dir} cannot lock files", "Put it on a local disk.")
        return _bad(f"{data_dir} cannot be used: {error.strerror}", "Put it on a local disk.")


def _held_database(data_dir: Path, path: Path, *, held: bool) -> Finding:
    if not held:
        return _good(f"{data_dir} is in use by a running Spout")
    try:
        version = _version(path)
    except StoreError as error:
        remedy = "`spout run` sets damaged files aside and goes on; docs/operations.md says more."
        return _bad(str(error), remedy)
    quarantined = sorted(one.name for one in data_dir.glob(f"*{SUFFIX}"))
    message = f"{data_dir} is writable, database version {version} (this Spout's: {LATEST})"
    if quarantined:
        remedy = "docs/operations.md says what they are; move them away when they are not needed."
        message = f"{message}; set aside: {', '.join(quarantined)}"
        return Finding(
            component="data directory", status=CheckVerdict.DEGRADED, message=message, remedy=remedy
        )
    return _good(message)


def _version(path: Path) -> int:
    connection = connect(path, Limits())
    try:
        version = checked(connection, path, schema_version)
        refuse_newer(version)
        return version
    finally:
        connection.close()


@contextmanager
def _held(data_dir: Path) -> Iterator[bool]:
    """Whether nobody else uses the directory; nobody else can while this is entered."""
    handle = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _locked(handle)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest of its parents that is there."""
    absolute = path.absolute()
    if absolute.exists():
        return path
    return next(parent for parent in absolute.parents if parent.exists())


def _good(message: str) -> Finding:
    return Finding(component="data directory", status=CheckVerdict.OK, message=message)


def _bad(message: str, remedy: str) -> Finding:
    return Finding(component="data directory", status=CheckVerdict.FAILED, message=message, remedy=remedy)
