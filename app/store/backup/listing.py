"""The nightly backups in the data directory: their names, their order, and which are kept."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

BACKUPS: Final = "backups"
KEPT: Final = 3
_PREFIX: Final = "spout-"
_SUFFIX: Final = ".backup"
_STAMP: Final = "%Y%m%dT%H%M%SZ"


def name_at(at: datetime) -> str:
    return f"{_PREFIX}{at.astimezone(UTC).strftime(_STAMP)}{_SUFFIX}"


def made_at(path: Path) -> datetime | None:
    """Return when a backup was made, by its name; None for any other file."""
    try:
        stamp = path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def backups_in(data_dir: Path) -> list[Path]:
    """Return the backups of a data directory, newest first."""
    found = (data_dir / BACKUPS).glob(f"{_PREFIX}*{_SUFFIX}")
    return sorted(
        (path for path in found if made_at(path) is not None), key=lambda one: one.name, reverse=True
    )


def believed_first(backups: list[Path], at: datetime) -> list[Path]:
    """Put those dated after `at` last: a clock that was ahead named them; they are older than that."""
    now = name_at(at)
    return sorted(backups, key=lambda one: (one.name <= now, one.name), reverse=True)


def keep_latest(data_dir: Path, at: datetime) -> None:
    """Remove all but the newest by the clock of `at`. Raises OSError."""
    for path in believed_first(backups_in(data_dir), at)[KEPT:]:
        path.unlink()
