"""Deliveries as rows, written in the transaction of their events; an event as a webhook's body."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.api.models import Event as EventShape
from app.core.events import Event
from app.store import Connection, insert_columns
from notifiers.signing import LARGEST_BODY

LARGEST_KEPT: Final = LARGEST_BODY - 1024
"""Bytes of an event as it is kept: what is named anew as it leaves may make it a little longer."""
HELD_ROW: Final = "waiting"
"""The status of a delivery that waits for more than its turn: `because` says for what."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery to be written; `kept`: whether the event's body is, which a rule's refusal needs not."""

    event: Event
    endpoint_id: str
    status: str
    because: str | None
    kept: bool = True


def write_bodies(connection: Connection, events: Iterable[Event]) -> None:
    """Write events as they leave Spout."""
    rows = [(one.sequence, one.id, one.type.value, one.timestamp, envelope(one)) for one in events]
    insert(connection, "alerts", rows)


def write_alerts(
    connection: Connection, rows: Sequence[DeliveryRow], leaving: Callable[[Event], Event]
) -> None:
    """Write deliveries in the transaction of their events; `leaving` makes what may leave Spout of one.

    What is private now stays so: an event that hides a name is kept whoever refused it, so that it hides it
    where it is sent after all.
    """
    kept = {row.event.sequence: row.kept for row in sorted(rows, key=lambda row: row.kept)}
    events = {row.event.sequence: row.event for row in rows}
    left = {sequence: leaving(event) for sequence, event in events.items()}
    write_bodies(
        connection,
        [one for sequence, one in left.items() if kept[sequence] or one.body != events[sequence].body],
    )
    insert(
        connection,
        "deliveries",
        [
            (
                delivery_id(row.event.sequence, row.endpoint_id),
                row.endpoint_id,
                row.event.sequence,
                row.event.id,
                row.event.type.value,
                row.event.timestamp,
                row.status,
                row.because,
                row.event.prediction_id,
                0,
            )
            for row in rows
        ],
    )


def delivery_id(sequence: int, endpoint_id: str) -> str:
    return f"dlv_{sequence}_{endpoint_id.removeprefix('ep_')}"


def envelope(event: Event) -> str:
    """Return the event as the stream tells it, small enough for a webhook.

    A whale with very many parties or reasons loses those first: what it is and how much stays.
    """
    text = _json(event, event.body)
    for left_out in ("evidence", "replaces", "from_entities", "to_entities"):
        if len(text.encode()) < LARGEST_KEPT:
            break
        text = _json(event, {**event.body, left_out: list(event.body.get(left_out) or ())[:5]})
    return text


def _json(event: Event, body: dict[str, Any]) -> str:
    return EventShape(
        type=event.type, id=event.id, sequence=event.sequence, timestamp=event.timestamp, data=body
    ).model_dump_json()


def insert(connection: Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    insert_columns(connection, table, [list(column) for column in zip(*rows, strict=True)])
