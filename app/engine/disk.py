"""Warns before the disk is full: a full disk stops everything that is kept."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.clock import Clock
from app.views import Notice

LOOK_EVERY_SECONDS: Final = 60.0
LEAST_BYTES: Final = 500_000_000
COPIES: Final = 2
"""Of the database that must fit beside it: the night's backup, and a compaction."""


def notice_words(free: int, database: int, directory: Path) -> str | None:
    """Return what to tell the operator, or None while there is room enough. Sizes in bytes."""
    wanted = max(LEAST_BYTES, COPIES * database)
    if free >= wanted:
        return None
    left, needed = f"{free / 1e6:,.0f} MB", f"{wanted / 1e6:,.0f} MB"
    return (
        f"The disk with {directory} has {left} left, and Spout needs {needed} to go on and to make backups: "
        "free some space, or keep fewer days (SPOUT_RETENTION_DAYS)"
    )


class DiskWatch:
    """Looks once a minute; `database` returns the size of the database in bytes."""

    def __init__(self, directory: Path, database: Callable[[], int], clock: Clock) -> None:
        self._directory = directory
        self._database = database
        self._clock = clock
        self._notice: Notice | None = None

    async def run(self) -> None:
        while True:
            found = await asyncio.to_thread(shutil.disk_usage, self._directory)
            self._take(notice_words(found.free, self._database(), self._directory))
            await self._clock.sleep(LOOK_EVERY_SECONDS)

    def notices(self) -> tuple[Notice, ...]:
        return () if self._notice is None else (self._notice,)

    def _take(self, words: str | None) -> None:
        if words is None:
            self._notice = None
        else:
            since = self._notice.since if self._notice is not None else self._clock.now()
            self._notice = Notice(code="disk_filling", words=words, since=since)
