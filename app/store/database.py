"""One DuckDB database: one thread writes; what reads has threads and cursors of its own (reader.py).

Two threads read: a short question that somebody waits for (`glance`) never stands behind a long one.

What is written may leave something to be done afterwards (`Afterwork`): in a transaction of its own, soon,
and before anything else is written or read.
"""

import asyncio
import os
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

from app.errors import StoreError
from app.store.connections import (
    MEBIBYTE,
    Connection,
    DuckDBError,
    Limits,
    checkpoint,
    in_transaction,
    quoted,
    reconnect,
    trim,
    wal_of,
)
from app.store.duckdb_errors import refusal
from app.store.reader import Reader

T = TypeVar("T")
AFTERWORK_SECONDS: Final = 0.25
"""How long afterwork waits for more of it: what comes quickly is written together."""


class Afterwork(Protocol):
    """What committed transactions left to be done; all of it on the writing thread."""

    @property
    def waits(self) -> bool: ...

    def work(self, connection: Connection) -> None:
        """Do all that waits, in one transaction; after a failure again."""
        ...

    def done(self) -> None:
        """Note that it is committed."""
        ...

    def give_up(self) -> None:
        """Let it wait no longer in this process: it failed for a reason that is not the database's."""
        ...


class Database:
    """One DuckDB database; created by `app.store.opening.open_database`."""

    def __init__(
        self, path: Path, connection: Connection, thread: ThreadPoolExecutor, limits: Limits
    ) -> None:
        self.path = path
        self._connection: Connection | None = connection
        self._thread = thread
        self._limits = limits
        self._reader = Reader(path, "duckdb-reads", limits.read_seconds)
        self._glancer = Reader(path, "duckdb-glances", limits.read_seconds)
        self._copier = ThreadPoolExecutor(max_workers=1, thread_name_prefix="duckdb-copies")
        self._copying: Connection | None = None
        self._copies = 0
        """Those under way or about to begin."""
        self._folded_bytes = 0
        """What was checkpointed since the file was opened."""
        self._closed = False
        self._release: Callable[[], None] = lambda: None
        self._afterwork: Afterwork | None = None
        self._afterwork_due = False

    def follow(self, afterwork: Afterwork) -> None:
        """Name what is done after transactions that left some of it."""
        self._afterwork = afterwork

    def when_closed(self, release: Callable[[], None]) -> None:
        self._release = release

    async def run(self, work: Callable[[Connection], T], then: Callable[[T], None] | None = None) -> T:
        """Run `work` in one transaction on DuckDB's own thread, and `then` there after the commit.

        Raises:
            StoreError: if DuckDB fails; nothing of `work` is then kept.
        """
        return await self._on_thread(lambda: self._transact(work, then))

    async def run_at_once(
        self, work: Callable[[Connection], T], then: Callable[[T], None] | None = None
    ) -> T:
        """As `run`, of what may leave afterwork, and does not wait for what others left.

        `work` begins its transaction itself (`connections.in_transaction`), or is a single statement.

        Raises:
            StoreError: if DuckDB fails; nothing of `work` is then kept.
        """
        done = await self._on_thread(lambda: self._keep(work, then))
        if self._leaves_afterwork() and not self._afterwork_due:
            self._afterwork_due = True
            asyncio.get_running_loop().call_later(AFTERWORK_SECONDS, self._begin_afterwork)
        return done

    async def read(self, work: Callable[[Connection], T], *, whole: bool = False) -> T:
        """Run `work`, which only reads, on the reading thread: it sees everything committed before.

        Where afterwork fails, on a full disk, it sees what was written before; if `whole`, it is refused.

        Raises:
            StoreError: if DuckDB fails, or it takes longer than the limits' `read_seconds`.
        """
        if self._leaves_afterwork() and not self._closed:
            try:
                await self._on_thread(self._catch_up)
            except StoreError:
                if whole:
                    raise
        return await self._ask(self._reader, work)

    async def glance(self, work: Callable[[Connection], T]) -> T:
        """As `read`, for what takes milliseconds: it waits for no long read, and for no afterwork.

        Raises:
            StoreError: if DuckDB fails, or it takes longer than the limits' `read_seconds`.
        """
        return await self._ask(self._glancer, work)

    async def copy_to(self, path: Path, complete: Callable[[Connection], T]) -> T:
        """Copy all tables to a new file in `backups`, as of one moment, and `complete` it as `backup`.

        On a thread and a cursor of its own: neither reads nor appends wait for it.

        Raises:
            StoreError: if DuckDB fails; the file may be left unfinished.
        """
        self._copies += 1
        try:
            cursor = await self._on_thread(self._new_cursor)
            return await asyncio.get_running_loop().run_in_executor(
                self._copier, self._copy, cursor, path, complete, self._begin_on_thread
            )
        finally:
            self._copies -= 1

    async def compact(self) -> bool:
        """Rewrite the file without the room that deleted rows left in it; False if that must wait.

        Appends and reads wait meanwhile. A kill at any moment leaves the file as it was, or the new one.

        Raises:
            StoreError: if the disk has no room; the file is as it was.
        """
        return await self._on_thread(self._compact)

    async def close(self) -> None:
        """Checkpoint the write-ahead log and release the directory. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if (copying := self._copying) is not None:
            copying.interrupt()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._finish)
        self._thread.shutdown(wait=False)
        for reader in (self._reader, self._glancer):
            reader.shut_down()
        self._copier.shutdown(wait=False)
        self._release()

    async def rest(self) -> None:
        """Let go of what was cached for questions, unless one is being answered: the disk answers the next.

        Raises:
            StoreError: if the database is closed.
        """
        await self._on_thread(self._rest)

    async def settle(self) -> int:
        """Checkpoint the write-ahead log if the disk has room, and return the size on disk in bytes.

        Before it a file may look small that the checkpoint makes large: what it writes anew stands beside
        what it replaces.

        Raises:
            StoreError: if the database is closed.
        """
        await self._on_thread(self._checkpoint)
        return self.size_bytes()

    def size_bytes(self) -> int:
        """Return the size of the database and its log on disk."""
        return _size(self.path) + _size(wal_of(self.path))

    def free_bytes(self) -> int:
        """Return the room that the disk, or this process's limit on the size of a file, has left."""
        longest, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        free = _free(self.path)
        return free if longest == resource.RLIM_INFINITY else min(free, longest - self.size_bytes())

    async def _on_thread(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise StoreError("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _ask(self, reader: Reader, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise StoreError("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(reader.thread, reader.run, self._cursor, work)

    def _cursor(self) -> Connection:
        # Created on the writing thread, once: the connection belongs to that thread.
        try:
            return self._thread.submit(self._new_cursor).result()
        except RuntimeError as error:  # its thread takes nothing more
            raise StoreError("the database is closed") from error

    def _new_cursor(self) -> Connection:
        if self._closed:  # what stood behind another read must not open it again
            raise StoreError("the database is closed")
        return self._opened().cursor()

    def _begin_on_thread(self, cursor: Connection) -> None:
        try:
            self._thread.submit(self._begin_at_rest, cursor).result()
        except RuntimeError as error:  # its thread takes nothing more
            raise StoreError("the database is closed") from error

    def _begin_at_rest(self, cursor: Connection) -> None:
        """Begin a transaction that sees this moment, in which no afterwork waits; on the writing thread."""
        self._catch_up()
        cursor.begin()
        cursor.execute("SELECT count(*) FROM meta").fetchall()  # what it sees is decided by its first read

    def _copy(
        self,
        cursor: Connection,
        path: Path,
        complete: Callable[[Connection], T],
        begin: Callable[[Connection], None],
    ) -> T:
        self._copying = cursor
        try:
            cursor.execute(f"ATTACH '{quoted(path)}' AS backup")
            try:
                begin(cursor)
                cursor.execute(f'COPY FROM DATABASE "{self.path.stem}" TO backup')
                completed = complete(cursor)
                cursor.commit()
                cursor.execute("CHECKPOINT backup")
            finally:
                with suppress(DuckDBError):
                    cursor.rollback()
                cursor.execute("DETACH backup")
        except DuckDBError as error:
            raise refusal(str(error), path) from error
        finally:
            self._copying = None
            cursor.close()
        return completed

    def _compact(self) -> bool:
        draft = self.path.with_name("backups") / "compacting"
        try:
            draft.parent.mkdir(mode=0o700, exist_ok=True)
            self._remove(draft)
            self._catch_up()  # now: what it writes is in the log, and if it fails the readers are let go
            checkpoint(self._opened(), self.path)
            # The instance closes with its last cursor: none may be open.
            with self._reader.held(), self._glancer.held():
                if self._copying is not None:
                    return False
                self._copy(self._opened().cursor(), draft, lambda _: None, self._begin_at_rest)
                self._reader.close()
                self._glancer.close()
                self._close_connection()
                if wal_of(self.path).exists() or _holds_open(self.path):
                    return False
                draft.chmod(self.path.stat().st_mode & 0o777)
                draft.replace(self.path)
                return True
        except OSError as error:
            raise refusal(str(error), self.path) from error
        finally:
            self._remove(draft)

    def _remove(self, draft: Path) -> None:
        for left in (draft, wal_of(draft)):
            left.unlink(missing_ok=True)

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = reconnect(self.path, self._limits)
            self._folded_bytes = 0
        return self._connection

    def _leaves_afterwork(self) -> bool:
        return self._afterwork is not None and self._afterwork.waits

    def _begin_afterwork(self) -> None:
        self._afterwork_due = False
        if not self._closed:
            asyncio.get_running_loop().run_in_executor(self._thread, self._try_to_catch_up)

    def _try_to_catch_up(self) -> None:
        """Leave what fails now to whatever is written next: it is tried again before that."""
        with suppress(StoreError):
            self._catch_up()

    def _catch_up(self) -> None:
        """Do the afterwork that waits, if any.

        Raises:
            StoreError: if DuckDB fails: it waits on.
        """
        afterwork = self._afterwork
        if afterwork is None or not afterwork.waits:
            return
        hopeless = True
        try:
            self._commit(afterwork.work, lambda _: afterwork.done())
            hopeless = False
        except StoreError:
            hopeless = False
            raise
        finally:
            if hopeless:
                afterwork.give_up()

    def _transact(self, work: Callable[[Connection], T], then: Callable[[T], None] | None) -> T:
        self._catch_up()
        return self._commit(work, then)

    def _commit(self, work: Callable[[Connection], T], then: Callable[[T], None] | None) -> T:
        return self._keep(lambda connection: in_transaction(connection, work), then)

    def _keep(self, work: Callable[[Connection], T], then: Callable[[T], None] | None) -> T:
        try:
            result = work(self._opened())
        except DuckDBError as error:
            # The state after a failed commit is best read from the file: the next transaction reopens it.
            self._drop()
            raise refusal(str(error), self.path) from error
        if then is not None:
            then(result)
        if _size(wal_of(self.path)) > self._limits.checkpoint_mb * MEBIBYTE:
            self._thread.submit(self._checkpoint)  # queued behind this reply: nobody waits for it
        return result

    def _checkpoint(self) -> None:
        """Checkpoint the log if the disk has room for it; committed data is safe either way."""
        self._try_to_catch_up()
        if self._connection is None or not _room_for(self.path):
            return
        folded = _size(wal_of(self.path))
        try:
            checkpoint(self._connection, self.path)
        except StoreError:
            self._drop()
        else:
            self._folded_bytes += folded
            if self._folded_bytes > self._limits.renew_mb * MEBIBYTE:
                self._renew()

    def _renew(self) -> None:
        """Open the file anew, unless it is being read: at the next checkpoint then."""
        with self._unread() as is_unread:
            if not is_unread or self._closed:
                return
            self._reader.close()
            self._glancer.close()
            self._close_connection()
        with suppress(StoreError):  # whatever is asked next opens it, or tells why not
            self._opened()

    def _rest(self) -> None:
        with self._unread() as is_unread:
            if is_unread and self._connection is not None:
                trim(self._connection, self._limits.cached_mb)

    @contextmanager
    def _unread(self) -> Iterator[bool]:
        """Whether nobody reads or copies; then nobody does until the end of it."""
        with self._reader.idle() as nothing_read, self._glancer.idle() as nothing_glanced:
            yield nothing_read and nothing_glanced and not self._copies and self._copying is None

    def _drop(self) -> None:
        self._reader.let_go()
        self._glancer.let_go()
        self._close_connection()

    def _close_connection(self) -> None:
        if self._connection is not None:
            with suppress(DuckDBError):
                self._connection.close()
        self._connection = None

    def _finish(self) -> None:
        try:
            self._checkpoint()
        finally:
            self._drop()


def _holds_open(path: Path) -> bool:
    """Whether this process has the file open: DuckDB would go on with it under its old inode."""
    wanted = path.stat()
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if os.path.samestat(handle.stat(), wanted):
                return True
    return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _room_for(path: Path) -> bool:
    """Whether the disk has room for a checkpoint, which writes about the log's size: twice that."""
    return _free(path) > 2 * _size(wal_of(path)) + 2 * MEBIBYTE


def _free(path: Path) -> int:
    space = os.statvfs(path.parent)
    return space.f_bavail * space.f_frsize
