"""The obvious rule engine: for each event it looks through all that happened before. Slow."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from app.core.alerts import Policy, Threads
from app.core.events import Event, EventType

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2026, 10, 23, tzinfo=UTC)
LOST, RETURNED = EventType.SOURCE_DEGRADED, EventType.SOURCE_RECOVERED
ENDS = (EventType.CONFIRMED, EventType.DROPPED)
SUMS = (EventType.ALERT_DIGEST, EventType.ALERT_SUMMARY)


@dataclass(frozen=True)
class Line:
    """What became of an event; `because` None: it was sent."""

    at: datetime
    type: EventType
    because: str | None
    whale: str | None = None
    edits: bool = False


@cache
def on_the_wall(zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    minutes = [FIRST + n * MINUTE for n in range(7 * 24 * 60)]
    return [(at, at.astimezone(zone).replace(tzinfo=None)) for at in minutes]


@cache
def nights(zone: ZoneInfo, start: time, end: time) -> list[tuple[datetime, datetime]]:
    """Quiet hours: from when the clock first reaches `start` until it is never before `end` again."""
    shows = on_the_wall(zone)
    found = []
    for day in sorted({wall.date() for _, wall in shows})[:-2]:
        begins, ends = (
            datetime.combine(day, start),
            datetime.combine(day + (DAY if end < start else 0 * DAY), end),
        )
        found.append(
            (
                next(at for at, wall in shows if wall >= begins),
                max((at for at, wall in shows if wall < ends), default=FIRST) + MINUTE,
            )
        )
    return found


def run(policy: Policy, events: list[Event], until: datetime) -> list[Line]:
    quiet = policy.quiet
    asleep = nights(policy.zone, quiet.start, quiet.end) if quiet and quiet.start != quiet.end else []
    log = list[Line]()
    ripe, back = _losses(policy, events)
    moments = {event.timestamp for event in events} | {end for _, end in asleep} | {*ripe} | {until}
    for at in sorted(at for at in moments if at <= until):
        log += _owed(policy, log, asleep, at)
        for _ in range(ripe.count(at)):
            log.append(Line(at, LOST, _loud(policy, log, asleep, at)))
        for event in [event for event in events if event.timestamp == at]:
            if event.type is LOST and event.sequence in back:
                continue
            log += [Line(at, LOST, "came_back")] * list(back.values()).count(event.sequence)
            log += _of(policy, log, asleep, event)
    return log


def _losses(policy: Policy, events: list[Event]) -> tuple[list[datetime], dict[int, int | None]]:
    """When each lost source that is waited for ripens; which of them waited, and who ended that in time."""
    ripe, back = list[datetime](), dict[int, int | None]()
    if not policy.degraded_after or (policy.rules.types and LOST not in policy.rules.types):
        return ripe, back
    for lost in [event for event in events if event.type is LOST]:
        end = lost.timestamp + policy.degraded_after
        ended = [
            one.sequence
            for one in events
            if one.type is RETURNED and one.sequence > lost.sequence and one.timestamp < end
        ]
        back[lost.sequence] = min(ended, default=None)
        if not ended:
            ripe.append(end)
    return ripe, back


def _of(policy: Policy, log: list[Line], asleep: list[tuple[datetime, datetime]], event: Event) -> list[Line]:
    at, whale = event.timestamp, event.prediction_id
    published = [line for line in log if whale and line.whale == whale and line.because is None]
    threaded = policy.threads is not Threads.EVERY and published
    if _refused(policy, event, threaded=bool(threaded)):
        return [Line(at, event.type, "rule", whale)]
    if threaded and policy.threads is Threads.EDITED:
        return [Line(at, event.type, None, whale, edits=True)]
    ended = [line.type for line in published if line.type in ENDS]
    if threaded and (event.type not in ENDS or (ended and ended[-1] is event.type)):
        return [Line(at, event.type, "one_thread", whale)]
    if event.type is RETURNED and policy.degraded_after and not _knows_of_loss(policy, log):
        return [Line(at, event.type, "came_back")]
    return [Line(at, event.type, _loud(policy, log, asleep, at), whale)]


def _refused(policy: Policy, event: Event, *, threaded: bool) -> bool:
    rules, revised = policy.rules, event.type is EventType.UPDATED
    if event.prediction_id in policy.follows:
        return revised and policy.threads is Threads.EVERY and event.type not in rules.types
    if event.type not in rules.types if rules.types else revised:
        return True
    least = rules.min_moved_btc
    small = least is not None and event.prediction_id and event.body["moved_sat"] < least * 10**8
    return bool(small) and not threaded


def _knows_of_loss(policy: Policy, log: list[Line]) -> bool:
    """Whether a loss since the last return was sent, or will stand in a digest or summary."""
    returns = [number for number, line in enumerate(log) if line.type is RETURNED]
    since = [line.because for line in log[max(returns, default=-1) + 1 :] if line.type is LOST]
    digests = policy.quiet is not None and policy.quiet.digest
    return any(because in (None, "budget") or (because == "quiet" and digests) for because in since)


def _loud(
    policy: Policy, log: list[Line], asleep: list[tuple[datetime, datetime]], at: datetime
) -> str | None:
    muted = policy.muted_until
    if muted is not None and at < muted:
        return "muted"
    if any(start <= at < end for start, end in asleep):
        return "quiet"
    hour = [line for start, lines in _hours(log) if start <= at < start + HOUR for line in lines]
    sent = sum(line.because is None for line in hour)
    return "budget" if policy.budget_per_hour is not None and sent >= policy.budget_per_hour else None


def _hours(log: list[Line]) -> list[tuple[datetime, list[Line]]]:
    """Each hour of the budget, begun by a message, with what was counted in it."""
    found = list[tuple[datetime, list[Line]]]()
    for line in log:
        if line.type in SUMS or line.edits or line.because not in (None, "budget"):
            continue
        if not found or line.at >= found[-1][0] + HOUR:
            found.append((line.at, []))
        found[-1][1].append(line)
    return found


def _owed(
    policy: Policy, log: list[Line], asleep: list[tuple[datetime, datetime]], now: datetime
) -> list[Line]:
    """Digests and summaries due by `now` that the log does not have yet."""
    due = set[tuple[datetime, EventType]]()
    if policy.quiet is not None and policy.quiet.digest:
        for start, end in asleep:
            if any(line.because == "quiet" and start <= line.at < end for line in log):
                due.add((end, EventType.ALERT_DIGEST))
    for start, lines in _hours(log):
        if any(line.because == "budget" for line in lines):
            over = start + HOUR
            due.add(
                (next((end for begin, end in asleep if begin <= over < end), over), EventType.ALERT_SUMMARY)
            )
    have = {(line.at, line.type) for line in log}
    muted = policy.muted_until
    return [
        Line(at, type_, "muted" if muted is not None and at < muted else None)
        for at, type_ in sorted(due - have)
        if at <= now
    ]
