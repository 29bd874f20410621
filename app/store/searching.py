"""Searches for whales: filters, order, pages, and what was believed at an earlier moment.

Two steps each: find rows by narrow columns, then assemble only what is requested.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from app.core.classification import Flow
from app.core.prediction import Urgency
from app.core.units import Sats
from app.errors import ParseError
from app.store.assembled_versions import AssembledVersions, Encoded, VersionKey
from app.store.assembling import PIECES_AT_ONCE, ROW, VersionRow, decoded, first_encoded, rows_of
from app.store.database import Connection
from app.store.records import moment, script_hash
from app.views import DayFlow, Order, PredictionPage, PredictionQuery, SortKey

_URGENCIES: Final = tuple(Urgency)
"""Ascending, as declared."""
_RANKED: Final = "coalesce(list_position(['low', 'medium', 'high'], urgency), 0)"
_VALUE: Final = {
    SortKey.MOVED: "moved_sat",
    SortKey.GROSS: "gross_sat",
    SortKey.URGENCY: _RANKED,
    SortKey.STATUS: "status",
    SortKey.FLOW: "flow",
    SortKey.CONFIRMED: "coalesce(confirmed_height, 0)",
}
"""The value by which a key sorts; SortKey.DETECTED needs none beside `detected_at`."""
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the previous page ended: the sort value, `detected_at` in microseconds, and whale of its last."""

    order: Order
    value: int | str
    detected_at: int
    whale: int


@dataclass(slots=True)
class _Asked:
    """SQL text of our own words, and the values bound to it by name; no row is in two of the sources."""

    sources: list[str]
    conditions: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def union(self, columns: str, rest: str = "", more: str = "true") -> str:
        """Return the statement that asks each source; `rest` orders and limits each by itself."""
        where = " AND ".join((more, *self.conditions))
        each = (
            f"(SELECT {columns} FROM {source} WHERE {where} {rest})"  # noqa: S608 - our own words
            for source in self.sources
        )
        return " UNION ALL ".join(each)


def page(
    connection: Connection, query: PredictionQuery, cursor: Cursor | None, versions: AssembledVersions
) -> PredictionPage:
    """Return one page, shorter than requested and with a cursor if more does not fit in memory."""
    asked = _asked(connection, query)
    counted = connection.execute(
        f"SELECT count(*) FROM ({asked.union('whale')})",  # noqa: S608 - our own words, values bound
        asked.values,
    ).fetchone()
    places = _places(connection, asked, query, cursor)
    fitting = _encoded(connection, places[: query.limit], versions)
    more = len(places) > len(fitting)
    return PredictionPage(
        predictions=tuple(decoded(one.body) for one in fitting),
        total_count=counted[0] if counted else 0,
        next_cursor=_cursor_after(query.order, places[len(fitting) - 1]) if more and fitting else None,
    )


def flows(connection: Connection, query: PredictionQuery) -> tuple[DayFlow, ...]:
    """Return what moved on each day of first sight (UTC), by flow; limit, order and cursor do not count."""
    asked = _asked(connection, query)
    rows = connection.execute(
        "SELECT epoch_us(detected_at) // 86400000000 AS day, flow, count(*), sum(moved_sat)::BIGINT "  # noqa: S608 - our own words, values bound
        f"FROM ({asked.union('detected_at, flow, moved_sat')}) GROUP BY ALL ORDER BY day, flow",
        asked.values,
    ).fetchall()
    return tuple(
        DayFlow(day=_EPOCH + timedelta(days=day), flow=Flow(flow), count=count, moved_sat=Sats(moved))
        for day, flow, count, moved in rows
    )


