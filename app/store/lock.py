"""The lock on a data directory, released by the kernel however its process ends. Imports little."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.errors import StoreError
from app.keyring import keep_private

RUNNING: Final = "running.lock"
"""Held by the appliance while it runs: it owns the directory."""
CANNOT_LOCK: Final = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)
"""The errors of NFS without locks, SMB and 9p."""


def hold(directory: Path, name: str) -> Callable[[], None]:
    """Create the directory, take the lock `name` in it, and return the function that releases it.

    Raises:
        StoreError: if another process holds it, or the directory cannot be used.
    """
    try:
        keep_private(directory)
        handle = os.open(directory / name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(directory, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if isinstance(error, BlockingIOError):
            raise StoreError(
                f"another Spout already uses {directory}: stop it first, or choose another SPOUT_DATA_DIR"
            ) from error
        raise unusable(directory, error) from error
    return lambda: os.close(handle)


def unusable(directory: Path, error: OSError) -> StoreError:
    """Return an error that says why the directory cannot be used, and the remedy."""
    if error.errno in CANNOT_LOCK:
        return StoreError(
            f"the file system of {directory} cannot lock files (a network share?): "
            f"put SPOUT_DATA_DIR on a local disk ({error.strerror})"
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(f"the disk with {directory} is full: free some space ({error.strerror})")
    return StoreError(
        f"the data directory {directory} cannot be used: {error.strerror}. "
        "Give it to the user Spout runs as, or choose another SPOUT_DATA_DIR"
    )
