"""Migrates versions of schemas 1 to 3, each with its whole transaction, to the tables of schema 4.

Rows move in batches, each in a transaction that also stores the progress: a kill costs one batch. DuckDB
unpacks up to 2,048 values of a column together, so while they exceed its memory limit, the limit is doubled
and the batches get smaller; the limit is reset at the end. Rows that cannot be read even so stay in the file
under another table name, and are reported.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil
import structlog

from app.core.prediction import Forecast, Prediction
from app.store.connections import MEBIBYTE, Connection, Limits, checked, checkpoint, in_transaction, wal_of
from app.store.duckdb_errors import MemoryShortError
from app.store.migrations import has_table
from app.store.records import forecast_before_4, prediction_before_4
from app.store.versions import Versions

T = TypeVar("T")

ROWS_AT_ONCE: Final = 2_048
FEW_ROWS: Final = 128
"""Batch size for large rows: 0.3 MB each, as an ordinary consolidation leaves behind."""
_DECODED_AT_ONCE: Final = 2 * MEBIBYTE
"""Characters of records: a whale decoded takes some ten times as much."""
LEAST_OF_MOST_MB: Final = 384
"""DuckDB's memory limit while rows move is at least this, on any machine; else half of the free memory."""
_FOLD_MB: Final = 64
"""The write-ahead log is checkpointed above this size; that may fail until the old table is dropped."""
_OLD: Final = "prediction_versions_3"
UNREAD: Final = "prediction_versions_unread"
_CURSOR: Final = "moved_rows"
_log = structlog.get_logger(__name__)


class Moving:
    """The migration; `reconnect` returns a connection with a memory limit in MB, `connection` is in use."""

    def __init__(
        self, path: Path, limits: Limits, connection: Connection, reconnect: Callable[[int], Connection]
    ) -> None:
        self.connection = connection
        self._path = path
        self._limits = limits
        self._reconnect = reconnect
        self._memory_mb = limits.memory_mb
        self._rows = ROWS_AT_ONCE
        self._versions = Versions()
        self._folds = True

    def go(self) -> bool:
        """Move all rows; return whether some could not be read."""
        whole = True
        while has_table(self.connection, _OLD):
            try:
                for rows in self._lots():
                    self._do(lambda it, rows=rows: self._move(it, rows))  # type: ignore[misc]  # a lot each
                    self._fold()
                self._do(_leave)
            except MemoryShortError as error:
                self._versions.doubt()
                whole = self._with_more_memory(error)
                if not whole:
                    self._do(_put_away)
        if self._memory_mb != self._limits.memory_mb:
            self._again(self._limits.memory_mb)
        self._fold(at_the_end=True)
        return whole

    def _do(self, work: Callable[[Connection], T]) -> T:
        return checked(self.connection, self._path, lambda it: in_transaction(it, work))

    def _again(self, memory_mb: int) -> None:
        self.connection.close()
        self.connection = self._reconnect(memory_mb)

    def _lots(self) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the remaining rows in the order in which they were written.

        Numbers are part of the SQL text: with parameters, DuckDB would read the whole column first.
        """
        start = self._do(_cursor)
        last = self._do(lambda it: it.execute(f"SELECT max(rowid) FROM {_OLD}").fetchone())  # noqa: S608 - our own words
        while last and last[0] is not None and start <= last[0]:
            end = start + self._rows
            window = f"rowid >= {start:d} AND rowid < {end:d}"
            question = f"SELECT rowid, record FROM {_OLD} WHERE {window}"  # noqa: S608 - numbers of ours
            if rows := self._do(lambda it, question=question: it.execute(question).fetchall()):  # type: ignore[misc]  # a question each
                yield rows
            start = end

    def _move(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        for records in _few(record for _, record in sorted(rows)):
            whales = [prediction_before_4(record) for record in records]
            self._versions.write(connection, _with_forecasts(connection, whales))
            self._versions.stored()  # ahead of the commit; if that fails, all of it is read back
        _note(connection, max(number for number, _ in rows) + 1)

    def _with_more_memory(self, error: MemoryShortError) -> bool:
        """Reconnect with a higher memory limit; False at the maximum."""
        most = max(LEAST_OF_MOST_MB, psutil.virtual_memory().available // MEBIBYTE // 2)
        if self._memory_mb >= most:
            _log.error("old versions cannot be read", memory_mb=self._memory_mb, error=str(error))
            return False
        self._memory_mb = min(most, 2 * self._memory_mb)
        self._rows = FEW_ROWS
        _log.info("old versions need more memory", memory_mb=self._memory_mb)
        self._again(self._memory_mb)
        return True

    def _fold(self, *, at_the_end: bool = False) -> None:
        log = wal_of(self._path)
        size = log.stat().st_size if log.exists() else 0
        if not (size if at_the_end else self._folds and size > _FOLD_MB * MEBIBYTE):
            return
        try:
            checkpoint(self.connection, self._path)
        except MemoryShortError:
            self._folds = False  # the old rows are in the way: it is checkpointed once they are gone
            self._again(self._memory_mb)


def _few(records: Iterable[str]) -> Iterator[list[str]]:
    """Yield the records in their order, as many together as may be decoded at once."""
    few: list[str] = []
    for record in records:
        few.append(record)
        if sum(map(len, few)) > _DECODED_AT_ONCE:
            yield few
            few = []
    if few:
        yield few


def _with_forecasts(connection: Connection, whales: Sequence[Prediction]) -> list[Prediction]:
    """Return the whales with all their forecasts at that time: a record held only some of them."""
    found: dict[str, list[Forecast]] = {}
    for prediction_id, record in connection.execute(
        "SELECT prediction_id, record FROM forecasts_3 "
        "WHERE prediction_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY made_at, rowid",
        [sorted({whale.prediction_id for whale in whales})],
    ).fetchall():
        found.setdefault(prediction_id, []).append(forecast_before_4(record))
    return [replace(one, forecasts=_merged(one, found.get(one.prediction_id, ()))) for one in whales]


def _merged(whale: Prediction, kept: Iterable[Forecast]) -> tuple[Forecast, ...]:
    """Merge without duplicates: after a failed commit a revision may have been written twice."""
    if not whale.forecasts:
        return ()
    last = max(one.made_at for one in whale.forecasts)
    each = dict.fromkeys((*(one for one in kept if one.made_at <= last), *whale.forecasts))
    return tuple(sorted(each, key=lambda one: one.made_at))


def _cursor(connection: Connection) -> int:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", [_CURSOR]).fetchone()
    return int(found[0]) if found else 0


def _note(connection: Connection, cursor: int) -> None:
    connection.execute("DELETE FROM meta WHERE key = ?", [_CURSOR])
    connection.execute("INSERT INTO meta VALUES (?, ?)", [_CURSOR, str(cursor)])


def _leave(connection: Connection) -> None:
    connection.execute(f"DROP TABLE {_OLD}")
    connection.execute("DROP TABLE forecasts_3")
    connection.execute("DELETE FROM meta WHERE key = ?", [_CURSOR])


def _put_away(connection: Connection) -> None:
    connection.execute(f"ALTER TABLE {_OLD} RENAME TO {UNREAD}")
    connection.execute("ALTER TABLE forecasts_3 RENAME TO forecasts_unread")