def parse_cursor(query: PredictionQuery) -> Cursor | None:
    """Parse the query's cursor. Raises ParseError if `page` did not create it, or for another order."""
    if query.cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(query.cursor.encode())
        order, value, detected_at, whale = msgspec.json.decode(raw, type=tuple[str, int | str, int, int])
        moment(detected_at)
        known = value if query.order.key in (SortKey.STATUS, SortKey.FLOW) else int(value)
        cursor = Cursor(query.order, known, detected_at, whale)
    except (binascii.Error, msgspec.DecodeError, ValueError, OverflowError) as error:
        raise ParseError("that cursor is not one of ours: take next_cursor of the page before") from error
    if order != str(query.order):
        raise ParseError("that cursor is of another order: take next_cursor of the page before")
    return cursor


class _Place(NamedTuple):
    """Where a version is, and where it stands in the order; `detected_at` in microseconds."""

    value: int | str
    detected_at: int
    whale: int
    row: int
    current: bool
    """Whether the row is one of `predictions`, else of `superseded`."""
    number: int
    updated_at: int

    @property
    def key(self) -> VersionKey:
        return VersionKey(self.whale, self.number, self.updated_at)


def _cursor_after(order: Order, place: _Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([str(order), *place[:3]])).decode()


def _places(
    connection: Connection, asked: _Asked, query: PredictionQuery, cursor: Cursor | None
) -> list[_Place]:
    """Return where the versions of one page are, and of the first of the next."""
    value, direction = _VALUE.get(query.order.key), "DESC" if query.order.descending else "ASC"
    values, after = dict(asked.values), "true"
    if cursor is not None:
        after = _after(value, "<" if query.order.descending else ">")
        values |= {"last_at": moment(cursor.detected_at), "last_whale": cursor.whale}
        if value is not None:
            values["last_value"] = cursor.value
    keys = ("value", "detected_at", "whale") if value else ("detected_at", "whale")
    ordered = f"ORDER BY {', '.join(f'{key} {direction}' for key in keys)}"
    columns = (
        f"{value or 0} AS value, epoch_us(detected_at), whale, place, current, number, epoch_us(updated_at)"
    )
    page = f"{ordered} LIMIT {query.limit + 1:d} OFFSET {query.offset:d}"
    if len(asked.sources) == 1:
        statement = asked.union(columns, page, after)
    else:
        first = f"{ordered} LIMIT {query.offset + query.limit + 1:d}"
        each = asked.union(f"{columns}, detected_at", first, after)
        statement = f"SELECT * EXCLUDE (detected_at) FROM ({each}) {page}"  # noqa: S608 - our own words, values bound
    return [_Place(*row) for row in connection.execute(statement, values).fetchall()]


def _after(value: str | None, than: str) -> str:
    """The condition for rows after the cursor; a plain bound on the first key lets row groups be skipped."""
    rest = f"(detected_at {than} $last_at OR (detected_at = $last_at AND whale {than} $last_whale))"
    if value is None:
        return f"detected_at {than}= $last_at AND {rest}"
    return f"({value} {than} $last_value OR ({value} = $last_value AND {rest}))"


def _encoded(connection: Connection, places: Sequence[_Place], versions: AssembledVersions) -> list[Encoded]:
    """Return the versions at the first of `places`, as many as fit in memory."""
    found = {place.key: known for place in places if (known := versions.get(place.key)) is not None}
    missing = [place for place in places if place.key not in found]
    if missing:
        fresh = first_encoded(connection, _rows(connection, missing))
        for place, version in zip(missing, fresh, strict=False):
            found[place.key] = version
            versions.keep(place.key, version)
    fitting: list[Encoded] = []
    held = 0
    for place in places:
        known = found.get(place.key)
        if known is None or (fitting and held + known.pieces > PIECES_AT_ONCE):
            break
        fitting.append(known)
        held += known.pieces
    return fitting


