"""What holds for one endpoint: its rules, quiet hours, budget, mute, threads; and how they decide.

An event passes, in this order: what the endpoint follows, its rules, a source's time to come back, mute, the
thread of its whale, quiet hours, the budget. The first that holds it back is named.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from app.core.alerts.memory import Held, HoldReason, Memory, Owed, Released, Thread
from app.core.alerts.quiet import QuietHours, quiet_end
from app.core.alerts.rules import Rules, refused_by
from app.core.events import TO_ONE_ENDPOINT, Event, EventType
from app.core.prediction import Status

BUDGET_PERIOD: Final = timedelta(hours=1)
_ON_ITS_WAY: Final = timedelta(minutes=1)
_MADE_OF_HELD: Final = frozenset((EventType.ALERT_DIGEST, EventType.ALERT_SUMMARY))
_ALWAYS: Final = _MADE_OF_HELD | {EventType.TEST, EventType.REPORT_PERIODIC}
"""Neither quiet hours nor the budget hold these back: they come when the operator wants them."""
_FINAL: Final = frozenset((Status.CONFIRMED, Status.DROPPED, Status.REPLACED))


class Threads(StrEnum):
    """What an endpoint gets of one whale's life."""

    EVERY = "every"
    EDITED = "edited"
    """One message, edited."""
    ENDS = "ends"
    """One message, and one when it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    rules: Rules = field(default_factory=Rules)
    quiet: QuietHours | None = None
    budget_per_hour: int | None = None
    threads: Threads = Threads.EVERY
    muted_until: datetime | None = None
    degraded_after: timedelta = timedelta()
    follows: frozenset[str] = frozenset()
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """`because` None: it is sent. DEGRADED waits. `released`: held ones whose time has come, or passed."""

    memory: Memory
    because: HoldReason | None = None
    thread: Thread | None = None
    released: tuple[Released, ...] = ()
    edits: bool = False
    """It changes a message that is there: nobody's phone rings."""


def decide(policy: Policy, memory: Memory, thread: Thread | None, event: Event) -> Ruling:
    """Return what becomes of an event at its time; `thread`: that of its whale, None if none was told."""
    memory, released = roll(policy, memory, event.timestamp)
    asked = _asked_for(policy, thread, event)
    if event.type is EventType.SOURCE_RECOVERED:
        ruling = _recovered(policy, memory, event, asked=asked)
    elif not asked:
        ruling = Ruling(memory=memory, because=HoldReason.RULE, thread=thread)
    elif event.type is EventType.SOURCE_DEGRADED and policy.degraded_after:
        held = Held(sequence=event.sequence, ripe_at=event.timestamp + policy.degraded_after)
        waiting = (*memory.degraded, held)
        ruling = Ruling(memory=replace(memory, degraded=waiting), because=HoldReason.DEGRADED)
    else:
        ruling = _rest(policy, memory, thread, event)
    return replace(ruling, released=(*released, *ruling.released))


def roll(policy: Policy, memory: Memory, at: datetime) -> tuple[Memory, tuple[Released, ...]]:
    """Let the time pass: hours and quiet hours that ended owe their summary, held events ripen, in order.

    `policy` is the one in force at `at`, which may not be the one that held something back.
    """
    released = list[Released]()
    while (due := _next_end(memory)) is not None and due <= at:
        if memory.quiet_until == due:
            longer = quiet_end(policy.quiet, policy.zone, due)
            memory = replace(memory, quiet_until=longer) if longer else _quiet_over(memory, due)
        elif memory.hour_from is not None and memory.hour_from + BUDGET_PERIOD == due:
            memory = _hour_over(policy, memory, due)  # what ripens now counts in the next hour
        else:
            ripe = min(memory.degraded, key=lambda one: one.ripe_at)
            memory = replace(memory, degraded=tuple(one for one in memory.degraded if one is not ripe))
            because, memory = _gate(policy, memory, due)
            published = because is None or _summed_up(policy, because)
            memory = replace(memory, degraded_published=memory.degraded_published or published)
            released.append(Released(sequence=ripe.sequence, because=because, at=due))
    return _as_in_force(policy, memory, at), tuple(released)


def _as_in_force(policy: Policy, memory: Memory, at: datetime) -> Memory:
    """What is still to come is due when the policy in force says so: it may have been changed meanwhile.

    What was held back by quiet hours or a budget that are no more is told now.
    """
    if memory.quiet_until is not None:
        end = quiet_end(policy.quiet, policy.zone, at)
        if end is None:
            memory = _quiet_over(memory, at)
        elif policy.quiet is not None and policy.quiet.digest:
            memory = replace(memory, quiet_until=end)
        else:
            memory = replace(memory, quiet_from=None, quiet_until=None)
    if memory.hour_from is not None and policy.budget_per_hour is None:
        memory = _hour_over(policy, memory, at)
    if not memory.owed:
        return memory
    return replace(memory, owed=tuple(replace(one, at=_due(policy, one, at)) for one in memory.owed))


def _due(policy: Policy, owed: Owed, at: datetime) -> datetime:
    """One that has just come due is on its way; one that nobody could send then waits like others."""
    if at - _ON_ITS_WAY < owed.at <= at:
        return owed.at
    return quiet_end(policy.quiet, policy.zone, at) or min(owed.at, at)


def next_due(memory: Memory) -> datetime | None:
    """Return when `roll` has something to do, or something is owed; None: never by time alone."""
    moments = [owed.at for owed in memory.owed]
    if (end := _next_end(memory)) is not None:
        moments.append(end)
    return min(moments, default=None)


