"""Searches for whales: filters, order, pages, and what was believed at an earlier moment.

Two steps each: find rows by narrow columns, then assemble only what is requested.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

import msgspec

from app.core.classification import Flow
from app.core.units import Sats
from app.errors import ParseError
from app.store import packing
from app.store.assembled_versions import AssembledVersions, Encoded, VersionKey
from app.store.assembling import PIECES_AT_ONCE, ROW, VersionRow, decoded, first_encoded, rows_of
from app.store.connections import Connection
from app.store.filters import Asked, asked_of
from app.store.records import moment
from app.views import DayFlow, Order, PredictionPage, PredictionQuery, SortKey

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
_GENEROUS: Final = 4
"""So many times the whales of a page are expected above the floor of its search."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the previous page ended: the sort value, `detected_at` in microseconds, and whale of its last."""

    order: Order
    value: int | str
    detected_at: int
    whale: int


def page(
    connection: Connection, query: PredictionQuery, cursor: Cursor | None, versions: AssembledVersions
) -> PredictionPage:
    """Return one page, shorter than requested and with a cursor if more does not fit in memory."""
    asked = asked_of(connection, query)
    extent = _extent(connection, asked)
    places = _places(connection, asked, query, cursor, extent)
    fitting = _encoded(connection, places[: query.limit], versions)
    more = len(places) > len(fitting)
    return PredictionPage(
        predictions=tuple(decoded(one.body) for one in fitting),
        total_count=extent.whales,
        next_cursor=_cursor_after(query.order, places[len(fitting) - 1]) if more and fitting else None,
        digests=tuple(packing.digest(one.body) for one in fitting),
    )


class _Extent(NamedTuple):
    """How many whales the filters let through, and when the first and the last of them were first seen."""

    whales: int
    first: int | None
    last: int | None
    """In microseconds; None without any."""

    def floor(self, most: int, before: int | None) -> int | None:
        """Guess a time of first sight that `most` whales follow before `before`; None for no such guess.

        DuckDB reads upwards: in an order downwards each row is newer than all before. With a floor it skips
        nearly all of them.
        """
        if self.first is None or self.last is None or _GENEROUS * most >= self.whales:
            return None
        return (before or self.last) - (self.last - self.first) * _GENEROUS * most // self.whales


def _extent(connection: Connection, asked: Asked) -> _Extent:
    found = connection.execute(
        "SELECT count(*), epoch_us(min(detected_at)), epoch_us(max(detected_at)) "  # noqa: S608 - our own words, values bound
        f"FROM ({asked.union('detected_at')})",
        asked.values,
    ).fetchone()
    return _Extent(*(found or (0, None, None)))


def flows(connection: Connection, query: PredictionQuery) -> tuple[DayFlow, ...]:
    """Return what moved on each day of first sight (UTC), by flow; limit, order and cursor do not count."""
    asked = asked_of(connection, query)
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
        raise ParseError("is not one of ours: take next_cursor of the page before") from error
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
    connection: Connection, asked: Asked, query: PredictionQuery, cursor: Cursor | None, extent: _Extent
) -> list[_Place]:
    """Return where the versions of one page are, and of the first of the next."""
    value = _VALUE.get(query.order.key)
    values, after = dict(asked.values), "true"
    if cursor is not None:
        after = _after(value, "<" if query.order.descending else ">")
        values |= {"last_at": moment(cursor.detected_at), "last_whale": cursor.whale}
        if value is not None:
            values["last_value"] = cursor.value
    most = query.offset + query.limit + 1
    floor = extent.floor(most, None if cursor is None else cursor.detected_at)
    if value is None and query.order.descending and floor is not None:
        above = _statement(asked, query, f"{after} AND detected_at >= $floor")
        rows = connection.execute(above, {**values, "floor": moment(floor)}).fetchall()
        if len(rows) > query.limit:  # nothing below the floor comes before them
            return [_Place(*row) for row in rows]
    rows = connection.execute(_statement(asked, query, after), values).fetchall()
    return [_Place(*row) for row in rows]


def _statement(asked: Asked, query: PredictionQuery, after: str) -> str:
    value, direction = _VALUE.get(query.order.key), "DESC" if query.order.descending else "ASC"
    keys = ("value", "detected_at", "whale") if value else ("detected_at", "whale")
    ordered = f"ORDER BY {', '.join(f'{key} {direction}' for key in keys)}"
    columns = (
        f"{value or 0} AS value, epoch_us(detected_at), whale, place, current, number, epoch_us(updated_at)"
    )
    page = f"{ordered} LIMIT {query.limit + 1:d} OFFSET {query.offset:d}"
    if len(asked.sources) == 1:
        return asked.union(columns, page, after)
    first = f"{ordered} LIMIT {query.offset + query.limit + 1:d}"
    each = asked.union(f"{columns}, detected_at", first, after)
    return f"SELECT * EXCLUDE (detected_at) FROM ({each}) {page}"  # noqa: S608 - our own words, values bound


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
