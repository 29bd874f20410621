"""Questions about whales. The latest version of each is what is believed; older ones wait to be pruned.

Two steps each: find the rows by narrow columns, then read only their records (kilobytes each).
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from app.core.prediction import Prediction, Status, Urgency
from app.errors import ParseError
from app.store import chain, forecasts
from app.store.database import Connection
from app.store.forecasts import with_revisions
from app.store.records import microseconds, moment, prediction_of
from app.views import PredictionPage, PredictionQuery

Cursor = tuple[datetime, str]
"""`detected_at` and id of the last prediction of the page before."""

_BELIEVED: Final = "rowid IN (SELECT arg_max(rowid, version) FROM prediction_versions GROUP BY prediction_id)"
_URGENCIES: Final = tuple(Urgency)
"""Ascending, as they are declared."""


def page(connection: Connection, query: PredictionQuery, cursor: Cursor | None) -> PredictionPage:
    conditions, values = _filters(query)
    where = " AND ".join([_BELIEVED, *conditions])
    # `where` is made of this file's own words; what came from outside is in `values`.
    counted = connection.execute(f"SELECT count(*) FROM prediction_versions WHERE {where}", values).fetchone()  # noqa: S608
    if cursor is not None:
        where += " AND (detected_at, prediction_id) < (?, ?)"
        values = [*values, *cursor]
    found = connection.execute(
        f"SELECT rowid FROM prediction_versions WHERE {where} "  # noqa: S608 - our own words, values bound
        "ORDER BY detected_at DESC, prediction_id DESC LIMIT ?",
        [*values, query.limit + 1],
    ).fetchall()
    predictions = tuple(map(prediction_of, _records(connection, [row for (row,) in found[: query.limit]])))
    more = len(found) > query.limit
    return PredictionPage(
        predictions=predictions,
        total_count=counted[0] if counted else 0,
        next_cursor=_cursor_after(predictions[-1]) if more else None,
    )


def one(connection: Connection, name: str) -> Prediction | None:
    """By txid, by a replaced txid, or by its own id; whoever has it now comes before whoever had it."""
    found = connection.execute(
        "SELECT rowid FROM prediction_versions "
        "WHERE txid = $1 OR prediction_id = $1 OR list_contains(replaces, $1) "
        "ORDER BY txid = $1 DESC, updated_at DESC LIMIT 1",
        [name],
    ).fetchone()
    if not found:
        return None
    # That row may be superseded: what is believed of the same whale now is what was asked for.
    latest = connection.execute(
        "SELECT arg_max(rowid, version) FROM prediction_versions "
        "WHERE prediction_id = (SELECT prediction_id FROM prediction_versions WHERE rowid = ?)",
        [found[0]],
    ).fetchone()
    return with_revisions(connection, prediction_of(_records(connection, [latest[0]])[0])) if latest else None


def live_and_recent(
    connection: Connection, *, ended_after: datetime, confirmed_above: int | None
) -> Sequence[str]:
    """Records of what is pending, ended after that moment, or confirmed above that height; oldest first."""
    found = connection.execute(
        f"SELECT rowid FROM prediction_versions WHERE {_BELIEVED} "  # noqa: S608 - our own words
        "AND (status = ? OR ended_at > ? OR confirmed_height > ?) ORDER BY detected_at, prediction_id",
        [Status.PENDING.value, ended_after, confirmed_above],
    ).fetchall()
    return _records(connection, [row for (row,) in found])


def detected_between(connection: Connection, start: datetime, end: datetime) -> tuple[Prediction, ...]:
    """What is believed of all that was first seen in [start, end); when it was never changes."""
    found = connection.execute(
        "SELECT record FROM prediction_versions WHERE rowid IN (SELECT arg_max(rowid, version) "
        "FROM prediction_versions WHERE detected_at >= $1 AND detected_at < $2 GROUP BY prediction_id)",
        [start, end],
    ).fetchall()
    return tuple(prediction_of(record) for (record,) in found)


def prune(connection: Connection, before: datetime) -> int:
    """Return how many rows went. Events keep the latest one, whose number goes on."""
    superseded = f"DELETE FROM prediction_versions WHERE NOT ({_BELIEVED})"  # noqa: S608 - a constant of ours
    steps: list[tuple[str, list[Any]]] = [
        (superseded, []),
        (
            "DELETE FROM prediction_versions WHERE status <> ? AND coalesce(ended_at, updated_at) < ?",
            [Status.PENDING.value, before],
        ),
        (
            "DELETE FROM events WHERE told_at < ? AND sequence < (SELECT max(sequence) FROM events)",
            [before],
        ),
        ("DELETE FROM source_transitions WHERE since < ?", [before]),
    ]
    gone = 0
    for statement, values in steps:
        counted = connection.execute(statement, values).fetchone()
        gone += counted[0] if counted else 0
    chain.prune(connection)
    forecasts.prune(connection)
    return gone


def parse_cursor(text: str | None) -> Cursor | None:
    """Raise ParseError if it is not one that `page` made."""
    if text is None:
        return None
    try:
        at, _, name = base64.urlsafe_b64decode(text.encode()).decode().partition(" ")
        return moment(int(at)), name
    except (binascii.Error, ValueError, OverflowError) as error:
        raise ParseError("that cursor is not one of ours: take next_cursor of the page before") from error


def _cursor_after(prediction: Prediction) -> str:
    words = f"{microseconds(prediction.detected_at)} {prediction.prediction_id}"
    return base64.urlsafe_b64encode(words.encode()).decode()


def _filters(query: PredictionQuery) -> tuple[list[str], list[Any]]:
    urgencies = _URGENCIES[_URGENCIES.index(query.min_urgency) :] if query.min_urgency else None
    asked: list[tuple[str, Any]] = [
        ("status = ?", query.status and query.status.value),
        ("flow = ?", query.flow and query.flow.value),
        ("moved_sat >= ?", query.min_moved_sat),
        ("list_contains(?, urgency)", urgencies and [urgency.value for urgency in urgencies]),
        ("list_contains(entities, ?)", query.entity and query.entity.casefold()),
        ("detected_at >= ?", query.start),
        ("detected_at < ?", query.end),
    ]
    return [condition for condition, value in asked if value is not None], [
        value for _, value in asked if value is not None
    ]


def _records(connection: Connection, rows: Sequence[int]) -> list[str]:
    """The records of these rows, in their order."""
    found = dict(
        connection.execute(
            "SELECT rowid, record FROM prediction_versions WHERE rowid IN (SELECT unnest(?::BIGINT[]))",
            [list(rows)],
        ).fetchall()
    )
    return [found[row] for row in rows]
