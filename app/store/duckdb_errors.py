"""Maps DuckDB's error messages to our errors. Pure: text in, error out.

DuckDB has no error codes: the messages are those of 2.0, and a test provokes each of them.
"""

import re
from pathlib import Path
from typing import Final

from app.errors import StoreError, StoreNewerError

_STORAGE = re.compile(r"storage version number (\d+).*between (\d+) and (\d+)", re.DOTALL)
_BAD_ENTRY = re.compile(r"Corrupt WAL file: entry at byte position (\d+)")
_BAD_FILE: Final = (
    "Corrupt database file",
    "not a valid DuckDB database file",
    "Could not read enough bytes",
    "INTERNAL Error",
    "Serialization Error",
)
_NO_MEMORY: Final = ("Out of Memory", "failed to pin block", "failed to allocate data")
_MENDED_BY_HAND: Final = {
    ("No space left on device", "File too large"): "the disk with {directory} is full: free some space",
    ("Could not set lock",): "another process uses {path}: stop it first",
    (
        "Permission denied",
        "Read-only file system",
    ): "{path} cannot be written: give its directory to the user Spout runs as",
}


class WalUnreadableError(StoreError):
    """The write-ahead log cannot be replayed; only up to byte `position`, if known."""

    def __init__(self, message: str, position: int | None) -> None:
        super().__init__(message)
        self.position = position


class MemoryShortError(StoreError):
    """DuckDB's memory limit does not suffice for this operation."""


class DatabaseUnreadableError(StoreError):
    """The database file itself is damaged or not a database."""


def refusal(words: str, path: Path) -> StoreError:
    """Return the error for DuckDB's message about the database at `path`."""
    line = words.strip().partition("\n")[0]
    for signs, meaning in _MENDED_BY_HAND.items():
        if any(sign in line for sign in signs):
            return StoreError(f"{meaning.format(path=path, directory=path.parent)} ({line})")
    if versions := _STORAGE.search(words):
        return _other_storage(path, *(int(number) for number in versions.groups()))
    if "replaying WAL" in line:
        entry = _BAD_ENTRY.search(line)
        return WalUnreadableError(line, int(entry[1]) if entry else None)
    if any(sign in line for sign in _NO_MEMORY):
        return MemoryShortError(f"the database refused: {line}")
    if any(sign in line for sign in _BAD_FILE):
        return DatabaseUnreadableError(line)
    return StoreError(f"the database refused: {line}")


def _other_storage(path: Path, found: int, oldest: int, newest: int) -> StoreError:
    if found > newest:
        return StoreNewerError(
            f"{path} was written by a newer DuckDB (storage {found}; this one reads {oldest} to {newest}): "
            "install the newer Spout again, or choose another SPOUT_DATA_DIR; the files are left untouched"
        )
    return StoreError(f"{path} has storage version {found}; this DuckDB reads {oldest} to {newest}")
