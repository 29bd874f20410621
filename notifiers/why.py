"""Why an alert of a whale came, or did not, endpoint by endpoint."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from app.api.models import Delivery, DeliveryStatus, WhaleAlert, WhaleAlerts
from app.core.alerts import refused_by
from app.core.events import Event
from app.core.prediction import Prediction
from notifiers.directory import Stored
from notifiers.policies import policy_of

_HELD: Final = {
    "rule": "a rule held it back",
    "muted": "it was muted",
    "quiet": "it fell into quiet hours",
    "budget": "the budget of that hour was spent",
    "one_thread": "the whale's one message had been sent",
    "degraded_after_s": "it waits for the source to come back",
    "came_back": "the source came back in time",
    "restored": "it was dropped when a backup was restored",
    "removed": "the endpoint was removed",
    "refused": "its receiver refused it",
    "gone": "its receiver is gone",
}
_RULES: Final = {
    "types": "its rules ask for other events",
    "flow_types": "its rules ask for another flow",
    "entities": "its rules ask for other entities",
    "min_moved_btc": "too little moved for its rules",
    "min_urgency": "it was not urgent enough for its rules",
    "confirmed_only": "its rules ask for confirmed ones only",
}


def answer(
    whale: Prediction,
    events: Sequence[Event],
    endpoints: Sequence[Stored],
    deliveries: Sequence[Delivery],
    zone: ZoneInfo,
) -> WhaleAlerts:
    return WhaleAlerts(
        prediction_id=whale.prediction_id,
        txid=whale.txid,
        endpoints=[
            _of_one(stored, events, [one for one in deliveries if one.endpoint_id == stored.id], zone)
            for stored in endpoints
        ],
    )


def _of_one(
    stored: Stored, events: Sequence[Event], deliveries: list[Delivery], zone: ZoneInfo
) -> WhaleAlert:
    sent_at = _first_arrival(deliveries)
    because, words = _held_back(stored, events, deliveries, zone)
    if sent_at is not None:
        words = f"sent {sent_at.astimezone(zone):%Y-%m-%d %H:%M}" + (f"; later {words}" if words else "")
    return WhaleAlert(
        endpoint_id=stored.id,
        name=stored.name,
        sent_at=sent_at,
        because=because,
        words=words or "on its way",
        deliveries=deliveries,
    )


def _first_arrival(deliveries: Sequence[Delivery]) -> datetime | None:
    arrived = [
        one.attempts[-1].at for one in deliveries if one.status is DeliveryStatus.DELIVERED and one.attempts
    ]
    return min(arrived, default=None)


def _held_back(
    stored: Stored, events: Sequence[Event], deliveries: Sequence[Delivery], zone: ZoneInfo
) -> tuple[str | None, str]:
    if deliveries and (last := deliveries[-1]).status is not DeliveryStatus.DELIVERED:
        if last.because is None:
            return None, "waiting: " + (
                last.attempts[-1].error or "not tried yet"
            ) if last.attempts else "waiting"
        words = _HELD.get(last.because, last.because)
        return last.because, _rule(stored, events, zone) or words if last.because == "rule" else words
    if deliveries:
        return None, ""
    if not stored.active:
        return "disabled", f"the endpoint is disabled: {stored.disabled_because or 'by you'}"
    if events and events[-1].timestamp < datetime.fromisoformat(stored.created_at):
        return "later", "the endpoint was added later"
    return "rule", _rule(stored, events, zone) or "nothing was kept of it: its alerts are older than 30 days"


def _rule(stored: Stored, events: Sequence[Event], zone: ZoneInfo) -> str | None:
    """Which rule holds the first event back, by the rules as they are now."""
    rules = policy_of(stored.kind, stored.settings, zone).rules
    reason = refused_by(rules, events[0].type, events[0].body) if events else None
    return _RULES.get(reason or "")
