"""The sums of each day, remembered as long as no row of that day changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.core.units import Height
from app.store.accounts import statements
from app.store.accounts.cube import Added, added, by_day, of_forecasts, of_whales
from app.store.database import Connection


class Touched:
    """Which days have changed, by generation: each commit that changes a day begins the next one."""

    def __init__(self) -> None:
        self.generation = 0
        self._days: dict[int, int] = {}
        self._all = 0

    def note(self, days: Iterable[int]) -> None:
        """Call after the commit."""
        changed = set(days)
        if changed:
            self.generation += 1
            self._days |= dict.fromkeys(changed, self.generation)

    def note_all(self) -> None:
        self.generation += 1
        self._all = self.generation

    def last(self, day: int) -> int:
        return max(self._all, self._days.get(day, 0))


@dataclass(frozen=True, slots=True)
class _Remembered:
    generation: int
    sums: Added


class Days:
    """Sums by day of what is decided. Used on the reading thread only."""

    def __init__(self, touched: Touched | None) -> None:
        """Without `touched` nothing is remembered."""
        self._touched = touched
        self._known: dict[int, _Remembered] = {}

    def of(self, connection: Connection, generation: int, first: int, end: int) -> dict[int, Added]:
        """Return the days in [first, end) with any row; `generation` was read before the transaction."""
        extent = _extent(connection)
        if extent is None:
            return {}
        days = range(max(first, extent[0]), min(end, extent[1] + 1))
        missing = [day for day in days if not self._is_known(day)]
        found = {day: self._known[day].sums for day in days if self._is_known(day)}
        if missing:
            fresh = _read(connection, min(missing), max(missing) + 1)
            found |= {day: fresh.get(day, Added()) for day in missing}
        if self._touched is not None:
            self._known |= {day: _Remembered(generation, found[day]) for day in missing}
        return {day: found[day] for day in days if not found[day].is_empty}

    def _is_known(self, day: int) -> bool:
        known = self._known.get(day)
        return known is not None and self._touched is not None and known.generation >= self._touched.last(day)


def fetched(connection: Connection, question: str, values: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the columns that a statement finds; those of the statements have no nulls."""
    return {
        name: np.asarray(column)
        for name, column in connection.execute(question, dict(values)).fetchnumpy().items()
    }


def waiting(
    connection: Connection, where: str, values: Mapping[str, Any], tip: Height | None
) -> dict[int, Added]:
    """Return the sums by day of forecasts whose transactions still wait."""
    # Nothing that still waits can be judged without a tip: it has then seen no block.
    asked = {**values, "tip": -1 if tip is None else tip}
    rows = fetched(connection, statements.forecasts(f"{statements.WAITING} AND {where}"), asked)
    return {day: of_forecasts(columns) for day, columns in by_day(rows).items()}


def decided(
    connection: Connection, forecasts: str, whales: str, values: Mapping[str, Any]
) -> dict[int, Added]:
    """Return the sums by day of decided forecasts and of whales, each under its own condition."""
    rows = fetched(
        connection, statements.forecasts(f"{statements.FINAL} AND {forecasts}"), {**values, "tip": -1}
    )
    ends = fetched(connection, statements.whales(whales), values)
    found = {day: of_forecasts(columns) for day, columns in by_day(rows).items()}
    for day, columns in by_day(ends).items():
        of_day = of_whales(columns)
        found[day] = added((found[day], of_day)) if day in found else of_day
    return found


def _read(connection: Connection, first: int, end: int) -> dict[int, Added]:
    where = f"day >= {first:d} AND day < {end:d}"
    return decided(connection, where, where, {})


def _extent(connection: Connection) -> tuple[int, int] | None:
    found = connection.execute(
        "SELECT min(first), max(last) FROM ("
        "SELECT min(day) AS first, max(day) AS last FROM forecast_outcomes "
        "UNION ALL SELECT min(day), max(day) FROM whale_outcomes)"
    ).fetchone()
    return None if found is None or found[0] is None else (found[0], found[1])
