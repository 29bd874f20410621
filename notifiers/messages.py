"""What is sent, made of an event: its JSON for webhooks, its words for people."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.core.alerts import Style, words_of
from app.core.events import Event, EventType
from notifiers.model import Message
from notifiers.rows import envelope
from notifiers.waiting import WaitingDelivery

NOTHING = Message(id="", body=b"", title="", text="")
"""What a heartbeat says."""
TEST_WORDS = "This is a test of Spout: alerts arrive here."


def compose(
    delivery: WaitingDelivery, style: Style, leaving: Callable[[Event], Event], *, silent: bool = False
) -> Message:
    """Return the message of a delivery; what it says to people is decided in `app.core.alerts`.

    `leaving` takes out what has become private since it was written; else its body is sent as it is.
    """
    reported: dict[str, Any] = msgspec.json.decode(delivery.body)
    event = Event(
        type=delivery.event_type,
        id=delivery.event_id,
        sequence=delivery.sequence,
        timestamp=datetime.fromisoformat(reported["timestamp"]),
        body=reported["data"],
        prediction_id=delivery.prediction_id,
    )
    left = leaving(event)
    words = words_of(left.type, left.body, left.timestamp, style)
    return Message(
        id=delivery.event_id,
        body=(delivery.body if left.body == event.body else envelope(left)).encode(),
        title=words.title,
        text=words.text,
        html=words.html,
        edits=delivery.message_id,
        silent=silent,
    )


def message_of(event: Event, style: Style) -> Message:
    """Return the message of an event that does not wait in the outbox."""
    words = words_of(event.type, event.body, event.timestamp, style)
    return Message(
        id=event.id, body=envelope(event).encode(), title=words.title, text=words.text, html=words.html
    )


def a_test(at: datetime, sequence: int, zone: ZoneInfo) -> Message:
    """Return a test of an endpoint that is not kept; it carries the number of the latest event."""
    event = Event(
        type=EventType.TEST,
        id=f"evt_test_{secrets.token_hex(8)}",
        sequence=sequence,
        timestamp=at,
        body={"words": TEST_WORDS},
    )
    return message_of(event, Style(zone=zone))
