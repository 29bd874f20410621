"""What a search asks for, as SQL: filters, and the versions that were believed at a moment."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from app.core.prediction import Urgency
from app.store.connections import Connection
from app.store.parsed_statements import execute
from app.store.records import name_hash, script_hash
from app.views import PredictionQuery

_URGENCIES: Final = tuple(Urgency)
"""Ascending, as declared."""
_MOST_EARLIER: Final = 10_000
"""Up to so many superseded versions are named by row, found once; for more the search finds them again."""


@dataclass(slots=True)
class Asked:
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


def asked_of(connection: Connection, query: PredictionQuery) -> Asked:
    """Return what the filters of `query` ask for; order, page and cursor do not count."""
    asked = Asked(["(SELECT *, rowid AS place, true AS current FROM predictions)"])
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


def _as_of(connection: Connection, at: datetime, asked: Asked) -> None:
    """Search the versions that were believed at that moment, one for each whale known by then.

    What has not changed since is in `predictions`; of a whale that has, the latest version until then is in
    `superseded`, not earlier than the first sight of the whale.
    """
    window = "updated_at BETWEEN $known_from AND $as_of"
    changed = "SELECT whale FROM predictions WHERE updated_at > $as_of AND detected_at <= $as_of"
    first = connection.execute(
        "SELECT min(detected_at) FROM predictions WHERE updated_at > $1 AND detected_at <= $1", [at]
    ).fetchone()
    believed = {"as_of": at, "known_from": (first and first[0]) or at}
    latest = (
        f"SELECT whale, max(number) FROM superseded WHERE {window} AND whale IN ({changed}) GROUP BY whale"  # noqa: S608 - our own words
    )
    earlier = f"FROM superseded WHERE {window} AND (whale, number) IN ({latest})"
    rows = connection.execute(
        f"SELECT arg_max(rowid, number) FROM superseded WHERE {window} AND whale IN ({changed}) "  # noqa: S608 - our own words
        f"GROUP BY whale LIMIT {_MOST_EARLIER + 1:d}",
        believed,
    ).fetchall()
    if len(rows) <= _MOST_EARLIER:
        earlier = "FROM superseded WHERE rowid IN (SELECT unnest($earlier::BIGINT[]))"
        believed = {"as_of": at, "earlier": [row for (row,) in rows]}
    asked.values |= believed
    asked.sources = [
        "(SELECT *, rowid AS place, true AS current FROM predictions WHERE updated_at <= $as_of)",
        f"(SELECT *, rowid AS place, false AS current {earlier})",
    ]


def _with_txid(connection: Connection, txid: str, as_of: datetime | None) -> list[int]:
    """Return the whales that have or had this txid, by the moment of `as_of`."""
    alike = named_alike(connection, txid)
    if not alike:
        return []
    named = " UNION ".join(
        f"SELECT whale FROM {table} WHERE whale IN (SELECT unnest($1::BIGINT[])) AND txid = $2"  # noqa: S608 - our own words
        for table in ("predictions", "lineage")
    )
    whales = _distinct(connection, named, [alike, txid])
    if as_of is None or not whales:
        return whales
    by_then = " UNION ".join(
        f"SELECT whale FROM {table} "  # noqa: S608 - our own words
        "WHERE whale IN (SELECT unnest($1::BIGINT[])) AND txid = $2 AND updated_at <= $3"
        for table in ("predictions", "superseded")
    )
    return _distinct(connection, by_then, [whales, txid, as_of])


def named_alike(connection: Connection, txid: str) -> list[int]:
    """Return the whales of which some txid has this hash: nearly always those that have or had it."""
    return _distinct(
        connection, "SELECT whale FROM whale_scripts WHERE script = $1::UBIGINT", [name_hash(txid)]
    )


def _distinct(connection: Connection, statement: str, values: list[Any]) -> list[int]:
    return list({whale for (whale,) in execute(connection, statement, values).fetchall()})
