"""The sums of each day and of several days, remembered as long as no row of those days changes."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.core.scoring import LeadTimes, Sums
from app.core.units import Height
from app.store.accounts import statements
from app.store.accounts.cube import Added, Columns, added, by_day, of_forecasts, of_whales
from app.store.connections import Connection
from app.store.parsed_statements import execute
from app.store.records import microseconds

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

SPANS: Final = 8
"""So many runs of days are remembered together, those asked for last."""
SPANS_LEADS: Final = 1_000_000
"""With so many lead times in all: 22 MB."""
DAYS_ROWS: Final = 4
"""Of so many days the rows themselves are remembered, those asked for last: windows begin within a day."""
MOST_ROWS: Final = 20_000
"""A day with more is read anew: 50 bytes a row."""
TOTALS: Final = 1_000
"""Of so many periods the totals are remembered: a kilobyte each."""


class Touched:
    """Which days have changed, by generation: each commit that changes a day begins the next one."""

    def __init__(self) -> None:
        self.generation = 0
        self.lowest: int | None = None
        self.highest: int | None = None
        """The earliest and the latest day that ever changed."""
        self._days: dict[int, int] = {}
        self._all = 0

    def note(self, days: Iterable[int]) -> None:
        """Call after the commit."""
        changed = set(days)
        if changed:
            self.generation += 1
            self.lowest = min(changed) if self.lowest is None else min(self.lowest, *changed)
            self.highest = max(changed) if self.highest is None else max(self.highest, *changed)
            self._days |= dict.fromkeys(changed, self.generation)

    def note_all(self) -> None:
        self.generation += 1
        self._all = self.generation

    def last(self, first: int, end: int) -> int:
        """Return the generation in which any day of [first, end) changed last."""
        return max(self._all, max((self._days.get(day, 0) for day in range(first, end)), default=0))

    @property
    def last_of_all(self) -> int:
        """The generation from which on nothing from before may be believed."""
        return self._all


@dataclass(frozen=True, slots=True)
class _Remembered:
    generation: int
    sums: Added


@dataclass(frozen=True, slots=True)
class DayRows:
    """What is decided of one day, row by row: columns of `statements.forecasts` and `statements.whales`."""

    generation: int
    forecasts: Columns
    whales: Columns

    def between(self, start: datetime, end: datetime) -> Added:
        """Return the sums of what counts in [start, end)."""
        first, last = microseconds(start), microseconds(end)
        forecasts, whales = (_counted(rows, first, last) for rows in (self.forecasts, self.whales))
        return added((of_forecasts(forecasts), of_whales(whales)))


@dataclass(frozen=True, slots=True)
class Totals:
    """Of several days. `generation` is that in which they were added up."""

    generation: int
    sums: Sums
    lead_times: LeadTimes
    is_empty: bool


@dataclass(frozen=True, slots=True)
class _Extent:
    """First and last day with any row, or with any kept sum; None without."""

    generation: int
    rows: tuple[int, int] | None
    kept: tuple[int, int] | None


class Days:
    """Sums by day of what is decided. Used on the reading thread only.

    `generation` was always read before the transaction of `connection`.
    """

    def __init__(self, touched: Touched | None) -> None:
        """Without `touched` nothing is remembered."""
        self._touched = touched
        self._known: dict[int, _Remembered] = {}
        self._spans: OrderedDict[tuple[int, int], _Remembered] = OrderedDict()
        self._totals: OrderedDict[tuple[int, int], Totals] = OrderedDict()
        self._rows: OrderedDict[int, DayRows] = OrderedDict()
        self._extent: _Extent | None = None

    def rows(self, connection: Connection, generation: int, day: int) -> DayRows:
        """Return what is decided of one day, row by row."""
        known = self._rows.get(day)
        if known is None or not self._is_current(known, day, day + 1):
            known = _rows(connection, generation, day)
        if len(known.forecasts["day"]) + len(known.whales["day"]) <= MOST_ROWS:
            self._remember(self._rows, day, known, DAYS_ROWS)
        return known

    def of(self, connection: Connection, generation: int, first: int, end: int) -> dict[int, Added]:
        """Return the days in [first, end) with any row."""
        extent = self.extent(connection, generation)
        if extent is None:
            return {}
        days = range(max(first, extent[0]), min(end, extent[1] + 1))
        missing = [day for day in days if not self._is_current(self._known.get(day), day, day + 1)]
        found = {day: self._known[day].sums for day in days if day in self._known}
        if missing:
            fresh = _read(connection, min(missing), max(missing) + 1)
            found |= {day: fresh.get(day, Added()) for day in missing}
        if self._touched is not None:
            self._known |= {day: _Remembered(generation, found[day]) for day in missing}
        return {day: found[day] for day in days if not found[day].is_empty}

    def whole(self, connection: Connection, generation: int, first: int, end: int) -> Added:
        """Return all days of [first, end) together."""
        known = self._spans.get((first, end))
        if known is None or not self._is_current(known, first, end):
            known = _Remembered(generation, added(self.of(connection, generation, first, end).values()))
        self._remember(self._spans, (first, end), known, SPANS)
        while sum(one.sums.lead_count for one in self._spans.values()) > SPANS_LEADS:
            self._spans.popitem(last=False)
        return known.sums

    def totals(self, connection: Connection, generation: int, first: int, end: int) -> Totals:
        """Return the totals of all days of [first, end)."""
        known = self._totals.get((first, end))
        if known is None or not self._is_current(known, first, end):
            whole = added(self.parts(connection, generation, first, end))
            known = Totals(generation, whole.total(), whole.lead_times(), whole.is_empty)
        self._remember(self._totals, (first, end), known, TOTALS)
        return known

    def parts(self, connection: Connection, generation: int, first: int, end: int) -> list[Added]:
        """Return the days of [first, end); those before the last with rows are one: few of them change."""
        extent = self.extent(connection, generation)
        if extent is None or not first < extent[1] < end:
            return list(self.of(connection, generation, first, end).values())
        before = self.whole(connection, generation, first, extent[1])
        return [before, *self.of(connection, generation, extent[1], end).values()]

    def extent(self, connection: Connection, generation: int) -> tuple[int, int] | None:
        """Return the first and the last day that may have rows."""
        rows = self._extents(connection, generation).rows
        touched = self._touched
        if rows is None or touched is None or touched.lowest is None or touched.highest is None:
            return rows
        return min(rows[0], touched.lowest), max(rows[1], touched.highest)

    def has_kept(self, connection: Connection, generation: int, first: int, end: int) -> bool:
        """Whether of any day of [first, end) sums are kept without rows; those come with the retention."""
        kept = self._extents(connection, generation).kept
        return kept is not None and kept[0] < end and first <= kept[1]

    def _extents(self, connection: Connection, generation: int) -> _Extent:
        known, touched = self._extent, self._touched
        if known is None or touched is None or known.rows is None or known.generation < touched.last_of_all:
            known = self._extent = _Extent(generation, _extent(connection), _extent_kept(connection))
        return known

    def _is_current(self, known: _Remembered | DayRows | Totals | None, first: int, end: int) -> bool:
        touched = self._touched
        return known is not None and touched is not None and known.generation >= touched.last(first, end)

    def _remember(self, among: OrderedDict[K, V], key: K, value: V, most: int) -> None:
        if self._touched is None:
            return
        among[key] = value
        among.move_to_end(key)
        while len(among) > most:
            among.popitem(last=False)


def fetched(connection: Connection, question: str, values: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the columns that a statement finds; those of the statements have no nulls."""
    return {
        name: np.asarray(column)
        for name, column in execute(connection, question, dict(values)).fetchnumpy().items()
    }


