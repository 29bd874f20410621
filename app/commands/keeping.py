"""What `spout backup`, `restore`, `export` and `story` share: new files, a directory no Spout runs on."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.clock import SystemClock
from app.commands.surroundings import operator_file, unwritable
from app.engine import Safekeeping
from app.errors import CommandError
from app.keyring import open_keyring
from app.settings import Settings
from app.store import BACKUP_PURPOSE, DATABASE_FILE, RUNNING, Opened, hold, open_database
from notifiers import drop_open


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Create a file that only this user can read; one that is there is left, an unfinished one removed.

    Raises:
        CommandError: if there is such a file, or it cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise CommandError(f"{path} is there already: choose another name, or move it away") from error
    except (OSError, ValueError) as error:
        raise unwritable(path, error) from error
    whole = False
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        whole = True
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        if not whole:
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The data directory of a Spout that does not run, held by this command."""

    opened: Opened
    safekeeping: Safekeeping


@asynccontextmanager
async def standing(settings: Settings, *, may_be_new: bool = False) -> AsyncIterator[Standing]:
    """Open the data directory of a Spout that does not run.

    Raises:
        CommandError: if there is none (unless it `may_be_new`).
        StoreError: if it cannot be used, or a Spout runs that cannot be asked.
    """
    data_dir = settings.data_dir
    if not may_be_new and not (data_dir / DATABASE_FILE).exists():
        raise CommandError(f"{data_dir} holds no database: check SPOUT_DATA_DIR, or give --data-dir")
    release = hold(data_dir, RUNNING)
    try:
        key = open_keyring(settings.secret, data_dir).derive(BACKUP_PURPOSE)
        clock = SystemClock()
        opened = await open_database(data_dir, at=clock.now())
        try:
            async with operator_file(data_dir) as file:
                safekeeping = Safekeeping(data_dir, file, key=key, finish=drop_open, clock=clock)
                await asyncio.to_thread(safekeeping.clear)
                yield Standing(opened=opened, safekeeping=safekeeping)
        finally:
            await opened.database.close()
    finally:
        release()


async def copy(source: Path, target: BinaryIO, chunk: int = 1024 * 1024) -> None:
    """Copy a file's bytes, off the loop."""

    def work() -> None:
        with source.open("rb") as file:
            while found := file.read(chunk):
                target.write(found)

    await asyncio.get_running_loop().run_in_executor(None, work)
