"""What the outbox says about endpoints and deliveries, as the API tells it."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.api.models import Attempt, Delivery, DeliveryPage, DeliveryStatus, EndpointState, PageInfo
from app.core.alerts import EndpointProgress
from app.core.events import EventType
from app.errors import ParseError
from app.store import Connection
from app.views import DeliveryQuery

_MICROSECOND: Final = timedelta(microseconds=1)
_CURSOR: Final = re.compile(r"(?P<sequence>[0-9]{1,18}) (?P<delivery>.*)", re.DOTALL)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFigures:
    """Of one endpoint; None where nothing was sent."""

    last_success_at: datetime | None = None
    success_rate_24h: float | None = None
    success_rate_7d: float | None = None
    p95_ms: float | None = None
    queued: int = 0


def figures(connection: Connection, now: datetime) -> dict[str, EndpointFigures]:
    """By endpoint."""
    day, week = now - timedelta(days=1), now - timedelta(days=7)
    rows = connection.execute(
        "SELECT endpoint_id, epoch_us(max(attempted_at) FILTER (delivered)), "
        "avg(delivered::INTEGER) FILTER (attempted_at > $1), "
        "avg(delivered::INTEGER) FILTER (attempted_at > $2), "
        "quantile_cont(ms, 0.95) FILTER (delivered AND attempted_at > $1) "
        "FROM attempts GROUP BY endpoint_id",
        [day, week],
    ).fetchall()
    queued = dict(
        connection.execute(
            "SELECT endpoint_id, count(*) FROM deliveries WHERE status = 'waiting' AND because IS NULL "
            "GROUP BY endpoint_id"
        ).fetchall()
    )
    found = {
        row[0]: EndpointFigures(
            last_success_at=_moment(row[1]),
            success_rate_24h=row[2],
            success_rate_7d=row[3],
            p95_ms=row[4],
            queued=queued.pop(row[0], 0),
        )
        for row in rows
    }
    return found | {endpoint_id: EndpointFigures(queued=count) for endpoint_id, count in queued.items()}


def state(
    found: EndpointFigures, progress: EndpointProgress, disabled_because: str | None, now: datetime
) -> EndpointState:
    next_at = max(progress.next_attempt_at or now, now) if found.queued and not disabled_because else None
    return EndpointState(
        last_success_at=found.last_success_at,
        success_rate_24h=found.success_rate_24h,
        success_rate_7d=found.success_rate_7d,
        p95_ms=found.p95_ms,
        queued=found.queued,
        next_attempt_at=next_at,
        disabled_because=disabled_because,
    )


def page(connection: Connection, query: DeliveryQuery, next_at: Mapping[str, datetime]) -> DeliveryPage:
    """`next_at`: when the head of each endpoint's queue is tried.

    Raises:
        ParseError: if the cursor is not one of ours.
    """
    conditions, values = ["true"], list[Any]()
    for condition, value in (
        ("endpoint_id = ?", query.endpoint_id),
        ("status = ?", query.status),
        ("created_at >= ?", query.since),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    where = " AND ".join(conditions)
    counted = connection.execute(f"SELECT count(*) FROM deliveries WHERE {where}", values).fetchone()  # noqa: S608 - of our own names only
    if query.cursor is not None:
        where += " AND (sequence, id) < (?, ?)"
        values += _parse(query.cursor)
    rows = connection.execute(
        "SELECT id, endpoint_id, event_id, event_type, sequence, status, because "  # noqa: S608 - our own words
        f"FROM deliveries WHERE {where} ORDER BY sequence DESC, id DESC LIMIT ?",
        [*values, query.limit + 1],
    ).fetchall()
    shown, more = rows[: query.limit], len(rows) > query.limit
    attempts = _attempts(connection, [row[0] for row in shown])
    heads = _heads(connection)
    return DeliveryPage(
        deliveries=[
            _delivery(row, attempts, next_at.get(row[1]) if row[0] in heads else None) for row in shown
        ],
        total_count=counted[0] if counted else 0,
        page_info=PageInfo(
            limit=query.limit, has_next=more, next_cursor=_cursor(shown[-1]) if more else None
        ),
    )


def of_whale(
    connection: Connection, prediction_id: str, next_at: Mapping[str, datetime]
) -> tuple[Delivery, ...]:
    """Every delivery about one whale, oldest first."""
    rows = connection.execute(
        "SELECT id, endpoint_id, event_id, event_type, sequence, status, because "
        "FROM deliveries WHERE prediction_id = ? ORDER BY sequence, id",
        [prediction_id],
    ).fetchall()
    attempts, heads = _attempts(connection, [row[0] for row in rows]), _heads(connection)
    return tuple(_delivery(row, attempts, next_at.get(row[1]) if row[0] in heads else None) for row in rows)


def _delivery(row: tuple[Any, ...], attempts: dict[str, list[Attempt]], next_at: datetime | None) -> Delivery:
    return Delivery(
        id=row[0],
        endpoint_id=row[1],
        event_id=row[2],
        event_type=EventType(row[3]),
        sequence=row[4],
        status=DeliveryStatus(row[5]),
        because=row[6],
        next_attempt_at=next_at,
        attempts=attempts.get(row[0], []),
    )


def _heads(connection: Connection) -> set[str]:
    rows = connection.execute(
        "SELECT arg_min(id, sequence) FROM deliveries WHERE status = 'waiting' AND because IS NULL "
        "GROUP BY endpoint_id"
    ).fetchall()
    return {row[0] for row in rows}


def _attempts(connection: Connection, ids: list[str]) -> dict[str, list[Attempt]]:
    found: dict[str, list[Attempt]] = {}
    rows = connection.execute(
        "SELECT delivery_id, epoch_us(attempted_at), status_code, ms, error, answer FROM attempts "
        "WHERE delivery_id IN (SELECT unnest(?)) ORDER BY attempted_at",
        [ids],
    ).fetchall()
    for delivery_id, at, status_code, ms, error, answer in rows:
        moment = _EPOCH + at * _MICROSECOND
        attempt = Attempt(at=moment, status_code=status_code, ms=ms, error=error, answer=answer)
        found.setdefault(delivery_id, []).append(attempt)
    return found


def _cursor(row: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(f"{row[4]} {row[0]}".encode()).decode()


def _parse(cursor: str) -> list[Any]:
    try:
        found = _CURSOR.fullmatch(base64.urlsafe_b64decode(cursor.encode()).decode())
    except (binascii.Error, ValueError):
        found = None
    if found is None:
        raise ParseError("is not one of ours: take next_cursor of the page before")
    return [int(found["sequence"]), found["delivery"]]


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + microseconds * _MICROSECOND
