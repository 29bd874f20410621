"""What an endpoint's queue holds: deliveries that wait for their turn, read with what is sent."""

from dataclasses import dataclass

from app.core.events import EventType
from app.store import Connection, execute
from notifiers.progress import refusals_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDelivery:
    """The head of an endpoint's queue, or what waits behind it; `refusals` since it was queued."""

    id: str
    endpoint_id: str
    sequence: int
    event_id: str
    event_type: EventType
    body: str
    refusals: int
    prediction_id: str | None = None
    message_id: int | None = None
    """Of the whale's message that is to be edited, where the endpoint has one."""


def waiting_deliveries(
    connection: Connection, endpoint_id: str, limit: int, *, threaded: bool
) -> tuple[WaitingDelivery, ...]:
    """What is to be sent next to an endpoint, in order of sequence; `threaded`: with messages to edit."""
    rows = execute(
        connection,
        "SELECT id, sequence, event_id, event_type, prediction_id FROM deliveries "
        "WHERE endpoint_id = ? AND status = 'waiting' AND because IS NULL ORDER BY sequence LIMIT ?",
        [endpoint_id, limit],
    ).fetchall()
    if not rows:
        return ()
    bodies = dict(
        execute(
            connection,
            "SELECT sequence, body FROM alerts WHERE sequence IN (SELECT unnest(?))",
            [[row[1] for row in rows]],
        ).fetchall()
    )
    refusals = refusals_of(connection, [row[0] for row in rows])
    messages = _messages(connection, endpoint_id) if threaded else {}
    return tuple(
        WaitingDelivery(
            id=row[0],
            endpoint_id=endpoint_id,
            sequence=row[1],
            event_id=row[2],
            event_type=EventType(row[3]),
            body=bodies[row[1]],
            refusals=refusals.get(row[0], 0),
            prediction_id=row[4],
            message_id=messages.get(row[4]),
        )
        for row in rows
    )


def _messages(connection: Connection, endpoint_id: str) -> dict[str, int]:
    return dict(
        execute(
            connection,
            "SELECT prediction_id, message_id FROM alert_threads "
            "WHERE endpoint_id = ? AND message_id IS NOT NULL",
            [endpoint_id],
        ).fetchall()
    )