def silent(policy: Policy, type_: EventType, at: datetime) -> bool:
    """Return whether a message that is sent at `at` for an earlier decision must make no sound."""
    if type_ is EventType.TEST:
        return False
    quiet = type_ is not EventType.REPORT_PERIODIC and quiet_end(policy.quiet, policy.zone, at) is not None
    return quiet or _muted(policy, at)


def _asked_for(policy: Policy, thread: Thread | None, event: Event) -> bool:
    if event.type in TO_ONE_ENDPOINT:
        return True  # made for this endpoint
    if event.prediction_id is not None and event.prediction_id in policy.follows:
        # The whole life; but a message a block for each revised forecast is asked for by its type only.
        loud = policy.threads is Threads.EVERY and EventType.UPDATED not in policy.rules.types
        return event.type is not EventType.UPDATED or not loud
    reason = refused_by(policy.rules, event.type, event.body)
    if reason is None:
        return True
    # A life that was begun is told to its end, though amount or flow are judged otherwise meanwhile.
    return thread is not None and policy.threads is not Threads.EVERY and reason != "types"


def _recovered(policy: Policy, memory: Memory, event: Event, *, asked: bool) -> Ruling:
    """What waited for the source is not told, whether or not its return is asked for."""
    came_back = tuple(
        Released(sequence=one.sequence, because=HoldReason.CAME_BACK, at=event.timestamp)
        for one in memory.degraded
    )
    published = memory.degraded_published or not policy.degraded_after
    memory = replace(memory, degraded=(), degraded_published=False)
    because: HoldReason | None = HoldReason.RULE
    if asked and not published:
        because = HoldReason.CAME_BACK
    elif asked:
        because, memory = _gate(policy, memory, event.timestamp)
    return Ruling(memory=memory, because=because, released=came_back)


def _summed_up(policy: Policy, because: HoldReason) -> bool:
    """Whether a digest or summary will name what is held back so."""
    digests = policy.quiet is not None and policy.quiet.digest
    return because is HoldReason.BUDGET or (because is HoldReason.QUIET and digests)


def _rest(policy: Policy, memory: Memory, thread: Thread | None, event: Event) -> Ruling:
    at = event.timestamp
    if event.type in _ALWAYS:
        muted = event.type is not EventType.TEST and _muted(policy, at)
        return Ruling(memory=memory, because=HoldReason.MUTED if muted else None, thread=thread)
    if event.prediction_id is None or policy.threads is Threads.EVERY:
        because, memory = _gate(policy, memory, at)
        return Ruling(memory=memory, because=because, thread=thread)
    status = _status(event)
    final = status if status in _FINAL else None
    if thread is not None and policy.threads is Threads.EDITED:
        # Mute and quiet hours keep the phone silent; an edit makes no sound, and without it the chat lies.
        return Ruling(memory=memory, thread=Thread(final=final), edits=True)
    if thread is not None and (final is None or final == thread.final):
        return Ruling(memory=memory, because=HoldReason.THREAD, thread=thread)
    because, memory = _gate(policy, memory, at)
    return Ruling(memory=memory, because=because, thread=Thread(final=final) if because is None else thread)


def _gate(policy: Policy, memory: Memory, at: datetime) -> tuple[HoldReason | None, Memory]:
    """Mute, quiet hours, budget."""
    if _muted(policy, at):
        return HoldReason.MUTED, memory
    until = quiet_end(policy.quiet, policy.zone, at)
    if until is not None:
        if policy.quiet is not None and policy.quiet.digest:
            memory = replace(memory, quiet_from=memory.quiet_from or at, quiet_until=until)
        return HoldReason.QUIET, memory
    if policy.budget_per_hour is None:
        return None, memory
    if memory.hour_from is not None and memory.sent >= policy.budget_per_hour:
        return HoldReason.BUDGET, replace(memory, over=True)
    return None, replace(memory, hour_from=memory.hour_from or at, sent=memory.sent + 1)


def _muted(policy: Policy, at: datetime) -> bool:
    return policy.muted_until is not None and at < policy.muted_until


def _next_end(memory: Memory) -> datetime | None:
    moments = [one.ripe_at for one in memory.degraded]
    if memory.quiet_until is not None:
        moments.append(memory.quiet_until)
    if memory.hour_from is not None:
        moments.append(memory.hour_from + BUDGET_PERIOD)
    return min(moments, default=None)


def _quiet_over(memory: Memory, at: datetime) -> Memory:
    start = memory.quiet_from or at
    memory = replace(memory, quiet_from=None, quiet_until=None)
    return _owe(memory, Owed(type=EventType.ALERT_DIGEST, start=start, end=at, at=at))


def _hour_over(policy: Policy, memory: Memory, at: datetime) -> Memory:
    start, over = memory.hour_from or at, memory.over
    memory = replace(memory, hour_from=None, sent=0, over=False)
    if not over:
        return memory
    send_at = quiet_end(policy.quiet, policy.zone, at) or at
    return _owe(memory, Owed(type=EventType.ALERT_SUMMARY, start=start, end=at, at=send_at))


def _owe(memory: Memory, owed: Owed) -> Memory:
    return replace(memory, owed=(*memory.owed, owed))


def _status(event: Event) -> Status | None:
    try:
        return Status(str(event.body.get("status")))
    except ValueError:
        return None
