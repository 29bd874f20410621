"""Quiet hours, budgets, threads, mute: random rules and histories against the obvious engine, and by hand."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.alerts import Policy, QuietHours, RuleReplay, Rules, Threads, quiet_end
from app.core.events import Event, EventType
from tests.core.alerts import slow
from tests.core.alerts.builders import BEGINNING, BERLIN, a_policy, an_event
from tests.soak import share

UNTIL = BEGINNING + timedelta(days=3)
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe")]
TIMES = st.sampled_from([time(hour, minute) for hour in (1, 2, 3, 22) for minute in (0, 30)])
KINDS = [EventType.DETECTED, EventType.REPLACED, EventType.CONFIRMED, EventType.REORGED, EventType.DROPPED]
STATUS = {EventType.CONFIRMED: "confirmed", EventType.DROPPED: "dropped"}

policies = st.builds(
    Policy,
    rules=st.builds(Rules, min_moved_btc=st.sampled_from([None, Decimal(200)])),
    quiet=st.none() | st.builds(QuietHours, start=TIMES, end=TIMES, digest=st.booleans()),
    budget_per_hour=st.none() | st.integers(1, 4),
    threads=st.sampled_from([Threads.EVERY, Threads.ENDS]),
    muted_until=st.none() | st.just(BEGINNING + timedelta(hours=9)),
    zone=st.sampled_from(ZONES),
)
lines = st.tuples(
    st.integers(0, 48 * 60),
    st.sampled_from(KINDS),
    st.sampled_from(["wh_1", "wh_2", "wh_3"]),
    st.integers(100, 300),
)


def life() -> list[Event]:
    """A whale is replaced, confirmed, undone by a reorganisation, confirmed again."""
    kinds = [*KINDS[:4], EventType.CONFIRMED]
    return [
        an_event(n, kind, sequence=n + 1, status=STATUS.get(kind, "pending")) for n, kind in enumerate(kinds)
    ]


def history(drawn: list[tuple[int, EventType, str, int]]) -> list[Event]:
    return [
        an_event(
            minute,
            type_,
            whale,
            sequence=number,
            moved_sat=btc * 10**8,
            status=STATUS.get(type_, "pending"),
        )
        for number, (minute, type_, whale, btc) in enumerate(sorted(drawn, key=lambda one: one[0]), 1)
    ]


@settings(max_examples=share(1_500))
@given(policies, st.lists(lines, max_size=40))
def test_the_rules_decide_as_the_obvious_engine_does(
    policy: Policy, drawn: list[tuple[int, EventType, str, int]]
) -> None:
    events = history(drawn)
    replay = RuleReplay(policy)
    replay.run(events, UNTIL)

    decided = [(one.event.timestamp, one.event.type, None, one.event.prediction_id) for one in replay.sent]
    decided += [(e.timestamp, e.type, because.value, e.prediction_id) for e, because in replay.held]
    obvious = [(one.at, one.type, one.because, one.whale) for one in slow.run(policy, events, UNTIL)]
    assert sorted(decided, key=repr) == sorted(obvious, key=repr)


@settings(max_examples=40)
@given(st.lists(lines, max_size=40), st.integers(1, 3))
def test_a_summary_counts_every_whale_that_was_held_back_once(
    drawn: list[tuple[int, EventType, str, int]], budget: int
) -> None:
    replay = RuleReplay(a_policy(budget_per_hour=budget))
    replay.run(history(drawn), UNTIL)

    for summary in [one.event for one in replay.sent if one.event.type is EventType.ALERT_SUMMARY]:
        start, end = summary.body["start"], summary.body["end"]
        begin, over = datetime.fromisoformat(start), datetime.fromisoformat(end)
        held = [event for event, _ in replay.held if begin <= event.timestamp < over]
        last = {event.prediction_id: event.body["moved_sat"] for event in held}
        assert (summary.body["count"], summary.body["moved_sat"]) == (len(held), sum(last.values()))


def test_a_storm_of_five_hundred_is_thirty_messages_and_one_summary() -> None:
    storm = [an_event(n / 500, whale=f"wh_{n}", sequence=n + 1, moved_sat=10**10 + n) for n in range(500)]
    replay = RuleReplay(a_policy(budget_per_hour=30))
    replay.run(storm, UNTIL)

    types = [one.event.type for one in replay.sent]
    assert types == [EventType.DETECTED] * 30 + [EventType.ALERT_SUMMARY]
    summary = replay.sent[-1].event.body
    assert (summary["count"], summary["moved_sat"]) == (470, sum(10**10 + n for n in range(30, 500)))


def test_a_thread_that_is_edited_has_one_message_through_a_whales_life() -> None:
    replay = RuleReplay(a_policy(threads=Threads.EDITED, budget_per_hour=1))
    replay.run(life(), UNTIL)

    assert [one.edits for one in replay.sent] == [False, True, True, True, True]


def test_without_an_edit_there_is_one_message_and_one_final() -> None:
    replay = RuleReplay(a_policy(threads=Threads.ENDS))
    replay.run(life(), UNTIL)

    assert [one.event.sequence for one in replay.sent] == [1, 3]


def test_a_source_that_comes_back_in_time_is_not_told() -> None:
    events = [
        an_event(0, EventType.SOURCE_DEGRADED, sequence=1),
        an_event(4, EventType.SOURCE_RECOVERED, sequence=2),
    ]
    replay = RuleReplay(a_policy(degraded_after=timedelta(minutes=5)))
    replay.run(events, UNTIL)

    assert replay.sent == []


def test_a_source_that_stays_away_is_told_in_time_and_so_is_its_return() -> None:
    events = [
        an_event(0, EventType.SOURCE_DEGRADED, sequence=1),
        an_event(9, EventType.SOURCE_RECOVERED, sequence=2),
    ]
    replay = RuleReplay(a_policy(degraded_after=timedelta(minutes=5)))
    replay.run(events, UNTIL)

    assert [(one.event.sequence, one.at - BEGINNING) for one in replay.sent] == [
        (1, timedelta(minutes=5)),
        (2, timedelta(minutes=9)),
    ]


def test_a_followed_whale_passes_every_rule() -> None:
    follows = a_policy(rules=Rules(min_moved_btc=Decimal(1_000)), follows=frozenset(["wh_2"]))
    replay = RuleReplay(follows)
    replay.run([an_event(0, whale="wh_1"), an_event(1, whale="wh_2", sequence=2)], UNTIL)

    assert [one.event.prediction_id for one in replay.sent] == ["wh_2"]


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-10-24T19:59:59", None),  # 21:59:59
        ("2026-10-24T20:00:00", "2026-10-25T06:00:00"),  # the night that is an hour longer
        ("2026-10-25T05:59:59", "2026-10-25T06:00:00"),
        ("2026-10-25T06:00:00", None),
        ("2027-03-27T21:00:00", "2027-03-28T05:00:00"),  # the night that is an hour shorter
        ("2027-03-28T05:00:00", None),
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall_through_both_changes(at: str, end: str | None) -> None:
    quiet = QuietHours(start=time(22), end=time(7))

    ends = quiet_end(quiet, BERLIN, datetime.fromisoformat(at + "+00:00"))
    assert ends == (datetime.fromisoformat(end + "+00:00") if end else None)
