"""What cannot be read is renamed, never deleted: `<name>.<time>.set-aside`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SUFFIX: Final = ".set-aside"
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"


def set_aside(path: Path, at: datetime) -> Path:
    """Rename, and return the new name."""
    kept = aside_name(path, at)
    path.rename(kept)
    return kept


def aside_name(path: Path, at: datetime) -> Path:
    """A name that is still free."""
    name, turn = f"{path.name}.{at.astimezone(UTC).strftime(_STAMP)}", 0
    while (kept := path.with_name(f"{name}{f'-{turn}' if turn else ''}{SUFFIX}")).exists():
        turn += 1
    return kept