def waiting(
    connection: Connection, where: str, values: Mapping[str, Any], tip: Height | None
) -> dict[int, Added]:
    """Return the sums by day of forecasts whose transactions still wait."""
    # Nothing that still waits can be judged without a tip: it has then seen no block.
    asked = {**values, "tip": -1 if tip is None else tip}
    rows = fetched(connection, statements.forecasts(f"{statements.WAITING} AND {where}"), asked)
    return {day: of_forecasts(columns) for day, columns in by_day(rows).items()}


def _rows(connection: Connection, generation: int, day: int) -> DayRows:
    of_day = f"day = {day:d}"
    forecasts = statements.forecasts(f"{statements.FINAL} AND {of_day}")
    return DayRows(
        generation,
        fetched(connection, forecasts, {"tip": -1}),
        fetched(connection, statements.whales(of_day), {}),
    )


def _counted(rows: Columns, first: int, end: int) -> Columns:
    """Return the rows counted in [first, end), in microseconds."""
    within = (rows["counted"] >= first) & (rows["counted"] < end)
    return rows if within.all() else {name: column[within] for name, column in rows.items()}


def decided(connection: Connection, forecasts: str, whales: str) -> dict[int, Added]:
    """Return the sums by day of decided forecasts and of whales, each under its own condition."""
    rows = fetched(connection, statements.forecasts(f"{statements.FINAL} AND {forecasts}"), {"tip": -1})
    ends = fetched(connection, statements.whales(whales), {})
    found = {day: of_forecasts(columns) for day, columns in by_day(rows).items()}
    for day, columns in by_day(ends).items():
        of_day = of_whales(columns)
        found[day] = added((found[day], of_day)) if day in found else of_day
    return found


def _read(connection: Connection, first: int, end: int) -> dict[int, Added]:
    where = f"day >= {first:d} AND day < {end:d}"
    return decided(connection, where, where)


def _extent(connection: Connection) -> tuple[int, int] | None:
    found = execute(
        connection,
        "SELECT min(first), max(last) FROM ("
        "SELECT min(day) AS first, max(day) AS last FROM forecast_outcomes "
        "UNION ALL SELECT min(day), max(day) FROM whale_outcomes)",
    ).fetchone()
    return None if found is None or found[0] is None else (found[0], found[1])


def _extent_kept(connection: Connection) -> tuple[int, int] | None:
    found = execute(connection, "SELECT min(day), max(day) FROM daily_accuracy").fetchone()
    return None if found is None or found[0] is None else (found[0], found[1])
