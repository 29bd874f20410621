"""What was missed, one by one, and how long before their block whales were known."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from app.core.classification import Flow
from app.core.models import SourceName
from app.core.prediction import Outcome, Prediction, Urgency
from app.core.scoring import Circumstances, Fate, ForecastOutcome, touching
from app.core.units import Height, Txid
from app.store.assembling import ROW, assembled, in_portions, rows_of
from app.store.connections import Connection
from app.store.parsed_statements import execute, of_words
from app.store.records import moment
from app.views import LEAD_TIME_EDGES, Miss, MissKind, MissPage

_FORECASTS: Final = (
    "SELECT counted_at, prediction_id, result AS kind, flow, due_height, at_height, blocks, fate, made_at "
    "FROM forecast_outcomes WHERE counted_at >= $start AND counted_at < $end "
    "AND result IN ('late', 'dropped')"
)
_WHALES: Final = (
    "SELECT counted_at, prediction_id, CASE WHEN announced THEN 'flow_changed' ELSE 'never_announced' END, "
    "flow, NULL, NULL, NULL, NULL, NULL FROM whale_outcomes WHERE counted_at >= $start AND counted_at < $end "
    "AND confirmed AND ((announced AND flow_right IS FALSE) OR (NOT announced AND NOT excused))"
)
_MISSES: Final = f"({_FORECASTS} UNION ALL {_WHALES})"


class _Row(NamedTuple):
    """Heights and `made_at` (microseconds) are None where it is not about a forecast."""

    at: int
    prediction_id: str
    kind: str
    flow: str
    due_height: int | None
    at_height: int | None
    blocks: int | None
    fate: str | None
    made_at: int | None


def page(
    connection: Connection,
    start: datetime,
    end: datetime,
    around: Circumstances,
    *,
    offset: int,
    limit: int,
) -> MissPage:
    """Return one page of what was missed in [start, end), newest first."""
    between = {"start": start, "end": end}
    counted = execute(connection, of_words("SELECT count(*) FROM", _MISSES), between).fetchone()
    found = execute(
        connection,
        "SELECT epoch_us(counted_at), prediction_id, kind, flow, due_height, at_height, blocks, fate, "  # noqa: S608 - our own words
        f"epoch_us(made_at) FROM {_MISSES} "
        "ORDER BY counted_at DESC, prediction_id, kind LIMIT $limit OFFSET $offset",
        {**between, "limit": limit, "offset": offset},
    ).fetchall()
    rows = [_Row(*one) for one in found]
    whales = _whales(connection, [one.prediction_id for one in rows])
    return MissPage(
        total=counted[0] if counted else 0,
        misses=tuple(_miss(row, whales.get(row.prediction_id), around) for row in rows),
    )


def lead_time_counts(connection: Connection, start: datetime, end: datetime) -> tuple[int, ...]:
    """Count the whales confirmed in [start, end) by lead time, in the bins of LEAD_TIME_EDGES."""
    uppers = (*LEAD_TIME_EDGES[1:], None)
    counts = ", ".join(
        f"count(*) FILTER (WHERE lead_time_seconds >= {low}"
        + (")" if high is None else f" AND lead_time_seconds < {high})")
        for low, high in zip(LEAD_TIME_EDGES, uppers, strict=True)
    )
    found = execute(
        connection,
        f"SELECT {counts} FROM whale_outcomes WHERE counted_at >= $start AND counted_at < $end",  # noqa: S608 - numbers of ours
        {"start": start, "end": end},
    ).fetchone()
    return tuple(found or ())


def _whales(connection: Connection, ids: Sequence[str]) -> Mapping[str, Prediction]:
    found = rows_of(
        execute(
            connection,
            f"SELECT {ROW} FROM predictions WHERE prediction_id IN (SELECT unnest($1::VARCHAR[]))",  # noqa: S608 - our own words
            [list(ids)],
        ).fetchall()
    )
    return {
        whale.prediction_id: whale
        for portion in in_portions(connection, found)
        for whale in assembled(connection, portion)
    }


def _miss(row: _Row, whale: Prediction | None, around: Circumstances) -> Miss:
    kind = MissKind(row.kind)
    return Miss(
        kind=kind,
        at=moment(row.at),
        prediction_id=row.prediction_id,
        flow=Flow(row.flow),
        whale=whale,
        due_height=row.due_height,
        confirmed_height=_confirmed_at(row),
        replaced=row.fate == Fate.REPLACED.value,
        because=touching(_outcome(row), around) if kind is MissKind.LATE else (),
    )


def _confirmed_at(row: _Row) -> int | None:
    if row.fate != Fate.CONFIRMED.value or row.at_height is None or row.blocks is None:
        return None
    return row.at_height + row.blocks


def _outcome(row: _Row) -> ForecastOutcome:
    """Return the late forecast as the reasons look at it."""
    due, at_height, made_at = row.due_height or 0, row.at_height or 0, row.made_at or row.at
    return ForecastOutcome(
        prediction_id=row.prediction_id,
        txid=Txid(""),
        at=moment(row.at),
        result=Outcome(row.kind),
        fate=Fate(row.fate or Fate.PENDING),
        blocks=row.blocks,
        made_at=moment(made_at),
        at_height=Height(at_height),
        due_height=Height(due),
        stated=(),
        projected_block=None,
        urgency=Urgency.LOW,
        flow=Flow(row.flow),
        first_seen_by=SourceName.MEMPOOL_WS,
    )
