"""What an endpoint of these rules would have sent: a replay of the history, in figures and words."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from heapq import merge
from typing import Final

from app.api.models import Preview, PreviewMessage, PreviewPeriod
from app.core.alerts import (
    DueRate,
    Policy,
    QuietHours,
    RuleReplay,
    Sent,
    Style,
    Watch,
    WatchedPast,
    quiet_end,
    report_moments,
    template_faults,
    words_of,
)
from app.core.events import TO_ONE_ENDPOINT, Event, EventType
from app.core.units import counted

DAYS: Final = (7, 30)
PREVIEWED: Final = timedelta(days=max(DAYS))
READ: Final = PREVIEWED + timedelta(days=1)
"""With the longest span of a net flow: what had flowed when the period began."""
_NIGHT: Final = QuietHours(start=time(22), end=time(7))
_FEES_UNKNOWN: Final = (
    "Your limits on the next block's fee are not counted here: Spout does not keep the fees of the past."
)
_EXAMPLE: Final[Mapping[str, object]] = {
    "txid": "0" * 64,
    "status": "pending",
    "flow_type": "inflow",
    "from_entities": [],
    "to_entities": [{"name": "an exchange"}],
    "moved_sat": 41_250_000_000,
    "moved_is": "certain",
    "urgency": "high",
    "urgency_score": 0.9,
    "predicted_block": 900_123,
    "predicted_at_height": 900_122,
    "confirmation_probability": {"1": 0.91},
    "fee_rate": 12.0,
    "effective_fee_rate": 12.0,
    "rbf_signaled": False,
    "evidence": ["output 0 pays an exchange: a receiver, 412.50 BTC"],
}
"""A whale that is made up, for who has none yet: how a text reads is seen before the first one comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An endpoint as it is being edited; `leaving` takes private names out of what leaves Spout."""

    policy: Policy
    style: Style
    leaving: Callable[[Event], Event]
    watch: Watch | None = None
    rates: Mapping[datetime, DueRate] = field(default_factory=dict)
    """By the end of a report's period; of the last one is enough, since only the last message is shown."""


def types_of(draft: Draft) -> tuple[frozenset[EventType], frozenset[EventType]]:
    """Return the types worth reading, and those that cannot be done without.

    Revised forecasts are many; seldom does a rule ask for them, and seldom do they change what flowed.
    """
    every = frozenset(EventType) - TO_ONE_ENDPOINT
    needed = every if _asks_for_revisions(draft.policy) else every - {EventType.UPDATED}
    return (every if _watches_whales(draft.watch) else needed), needed


def last_report(policy: Policy, watch: Watch | None, now: datetime) -> datetime | None:
    """Return when the last report of the previewed time would have come; None: none would."""
    if watch is None or watch.report is None:
        return None
    return max(report_moments(watch.report, policy.zone, now - PREVIEWED, now), default=None)


def preview(draft: Draft, events: Sequence[Event], now: datetime) -> Preview:
    """Return what such an endpoint would have sent; `events`: of the last `READ`, ascending.

    Blocking: a history of a month takes a while.
    """
    start, policy = now - PREVIEWED, draft.policy
    revisions = _asks_for_revisions(policy)
    decided = [
        event
        for event in events
        if event.timestamp >= start and (revisions or event.type is not EventType.UPDATED)
    ]
    replay = RuleReplay(policy, draft.leaving)
    replay.run(merge(decided, _watched(draft, events, now), key=lambda event: event.timestamp), now)
    last = replay.sent[-1] if replay.sent else None
    fees = draft.watch is not None and (draft.watch.fee_under, draft.watch.fee_over) != (None, None)
    return Preview(
        periods=[_period(draft, replay, now, days) for days in DAYS],
        last=_message(last, draft) if last else None,
        example=None if last and last.event.prediction_id else _example(draft, now),
        template_faults=template_faults(draft.style.template or "") or None,
        left_out=_FEES_UNKNOWN if fees else None,
    )


def _asks_for_revisions(policy: Policy) -> bool:
    return EventType.UPDATED in policy.rules.types or bool(policy.follows)


def _watches_whales(watch: Watch | None) -> bool:
    return watch is not None and bool(watch.net_flow or watch.report)


def _watched(draft: Draft, events: Sequence[Event], now: datetime) -> list[Event]:
    if draft.watch is None or not _watches_whales(draft.watch):
        return []
    past = WatchedPast(draft.watch, draft.policy.zone, draft.leaving, draft.rates)
    # Of the days before the history begins there would have been no report.
    start = max(now - PREVIEWED, events[0].timestamp if events else now)
    return past.published([event for event in events if event.prediction_id], start=start, until=now)


def _period(draft: Draft, replay: RuleReplay, now: datetime, days: int) -> PreviewPeriod:
    start = now - timedelta(days=days)
    sent = [one for one in replay.sent if one.at >= start]
    rings = [one for one in sent if not one.edits]
    night = [one for one in rings if quiet_end(_NIGHT, draft.policy.zone, one.at) is not None]
    held = Counter(one.because.value for one in replay.held if one.at >= start)
    words = counted(len(rings), "alert")
    if night:
        words += f", {len(night)} at night"
    if rings:
        words += f"; the last: {_message(rings[-1], draft).title}"
    return PreviewPeriod(
        days=days,
        alerts=len(rings),
        at_night=len(night),
        edits=len(sent) - len(rings),
        held=dict(held),
        words=words,
    )


def _example(draft: Draft, now: datetime) -> PreviewMessage:
    words = words_of(EventType.DETECTED, _EXAMPLE, now, draft.style)
    return PreviewMessage(
        at=now, event_type=EventType.DETECTED, title=words.title, text=words.text, html=words.html
    )


def _message(sent: Sent, draft: Draft) -> PreviewMessage:
    event = draft.leaving(sent.event)
    words = words_of(event.type, event.body, event.timestamp, draft.style)
    return PreviewMessage(
        at=sent.at, event_type=event.type, title=words.title, text=words.text, html=words.html
    )
