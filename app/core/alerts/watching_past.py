"""What an endpoint's watches would have said of net flow, and its reports: from the events of a history.

Fees are not in it: those of the past are not kept.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.core.alerts.watching import (
    FlowWatch,
    Moving,
    ReportAt,
    Watch,
    flow_crossed,
    moving_of,
    report_facts,
    report_moments,
    report_start,
)
from app.core.events import Event, EventType

LOOK: Final = timedelta(minutes=1)
"""So often the appliance looks at net flows: what comes and goes between two looks is not told."""


class DueRate(NamedTuple):
    """How many forecasts came due in a report's period, and which share held (None: too few to judge)."""

    due: int = 0
    hit_rate: float | None = None


class _Change(NamedTuple):
    """What a whale counts for from a look on; None: nothing."""

    look: datetime
    whale: str
    counts: Moving | None


@dataclass(frozen=True, slots=True)
class WatchedPast:
    """`leaving` takes private names out of what a report names.

    `rates`: by the end of a report's period; where there is none, that report says nothing of forecasts.
    """

    watch: Watch
    zone: ZoneInfo
    leaving: Callable[[Event], Event]
    rates: Mapping[datetime, DueRate]

    def published(self, whales: Sequence[Event], *, start: datetime, until: datetime) -> list[Event]:
        """Return the events of the watch in (start, until], by time.

        `whales`: all events of whales, ascending, from a day before `start` on.
        """
        flows = [event for flow in self.watch.net_flow for event in _flows(flow, whales, until)]
        found = [event for event in flows if event.timestamp > start]
        if self.watch.report is not None:
            moments = report_moments(self.watch.report, self.zone, start, until)
            found += self._reports(self.watch.report, moments, whales)
        return sorted(found, key=lambda event: event.timestamp)

    def _reports(
        self, report: ReportAt, moments: Iterable[datetime], whales: Sequence[Event]
    ) -> Iterator[Event]:
        known, read = dict[str, tuple[datetime, Event]](), 0
        for end in moments:
            while read < len(whales) and whales[read].timestamp <= end:
                known[str(whales[read].prediction_id)] = (_detected(whales[read]), whales[read])
                read += 1
            start = report_start(report, self.zone, end)
            seen = [event for detected, event in known.values() if start <= detected < end]
            yield _event(EventType.REPORT_PERIODIC, end, self._facts(seen, start, end))

    def _facts(self, seen: list[Event], start: datetime, end: datetime) -> dict[str, Any]:
        rate = self.rates.get(end, DueRate())
        largest = sorted(seen, key=lambda event: -int(event.body.get("moved_sat") or 0))[:1]
        return report_facts(
            [moving_of(event.body) for event in seen],
            [self.leaving(event).body for event in largest],
            start=start,
            end=end,
            zone=self.zone,
            due=rate.due,
            hit_rate=rate.hit_rate,
        )


def _flows(watch: FlowWatch, whales: Sequence[Event], until: datetime) -> Iterator[Event]:
    crossed, counted, net = frozenset[str](), dict[str, int](), 0
    changes = sorted(_changes(watch, whales), key=lambda change: change.look)
    for look, together in groupby(changes, key=lambda change: change.look):
        if look > until:
            return
        for change in together:
            net -= counted.pop(change.whale, 0)
            if change.counts is not None:
                counted[change.whale] = change.counts.net_sat(watch.entity)
                net += counted[change.whale]
        crossed, found = flow_crossed(watch, crossed, net)
        for facts in found:
            yield _event(EventType.FLOW_CROSSED, look, facts)


def _changes(watch: FlowWatch, whales: Sequence[Event]) -> Iterator[_Change]:
    span, leaves = timedelta(hours=watch.hours), dict[str, datetime]()
    for event in whales:
        whale, detected = str(event.prediction_id), _detected(event)
        look = _next_look(event.timestamp)
        if detected >= look - span:
            yield _Change(look, whale, moving_of(event.body))
            leaves[whale] = _next_look(detected + span + timedelta(microseconds=1))
    for whale, look in leaves.items():
        yield _Change(look, whale, None)


def _detected(event: Event) -> datetime:
    return datetime.fromisoformat(event.body["detected_at"])


def _event(type_: EventType, at: datetime, facts: Mapping[str, Any]) -> Event:
    return Event(type=type_, id="", sequence=0, timestamp=at, body=dict(facts))


def _next_look(at: datetime) -> datetime:
    """Return the first look at `at` or later: on the whole minute."""
    since = at - datetime(2009, 1, 3, tzinfo=UTC)
    return at + (-since) % LOOK
