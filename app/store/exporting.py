"""The history as a table, in CSV or Parquet: one line a whale, as it is believed now or was at a moment.

Both are made page by page, so that memory is bounded: CSV goes out as it is made, Parquet is written to a
file first. Cells that a spreadsheet would run as a formula are marked as text (OWASP, CSV injection).
"""

import asyncio
import csv
import io
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from app.api.models import signal_of
from app.core.prediction import Prediction
from app.redaction import csv_cell, printable
from app.store.connections import Connection, checked, scratch
from app.store.parsed_statements import insert_columns
from app.views import History, PredictionQuery

EXPORTING: Final = "export-"
"""How the folders begin in which Parquet is made."""
_PAGE: Final = 500
_CHUNK: Final = 256 * 1024
_TEXTS: Final = "; "
_HORIZONS: Final = ("1", "2", "3", "6", "12", "24", "144")
_KINDS: Final = {
    "prediction_id": "VARCHAR",
    "txid": "VARCHAR",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "flow_type": "VARCHAR",
    "from_entities": "VARCHAR",
    "to_entities": "VARCHAR",
    "gross_sat": "BIGINT",
    "moved_sat": "BIGINT",
    "moved_low_sat": "BIGINT",
    "moved_high_sat": "BIGINT",
    "internal_sat": "BIGINT",
    "moved_is": "VARCHAR",
    "fee_sat": "BIGINT",
    "vsize": "DOUBLE",
    "fee_rate": "DOUBLE",
    "effective_fee_rate": "DOUBLE",
    "rbf_signaled": "BOOLEAN",
    "was_modified": "BOOLEAN",
    "flags": "VARCHAR",
    "replaces": "VARCHAR",
    "evidence": "VARCHAR",
    "detected_at": "TIMESTAMPTZ",
    "first_seen_by": "VARCHAR",
    "urgency": "VARCHAR",
    "urgency_score": "DOUBLE",
    "confidence_score": "DOUBLE",
    "predicted_at_height": "INTEGER",
    "predicted_block": "INTEGER",
    **{f"probability_{horizon}": "DOUBLE" for horizon in _HORIZONS},
    "eta_seconds": "DOUBLE",
    "confirmed_height": "INTEGER",
    "confirmed_at": "TIMESTAMPTZ",
    "ended_at": "TIMESTAMPTZ",
    "lead_time_s": "DOUBLE",
    "outcome": "VARCHAR",
    "demo": "BOOLEAN",
    "replaced_by": "VARCHAR",
    "conflicts_with": "VARCHAR",
    "peel_of": "VARCHAR",
    "split_sat": "VARCHAR",
    "left_unverified": "BOOLEAN",
    "no_forecast": "VARCHAR",
}
"""The columns in their order: fields of MempoolWhaleSignal, lists joined with semicolons.

All but value_fiat, which is by the price of now and so none of the history's.
"""


class ExportFormat(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of an export, maybe none yet; `rows` of `total` are done."""

    content: bytes
    rows: int
    total: int


async def exported(
    history: History, query: PredictionQuery, kind: ExportFormat, folder: Path
) -> AsyncGenerator[Piece, None]:
    """Yield an export of all that the query finds, whatever its limit; `folder` holds what must be a file.

    Raises:
        StoreError: if the store fails, or the disk is full.
    """
    if kind is ExportFormat.CSV:
        async for piece in _in_pages(history, query, _csv_of, _csv_line(list(_KINDS))):
            yield piece
        return
    room = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=EXPORTING, dir=folder))
    try:
        parquet = await asyncio.to_thread(_Parquet, room)
        try:
            last = Piece(b"", 0, 0)
            async for last in _in_pages(history, query, parquet.add, b""):
                yield last
            file = await asyncio.to_thread(parquet.finish)
        finally:
            await asyncio.to_thread(parquet.close)
        with file.open("rb") as content:
            while chunk := await asyncio.to_thread(content.read, _CHUNK):
                yield Piece(chunk, last.rows, last.total)
    finally:
        await asyncio.to_thread(shutil.rmtree, room, ignore_errors=True)


async def _in_pages(
    history: History, query: PredictionQuery, made: Callable[[Sequence[Prediction]], bytes], first: bytes
) -> AsyncGenerator[Piece, None]:
    rows, cursor = 0, None
    while True:
        page = await history.page(replace(query, limit=_PAGE, cursor=cursor))
        content = await asyncio.to_thread(made, page.predictions)
        rows += len(page.predictions)
        yield Piece(first + content, rows, page.total_count)
        first, cursor = b"", page.next_cursor
        if cursor is None:
            return


class _Parquet:
    """Rows collected in a database of their own, which spills to disk, then written as Parquet."""

    def __init__(self, room: Path) -> None:
        self._path = room / "rows.duckdb"
        self._file = room / "rows.parquet"
        self._connection = scratch(self._path)
        columns = ", ".join(f'"{name}" {kind}' for name, kind in _KINDS.items())
        self._run(lambda it: it.execute(f"CREATE TABLE rows ({columns})"))

    def add(self, predictions: Sequence[Prediction]) -> bytes:
        rows = [row_of(one) for one in predictions]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            self._run(lambda it: insert_columns(it, "rows", columns))
        return b""

    def finish(self) -> Path:
        target = str(self._file).replace("'", "''")
        self._run(lambda it: it.execute(f"COPY rows TO '{target}' (FORMAT parquet)"))
        return self._file

    def close(self) -> None:
        self._connection.close()

    def _run(self, work: Callable[[Connection], object]) -> None:
        checked(self._connection, self._path, work)


def row_of(prediction: Prediction) -> list[Any]:
    """Return the cells of one whale, in the order of the columns."""
    body = signal_of(prediction).body()
    for name in ("from_entities", "to_entities"):
        body[name] = [party["name"] for party in body[name]]
    body["split_sat"] = [f"{flow}={sats}" for flow, sats in body["split_sat"].items()]
    chances = body.get("confirmation_probability") or {}
    body.update({f"probability_{horizon}": chances.get(horizon) for horizon in _HORIZONS})
    return [_joined(body.get(name)) for name in _KINDS]


def _joined(value: Any) -> Any:  # noqa: ANN401 - a cell
    return _TEXTS.join(map(str, value)) if isinstance(value, list) else value


def _csv_of(predictions: Sequence[Prediction]) -> bytes:
    return b"".join(_csv_line(row_of(one)) for one in predictions)


def _csv_line(cells: Iterable[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(csv_cell(printable(one)) if isinstance(one, str) else one for one in cells)
    return text.getvalue().encode()
