"""Deliveries that were held back, as rows: let go, dropped, or summed up."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from app.core.alerts import HoldReason, Memory, Owed, Released
from app.core.events import Event, EventType
from app.store import Connection

MADE_OF_HELD: Final = {EventType.ALERT_DIGEST: HoldReason.QUIET, EventType.ALERT_SUMMARY: HoldReason.BUDGET}
"""What sums up held events, and what they were held back by."""


def release(connection: Connection, endpoint_id: str, one: Released) -> None:
    """Let a held delivery go out, or drop it; it counts as of now, in the digest that covers this moment."""
    connection.execute(
        "UPDATE deliveries SET status = ?, because = ?, created_at = ? "
        "WHERE endpoint_id = ? AND sequence = ? AND status = 'waiting' AND because IS NOT NULL",
        [
            "waiting" if one.because is None else "dropped",
            one.because and one.because.value,
            one.at,
            endpoint_id,
            one.sequence,
        ],
    )


def without_returned(connection: Connection, endpoint_id: str, memory: Memory) -> Memory:
    """Let go of what waited for a source that came back while the endpoint was disabled."""
    if not memory.degraded:
        return memory
    row = connection.execute(
        "SELECT sequence, epoch_us(told_at) FROM events WHERE type = ? ORDER BY sequence DESC LIMIT 1",
        [EventType.SOURCE_RECOVERED.value],
    ).fetchone()
    if row is None:
        return memory
    at = datetime.fromtimestamp(row[1] / 1e6, UTC)
    for one in memory.degraded:
        if one.sequence < row[0]:
            back = Released(sequence=one.sequence, because=HoldReason.CAME_BACK, at=at)
            release(connection, endpoint_id, back)
    return replace(memory, degraded=tuple(one for one in memory.degraded if one.sequence > row[0]))


def held_events(connection: Connection, endpoint_id: str, owed: Owed) -> tuple[Event, ...]:
    """Return what was held back and is to be summed up, in order."""
    rows = connection.execute(
        "SELECT d.sequence, d.event_id, d.event_type, d.prediction_id, a.body "
        "FROM deliveries d JOIN alerts a USING (sequence) "
        "WHERE d.endpoint_id = ? AND d.because = ? AND d.created_at >= ? AND d.created_at < ? "
        "ORDER BY d.sequence",
        [endpoint_id, MADE_OF_HELD[owed.type].value, owed.start, owed.end],
    ).fetchall()
    return tuple(_event(*row) for row in rows)


def _event(sequence: int, event_id: str, type_: str, whale: str | None, text: str) -> Event:
    reported: dict[str, Any] = msgspec.json.decode(text)
    return Event(
        type=EventType(type_),
        id=event_id,
        sequence=sequence,
        timestamp=datetime.fromisoformat(reported["timestamp"]),
        body=reported["data"],
        prediction_id=whale,
    )
