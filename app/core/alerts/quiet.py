"""Quiet hours as intervals of real time, through changes of daylight saving."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Local wall-clock times; `end` before `start` means over midnight, equal ones mean never."""

    start: time
    end: time
    digest: bool = True


def quiet_end(quiet: QuietHours | None, zone: ZoneInfo, at: datetime) -> datetime | None:
    """Return when the quiet hours that hold at `at` end (UTC); None if none hold.

    They begin when the clock first shows `start` and end when it is never before `end` again: while it shows
    a quiet time, nothing is sent. A time that the clock skips in spring counts as the moment of the change.
    """
    if quiet is None or quiet.start == quiet.end:
        return None
    today = at.astimezone(zone).date()
    for day in (today - _DAY, today, today + _DAY):
        last_day = day if quiet.start < quiet.end else day + _DAY
        end = instant(zone, last_day, quiet.end, last=True)
        if instant(zone, day, quiet.start) <= at < end:
            return end
    return None


def instant(zone: ZoneInfo, day: date, at: time, *, last: bool = False) -> datetime:
    """Return when the clock in `zone` first shows `at` on `day` (UTC); `last`: when it is never before again.

    Where the clock skips it: the moment of the change.
    """
    first, second = (
        datetime.combine(day, at, tzinfo=zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)
    )
    if first <= second:
        goes_back_before = (second - _MICROSECOND).astimezone(zone).time() < at
        return second if last and goes_back_before else first
    # The clock skips it: `second` lies before the change, `first` after it.
    before, after = second, first
    skipped = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == skipped:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
