"""Why an alert of a whale came, or did not, endpoint by endpoint."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.api.models import Delivery, DeliveryStatus, WhaleAlert, WhaleAlerts
from app.core.alerts import refused_by
from app.core.events import Event, EventType
from app.core.prediction import Prediction
from notifiers.directory import Stored
from notifiers.outbox import KEPT
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
    "restart": "Spout was stopped before it was sent",
}
_CHANGED: Final = "its rules of then held it back; they were changed since"
_HOP: Final = "it moves on a coin that was alerted before"
_RULES: Final = {
    "types": "its rules ask for other events",
    "flow_types": "its rules ask for another flow",
    "entities": "its rules ask for other entities",
    "min_moved_btc": "too little moved for its rules",
    "min_urgency": "it was not urgent enough for its rules",
    "confirmed_only": "its rules ask for confirmed ones only",
}


class _Fate(NamedTuple):
    """What became of one event at one endpoint. `at`: when it arrived; `because`: what held it back."""

    event: str
    words: str
    because: str | None = None
    at: datetime | None = None


def answer(
    whale: Prediction,
    events: Sequence[Event],
    endpoints: Sequence[Stored],
    deliveries: Sequence[Delivery],
    *,
    zone: ZoneInfo,
    now: datetime,
) -> WhaleAlerts:
    """`events`: all of the whale, ascending; `deliveries`: all about it, of every endpoint."""
    return WhaleAlerts(
        prediction_id=whale.prediction_id,
        txid=whale.txid,
        endpoints=[
            _of_one(stored, events, [one for one in deliveries if one.endpoint_id == stored.id], zone, now)
            for stored in endpoints
        ],
    )


def _of_one(
    stored: Stored, events: Sequence[Event], deliveries: list[Delivery], zone: ZoneInfo, now: datetime
) -> WhaleAlert:
    by_sequence = {one.sequence: one for one in deliveries}
    fates = [
        _fate(stored, event, by_sequence.get(event.sequence), zone, now)
        for event in events
        # Of revised forecasts that nobody asked for nothing is kept.
        if event.type is not EventType.UPDATED or event.sequence in by_sequence
    ]
    arrived = [fate.at for fate in fates if fate.at is not None]
    return WhaleAlert(
        endpoint_id=stored.id,
        name=stored.name,
        sent_at=min(arrived, default=None),
        because=fates[-1].because if fates else "old",
        words=_story(fates, zone) or "nothing was kept of it",
        deliveries=deliveries,
    )


def _fate(stored: Stored, event: Event, delivery: Delivery | None, zone: ZoneInfo, now: datetime) -> _Fate:
    name = event.type.value.partition(".")[2]
    if delivery is None:
        because, words = _unrecorded(stored, event, now)
        return _Fate(name, words, because)
    if delivery.status is DeliveryStatus.DELIVERED:
        return _Fate(name, "sent", at=delivery.attempts[-1].at if delivery.attempts else event.timestamp)
    if delivery.because is None:
        error = delivery.attempts[-1].error if delivery.attempts else None
        return _Fate(name, f"waiting: {error}" if error else "on its way")
    if delivery.because == "rule":
        return _Fate(name, _rule(stored, event, zone), "rule")
    return _Fate(name, _HELD.get(delivery.because, delivery.because), delivery.because)


def _unrecorded(stored: Stored, event: Event, now: datetime) -> tuple[str, str]:
    """Say why there is no delivery of an event at all."""
    if event.timestamp < datetime.fromisoformat(stored.created_at):
        return "later", "the endpoint was added later"
    if now - event.timestamp > KEPT:
        return "old", f"nothing was kept of it: alerts are kept for {KEPT.days} days"
    if not stored.active:
        return "disabled", f"the endpoint is disabled: {stored.disabled_because or 'by you'}"
    return "disabled", "the endpoint was disabled then"


def _rule(stored: Stored, event: Event, zone: ZoneInfo) -> str:
    """Say which rule holds an event back, by the rules as they are now."""
    rules = policy_of(stored.kind, stored.settings, zone).rules
    reason = refused_by(rules, event.type, event.body)
    if reason == "types" and not rules.types and event.type is not EventType.UPDATED:
        return _HOP
    return _CHANGED if reason is None else _RULES[reason]


def _story(fates: Sequence[_Fate], zone: ZoneInfo) -> str:
    """Say it in words: what went the same way together, and which events where not all went the same."""
    parts = list[str]()
    for words, alike in groupby(fates, key=lambda fate: fate.words):
        group = list(alike)
        names = ", ".join(dict.fromkeys(fate.event for fate in group))
        moments = sorted({_minute(fate.at, zone) for fate in group if fate.at is not None})
        said = f"{words} {moments[0]}" if moments else words
        if len(moments) > 1:
            said += f", the last {moments[-1]}"
        parts.append(said if len(group) == len(fates) else f"{names}: {said}")
    return "; ".join(parts)


def _minute(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
