"""What an endpoint of these rules would have sent: a replay of the history, in figures and words."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from app.api.models import Preview, PreviewMessage, PreviewPeriod
from app.core.alerts import Policy, QuietHours, RuleReplay, Sent, Style, quiet_end, words_of
from app.core.events import TO_ONE_ENDPOINT, Event, EventType

DAYS = (7, 30)
_NIGHT = QuietHours(start=time(22), end=time(7))


def types_of(policy: Policy) -> frozenset[EventType]:
    """Return the types worth reading: revised forecasts are many, and seldom asked for."""
    every = frozenset(EventType) - TO_ONE_ENDPOINT
    asked = EventType.UPDATED in policy.rules.types or bool(policy.follows)
    return every if asked else every - {EventType.UPDATED}


def preview(policy: Policy, style: Style, events: Sequence[Event], now: datetime) -> Preview:
    """Blocking: a history of a month takes a while."""
    replay = RuleReplay(policy)
    replay.run(events, now)
    last = replay.sent[-1] if replay.sent else None
    return Preview(
        periods=[_period(policy, style, replay, now, days) for days in DAYS],
        last=_message(last, style) if last else None,
    )


def _period(policy: Policy, style: Style, replay: RuleReplay, now: datetime, days: int) -> PreviewPeriod:
    start = now - timedelta(days=days)
    sent = [one for one in replay.sent if one.at >= start]
    rings = [one for one in sent if not one.edits]
    night = [one for one in rings if quiet_end(_NIGHT, policy.zone, one.at) is not None]
    held = Counter(because.value for event, because in replay.held if event.timestamp >= start)
    words = f"{len(rings)} {'alert' if len(rings) == 1 else 'alerts'}"
    if night:
        words += f", {len(night)} at night"
    if rings:
        words += f"; the last: {_message(rings[-1], style).title}"
    return PreviewPeriod(
        days=days,
        alerts=len(rings),
        at_night=len(night),
        edits=len(sent) - len(rings),
        held=dict(held),
        words=words,
    )


def _message(sent: Sent, style: Style) -> PreviewMessage:
    words = words_of(sent.event.type, sent.event.body, sent.at, style)
    return PreviewMessage(
        at=sent.at, event_type=sent.event.type, title=words.title, text=words.text, html=words.html
    )
