"""When quiet hours begin and end by the clock on the wall, on the days it is set forward and back too."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from app.core.alerts.quiet import QuietHours, instant, quiet_end

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(start=time(22), end=time(7))
NOON = QuietHours(start=time(12), end=time(13))
WINTER, FORWARD, BACK = date(2026, 1, 10), date(2026, 3, 29), date(2026, 10, 25)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "at", "last", "moment"),
    [
        (WINTER, time(7), False, "2026-01-10 06:00"),
        (WINTER, time(7), True, "2026-01-10 06:00"),
        (FORWARD, time(2, 30), False, "2026-03-29 01:00"),  # skipped
        (FORWARD, time(2, 30), True, "2026-03-29 01:00"),
        (FORWARD, time(3), False, "2026-03-29 01:00"),
        (BACK, time(2, 30), False, "2026-10-25 00:30"),  # shown twice
        (BACK, time(2, 30), True, "2026-10-25 01:30"),
        (BACK, time(2), False, "2026-10-25 00:00"),
        (BACK, time(2), True, "2026-10-25 00:00"),  # the second one is the moment of the change
        (BACK, time(3), True, "2026-10-25 02:00"),
    ],
)
def test_a_time_of_day_is_one_moment(day: date, at: time, moment: str, *, last: bool) -> None:
    assert instant(BERLIN, day, at, last=last) == utc(moment)


@pytest.mark.parametrize(
    ("quiet", "at", "end"),
    [
        (None, "2026-01-10 23:00", None),
        (QuietHours(start=time(7), end=time(7)), "2026-01-10 06:00", None),
        (NOON, "2026-01-10 10:59:59", None),
        (NOON, "2026-01-10 11:00", "2026-01-10 12:00"),
        (NOON, "2026-01-10 11:59:59", "2026-01-10 12:00"),
        (NOON, "2026-01-10 12:00", None),
        (NIGHT, "2026-01-10 20:59:59", None),
        (NIGHT, "2026-01-10 21:00", "2026-01-11 06:00"),
        (NIGHT, "2026-01-11 05:59:59", "2026-01-11 06:00"),
        (NIGHT, "2026-01-11 06:00", None),
    ],
)
def test_quiet_hours_hold_from_their_start_until_just_before_their_end(
    quiet: QuietHours | None, at: str, end: str | None
) -> None:
    assert quiet_end(quiet, BERLIN, utc(at)) == (None if end is None else utc(end))


def test_quiet_hours_that_end_at_a_time_shown_twice_end_the_second_time() -> None:
    quiet = QuietHours(start=time(22), end=time(2, 30))

    assert quiet_end(quiet, BERLIN, utc("2026-10-25 00:45")) == utc("2026-10-25 01:30")
