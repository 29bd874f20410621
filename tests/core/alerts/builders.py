"""Events and policies for tests of the rules; time in minutes from a Saturday before daylight saving ends."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.core.alerts import Policy
from app.core.events import Event, EventType

BEGINNING = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def an_event(
    minute: float = 0, type_: EventType = EventType.DETECTED, whale: str | None = "wh_1", **body: Any
) -> Event:
    sequence = body.pop("sequence", 1)
    reported = {
        "status": "pending",
        "flow_type": "inflow",
        "moved_sat": 150 * 10**8,
        "urgency": "medium",
        "from_entities": [],
        "to_entities": [{"name": "Kraken", "kind": "exchange"}],
    }
    is_whale = type_.value.startswith("whale.")
    return Event(
        type=type_,
        id=f"evt_{sequence}",
        sequence=sequence,
        timestamp=BEGINNING + timedelta(minutes=minute),
        body=reported | body if is_whale else body,
        prediction_id=whale if is_whale else None,
    )


def a_policy(**more: Any) -> Policy:
    return Policy(**{"zone": BERLIN, **more})
