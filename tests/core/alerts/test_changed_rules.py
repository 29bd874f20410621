"""Rules that are changed while something is held back: what is owed is due when those in force say so."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.core.alerts import Memory, Policy, QuietHours, decide, next_due, roll
from app.core.events import EventType
from tests.core.alerts.builders import BEGINNING, a_policy, an_event

DIGEST, SUMMARY = EventType.ALERT_DIGEST, EventType.ALERT_SUMMARY
NIGHT = QuietHours(start=time(14), end=time(15))
"""In Berlin: from the beginning on, for an hour."""


def held_back(policy: Policy, alerts: int = 1) -> Memory:
    memory = Memory()
    for number in range(alerts):
        memory = decide(policy, memory, None, an_event(number)).memory
    return memory


def owed(policy: Policy, memory: Memory, *minutes: int) -> list[tuple[EventType, int, int]]:
    """What is owed after the time passed so: its type, the minute it ends at, the minute it is due at."""
    for minute in minutes:
        memory, _ = roll(policy, memory, BEGINNING + timedelta(minutes=minute))
    return [(one.type, minute_of(one.end), minute_of(one.at)) for one in memory.owed]


def minute_of(at: datetime) -> int:
    return round((at - BEGINNING) / timedelta(minutes=1))


@pytest.mark.parametrize("looks", [(30, 60, 179), (179,)])
def test_quiet_hours_made_longer_in_the_night_hold_the_digest_until_their_new_end(
    looks: tuple[int, ...],
) -> None:
    longer = a_policy(quiet=QuietHours(start=time(14), end=time(17)))
    memory = held_back(a_policy(quiet=NIGHT))

    assert owed(longer, memory, *looks) == []
    assert owed(longer, memory, *looks, 180) == [(DIGEST, 180, 180)]


@pytest.mark.parametrize("changed", [None, QuietHours(start=time(13), end=time(14, 20))])
def test_what_was_held_by_quiet_hours_that_are_over_now_is_told_at_once(changed: QuietHours | None) -> None:
    assert owed(a_policy(quiet=changed), held_back(a_policy(quiet=NIGHT)), 30) == [(DIGEST, 30, 30)]


def test_quiet_hours_made_shorter_ring_at_their_new_end() -> None:
    shorter = a_policy(quiet=QuietHours(start=time(14), end=time(14, 40)))
    memory, _ = roll(shorter, held_back(a_policy(quiet=NIGHT)), BEGINNING + timedelta(minutes=30))

    assert next_due(memory) == BEGINNING + timedelta(minutes=40)


def test_a_digest_that_is_not_wanted_any_more_does_not_come() -> None:
    unwanted = a_policy(quiet=QuietHours(start=time(14), end=time(15), digest=False))

    assert owed(unwanted, held_back(a_policy(quiet=NIGHT)), 30, 60) == []


def test_a_change_of_the_time_zone_moves_the_end_of_the_night() -> None:
    """Under summer time an hour behind Berlin's, of which a quarter is over."""
    memory = held_back(a_policy(quiet=QuietHours(start=time(13), end=time(15))))
    london = a_policy(quiet=QuietHours(start=time(13), end=time(15)), zone=ZoneInfo("Europe/London"))

    assert owed(london, memory, 30, 119) == []
    assert owed(london, memory, 30, 120) == [(DIGEST, 120, 120)]


@pytest.mark.parametrize(("budget", "found"), [(None, [(SUMMARY, 30, 30)]), (100, []), (1, [])])
def test_what_was_over_a_budget_is_told_at_once_where_there_is_none_any_more(
    budget: int | None, found: list[Any]
) -> None:
    memory = held_back(a_policy(budget_per_hour=1), alerts=3)

    assert owed(a_policy(budget_per_hour=budget), memory, 30) == found


def test_a_summary_that_waits_for_the_morning_comes_at_once_where_the_night_was_taken_away() -> None:
    night = QuietHours(start=time(14, 30), end=time(20))
    memory, _ = roll(
        a_policy(budget_per_hour=1, quiet=night),
        held_back(a_policy(budget_per_hour=1, quiet=night), alerts=2),
        BEGINNING + timedelta(minutes=61),
    )

    assert owed(a_policy(budget_per_hour=1, quiet=night), memory, 90) == [(SUMMARY, 60, 360)]
    assert owed(a_policy(budget_per_hour=1), memory, 90) == [(SUMMARY, 60, 90)]


def test_what_could_not_be_told_in_the_morning_does_not_ring_in_the_next_night() -> None:
    """As where the endpoint was disabled for a day, of 25 hours."""
    memory = held_back(a_policy(quiet=NIGHT))

    assert owed(a_policy(quiet=NIGHT), memory, 25 * 60 + 10) == [(DIGEST, 60, 26 * 60)]
    assert owed(a_policy(quiet=NIGHT), memory, 5 * 60) == [(DIGEST, 60, 60)]
