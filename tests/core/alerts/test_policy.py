"""Quiet hours, budgets, threads, mute: random rules and histories against the obvious engine, and by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.alerts import (
    HoldReason,
    Memory,
    Policy,
    QuietHours,
    RuleReplay,
    Rules,
    Ruling,
    Thread,
    Threads,
    decide,
    quiet_end,
    roll,
    silent,
)
from app.core.alerts.memory import Held, Owed, Released, paid
from app.core.events import Event, EventType
from app.core.prediction import Status
from tests.core.alerts import slow
from tests.core.alerts.builders import BEGINNING, BERLIN, a_policy, an_event
from tests.soak import share

UNTIL = BEGINNING + timedelta(days=3)
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe")]
TIMES = st.sampled_from([time(hour, minute) for hour in (1, 2, 3, 22) for minute in (0, 30)])
SOURCES = [EventType.SOURCE_DEGRADED, EventType.SOURCE_RECOVERED]
KINDS = [EventType.DETECTED, EventType.REPLACED, EventType.CONFIRMED, EventType.REORGED, EventType.DROPPED]
BLIND, LIVE = {"rung": "blind", "reason": "away"}, {"rung": "live"}
STATUS = {EventType.CONFIRMED: "confirmed", EventType.DROPPED: "dropped"}

policies = st.builds(
    Policy,
    rules=st.builds(
        Rules,
        types=st.sampled_from(
            [
                frozenset(),
                frozenset([EventType.CONFIRMED, EventType.DETECTED, EventType.SOURCE_DEGRADED]),
                frozenset([EventType.DETECTED, EventType.UPDATED, EventType.SOURCE_RECOVERED]),
            ]
        ),
        min_moved_btc=st.sampled_from([None, Decimal(200)]),
    ),
    quiet=st.none() | st.builds(QuietHours, start=TIMES, end=TIMES, digest=st.booleans()),
    budget_per_hour=st.none() | st.integers(1, 4),
    threads=st.sampled_from(Threads),
    follows=st.sampled_from([frozenset(), frozenset(["wh_2"])]),
    degraded_after=st.sampled_from([timedelta(), timedelta(minutes=30), timedelta(hours=3)]),
    muted_until=st.none() | st.just(BEGINNING + timedelta(hours=9)),
    zone=st.sampled_from(ZONES),
)
lines = st.tuples(
    st.integers(0, 48 * 60),
    st.sampled_from([*KINDS, EventType.UPDATED, *SOURCES]),
    st.sampled_from(["wh_1", "wh_2", "wh_3"]),
    st.integers(100, 300),
)


def life() -> list[Event]:
    """A whale is replaced, confirmed, undone by a reorganisation, confirmed again."""
    kinds = [*KINDS[:4], EventType.CONFIRMED]
    return [
        an_event(n, kind, sequence=n + 1, status=STATUS.get(kind, "pending")) for n, kind in enumerate(kinds)
    ]


def history(drawn: Sequence[tuple[float, EventType, str, int]]) -> list[Event]:
    return [
        an_event(
            minute,
            type_,
            whale,
            sequence=number,
            **(
                BLIND
                if type_ in SOURCES
                else {"moved_sat": btc * 10**8, "status": STATUS.get(type_, "pending")}
            ),
        )
        for number, (minute, type_, whale, btc) in enumerate(sorted(drawn, key=lambda one: one[0]), 1)
    ]


@settings(max_examples=share(1_500))
@given(policies, st.lists(lines, max_size=40))
def test_the_rules_decide_as_the_obvious_engine_does(
    policy: Policy, drawn: list[tuple[int, EventType, str, int]]
) -> None:
    events = history(drawn)
    assert decided(policy, events) == obvious(policy, events)


@settings(max_examples=share(30), deadline=None)
@given(policies, st.integers(1, 30), st.integers(0, 2**32), st.integers(0, 48 * 60))
def test_a_storm_of_five_hundred_is_decided_as_the_obvious_engine_does(
    policy: Policy, budget: int, seed: int, minute: int
) -> None:
    """Whales that come, are replaced and confirmed within minutes, while the sources come and go."""
    chance = Random(seed)
    drawn = [
        (
            minute + chance.random() * 3,
            chance.choice([*KINDS, *SOURCES]) if chance.random() < 0.3 else EventType.DETECTED,
            f"wh_{chance.randrange(400)}",
            chance.randrange(100, 300),
        )
        for _ in range(500)
    ]
    policy = replace(policy, budget_per_hour=budget)
    assert decided(policy, history(drawn)) == obvious(policy, history(drawn))


def decided(policy: Policy, events: list[Event]) -> list[slow.Line]:
    replay = RuleReplay(policy)
    replay.run(events, UNTIL)
    found = [
        slow.Line(one.at, one.event.type, None, one.event.prediction_id, edits=one.edits)
        for one in replay.sent
    ]
    found += [
        slow.Line(one.at, one.event.type, one.because.value, one.event.prediction_id) for one in replay.held
    ]
    return sorted(found, key=repr)


def obvious(policy: Policy, events: list[Event]) -> list[slow.Line]:
    return sorted(slow.run(policy, events, UNTIL), key=repr)


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
        held = [one.event for one in replay.held if one.because == "budget" and begin <= one.at < over]
        last = {event.prediction_id: event.body["moved_sat"] for event in held if event.prediction_id}
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


def lost_at(minute: float, sequence: int = 1) -> Event:
    return an_event(minute, EventType.SOURCE_DEGRADED, sequence=sequence, **BLIND)


def back_at(minute: float, sequence: int = 2) -> Event:
    return an_event(minute, EventType.SOURCE_RECOVERED, sequence=sequence, **LIVE)


def titles(replay: RuleReplay) -> list[list[str]]:
    """The lines of each digest or summary that was sent."""
    return [str(one.event.body["words"]).splitlines() for one in replay.sent if "words" in one.event.body]


def test_a_lost_source_whose_time_comes_in_quiet_hours_stands_in_the_digest() -> None:
    quiet = QuietHours(start=time(14, 2), end=time(14, 30))  # in Berlin: two minutes after the loss
    replay = RuleReplay(a_policy(quiet=quiet, degraded_after=timedelta(minutes=5)))
    replay.run([lost_at(0)], UNTIL)

    assert titles(replay) == [
        [
            "1 alert held back in quiet hours",
            "1 about Spout itself or the fee market",
            "Source degraded: nothing of the mempool is seen",
        ]
    ]


def test_a_lost_source_whose_time_comes_over_the_budget_stands_in_the_summary() -> None:
    replay = RuleReplay(a_policy(budget_per_hour=1, degraded_after=timedelta(hours=1)))
    replay.run([lost_at(0), an_event(55, sequence=2)], UNTIL)

    assert titles(replay)[0][::2] == [
        "1 alert held back over the hourly budget",
        "Source degraded: nothing of the mempool is seen",
    ]


def test_a_lost_source_whose_time_comes_with_the_end_of_a_budgets_hour_counts_in_the_next() -> None:
    replay = RuleReplay(a_policy(budget_per_hour=1, degraded_after=timedelta(hours=1)))
    replay.run([lost_at(0), an_event(0, sequence=2)], UNTIL)

    assert [one.event.sequence for one in replay.sent] == [2, 1]


def test_the_return_of_a_source_whose_loss_stood_in_a_digest_is_told() -> None:
    quiet = QuietHours(start=time(14, 2), end=time(14, 30))
    replay = RuleReplay(a_policy(quiet=quiet, degraded_after=timedelta(minutes=5)))
    replay.run([lost_at(0), back_at(60)], UNTIL)

    assert [one.event.type for one in replay.sent] == [EventType.ALERT_DIGEST, EventType.SOURCE_RECOVERED]


def test_a_source_that_comes_back_in_time_is_not_told_where_its_return_is_not_asked_for() -> None:
    rules = Rules(types=frozenset([EventType.SOURCE_DEGRADED]))
    replay = RuleReplay(a_policy(rules=rules, degraded_after=timedelta(minutes=5)))
    replay.run([lost_at(0), back_at(4)], UNTIL)

    assert replay.sent == []


def test_a_shorter_wait_for_a_source_overtakes_a_longer_one() -> None:
    ruling = decide(a_policy(degraded_after=timedelta(hours=1)), Memory(), None, lost_at(0))
    shorter = a_policy(degraded_after=timedelta(minutes=5))
    ruling = decide(shorter, ruling.memory, None, lost_at(1, sequence=2))

    _, released = roll(shorter, ruling.memory, BEGINNING + timedelta(hours=2))
    assert [(one.sequence, one.at - BEGINNING) for one in released] == [
        (2, timedelta(minutes=6)),
        (1, timedelta(hours=1)),
    ]


def test_a_wait_that_was_ended_by_the_operator_does_not_outlive_the_sources_return() -> None:
    ruling = decide(a_policy(degraded_after=timedelta(hours=1)), Memory(), None, lost_at(0))
    ruling = decide(a_policy(), ruling.memory, None, back_at(1))

    assert ([one.because for one in ruling.released], ruling.memory.degraded) == (["came_back"], ())


def test_one_message_is_edited_through_mute_quiet_hours_and_budget() -> None:
    silent = a_policy(
        threads=Threads.EDITED,
        muted_until=BEGINNING + timedelta(hours=9),
        quiet=QuietHours(start=time(0), end=time(23, 59)),
        budget_per_hour=1,
    )
    rulings = [decide(silent, Memory(), Thread(), event) for event in life()[1:]]

    assert [(one.because, one.edits) for one in rulings] == [(None, True)] * 4


def test_a_whale_that_is_new_during_mute_rings_nowhere() -> None:
    muted = a_policy(threads=Threads.EDITED, muted_until=BEGINNING + timedelta(hours=9))
    replay = RuleReplay(muted)
    replay.run(life(), UNTIL)

    assert (replay.sent, {one.because for one in replay.held}) == ([], {"muted"})


NIGHT = QuietHours(start=time(22), end=time(7))


@pytest.mark.parametrize(
    ("policy", "type_", "is_silent"),
    [
        (a_policy(), EventType.DETECTED, False),
        (a_policy(quiet=NIGHT), EventType.DETECTED, True),
        (a_policy(quiet=NIGHT), EventType.REPORT_PERIODIC, False),
        (a_policy(quiet=NIGHT), EventType.TEST, False),
        (a_policy(muted_until=UNTIL), EventType.DETECTED, True),
        (a_policy(muted_until=UNTIL), EventType.REPORT_PERIODIC, True),
        (a_policy(muted_until=UNTIL), EventType.TEST, False),
        (a_policy(muted_until=BEGINNING), EventType.DETECTED, False),
    ],
)
def test_what_is_sent_late_into_the_night_makes_no_sound(
    policy: Policy, type_: EventType, *, is_silent: bool
) -> None:
    """It was decided by day; a report is asked for at its hour, a test is to be heard."""
    midnight = BEGINNING + timedelta(hours=10)

    assert silent(policy, type_, midnight) is is_silent


def test_a_whale_whose_status_an_older_spout_wrote_otherwise_is_told_like_one_that_waits() -> None:
    policy = a_policy(threads=Threads.ENDS)
    first = decide(policy, Memory(), None, an_event(0, status="mined"))
    second = decide(policy, first.memory, first.thread, an_event(1, EventType.CONFIRMED, status="mined"))
    last = decide(policy, second.memory, second.thread, an_event(2, EventType.CONFIRMED, status="confirmed"))

    assert [first.because, second.because, last.because] == [None, HoldReason.THREAD, None]


# --- each ruling, whole

BEGUN = Thread()
ENDED = Thread(final=Status.CONFIRMED)
CONFIRMED = an_event(5, EventType.CONFIRMED, status="confirmed")
FIVE_MINUTES = BEGINNING + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("policy", "thread", "event", "ruling"),
    [
        (a_policy(), None, an_event(), Ruling(memory=Memory())),
        (a_policy(), BEGUN, an_event(), Ruling(memory=Memory(), thread=BEGUN)),
        (
            a_policy(rules=Rules(min_moved_btc=Decimal(200))),
            BEGUN,
            an_event(),
            Ruling(memory=Memory(), because=HoldReason.RULE, thread=BEGUN),
        ),
        (
            a_policy(muted_until=BEGINNING + timedelta(minutes=1)),
            BEGUN,
            an_event(),
            Ruling(memory=Memory(), because=HoldReason.MUTED, thread=BEGUN),
        ),
        (a_policy(muted_until=BEGINNING), None, an_event(), Ruling(memory=Memory())),
        (a_policy(threads=Threads.ENDS), None, an_event(), Ruling(memory=Memory(), thread=BEGUN)),
        (
            a_policy(threads=Threads.ENDS),
            BEGUN,
            an_event(1),
            Ruling(memory=Memory(), because=HoldReason.THREAD, thread=BEGUN),
        ),
        (a_policy(threads=Threads.ENDS), BEGUN, CONFIRMED, Ruling(memory=Memory(), thread=ENDED)),
        (
            a_policy(threads=Threads.ENDS),
            ENDED,
            CONFIRMED,
            Ruling(memory=Memory(), because=HoldReason.THREAD, thread=ENDED),
        ),
        (
            a_policy(threads=Threads.ENDS),
            ENDED,
            an_event(6, EventType.DROPPED, status="dropped"),
            Ruling(memory=Memory(), thread=Thread(final=Status.DROPPED)),
        ),
        (
            a_policy(threads=Threads.ENDS, muted_until=BEGINNING + timedelta(days=1)),
            BEGUN,
            CONFIRMED,
            Ruling(memory=Memory(), because=HoldReason.MUTED, thread=BEGUN),
        ),
        (
            a_policy(threads=Threads.EDITED),
            BEGUN,
            CONFIRMED,
            Ruling(memory=Memory(), thread=ENDED, edits=True),
        ),
        (
            a_policy(threads=Threads.EDITED),
            ENDED,
            an_event(6, EventType.REORGED),
            Ruling(memory=Memory(), thread=BEGUN, edits=True),
        ),
        (
            a_policy(threads=Threads.EDITED, rules=Rules(min_moved_btc=Decimal(200))),
            BEGUN,
            CONFIRMED,
            Ruling(memory=Memory(), thread=ENDED, edits=True),
        ),
        (
            a_policy(threads=Threads.EDITED, rules=Rules(types=frozenset([EventType.DETECTED]))),
            BEGUN,
            CONFIRMED,
            Ruling(memory=Memory(), because=HoldReason.RULE, thread=BEGUN),
        ),
    ],
)
def test_each_ruling_says_what_becomes_of_an_event_and_what_its_thread_is_then(
    policy: Policy, thread: Thread | None, event: Event, ruling: Ruling
) -> None:
    assert decide(policy, Memory(), thread, event) == ruling


@pytest.mark.parametrize(
    ("type_", "muted", "because"),
    [
        (EventType.TEST, True, None),
        (EventType.REPORT_PERIODIC, True, HoldReason.MUTED),
        (EventType.ALERT_DIGEST, True, HoldReason.MUTED),
        (EventType.REPORT_PERIODIC, False, None),
    ],
)
def test_what_comes_when_the_operator_wants_it_is_held_back_by_mute_alone_and_a_test_not_even_by_it(
    type_: EventType, because: HoldReason | None, *, muted: bool
) -> None:
    until = BEGINNING + timedelta(hours=1) if muted else None
    policy = a_policy(muted_until=until, quiet=QuietHours(start=time(0), end=time(23, 59)), budget_per_hour=1)
    full = Memory(hour_from=BEGINNING, sent=1)

    assert decide(policy, full, BEGUN, an_event(1, type_, None)) == Ruling(
        memory=full, because=because, thread=BEGUN
    )


@pytest.mark.parametrize(
    ("threads", "types", "asked"),
    [
        (Threads.EVERY, frozenset[EventType](), False),
        (Threads.EVERY, frozenset([EventType.UPDATED]), True),
        (Threads.EDITED, frozenset[EventType](), True),
        (Threads.EDITED, frozenset([EventType.UPDATED]), True),
        (Threads.ENDS, frozenset[EventType](), True),
    ],
)
def test_a_revised_forecast_of_a_followed_whale_rings_only_where_its_type_is_asked_for(
    threads: Threads, types: frozenset[EventType], *, asked: bool
) -> None:
    rules = Rules(types=types, min_moved_btc=Decimal(999))
    policy = a_policy(threads=threads, follows=frozenset(["wh_1"]), rules=rules)
    held = decide(policy, Memory(), None, an_event(0, EventType.UPDATED)).because
    others = decide(policy, Memory(), None, an_event(0, EventType.UPDATED, "wh_2")).because

    assert (held is None) is asked
    assert others is HoldReason.RULE
    assert decide(policy, Memory(), None, an_event()).because is None


def test_an_hour_that_is_over_counts_from_nothing_and_owes_its_summary_at_once_or_after_quiet_hours() -> None:
    over = Memory(hour_from=BEGINNING, sent=7, over=True)
    end = BEGINNING + timedelta(hours=1)  # 15:00 on the wall
    night = QuietHours(start=time(14, 30), end=time(16))
    summed_up = Owed(type=EventType.ALERT_SUMMARY, start=BEGINNING, end=end, at=end)

    assert roll(a_policy(budget_per_hour=5), over, end) == (Memory(owed=(summed_up,)), ())
    assert roll(a_policy(budget_per_hour=5, quiet=night), over, end) == (
        Memory(owed=(replace(summed_up, at=BEGINNING + timedelta(hours=2)),)),
        (),
    )
    assert roll(a_policy(budget_per_hour=5), replace(over, over=False), end) == (Memory(), ())
    assert roll(a_policy(budget_per_hour=5), over, end - timedelta(seconds=1)) == (over, ())


def test_quiet_hours_that_are_over_owe_a_digest_of_what_they_held_back_and_forget_when_they_began() -> None:
    quiet = Memory(quiet_from=BEGINNING, quiet_until=FIVE_MINUTES)
    digest = Owed(type=EventType.ALERT_DIGEST, start=BEGINNING, end=FIVE_MINUTES, at=FIVE_MINUTES)

    assert roll(a_policy(), quiet, FIVE_MINUTES) == (Memory(owed=(digest,)), ())
    assert roll(a_policy(quiet=QuietHours(start=time(14), end=time(15), digest=False)), quiet, BEGINNING) == (
        Memory(),
        (),
    )


@pytest.mark.parametrize(
    ("owed_before_s", "kept"), [(0.0, True), (59.0, True), (60.0, False), (61.0, False), (-5.0, False)]
)
def test_what_came_due_within_a_minute_is_on_its_way_and_what_waits_longer_waits_for_quiet_hours(
    owed_before_s: float, *, kept: bool
) -> None:
    owed = Owed(
        type=EventType.ALERT_SUMMARY,
        start=BEGINNING,
        end=BEGINNING,
        at=FIVE_MINUTES - timedelta(seconds=owed_before_s),
    )
    night = QuietHours(start=time(14), end=time(16))
    memory, _ = roll(a_policy(quiet=night), Memory(owed=(owed,)), FIVE_MINUTES)

    assert memory.owed == (owed if kept else replace(owed, at=BEGINNING + timedelta(hours=2)),)


LOST = an_event(0, EventType.SOURCE_DEGRADED, None, sequence=7, **BLIND)
BACK = an_event(5, EventType.SOURCE_RECOVERED, None, sequence=8, **LIVE)


def test_a_source_that_comes_back_in_time_releases_what_waited_for_it() -> None:
    policy = a_policy(degraded_after=timedelta(minutes=30))
    waiting = decide(policy, Memory(), None, LOST)
    back = decide(policy, waiting.memory, None, BACK)
    released = Released(sequence=7, because=HoldReason.CAME_BACK, at=FIVE_MINUTES)

    assert waiting == Ruling(
        memory=Memory(degraded=(Held(sequence=7, ripe_at=BEGINNING + timedelta(minutes=30)),)),
        because=HoldReason.DEGRADED,
    )
    assert back == Ruling(memory=Memory(), because=HoldReason.CAME_BACK, released=(released,))


def test_what_ripened_before_an_event_is_released_with_it_and_the_return_is_told_once() -> None:
    policy = a_policy(degraded_after=timedelta(minutes=3))
    waiting = decide(policy, Memory(), None, LOST).memory
    ripe = Released(sequence=7, because=None, at=BEGINNING + timedelta(minutes=3))
    back = decide(policy, waiting, None, BACK)

    assert back == Ruling(memory=Memory(), released=(ripe,))
    assert decide(policy, waiting, None, an_event(5)).released == (ripe,)


@pytest.mark.parametrize(
    ("policy", "published"),
    [
        ({"muted_until": BEGINNING + timedelta(days=1)}, False),
        ({"quiet": QuietHours(start=time(14), end=time(16))}, True),
        ({"quiet": QuietHours(start=time(14), end=time(16), digest=False)}, False),
        ({"budget_per_hour": 1}, True),
        ({"budget_per_hour": 1, "quiet": QuietHours(start=time(20), end=time(22))}, True),
        (
            {"muted_until": BEGINNING + timedelta(days=1), "quiet": QuietHours(start=time(14), end=time(16))},
            False,
        ),
    ],
)
def test_the_return_of_a_source_is_told_where_its_loss_was_sent_or_will_be_summed_up(
    policy: dict[str, Any], *, published: bool
) -> None:
    rules = a_policy(degraded_after=timedelta(minutes=3), **policy)
    full = Memory(hour_from=BEGINNING, sent=1, degraded=(Held(sequence=7, ripe_at=FIVE_MINUTES),))
    memory, _ = roll(
        rules, full if "budget_per_hour" in policy else replace(full, hour_from=None), FIVE_MINUTES
    )

    assert memory.degraded_published is published


def test_what_is_sent_for_an_earlier_decision_is_silent_by_the_clock_on_the_wall() -> None:
    policy = a_policy(quiet=QuietHours(start=time(14), end=time(15)))

    assert silent(policy, EventType.DETECTED, BEGINNING)
    assert not silent(policy, EventType.DETECTED, BEGINNING - timedelta(hours=1))
    assert not silent(policy, EventType.REPORT_PERIODIC, BEGINNING)
    assert not silent(policy, EventType.TEST, BEGINNING)
    muted = a_policy(muted_until=BEGINNING)
    assert [
        silent(muted, EventType.REPORT_PERIODIC, at) for at in (BEGINNING, BEGINNING - timedelta(seconds=1))
    ] == [
        False,
        True,
    ]


def test_only_the_summary_that_was_sent_is_no_longer_owed() -> None:
    first, second = (
        Owed(type=EventType.ALERT_SUMMARY, start=start, end=start, at=start)
        for start in (BEGINNING, FIVE_MINUTES)
    )
    digest = replace(first, type=EventType.ALERT_DIGEST)
    memory = Memory(owed=(first, second, digest))

    assert paid(memory, EventType.ALERT_SUMMARY, BEGINNING).owed == (second, digest)


def test_a_preview_ends_with_what_is_due_at_its_end() -> None:
    replay = RuleReplay(a_policy(budget_per_hour=1))
    replay.run([an_event(0), an_event(1, whale="wh_2", sequence=2)], BEGINNING + timedelta(hours=1))
    last = replay.sent[-1]

    assert [(one.event.type, one.at - BEGINNING) for one in replay.sent] == [
        (EventType.DETECTED, timedelta()),
        (EventType.ALERT_SUMMARY, timedelta(hours=1)),
    ]
    assert last.event.body["prediction_ids"] == ["wh_2"]
    assert (last.event.id, last.event.sequence, last.event.timestamp) == (
        "",
        0,
        BEGINNING + timedelta(hours=1),
    )


def test_quiet_hours_without_a_digest_hold_back_and_remember_nothing() -> None:
    policy = a_policy(quiet=QuietHours(start=time(14), end=time(15), digest=False))

    assert decide(policy, Memory(), None, an_event()) == Ruling(memory=Memory(), because=HoldReason.QUIET)
