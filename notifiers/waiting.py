"""What the endpoints' queues hold: deliveries that wait for their turn, read with what is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.core.events import EventType
from app.store import Connection, execute

AT_ONCE: Final = 100
"""Deliveries of one endpoint that are read together, at most."""
TOGETHER: Final = 500
"""Deliveries of all endpoints that are read together, at most: 10 MB if every body is as long as may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDelivery:
    """The head of an endpoint's queue, or what waits behind it; `refusals` since it was queued."""

    id: str
    endpoint_id: str
    sequence: int
    event_id: str
    event_type: EventType
    body: str = field(repr=False)
    refusals: int
    prediction_id: str | None = None
    message_id: int | None = None
    """Of the whale's message that is to be edited, where the endpoint has one."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What is to be sent next to an endpoint, in order of sequence; `more`: others may wait behind it."""

    deliveries: tuple[WaitingDelivery, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose queue is asked for; `threaded`: with the messages that are to be edited."""

    endpoint_id: str
    threaded: bool = False


def queues(connection: Connection, wanted: Sequence[Wanted]) -> list[Queue]:
    """The queue of each, read together: an event rings every endpoint's lane."""
    most = max(1, min(AT_ONCE, TOGETHER // len(wanted)))
    rows = execute(
        connection,
        "SELECT id, endpoint_id, sequence, event_id, event_type, prediction_id, coalesce(refusals, 0), body "
        "FROM (SELECT * FROM deliveries "
        "WHERE status = 'waiting' AND because IS NULL AND endpoint_id IN (SELECT unnest(?)) "
        "QUALIFY row_number() OVER (PARTITION BY endpoint_id ORDER BY sequence) <= ?) "
        "JOIN (SELECT sequence, body FROM alerts) USING (sequence) ORDER BY sequence",
        [[one.endpoint_id for one in wanted], most],
    ).fetchall()
    threaded = {one.endpoint_id for one in wanted if one.threaded}
    messages = _messages(connection, [(row[1], row[5]) for row in rows if row[1] in threaded and row[5]])
    found: dict[str, list[WaitingDelivery]] = {}
    for row in rows:
        found.setdefault(row[1], []).append(
            WaitingDelivery(
                id=row[0],
                endpoint_id=row[1],
                sequence=row[2],
                event_id=row[3],
                event_type=EventType(row[4]),
                prediction_id=row[5],
                refusals=row[6],
                body=row[7],
                message_id=messages.get((row[1], row[5])),
            )
        )
    read = [tuple(found.get(one.endpoint_id, ())) for one in wanted]
    return [Queue(deliveries, more=len(deliveries) == most) for deliveries in read]


def _messages(connection: Connection, asked: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The message of each whale at each endpoint, where there is one."""
    if not asked:
        return {}
    rows = execute(
        connection,
        "SELECT endpoint_id, prediction_id, message_id FROM alert_threads "
        "WHERE endpoint_id IN (SELECT unnest(?)) AND prediction_id IN (SELECT unnest(?)) "
        "AND message_id IS NOT NULL",
        [[endpoint_id for endpoint_id, _ in asked], [whale for _, whale in asked]],
    ).fetchall()
    return {(endpoint_id, whale): message_id for endpoint_id, whale, message_id in rows}
