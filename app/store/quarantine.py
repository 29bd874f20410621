"""Quarantines unreadable files: renames, never deletes: `<name>.<time>.set-aside`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SUFFIX: Final = ".set-aside"
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"


def quarantine(path: Path, at: datetime) -> Path:
    """Rename the file, and return its new name."""
    kept = quarantine_name(path, at)
    path.rename(kept)
    return kept


def quarantine_name(path: Path, at: datetime) -> Path:
    """Return a name that is still free."""
    name, turn = f"{path.name}.{at.astimezone(UTC).strftime(_STAMP)}", 0
    while (kept := path.with_name(f"{name}{f'-{turn}' if turn else ''}{SUFFIX}")).exists():
        turn += 1
    return kept
