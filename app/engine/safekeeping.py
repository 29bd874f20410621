"""Backups of one data directory: made each night and on request, and restored."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from app.clock import Clock
from app.errors import StoreError
from app.store import (
    BACKUPS,
    EXPORTING,
    RESTORING,
    Connection,
    Database,
    Installed,
    OperatorFile,
    Prepared,
    backups_in,
    believed_first,
    install,
    keep_latest,
    made_at,
    merge,
    name_at,
    operator_rows,
    prepare,
    write_backup,
)
from app.views import Notice

NIGHT_HOUR: Final = 3
"""UTC. A backup is due once this hour has passed since the last one."""
GROWN: Final = 1.3
"""A database this much larger than its rows is compacted, after the nightly backup."""
LOOK_EVERY_SECONDS: Final = 600.0
_PASSING: Final = "passing-"
_INCOMING: Final = "incoming"
_log = structlog.get_logger(__name__)


class Safekeeping:
    """`finish` works on a restored database before it is used: what waited to be sent is not sent again."""

    def __init__(
        self,
        data_dir: Path,
        operator: OperatorFile,
        *,
        key: bytes,
        finish: Callable[[Connection], None],
        clock: Clock,
    ) -> None:
        self.data_dir = data_dir
        self._operator = operator
        self._key = key
        self._finish = finish
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._is_restoring = False
        self._failed: Notice | None = None

    async def back_up(self, database: Database) -> Path:
        """Make a backup among the nightly ones, of which the last three are kept; return where it is.

        Raises:
            StoreError: if the disk has no room, or the database refuses.
        """
        at = self._clock.now()
        path = self.data_dir / BACKUPS / name_at(at)
        async with self._one_at_a_time:
            await self._write(database, path)
            await asyncio.get_running_loop().run_in_executor(None, keep_latest, self.data_dir, at)
        _log.info("backup made", file=str(path), bytes=path.stat().st_size)
        return path

    @asynccontextmanager
    async def passing(self, database: Database) -> AsyncIterator[Path]:
        """Make a backup that is gone when this ends: for whoever copies it elsewhere.

        Raises:
            StoreError: if the disk has no room, or the database refuses.
        """
        path = self.data_dir / BACKUPS / f"{_PASSING}{secrets.token_hex(4)}"
        try:
            # Not held while it is copied: a command that was suspended would keep the nightly backup waiting.
            async with self._one_at_a_time:
                await self._write(database, path)
            yield path
        finally:
            path.unlink(missing_ok=True)

    @property
    def incoming(self) -> Path:
        """Where a backup to be restored is received; for whoever is `restoring`."""
        return self.data_dir / _INCOMING

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Let one restore at a time go on, its question to the operator included.

        What the operator agrees to must be what is then put in place, and there is one place to prepare it.

        Raises:
            StoreError: while another is under way.
        """
        if self._is_restoring:
            raise StoreError("another restore is under way, or waits for its answer: end that one first")
        self._is_restoring = True
        try:
            yield
        finally:
            self._is_restoring = False

    def clear(self) -> None:
        """Remove what a Spout that was killed left half made; call while nobody else uses the directory."""
        left = [self.incoming, *(self.data_dir / BACKUPS).glob(f"{_PASSING}*")]
        for file in left:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        for folder in (self.data_dir / RESTORING, *self.data_dir.glob(f"{EXPORTING}*")):
            shutil.rmtree(folder, ignore_errors=True)

    async def prepare(self, file: Path) -> Prepared:
        """Read a backup into a database that can be installed.

        Raises:
            StoreError: why nothing can be restored from it.
        """
        return await prepare(file, self.data_dir, key=self._key, at=self._clock.now(), finish=self._finish)

    async def install(
        self, prepared: Prepared, *, floor: int, trust: bool, operator: bool = True
    ) -> tuple[Installed, list[str]]:
        """Put it in the place of the database, which nothing has open; then merge the operator's rows.

        `operator`: whether to merge them. `trust`: take keys, endpoints, settings, labels though the MAC is
        not good. Also returns the names of keys that were left out because a living one has that name.

        Raises:
            StoreError: if the disk is full.
        """
        at = self._clock.now()
        loop = asyncio.get_running_loop()
        try:
            done = await loop.run_in_executor(
                None, lambda: install(prepared, self.data_dir, floor=floor, at=at)
            )
        except OSError as error:
            raise StoreError(f"the backup could not be put in place: {error.strerror}") from error
        taken = prepared.trusted or trust
        kept_out: list[str] = []
        if operator:
            kept_out = await self._operator.run(
                lambda connection: merge(connection, prepared.operator, trusted=taken)
            )
        _log.info("backup restored", rows=prepared.rows, last_sequence=prepared.last_sequence, trusted=taken)
        return done, kept_out

    async def restore_newest(self, floor: int) -> Notice | None:
        """Where the database is gone: restore the newest backup that can be read, and return the notice."""
        here = await self._operator.run(operator_rows)
        for file in believed_first(backups_in(self.data_dir), self._clock.now()):
            try:
                prepared = await self.prepare(file)
                # Keys and endpoints that are here are newer than any backup's.
                await self.install(prepared, floor=floor, trust=False, operator=not here)
            except StoreError as error:
                _log.warning("a backup could not be restored", file=file.name, error=str(error))
                continue
            when = made_at(file)
            words = (
                f"There was no readable database, so the backup of {when:%Y-%m-%d %H:%M} UTC was restored: "
                "what was seen since is not in it"
            )
            return Notice(code="backup_restored", words=words, since=self._clock.now())
        return None

    async def nightly(self, database: Database, last_sequence: Callable[[], int]) -> None:
        """Make a backup each night, for ever; on a machine that sleeps at night, soon after it wakes."""
        started = self._clock.now()
        while True:
            await self._clock.sleep(LOOK_EVERY_SECONDS)
            if last_sequence() and self._due(started):
                await self._try(database)

    def notices(self) -> tuple[Notice, ...]:
        return () if self._failed is None else (self._failed,)

    def _due(self, started: datetime) -> bool:
        now = self._clock.now().astimezone(UTC)
        # One from the future was made by a clock that was wrong: it does not put off the next.
        made = [at for path in backups_in(self.data_dir) if (at := made_at(path)) is not None and at <= now]
        night = now.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
        if night > now:
            night -= timedelta(days=1)
        return max(made, default=started) < night

    async def _try(self, database: Database) -> None:
        try:
            made = await self.back_up(database)
            await self._compact(database, made)
        except StoreError as error:
            _log.warning("no backup was made", error=str(error))
            words = f"Last night's backup was not made: {error}. It is tried again"
            self._failed = Notice(code="backup_failed", words=words, since=self._clock.now())
        else:
            self._failed = None

    async def _compact(self, database: Database, made: Path) -> None:
        """Compact the database if much of it is room left by deleted rows: a backup holds rows alone."""
        live = await asyncio.to_thread(os.path.getsize, made)
        if await database.settle() > GROWN * live and await database.compact():
            _log.info("database compacted", bytes=database.size_bytes(), live=live)

    async def _write(self, database: Database, path: Path) -> None:
        rows = await self._operator.run(operator_rows)
        await write_backup(database, path, rows, key=self._key, at=self._clock.now())


def summary_of(prepared: Prepared) -> dict[str, Any]:
    """Return what a backup holds, for whoever decides whether to restore it."""
    access = prepared.access
    return {
        "trusted": prepared.trusted,
        "made_at": None if prepared.manifest is None else prepared.manifest.made_at.isoformat(),
        "rows": prepared.rows,
        "last_sequence": prepared.last_sequence,
        "keys": access.keys,
        "endpoints": access.endpoints,
        "settings": access.settings,
        "labels": access.labels,
    }


def restored_words(installed: Installed, kept_out: list[str]) -> list[str]:
    """Return what a restore has done, in sentences."""
    words = ["The backup is restored; alerts that waited in it are not sent."]
    if installed.kept is not None:
        words.append(
            f"What was there before is kept as {installed.kept.name}: remove it when you do not need it."
        )
    words.extend(f"The key {name} was left out: a living key has that name." for name in kept_out)
    return words
