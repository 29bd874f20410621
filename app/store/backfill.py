"""Brings whales that an older Spout wrote up to date: their outcomes, and by what they are searched.

A few whales at a time, each lot in a transaction that stores the progress, beside everything else: a kill
costs one lot. What the retention took before has left nothing that could be added up.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from app.core.models import Input, Output
from app.core.prediction import Prediction
from app.store.assembling import ROW, VersionRow, assembled, in_portions, rows_of, unpacked_parts
from app.store.connections import Connection
from app.store.parsed_statements import execute, insert_columns
from app.store.records import moment, script_hashes

WHALES_AT_ONCE: Final = 200
_PROGRESS: Final = "backfilled"


class _StoredTransaction(msgspec.Struct):
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]


def next_lot(connection: Connection) -> list[VersionRow]:
    """Return the rows of the next whales, by number; none once all are up to date."""
    found = execute(connection, "SELECT value FROM meta WHERE key = ?", [_PROGRESS]).fetchone()
    if found is None:
        return []
    return rows_of(
        execute(
            connection,
            f"SELECT {ROW} FROM predictions WHERE whale > ? ORDER BY whale LIMIT ?",  # noqa: S608 - our own words
            [int(found[0]), WHALES_AT_ONCE],
        ).fetchall()
    )


def whales_of(connection: Connection, rows: Sequence[VersionRow]) -> Iterator[Prediction]:
    """Yield the whales with their opening forecasts, in portions that fit in memory."""
    for portion in in_portions(connection, rows):
        yield from assembled(connection, portion)


def write_scripts(connection: Connection, rows: Sequence[VersionRow]) -> None:
    """Write anew what these whales are searched by: scripts and txid of each transaction they ever had."""
    whales = [row.whale for row in rows]
    versions = " UNION ALL ".join(
        f"SELECT whale, tx_part, updated_at FROM {table} WHERE whale IN (SELECT unnest($1::BIGINT[]))"  # noqa: S608 - our own words
        for table in ("predictions", "superseded")
    )
    parts = execute(
        connection,
        f"SELECT tx_part, whale, epoch_us(min(updated_at)) FROM ({versions}) GROUP BY ALL ORDER BY ALL",  # noqa: S608 - our own words
        [whales],
    ).fetchall()
    execute(connection, "DELETE FROM whale_scripts WHERE whale IN (SELECT unnest(?::BIGINT[]))", [whales])
    for start in range(0, len(parts), WHALES_AT_ONCE):
        some = parts[start : start + WHALES_AT_ONCE]
        bodies = unpacked_parts(connection, {part for part, _, _ in some})
        found = [
            (whale, moment(since), one)
            for part, whale, since in some
            for one in script_hashes(msgspec.msgpack.decode(bodies[part], type=_StoredTransaction))
        ]
        insert_columns(connection, "whale_scripts", _columns(found))
    for table in ("predictions", "lineage"):
        execute(
            connection,
            f"INSERT INTO whale_scripts SELECT whale, $2, md5_number_lower(txid) FROM {table} "  # noqa: S608 - our own words
            "WHERE whale IN (SELECT unnest($1::BIGINT[]))",
            [whales, moment(min((row.detected_at for row in rows), default=0))],
        )


def write_amounts(connection: Connection, rows: Sequence[VersionRow]) -> None:
    """Write what coinjoins are filtered by, all that may have moved, where an older Spout wrote 0."""
    found = execute(
        connection,
        "SELECT whale FROM predictions WHERE moved_sat = 0 AND whale IN (SELECT unnest(?::BIGINT[]))",
        [[row.whale for row in rows]],
    ).fetchall()
    without = {whale for (whale,) in found}
    some = [row for row in rows if row.whale in without]
    numbers = {row.prediction_id: row.whale for row in some}
    for whale in whales_of(connection, some):
        for table in ("predictions", "superseded"):
            execute(
                connection,
                f"UPDATE {table} SET moved_sat = ? WHERE whale = ? AND moved_sat = 0",  # noqa: S608 - our own words
                [whale.classification.counted, numbers[whale.prediction_id]],
            )


def note_progress(connection: Connection, rows: Sequence[VersionRow]) -> None:
    execute(connection, "DELETE FROM meta WHERE key = ?", [_PROGRESS])
    if rows:
        execute(connection, "INSERT INTO meta VALUES (?, ?)", [_PROGRESS, str(rows[-1].whale)])


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
