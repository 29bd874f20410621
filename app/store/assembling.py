"""Assembles whales from the rows that versions.py wrote. Memory is bounded by how many are read at once."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from app.core.prediction import Forecast, Prediction
from app.errors import StoreError
from app.store import packing
from app.store.assembled_versions import Encoded
from app.store.connections import Connection
from app.store.parsed_statements import FEW_ROWS, execute, numbered_among
from app.store.records import moment
from app.store.versions import Known

ROW: Final = (
    "whale, prediction_id, number, version, status, epoch_us(detected_at), epoch_us(updated_at), "
    "confirmed_height, tx_part, seldom_part, forecasts, first_forecast, record"
)
"""The columns of `VersionRow`."""
PIECES_AT_ONCE: Final = 2_000
"""Pieces of packed bodies: 6 MB in DuckDB, about ten times that as objects."""
ALL_FORECASTS: Final = 1 << 30
_PREDICTION: Final = msgspec.msgpack.Decoder(Prediction)
_FORECAST: Final = msgspec.msgpack.Decoder(Forecast)


class VersionRow(NamedTuple):
    """One version: narrow columns and its own record; times in microseconds."""

    whale: int
    prediction_id: str
    number: int
    version: int
    status: str
    detected_at: int
    updated_at: int
    confirmed_height: int | None
    tx_part: int
    seldom_part: int
    forecasts: int
    first_forecast: int | None
    record: bytes


def rows_of(found: Iterable[Sequence[Any]]) -> list[VersionRow]:
    return [VersionRow(*one) for one in found]


def in_portions(
    connection: Connection, rows: Sequence[VersionRow], pieces: int = PIECES_AT_ONCE
) -> Iterator[list[VersionRow]]:
    """Yield the rows in order, in batches that fit in memory; at least one row each."""
    if len(rows) <= 1:
        yield from ([list(rows)] if rows else ())
        return
    sizes = _sizes(connection, _part_numbers(rows))
    portion: list[VersionRow] = []
    held = 0
    for row in rows:
        size = sizes.get(row.tx_part, 0) + sizes.get(row.seldom_part, 0)
        if portion and held + size > pieces:
            yield portion
            portion, held = [], 0
        portion.append(row)
        held += size
    if portion:
        yield portion


def assembled(
    connection: Connection, rows: Sequence[VersionRow], *, latest: int = 1, openings: bool = True
) -> list[Prediction]:
    """Return the versions in the order of `rows`, each with its `latest` forecasts and opening ones."""
    parts = unpacked_parts(connection, _part_numbers(rows))
    forecasts = _forecasts(connection, rows, latest=latest, openings=openings)
    lineage = _lineage(connection, {row.whale for row in rows})
    return [
        decoded(_whole(row, parts, forecasts.get((row.whale, row.forecasts), {}), lineage.get(row.whale, ())))
        for row in rows
    ]


def first_encoded(connection: Connection, rows: Sequence[VersionRow]) -> list[Encoded]:
    """Return the first of `rows`, as many as fit in memory, each for `decoded`; at least one row each."""
    # One statement nearly always: only versions of many pieces need their sizes asked before.
    pieces = _pieces(connection, _part_numbers(rows), most=PIECES_AT_ONCE)
    if pieces is None:
        rows = next(in_portions(connection, rows), [])
        pieces = _pieces(connection, _part_numbers(rows)) or {}
    parts = {number: packing.unpacked(packing.joined(held)) for number, held in pieces.items()}
    forecasts = _forecasts(connection, rows, latest=1, openings=True)
    lineage = _lineage(connection, {row.whale for row in rows})
    return [
        Encoded(
            _whole(row, parts, forecasts.get((row.whale, row.forecasts), {}), lineage.get(row.whale, ())),
            len(pieces[row.tx_part]) + len(pieces[row.seldom_part]),
        )
        for row in rows
    ]


def decoded(body: bytes) -> Prediction:
    """Raises StoreError if it does not read."""
    try:
        return _PREDICTION.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"a stored record does not read: {error}") from error


def _part_numbers(rows: Iterable[VersionRow]) -> set[int]:
    return {number for row in rows for number in (row.tx_part, row.seldom_part)}


def known_of(connection: Connection, ids: Sequence[str]) -> dict[str, Known]:
    """Return what the next version of these whales needs to know of the latest one."""
    # One by one where they are few, as they are nearly always: that is half the cost of a join.
    few = len(ids) <= FEW_ROWS
    places = ", ".join("?" for _ in ids) if few else "SELECT unnest(?::VARCHAR[])"
    found = rows_of(
        execute(
            connection,
            f"SELECT {ROW} FROM predictions WHERE prediction_id IN ({places})",  # noqa: S608 - our own words
            list(ids) if few else [list(ids)],
        ).fetchall()
    )
    known: dict[str, Known] = {}
    for portion in in_portions(connection, found):
        parts = unpacked_parts(connection, _part_numbers(portion))
        numbers = [(row.whale, number) for row in portion for number in (row.forecasts, row.first_forecast)]
        forecasts = _named(connection, [one for one in numbers if one[1]])
        lineage = _lineage(connection, {row.whale for row in portion})
        for row in portion:
            known[row.prediction_id] = _known(row, parts, forecasts, lineage.get(row.whale, ()))
    return known


def _known(
    row: VersionRow,
    parts: dict[int, bytes],
    forecasts: dict[tuple[int, int], bytes],
    lineage: tuple[str, ...],
) -> Known:
    tx, seldom = packing.digest(parts[row.tx_part]), packing.digest(parts[row.seldom_part])
    first = row.first_forecast
    last = forecasts.get((row.whale, row.forecasts))
    scored = None if first is None else forecasts.get((row.whale, first))
    return Known(
        whale=row.whale,
        detected_at=moment(row.detected_at),
        number=row.number,
        version=row.version,
        row=packing.digest(
            packing.unpacked(row.record), tx, seldom, str((row.forecasts, first, row.version)).encode()
        ),
        tx_part=row.tx_part,
        tx=tx,
        seldom_part=row.seldom_part,
        seldom=seldom,
        forecasts=row.forecasts,
        last_forecast=b"" if last is None else packing.digest(last),
        first_forecast=first,
        first=b"" if scored is None else packing.digest(scored),
        lineage=lineage,
    )


def _whole(
    row: VersionRow, parts: dict[int, bytes], forecasts: dict[int, bytes], lineage: tuple[str, ...]
) -> bytes:
    life = packing.fields_of(packing.unpacked(row.record))
    paid = packing.fields_of(bytes(life.pop("paid")))
    replaced = msgspec.msgpack.decode(life.pop("replaced"), type=int | list[int])
    positions = range(replaced) if isinstance(replaced, int) else replaced
    first = forecasts.get(row.first_forecast) if row.first_forecast is not None else None
    whole = {
        **life,
        **packing.fields_of(parts[row.seldom_part]),
        "prediction_id": row.prediction_id,
        "version": row.version,
        "status": row.status,
        "detected_at": moment(row.detected_at),
        "updated_at": moment(row.updated_at),
        "confirmed_height": row.confirmed_height,
        "tx": {**packing.fields_of(parts[row.tx_part]), **paid},
        "replaces": [lineage[position] for position in positions],
        "forecasts": [packing.raw(one) for number, one in sorted(forecasts.items()) if number > 0],
        "first_forecast": None if first is None else packing.raw(first),
    }
    return packing.plain(whole)


def _sizes(connection: Connection, numbers: set[int]) -> dict[int, int]:
    found = execute(
        connection,
        "SELECT id, count(*) FROM parts WHERE id IN (SELECT unnest(?::BIGINT[])) GROUP BY id",
        [sorted(numbers)],
    ).fetchall()
    return {int(number): int(count) for number, count in found}


def unpacked_parts(connection: Connection, numbers: set[int]) -> dict[int, bytes]:
    """Return the bodies of these parts, by number."""
    pieces = _pieces(connection, numbers) or {}
    return {number: packing.unpacked(packing.joined(held)) for number, held in pieces.items()}


def _pieces(
    connection: Connection, numbers: set[int], *, most: int | None = None
) -> dict[int, list[bytes]] | None:
    """Return the pieces of these parts in order, by number; None if there are more than `most` in all."""
    if most is None:
        rows = numbered_among(connection, "SELECT id, piece, body FROM parts WHERE id", sorted(numbers))
    else:
        rows = execute(
            connection,
            "SELECT id, piece, body FROM parts WHERE id IN (SELECT unnest(?::BIGINT[])) LIMIT ?",
            [sorted(numbers), most + 1],
        ).fetchall()
        if len(rows) > most:
            return None
    found: dict[int, list[tuple[int, bytes]]] = {}
    for number, piece, body in rows:
        found.setdefault(number, []).append((piece, body))
    return {number: [body for _, body in sorted(held)] for number, held in found.items()}


def _forecasts(
    connection: Connection, rows: Sequence[VersionRow], *, latest: int, openings: bool
) -> dict[tuple[int, int], dict[int, bytes]]:
    """Return the forecasts by whale, and by the number of its forecasts that belong to the version."""
    asked = sorted({(row.whale, row.forecasts) for row in rows})
    if len(asked) == 1:
        ((whale, upto),) = asked
        found = execute(
            connection,
            "SELECT whale, $2::INTEGER, number, record FROM forecasts WHERE whale = $1 AND number <= $2 "
            "AND (number > $2 - $3 AND number > 0 OR opening AND $4)",
            [whale, upto, latest, openings],
        ).fetchall()
    else:
        found = execute(
            connection,
            "SELECT f.whale, v.upto, f.number, f.record FROM forecasts f JOIN "
            "(SELECT unnest($1::BIGINT[]) AS whale, unnest($2::INTEGER[]) AS upto) v ON f.whale = v.whale "
            "WHERE f.number <= v.upto AND (f.number > v.upto - $3 AND f.number > 0 OR f.opening AND $4)",
            [[whale for whale, _ in asked], [upto for _, upto in asked], latest, openings],
        ).fetchall()
    by_version: dict[tuple[int, int], dict[int, bytes]] = {}
    for whale, upto, number, record in found:
        by_version.setdefault((whale, upto), {})[number] = packing.unpacked(record)
    return by_version


def _named(connection: Connection, numbers: Sequence[tuple[int, int | None]]) -> dict[tuple[int, int], bytes]:
    found = execute(
        connection,
        "SELECT f.whale, f.number, f.record FROM forecasts f "
        "JOIN (SELECT unnest($1::BIGINT[]) AS whale, unnest($2::INTEGER[]) AS number) n "
        "ON f.whale = n.whale AND f.number = n.number",
        [[whale for whale, _ in numbers], [number for _, number in numbers]],
    ).fetchall()
    return {(whale, number): packing.unpacked(record) for whale, number, record in found}


def _lineage(connection: Connection, whales: set[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[tuple[int, str]]] = {}
    statement = "SELECT whale, position, txid FROM lineage WHERE whale"
    for whale, position, txid in numbered_among(connection, statement, sorted(whales)):
        found.setdefault(whale, []).append((position, txid))
    return {whale: tuple(txid for _, txid in sorted(held)) for whale, held in found.items()}
