"""Moments as everything outside has them."""

from datetime import UTC, datetime, timedelta, timezone

from app.core.contract import iso


def test_a_moment_of_any_zone_is_written_in_utc_to_the_millisecond() -> None:
    east = timezone(timedelta(hours=5, minutes=30))

    assert iso(datetime(2026, 11, 1, 5, 0, 0, 123_999, tzinfo=east)) == "2026-10-31T23:30:00.123Z"
    assert iso(datetime(2026, 11, 1, tzinfo=UTC)) == "2026-11-01T00:00:00.000Z"


def test_what_has_not_happened_has_no_moment() -> None:
    assert iso(None) is None
