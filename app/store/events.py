"""Reads stored events; a whale's event is restored from the version that it refers to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from app.core.events import Event, EventType
from app.core.prediction import Prediction
from app.store.assembling import ROW, VersionRow, assembled, in_portions, rows_of
from app.store.connections import Connection
from app.store.parsed_statements import execute, of_words
from app.store.records import EVENT_COLUMNS, event_of

AT_ONCE: Final = 1_000
"""Events whose versions are read together."""

VersionPlace = tuple[int, int]
"""A whale's number and its version's number."""


def after(connection: Connection, instance: str, sequence: int, limit: int) -> tuple[Event, ...]:
    """Return the events with a greater sequence, ascending."""
    return _events(connection, instance, "sequence > ? ORDER BY sequence LIMIT ?", [sequence, limit])


def since(
    connection: Connection, instance: str, start: datetime, types: Collection[EventType], limit: int
) -> tuple[Event, ...]:
    """Return the newest events of these types since `start`, ascending."""
    names = sorted(type_.value for type_ in types)
    found = execute(
        connection,
        "SELECT min(sequence) FROM (SELECT sequence FROM events WHERE told_at >= ? "
        "AND type IN (SELECT unnest(?)) ORDER BY sequence DESC LIMIT ?)",
        [start, names, limit],
    ).fetchone()
    if found is None or found[0] is None:
        return ()
    condition = "sequence >= ? AND told_at >= ? AND type IN (SELECT unnest(?)) ORDER BY sequence"
    return _events(connection, instance, condition, [found[0], start, names])


def of_whale(connection: Connection, instance: str, prediction_id: str) -> tuple[Event, ...]:
    """Return a whale's events, ascending."""
    return _events(connection, instance, "prediction_id = ? ORDER BY sequence", [prediction_id])


def _events(connection: Connection, instance: str, condition: str, values: list[Any]) -> tuple[Event, ...]:
    statement = of_words("SELECT", EVENT_COLUMNS, "FROM events WHERE", condition)
    rows = execute(connection, statement, values).fetchall()
    events: list[Event] = []
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        versions = _versions(connection, sorted({(row[-2], row[-1]) for row in some if row[-1] is not None}))
        events += [event_of(row, instance, versions.get((row[-2], row[-1]))) for row in some]
    return tuple(events)


def _versions(connection: Connection, places: Sequence[VersionPlace]) -> dict[VersionPlace, Prediction]:
    """Return the versions as an event's body needs them: with their latest forecast only."""
    if not places:
        return {}
    found = _rows_of(connection, "predictions", places)
    if len(found) < len(places):
        known = {(row.whale, row.number) for row in found}
        found += _rows_of(connection, "superseded", [place for place in places if place not in known])
    return {
        (row.whale, row.number): whale
        for portion in in_portions(connection, found)
        for row, whale in zip(portion, assembled(connection, portion, openings=False), strict=True)
    }


def _rows_of(connection: Connection, table: str, places: Sequence[VersionPlace]) -> list[VersionRow]:
    if len(places) == 1:
        one = of_words("SELECT", ROW, "FROM", table, "WHERE whale = ? AND number = ?")
        return rows_of(execute(connection, one, places[0]).fetchall())
    among = "WHERE (whale, number) IN (SELECT unnest($1::BIGINT[]), unnest($2::INTEGER[]))"
    statement = of_words("SELECT", ROW, "FROM", table, among)
    values = [[whale for whale, _ in places], [number for _, number in places]]
    return rows_of(execute(connection, statement, values).fetchall())
