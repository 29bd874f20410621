"""Reads of one database on a thread and a cursor of their own: they never wait for what writes.

A connection belongs to one thread: shared by eight it gave 77 wrong rows without an error in 2,000 reads. A
cursor of its own on a thread of its own is another connection to the same instance, and sees what is
committed: 315 reads beside 300 appends were right, every one (tests/store/test_reading.py does it again).
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

from app.errors import QueryTooLongError, StoreError
from app.store.connections import Connection, DuckDBError, InterruptedQuery, in_transaction
from app.store.duckdb_errors import refusal

T = TypeVar("T")
INTERRUPTED_AGAIN_SECONDS: Final = 0.05
"""An interrupt that falls between two statements of a read, or before its first one, interrupts nothing."""


class Reader:
    """A reading thread and its cursor, which the writing thread closes before it reopens the database."""

    def __init__(self, path: Path, name: str, seconds: float) -> None:
        """`name`: what the thread's begins with; `seconds`: the time limit of a read."""
        self._path = path
        self._seconds = seconds
        self._limit = _TimeLimit(f"{name}-limit", seconds)
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._busy = threading.Lock()
        self._cursor: Connection | None = None
        self._generation = 0
        """Generation of the instance that the cursor belongs to."""
        self._closing = False
        """Set while a read is interrupted because the instance is about to be closed, not for its length."""

    def run(self, made: Callable[[], Connection], work: Callable[[Connection], T]) -> T:
        while True:
            generation = self._generation
            cursor = self._cursor or made()  # not under the lock: it waits for the writing thread
            with self._busy:
                if generation == self._generation:
                    self._cursor = cursor
                    return self._timed(cursor, work)
            cursor.close()  # its instance has been closed meanwhile

    def _timed(self, cursor: Connection, work: Callable[[Connection], T]) -> T:
        try:
            with self._limit.of(cursor):
                return in_transaction(cursor, work)
        except InterruptedQuery as error:
            if self._closing:
                raise StoreError("the database was closed during the question: ask again") from error
            raise QueryTooLongError(
                f"a question took longer than {self._seconds:g} s: ask for less"
            ) from error
        except DuckDBError as error:
            self._close()
            raise refusal(str(error), self._path) from error

    def let_go(self) -> None:
        """Interrupt the current read, if any: the instance is about to be closed."""
        self._closing = True
        held = False
        while not held:
            if (cursor := self._cursor) is not None:
                with suppress(DuckDBError):  # its read has just failed and closes it
                    cursor.interrupt()
            held = self._busy.acquire(timeout=INTERRUPTED_AGAIN_SECONDS)
        try:
            self.close()
            self._closing = False
        finally:
            self._busy.release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the current read end, and no other begin."""
        with self._busy:
            yield

    @contextmanager
    def idle(self) -> Iterator[bool]:
        """Whether nothing is being read; then nothing is until the end of it."""
        is_idle = self._busy.acquire(blocking=False)
        try:
            yield is_idle
        finally:
            if is_idle:
                self._busy.release()

    def shut_down(self) -> None:
        """Take no other read."""
        self.thread.shutdown(wait=False)
        self._limit.end()

    def close(self) -> None:
        """Close the cursor, while `held`.

        The generation counts last: `run`, which takes it and then the cursor without waiting, would else take
        the new one with the cursor that is being closed.
        """
        self._close()
        self._generation += 1

    def _close(self) -> None:
        if self._cursor is not None:
            with suppress(DuckDBError):
                self._cursor.close()
        self._cursor = None


class _TimeLimit:
    """Interrupts a read that takes too long, one at a time.

    Its thread sleeps until the read that began last may have taken too long, and ends when none has begun
    since: a thread for each read, as `threading.Timer` has, costs 0.17 ms, half of what a short read takes.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._name, self._seconds = name, seconds
        self._waits = threading.Condition()
        self._thread: threading.Thread | None = None
        self._cursor: Connection | None = None
        self._due = 0.0

    @contextmanager
    def of(self, cursor: Connection) -> Iterator[None]:
        with self._waits:
            self._cursor, self._due = cursor, monotonic() + self._seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name=self._name, daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._waits:
                self._cursor = None

    def end(self) -> None:
        with self._waits:
            self._due = 0.0
            self._waits.notify()

    def _watch(self) -> None:
        with self._waits:
            while (left := self._due - monotonic()) > 0 or self._cursor is not None:
                if left <= 0 and self._cursor is not None:
                    self._cursor.interrupt()
                self._waits.wait(max(left, INTERRUPTED_AGAIN_SECONDS))
            self._thread = None
