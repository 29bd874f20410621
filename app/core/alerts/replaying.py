"""What an endpoint would have been sent: the same decisions over a history, for a preview."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from app.core.alerts.held import summary_of
from app.core.alerts.memory import HoldReason, Memory, Owed, Released, Thread, paid
from app.core.alerts.policy import Policy, decide, next_due, roll
from app.core.events import Event, EventType

_HELD_BY = {EventType.ALERT_DIGEST: HoldReason.QUIET, EventType.ALERT_SUMMARY: HoldReason.BUDGET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message; `edits`: it changes the whale's first one."""

    at: datetime
    event: Event
    edits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """An event that is not sent; `at`: when that was decided, later than the event where it waited."""

    at: datetime
    event: Event
    because: HoldReason


class RuleReplay:
    """Feed it events in order; `sent` is what would have gone out, `held` what would not, and why."""

    def __init__(self, policy: Policy, leaving: Callable[[Event], Event] = lambda event: event) -> None:
        """`leaving` takes private names out of what a digest or summary is made of."""
        self._policy = policy
        self._leaving = leaving
        self._memory = Memory()
        self._threads: dict[str, Thread] = {}
        self._waiting: dict[int, Event] = {}
        self.sent: list[Sent] = []
        self.held: list[HeldBack] = []

    def run(self, events: Iterable[Event], until: datetime) -> None:
        for event in events:
            self._pass_time(event.timestamp)
            self._take(event)
        self._pass_time(until)

    def _pass_time(self, until: datetime) -> None:
        while (due := next_due(self._memory)) is not None and due <= until:
            self._memory, released = roll(self._policy, self._memory, due)
            self._release(released)
            for owed in [one for one in self._memory.owed if one.at <= due]:
                self._memory = paid(self._memory, owed.type, owed.start)
                self._take(self._summed_up(owed))

    def _take(self, event: Event) -> None:
        thread = self._threads.get(event.prediction_id or "")
        ruling = decide(self._policy, self._memory, thread, event)
        self._memory = ruling.memory
        self._release(ruling.released)
        if ruling.because is None:
            self.sent.append(Sent(at=event.timestamp, event=event, edits=ruling.edits))
        elif ruling.because is HoldReason.DEGRADED:
            self._waiting[event.sequence] = event
        else:
            self.held.append(HeldBack(at=event.timestamp, event=event, because=ruling.because))
        if ruling.thread is not None and event.prediction_id is not None:
            self._threads[event.prediction_id] = ruling.thread

    def _release(self, released: Iterable[Released]) -> None:
        for one in released:
            event = self._waiting.pop(one.sequence)
            if one.because is None:
                self.sent.append(Sent(at=one.at, event=event))
            else:
                self.held.append(HeldBack(at=one.at, event=event, because=one.because))

    def _summed_up(self, owed: Owed) -> Event:
        held = [
            self._leaving(one.event)
            for one in self.held
            if one.because is _HELD_BY[owed.type] and owed.start <= one.at < owed.end
        ]
        facts = summary_of(owed.type, held, owed.start, owed.end)
        return Event(type=owed.type, id="", sequence=0, timestamp=owed.at, body=facts)
