"""The obvious rule engine: for each event it looks through all that happened before. Slow."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from app.core.alerts import Policy, Threads
from app.core.events import Event, EventType

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2026, 10, 23, tzinfo=UTC)
ENDS = (EventType.CONFIRMED, EventType.DROPPED)
SUMS = (EventType.ALERT_DIGEST, EventType.ALERT_SUMMARY)


@dataclass(frozen=True)
class Line:
    """What became of an event; `because` None: it was sent."""

    at: datetime
    type: EventType
    because: str | None
    whale: str | None = None


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
    moments = sorted({event.timestamp for event in events} | {end for _, end in asleep} | {until})
    for at in [at for at in moments if at <= until]:
        log += _owed(policy, log, asleep, at)
        for event in [event for event in events if event.timestamp == at]:
            because = _because(policy, log, asleep, event)
            log.append(Line(at, event.type, because, event.prediction_id))
    return log


def _because(
    policy: Policy, log: list[Line], asleep: list[tuple[datetime, datetime]], event: Event
) -> str | None:
    at, least, muted = event.timestamp, policy.rules.min_moved_btc, policy.muted_until
    published = [line for line in log if line.whale == event.prediction_id and line.because is None]
    threaded = policy.threads is Threads.ENDS and published
    if least is not None and event.body["moved_sat"] < least * 10**8 and not threaded:
        return "rule"
    ended = [line.type for line in published if line.type in ENDS]
    if threaded and (event.type not in ENDS or (ended and ended[-1] is event.type)):
        return "one_thread"
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
        if line.type in SUMS or line.because not in (None, "budget"):
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