def _rows(connection: Connection, places: Sequence[_Place]) -> list[VersionRow]:
    """Return the versions in the order of `places`."""
    found: dict[int, VersionRow] = {}
    for table, current in (("predictions", True), ("superseded", False)):
        rows = [place.row for place in places if place.current is current]
        if rows:
            found |= {
                row.whale: row
                for row in rows_of(
                    connection.execute(
                        f"SELECT {ROW} FROM {table} WHERE rowid IN (SELECT unnest($1::BIGINT[]))",  # noqa: S608 - our own words
                        [rows],
                    ).fetchall()
                )
            }
    return [found[place.whale] for place in places]


def _asked(connection: Connection, query: PredictionQuery) -> _Asked:
    asked = _Asked(["(SELECT *, rowid AS place, true AS current FROM predictions)"])
    if query.as_of is not None:
        _as_of(connection, query.as_of, asked)
    urgencies = _URGENCIES[_URGENCIES.index(query.min_urgency) :] if query.min_urgency else None
    for name, condition, value in (
        ("status", "status = $status", query.status and query.status.value),
        ("flow", "flow = $flow", query.flow and query.flow.value),
        ("least", "moved_sat >= $least", query.min_moved_sat),
        ("urgencies", "list_contains($urgencies, urgency)", urgencies and [one.value for one in urgencies]),
        ("entity", "list_contains(entities, $entity)", query.entity and query.entity.casefold()),
        ("start", "detected_at >= $start", query.start),
        ("end", "detected_at < $end", query.end),
    ):
        if value is not None:
            asked.conditions.append(condition)
            asked.values[name] = value
    if query.txid is not None:
        whales = _with_txid(connection, query.txid, query.as_of)
        asked.conditions.append(f"whale IN ({', '.join(str(int(one)) for one in whales) or 'NULL'})")
    if query.script is not None:
        by_then = "" if query.as_of is None else "AND since <= $as_of"
        among = f"SELECT whale FROM whale_scripts WHERE script = $script::UBIGINT {by_then}"  # noqa: S608 - our own words
        asked.conditions.append(f"whale IN ({among})")
        asked.values["script"] = script_hash(query.script)
    return asked


def _as_of(connection: Connection, at: datetime, asked: _Asked) -> None:
    """Search the versions that were believed at that moment, one for each whale known by then.

    What has not changed since is in `predictions`; of a whale that has, the latest version until then is in
    `superseded`, not earlier than the first sight of the whale.
    """
    window = "updated_at BETWEEN $known_from AND $as_of"
    changed = "SELECT whale FROM predictions WHERE updated_at > $as_of AND detected_at <= $as_of"
    first = connection.execute(
        "SELECT min(detected_at) FROM predictions WHERE updated_at > $1 AND detected_at <= $1", [at]
    ).fetchone()
    asked.values |= {"as_of": at, "known_from": (first and first[0]) or at}
    latest = (
        f"SELECT whale, max(number) FROM superseded WHERE {window} AND whale IN ({changed}) GROUP BY whale"  # noqa: S608 - our own words
    )
    earlier = f"FROM superseded WHERE {window} AND (whale, number) IN ({latest})"
    asked.sources = [
        "(SELECT *, rowid AS place, true AS current FROM predictions WHERE updated_at <= $as_of)",
        f"(SELECT *, rowid AS place, false AS current {earlier})",
    ]


def _with_txid(connection: Connection, txid: str, as_of: datetime | None) -> list[int]:
    """Return the whales that have or had this txid, by the moment of `as_of`."""
    found = connection.execute(
        "SELECT whale FROM predictions WHERE txid = $1 UNION SELECT whale FROM lineage WHERE txid = $1",
        [txid],
    ).fetchall()
    whales = [whale for (whale,) in found]
    if as_of is None or not whales:
        return whales
    by_then = " UNION ".join(
        f"SELECT whale FROM {table} "  # noqa: S608 - our own words
        "WHERE whale IN (SELECT unnest($1::BIGINT[])) AND txid = $2 AND updated_at <= $3"
        for table in ("predictions", "superseded")
    )
    return [whale for (whale,) in connection.execute(by_then, [whales, txid, as_of]).fetchall()]
