"""What `spout doctor` says about this machine: the data directory and its disk. Changes nothing."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import StoreError
from app.source.examine import Finding, Verdict
from app.store.aside import SUFFIX
from app.store.database import Limits, checked, connect
from app.store.migrations import LATEST, refuse_newer, schema_version
from app.store.opening import FILE

TIGHT_BYTES = 1_000_000_000
TOO_LITTLE_BYTES = 100_000_000


def examine_data_dir(data_dir: Path) -> Finding:
    """Whether it can be written, who uses it, and what its database is."""
    existing = _nearest(data_dir)
    if not existing.is_dir():
        return _bad(f"{existing} is a file", "Choose another SPOUT_DATA_DIR.")
    if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        mend = "Give it to the user Spout runs as, or choose another SPOUT_DATA_DIR."
        return _bad(f"{existing} cannot be written", mend)
    if existing != data_dir:
        return _good(f"{data_dir} is made at the first start")
    return _database(data_dir)


def examine_disk(data_dir: Path) -> Finding:
    """A whale takes some kilobytes; but a full disk stops everything."""
    free = shutil.disk_usage(_nearest(data_dir)).free
    words = f"{free / 1e9:.1f} GB free"
    if free >= TIGHT_BYTES:
        return Finding(component="free disk", status=Verdict.OK, words=words)
    status = Verdict.FAILED if free < TOO_LITTLE_BYTES else Verdict.DEGRADED
    return Finding(
        component="free disk", status=status, words=words, mend="Free some space, or set a lower retention."
    )


def _database(data_dir: Path) -> Finding:
    path = data_dir / FILE
    if not path.exists():
        return _good(f"{data_dir} is writable and holds no database yet")
    with _held(data_dir) as held:
        if not held:
            return _good(f"{data_dir} is in use by a running Spout")
        try:
            version = _version(path)
        except StoreError as error:
            mend = "`spout run` sets damaged files aside and goes on; docs/operations.md says more."
            return _bad(str(error), mend)
    aside = sorted(one.name for one in data_dir.glob(f"*{SUFFIX}"))
    words = f"{data_dir} is writable, database version {version} (this Spout's: {LATEST})"
    if aside:
        mend = "docs/operations.md says what they are; move them away when they are not needed."
        words = f"{words}; set aside: {', '.join(aside)}"
        return Finding(component="data directory", status=Verdict.DEGRADED, words=words, mend=mend)
    return _good(words)


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


def _good(words: str) -> Finding:
    return Finding(component="data directory", status=Verdict.OK, words=words)


def _bad(words: str, mend: str) -> Finding:
    return Finding(component="data directory", status=Verdict.FAILED, words=words, mend=mend)
