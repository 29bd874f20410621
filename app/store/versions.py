"""Writes whales to the database: each version as its difference to the one before, assembled when read.

Every write is one transaction on DuckDB's own thread, and the cache of it is valid only once committed
(`stored`). What is not cached is read back, so that a restart continues where it stopped.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from app.core.prediction import Forecast, Prediction
from app.store import packing
from app.store.connections import Connection
from app.store.known_ids import KnownIds
from app.store.parsed_statements import execute, insert_columns
from app.store.records import entity_names, life_of, name_hash, script_hashes, seldom_of

WHALES_REMEMBERED: Final = 4_000
"""Cache size: more than are ever followed at once; 500 bytes each."""
COLUMNS: Final = (
    "whale, prediction_id, number, version, txid, status, flow, gross_sat, moved_sat, urgency, entities, "
    "detected_at, updated_at, ended_at, confirmed_height, tx_part, seldom_part, forecasts, first_forecast, "
    "record"
)


@dataclass(slots=True)
class Known:
    """What is stored of one whale, as far as the next version needs it."""

    whale: int
    detected_at: datetime
    number: int = 0
    version: int = 0
    row: bytes = b""
    tx_part: int = 0
    tx: bytes = b""
    seldom_part: int = 0
    seldom: bytes = b""
    forecasts: int = 0
    last_forecast: bytes = b""
    first_forecast: int | None = None
    first: bytes = b""
    lineage: tuple[str, ...] = ()
    scripts: bytes = b""
    """Digest of the scripts and txid written last; empty after a restart: they are then written once more."""


@dataclass(slots=True)
class _Rows:
    """One list of rows per table, as they are inserted."""

    believed: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    superseded: list[tuple[Any, ...]] = field(default_factory=list)
    parts: list[tuple[Any, ...]] = field(default_factory=list)
    forecasts: list[tuple[Any, ...]] = field(default_factory=list)
    lineage: list[tuple[Any, ...]] = field(default_factory=list)
    scripts: list[tuple[Any, ...]] = field(default_factory=list)
    touched: dict[int, datetime] = field(default_factory=dict)
    """Whales whose row is superseded, with their first-seen time: it limits the rows to search."""


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """Where a version is stored: an event refers to it."""

    whale: int
    number: int


class Versions:
    """Writes versions; caches what is stored of the latest whales."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._staged: dict[str, Known] = {}
        self._ids = KnownIds()
        self._next_whale: int | None = None
        self._next_part = 0
        self._rows = _Rows()
        self.begun: set[tuple[str, datetime]] = set()
        """The whales that the last `write` stored for the first time: an id, and when it was first seen."""

    def doubt(self) -> None:
        """Clear the cache after a failed commit, whose outcome is unknown: the next write reads it back."""
        self._known.clear()
        self._staged = {}
        self.begun = set()
        self._ids.forget()
        self._next_whale = None

    def remember(self, prediction_id: str, known: Known) -> None:
        self._known[prediction_id] = known

    def stored(self) -> None:
        """Add the last `write` to the cache, once it is committed."""
        for prediction_id, known in self._staged.items():
            self._known[prediction_id] = known
            self._known.move_to_end(prediction_id)
        self._ids.add({name for name, _ in self.begun})
        self._staged = {}
        while len(self._known) > WHALES_REMEMBERED:
            self._known.popitem(last=False)

    def write(self, connection: Connection, whales: Sequence[Prediction]) -> list[VersionPlace | None]:
        """Write versions, those of one whale ascending; return where each is.

        One that is already stored as the latest is not written again; an older one is left out.
        """
        self._staged, self._rows = {}, _Rows()
        self.begun = set()
        self._number(connection)
        self._recall(connection, {whale.prediction_id for whale in whales})
        places = [self._version(whale) for whale in whales]
        self._insert(connection)
        return places

    def _number(self, connection: Connection) -> None:
        if self._next_whale is not None:
            return
        found = execute(
            connection,
            "SELECT greatest((SELECT coalesce(max(whale), 0) FROM predictions), "
            "(SELECT coalesce(max(whale), 0) FROM superseded)), (SELECT coalesce(max(id), 0) FROM parts)",
        ).fetchone()
        whale, part = found or (0, 0)
        self._next_whale, self._next_part = int(whale) + 1, int(part) + 1

    def _recall(self, connection: Connection, wanted: set[str]) -> None:
        unknown = self._ids.may_be_stored(connection, wanted - self._known.keys())
        if not unknown:
            return
        from app.store.assembling import known_of  # noqa: PLC0415 - reading needs the words of this file

        self._known.update(known_of(connection, unknown))

    def _version(self, whale: Prediction) -> VersionPlace | None:
        known = self._staged.get(whale.prediction_id) or self._known.get(whale.prediction_id)
        if known is None or known.detected_at != whale.detected_at:
            known = self._begin(whale, known)
        elif whale.version < known.version:
            return None
        else:
            known = replace(known)
        before = replace(known)
        self._parts(known, whale)
        self._forecasts(known, whale)
        self._lineage(known, whale)
        if known.tx != before.tx:
            self._scripts(known, whale)
        life = packing.plain(life_of(whale, known.lineage))
        row = packing.digest(
            life, known.tx, known.seldom, str((known.forecasts, known.first_forecast, whale.version)).encode()
        )
        if row == before.row:
            return VersionPlace(known.whale, known.number)
        known.row, known.number, known.version = row, known.number + 1, whale.version
        self._staged[whale.prediction_id] = known
        self._believe(known, whale, packing.packed(life))
        return VersionPlace(known.whale, known.number)

    def _begin(self, whale: Prediction, before: Known | None) -> Known:
        """Begin a new whale, also if an earlier one had the same id: that one is superseded."""
        if before is not None:
            self._supersede(before)
        self.begun.add((whale.prediction_id, whale.detected_at))
        known = Known(whale=self._next_whale or 1, detected_at=whale.detected_at)
        self._next_whale = known.whale + 1
        return known

    def _supersede(self, known: Known) -> None:
        if (waiting := self._rows.believed.pop(known.whale, None)) is not None:
            self._rows.superseded.append(waiting)
        else:
            self._rows.touched[known.whale] = known.detected_at

    def _believe(self, known: Known, whale: Prediction, record: bytes) -> None:
        if known.number > 1:
            self._supersede(known)
        seen = whale.classification
        self._rows.believed[known.whale] = (
            known.whale,
            whale.prediction_id,
            known.number,
            whale.version,
            whale.txid,
            whale.status.value,
            seen.flow.value,
            seen.gross,
            seen.counted,
            whale.forecast.urgency.value if whale.forecast else None,
            entity_names(whale),
            whale.detected_at,
            whale.updated_at,
            whale.ended_at or whale.confirmed_at,
            whale.confirmed_height,
            known.tx_part,
            known.seldom_part,
            known.forecasts,
            known.first_forecast,
            record,
        )

    def _parts(self, known: Known, whale: Prediction) -> None:
        tx, seldom = packing.storable(whale.tx), packing.plain(seldom_of(whale))
        if (name := packing.digest(tx)) != known.tx:
            known.tx, known.tx_part = name, self._part(tx)
        if (name := packing.digest(seldom)) != known.seldom:
            known.seldom, known.seldom_part = name, self._part(seldom)

    def _part(self, encoded: bytes) -> int:
        number, self._next_part = self._next_part, self._next_part + 1
        self._rows.parts.extend(
            (number, index, piece) for index, piece in enumerate(packing.pieces(packing.packed(encoded)))
        )
        return number

    def _forecasts(self, known: Known, whale: Prediction) -> None:
        fresh: list[tuple[Forecast, bytes, bytes]] = []
        for forecast in reversed(whale.forecasts):
            encoded = packing.plain(forecast)
            name = packing.digest(encoded)
            if name == known.last_forecast:
                break
            fresh.append((forecast, encoded, name))
        before = whale.forecasts[: len(whale.forecasts) - len(fresh)]
        txids = {one.txid for one in before}
        for forecast, encoded, name in reversed(fresh):
            known.forecasts += 1
            opening = forecast.txid not in txids
            txids.add(forecast.txid)
            self._rows.forecasts.append(
                (known.whale, known.forecasts, opening, forecast.made_at, packing.packed(encoded))
            )
            known.last_forecast = name
            if forecast == whale.first_forecast:
                known.first, known.first_forecast = name, known.forecasts
        self._first(known, whale)

    def _first(self, known: Known, whale: Prediction) -> None:
        """Store the first forecast, which is scored; it is usually among the others, but not in old files."""
        first = whale.first_forecast
        if first is None:
            known.first, known.first_forecast = b"", None
            return
        encoded = packing.plain(first)
        name = packing.digest(encoded)
        if name == known.first:
            return
        # Written separately, with a negative number: before those that are counted.
        self._rows.forecasts.append(
            (known.whale, -known.number - 1, True, first.made_at, packing.packed(encoded))
        )
        known.first, known.first_forecast = name, -known.number - 1

    def _lineage(self, known: Known, whale: Prediction) -> None:
        for txid in whale.replaces:
            if txid not in known.lineage:
                self._rows.lineage.append((known.whale, len(known.lineage), txid))
                self._rows.scripts.append((known.whale, whale.updated_at, name_hash(txid)))
                known.lineage = (*known.lineage, txid)

    def _scripts(self, known: Known, whale: Prediction) -> None:
        hashes = [*script_hashes(whale.tx), name_hash(whale.txid)]
        if (name := packing.digest(packing.plain(hashes))) != known.scripts:
            known.scripts = name
            self._rows.scripts.extend((known.whale, whale.updated_at, one) for one in hashes)

    def _insert(self, connection: Connection) -> None:
        rows = self._rows
        if rows.touched:
            among = [sorted(rows.touched), min(rows.touched.values())]
            execute(
                connection,
                f"INSERT INTO superseded SELECT {COLUMNS} FROM predictions "  # noqa: S608 - our own words
                "WHERE detected_at >= $2 AND whale IN (SELECT unnest($1::BIGINT[]))",
                among,
            )
            execute(
                connection,
                "DELETE FROM predictions WHERE detected_at >= $2 AND whale IN (SELECT unnest($1::BIGINT[]))",
                among,
            )
        insert_columns(connection, "superseded", columns(rows.superseded))
        insert_columns(connection, "predictions", columns(rows.believed.values()))
        insert_columns(connection, "parts", columns(rows.parts))
        insert_columns(connection, "forecasts", columns(rows.forecasts))
        insert_columns(connection, "lineage", columns(rows.lineage))
        insert_columns(connection, "whale_scripts", columns(rows.scripts))


def columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Return one list per column; empty if there are no rows."""
    return [list(column) for column in zip(*rows, strict=True)]
