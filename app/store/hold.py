"""Who uses a data directory: a lock that dies with its process, however it dies. Imports little."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from app.errors import StoreError


def hold(directory: Path, name: str) -> Callable[[], None]:
    """Make the directory, take the lock `name` in it, and return what lets go of it.

    Raises:
        StoreError: if another process holds it, or the directory cannot be used.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
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
    """What is wrong with the directory, and how to mend it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(f"the disk with {directory} is full: free some space ({error.strerror})")
    return StoreError(
        f"the data directory {directory} cannot be used: {error.strerror}. "
        "Give it to the user Spout runs as, or choose another SPOUT_DATA_DIR"
    )
