"""Queries of whales by name and state, and what the retention deletes."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from app.core.prediction import REVISIONS_HELD, Prediction, Status
from app.core.tracking import Unloaded
from app.core.units import Txid
from app.store import chain
from app.store.assembling import ALL_FORECASTS, ROW, VersionRow, assembled, in_portions, rows_of
from app.store.connections import Connection
from app.store.filters import named_alike
from app.store.parsed_statements import execute, of_words
from app.store.records import moment

T = TypeVar("T")
FORECASTS_RESTORED: Final = 50_000
"""For all whales together; about 1 kB each."""
_FORGETTABLE_EVENT: Final = (
    "sequence < (SELECT max(sequence) FROM events) AND sequence IS DISTINCT FROM "
    "(SELECT max(sequence) FROM events WHERE type LIKE 'accuracy.%')"
)
FEW_PIECES: Final = 500
"""Of packed bodies: some 250 whales, 2 MB of objects."""
PORTIONS_RESTORED: Final = 8
"""In units of `assembling.PIECES_AT_ONCE`: about 300 MB of objects if every transaction is very large."""


def one(connection: Connection, name: str) -> Prediction | None:
    """Find by txid, replaced txid, or id; a current holder of the txid precedes a former one."""
    alike = named_alike(connection, name)
    places = ", ".join(f"${place}" for place in range(2, 2 + len(alike)))
    among = f"whale IN ({places}) AND" if alike else "prediction_id = $1 OR"
    found = rows_of(
        execute(
            connection,
            f"SELECT {ROW} FROM predictions WHERE {among} "  # noqa: S608 - our own words
            "(txid = $1 OR whale IN (SELECT whale FROM lineage WHERE txid = $1)) "
            "ORDER BY txid = $1 DESC, predictions.updated_at DESC LIMIT 1",
            [name, *alike],
        ).fetchall()
    )
    return next(iter(assembled(connection, found, latest=ALL_FORECASTS)), None)


def live_and_recent(
    connection: Connection, *, ended_after: datetime, confirmed_above: int | None
) -> tuple[tuple[Prediction, ...], dict[Txid, Unloaded]]:
    """Return whales pending, ended after that time, or confirmed above that height; latest update first.

    Pending whales that do not fit in memory are returned by name only.
    """
    found = rows_of(
        execute(
            connection,
            f"SELECT {ROW} FROM predictions WHERE status = ? OR ended_at > ? OR confirmed_height > ? "  # noqa: S608 - our own words
            "ORDER BY predictions.updated_at DESC, prediction_id",
            [Status.PENDING.value, ended_after, confirmed_above],
        ).fetchall()
    )
    held = max(1, min(REVISIONS_HELD, FORECASTS_RESTORED // max(1, len(found))))
    whales: list[Prediction] = []
    left: list[VersionRow] = []
    for turn, portion in enumerate(in_portions(connection, found)):
        if turn < PORTIONS_RESTORED:
            whales += assembled(connection, portion, latest=held)
        else:
            left += [row for row in portion if row.status == Status.PENDING.value]
    whales.sort(key=lambda one: (one.detected_at, one.prediction_id))
    return tuple(whales), _unloaded(connection, left)


def of_detected(
    connection: Connection, start: datetime, end: datetime, take: Callable[[Prediction], Iterable[T]]
) -> list[T]:
    """Return what `take` makes of the latest version of each whale first seen in [start, end).

    That time never changes. The whales of half a day may be a hundred megabytes: few are held at once.
    """
    found = rows_of(
        execute(
            connection,
            f"SELECT {ROW} FROM predictions WHERE detected_at >= ? AND detected_at < ?",  # noqa: S608 - our own words
            [start, end],
        ).fetchall()
    )
    return [
        one
        for portion in in_portions(connection, found, FEW_PIECES)
        for whale in assembled(connection, portion)
        for one in take(whale)
    ]


def first_detected(connection: Connection) -> datetime | None:
    """Return when the earliest whale was first seen; None if there is none."""
    found = execute(connection, "SELECT epoch_us(min(detected_at)) FROM predictions").fetchone()
    return moment(found[0]) if found and found[0] is not None else None


def oldest(connection: Connection) -> datetime | None:
    found = execute(
        connection,
        "SELECT epoch_us(min(kept_at)) FROM (SELECT min(told_at) AS kept_at FROM events "  # noqa: S608 - our own words
        f"WHERE {_FORGETTABLE_EVENT} UNION ALL "
        "SELECT min(updated_at) FROM superseded UNION ALL "
        "SELECT min(coalesce(ended_at, updated_at)) FROM predictions WHERE status <> ? UNION ALL "
        "SELECT min(since) FROM source_transitions)",
        [Status.PENDING.value],
    ).fetchone()
    return moment(found[0]) if found and found[0] is not None else None


def prune(connection: Connection, before: datetime) -> int:
    """Delete old rows; return their number.

    The latest event stays, for numbering, with its version; so does the latest of accuracy, for its state.
    """
    events_of = "(SELECT whale, revision FROM events WHERE revision IS NOT NULL)"
    steps: list[tuple[str, list[Any]]] = [
        (
            f"DELETE FROM events WHERE told_at < ? AND {_FORGETTABLE_EVENT}",  # noqa: S608 - our own words
            [before],
        ),
        (
            "DELETE FROM predictions WHERE status <> ? AND coalesce(ended_at, updated_at) < ? "  # noqa: S608 - our own words
            f"AND (whale, number) NOT IN {events_of}",
            [Status.PENDING.value, before],
        ),
        (
            f"DELETE FROM superseded WHERE updated_at < ? AND (whale, number) NOT IN {events_of}",  # noqa: S608 - our own words
            [before],
        ),
        ("DELETE FROM source_transitions WHERE since < ?", [before]),
    ]
    gone = 0
    for statement, values in steps:
        counted = execute(connection, statement, values).fetchone()
        gone += counted[0] if counted else 0
    if gone:
        _forget_what_nobody_names(connection)
    chain.prune(connection)
    return gone


def _forget_what_nobody_names(connection: Connection) -> None:
    parts = " UNION ".join(
        f"SELECT {part} FROM {table}"  # noqa: S608 - our own words
        for part in ("tx_part", "seldom_part")
        for table in ("predictions", "superseded")
    )
    whales = "SELECT whale FROM predictions UNION SELECT whale FROM superseded"
    execute(connection, of_words("DELETE FROM parts WHERE id NOT IN (", parts, ")"))
    for table in ("forecasts", "lineage", "whale_scripts"):
        execute(connection, of_words("DELETE FROM", table, "WHERE whale NOT IN (", whales, ")"))


def _unloaded(connection: Connection, rows: Sequence[VersionRow]) -> dict[Txid, Unloaded]:
    """Map every present and former txid of these whales to the whale."""
    wanted = [row.whale for row in rows]
    present, former = (
        execute(
            connection,
            f"SELECT whale, txid FROM {table} WHERE whale IN (SELECT unnest(?::BIGINT[]))",  # noqa: S608 - our own words
            [wanted],
        ).fetchall()
        for table in ("predictions", "lineage")
    )
    txids = {whale: Txid(txid) for whale, txid in present}
    named = {
        row.whale: Unloaded(row.prediction_id, txids[row.whale], moment(row.detected_at)) for row in rows
    }
    found = {unloaded.txid: unloaded for unloaded in named.values()}
    for whale, txid in former:
        found.setdefault(Txid(txid), named[whale])
    return found
