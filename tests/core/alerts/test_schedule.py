"""Hypothesis and examples: when an endpoint is tried again, and when no more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.alerts import (
    DISABLED_AFTER,
    LONGEST_STEP,
    SCHEDULE_SECONDS,
    AttemptVerdict,
    EndpointProgress,
    Result,
    after_attempt,
    resumed,
)

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_the_waits_are_those_of_the_schedule() -> None:
    progress, at, waits = EndpointProgress(), NOON, []
    for tries in range(1, 12):
        progress = after_attempt(progress, at=at, tries=tries, jitter=0.0).progress
        assert progress.next_attempt_at is not None
        waits.append((progress.next_attempt_at - at).total_seconds())
        at = progress.next_attempt_at

    assert waits == [*SCHEDULE_SECONDS[1:], 86_400.0, 86_400.0]


def test_one_success_forgets_all_failures() -> None:
    failing = EndpointProgress(failing_since=NOON, streak=7, next_attempt_at=NOON)

    assert after_attempt(failing, at=NOON, tries=8, jitter=0.5, delivered=True).progress == EndpointProgress()


def test_a_refused_delivery_fails_at_its_third_try_and_the_next_goes_on_at_once() -> None:
    verdict = after_attempt(
        EndpointProgress(failing_since=NOON, streak=2), at=NOON, tries=3, jitter=0.0, permanent=True
    )

    assert (verdict.result, verdict.because, verdict.progress.next_attempt_at) == (
        Result.FAILED,
        "refused",
        None,
    )


@pytest.mark.parametrize("tries", [1, 2])
def test_before_that_it_waits(tries: int) -> None:
    assert (
        after_attempt(EndpointProgress(), at=NOON, tries=tries, jitter=0.0, permanent=True).result
        is Result.WAITING
    )


def test_gone_disables_at_once() -> None:
    verdict = after_attempt(EndpointProgress(), at=NOON, tries=1, jitter=0.0, gone=True)

    assert (verdict.result, verdict.disable is not None) == (Result.FAILED, True)


@pytest.mark.parametrize(
    ("streak", "reported", "waits"),
    [
        (0, 3, 5),
        (0, 31, 31),
        (0, 0, 5),
        (0, -4, 5),
        (1, 3, 60),
        (7, 90, 90),
        (1, 86_400, 86_400),
        (9, 0, 86_400),
    ],
)
def test_who_says_when_to_come_back_is_obeyed_but_called_no_more_than_once_a_minute(
    streak: int, reported: float, waits: float
) -> None:
    verdict = after_attempt(
        EndpointProgress(streak=streak), at=NOON, tries=0, jitter=0.0, retry_after_s=reported
    )

    assert (verdict.progress.streak, verdict.progress.next_attempt_at) == (
        streak + 1,
        NOON + timedelta(seconds=waits),
    )


def test_who_always_says_that_it_moved_is_followed_at_once_only_the_first_time() -> None:
    first = after_attempt(EndpointProgress(), at=NOON, tries=0, jitter=0.0, moved=True).progress
    second = after_attempt(first, at=NOON, tries=0, jitter=0.0, moved=True).progress

    assert (first.next_attempt_at, second.next_attempt_at) == (NOON, NOON + timedelta(minutes=5))


@given(late_hours=st.integers(0, 40), jitter=st.floats(0, 0.999), permanent=st.booleans())
def test_an_endpoint_that_only_fails_is_disabled_after_five_days_of_the_schedules_own_waits(
    *, late_hours: int, jitter: float, permanent: bool
) -> None:
    progress, at, refusals = EndpointProgress(), NOON, 0
    for _ in range(400):
        refusals += permanent
        verdict = after_attempt(progress, at=at, tries=refusals, jitter=jitter, permanent=permanent)
        if verdict.disable:
            assert at - NOON >= DISABLED_AFTER
            return
        if verdict.result is Result.FAILED:
            refusals = 0
        progress = verdict.progress
        at = (progress.next_attempt_at or at + timedelta(hours=1)) + timedelta(hours=late_hours)
    pytest.fail("it is never disabled")


@pytest.mark.parametrize("days", [400, -400])
def test_a_clock_that_is_set_disables_nobody(days: int) -> None:
    first = after_attempt(EndpointProgress(), at=NOON, tries=0, jitter=0.0).progress
    second = after_attempt(first, at=NOON + timedelta(days=days), tries=0, jitter=0.0)

    assert (second.disable, second.progress.failing_for <= timedelta(seconds=5)) == (None, True)


def test_after_a_start_with_the_clock_behind_a_wait_is_no_longer_than_it_was() -> None:
    kept = after_attempt(EndpointProgress(), at=NOON, tries=0, jitter=0.0, retry_after_s=60).progress
    behind = NOON - timedelta(days=400)

    assert resumed(kept, behind).next_attempt_at == behind + timedelta(seconds=60)


def test_after_a_start_with_the_clock_right_a_wait_stays_as_it_is() -> None:
    kept = after_attempt(EndpointProgress(), at=NOON, tries=0, jitter=0.0, retry_after_s=60).progress

    assert resumed(kept, NOON + timedelta(seconds=10)) == kept


def test_after_a_start_no_wait_is_longer_than_the_longest_of_the_schedule() -> None:
    """A clock that was a year ahead and has been set right since left a moment that nobody would wait for."""
    kept = EndpointProgress(next_attempt_at=NOON + timedelta(days=365))

    assert resumed(kept, NOON).next_attempt_at == NOON + LONGEST_STEP
    assert resumed(kept, NOON + timedelta(days=365)) == kept


BEFORE = EndpointProgress(
    failing_since=NOON - timedelta(hours=2),
    streak=3,
    next_attempt_at=NOON,
    attempted_at=NOON - timedelta(minutes=30),
    failing_for=timedelta(hours=1),
)
FAILING = EndpointProgress(
    failing_since=NOON - timedelta(hours=2),
    streak=3,
    attempted_at=NOON,
    failing_for=timedelta(hours=1, minutes=30),
)


def test_each_verdict_is_told_whole() -> None:
    found = {
        name: after_attempt(BEFORE, at=NOON, tries=3, jitter=0.5, **{name: True})
        for name in ("delivered", "gone", "permanent", "moved")
    }

    assert found == {
        "delivered": AttemptVerdict(result=Result.DELIVERED, progress=EndpointProgress()),
        "gone": AttemptVerdict(
            result=Result.FAILED, progress=FAILING, because="gone", disable="it answered 410: gone"
        ),
        "permanent": AttemptVerdict(
            result=Result.FAILED, progress=replace(FAILING, streak=0), because="refused"
        ),
        "moved": AttemptVerdict(
            result=Result.WAITING,
            progress=replace(FAILING, streak=4, next_attempt_at=NOON + timedelta(seconds=7_200 * 1.1)),
        ),
    }


def test_the_first_failure_begins_the_count() -> None:
    assert after_attempt(EndpointProgress(), at=NOON, tries=0, jitter=0.0) == AttemptVerdict(
        result=Result.WAITING,
        progress=EndpointProgress(
            failing_since=NOON, streak=1, next_attempt_at=NOON + timedelta(seconds=5), attempted_at=NOON
        ),
    )


@pytest.mark.parametrize(("missing_s", "disable"), [(0.0, "it failed for 5 days"), (0.001, None)])
def test_five_days_are_enough_whether_it_is_refused_or_not_reached(
    missing_s: float, disable: str | None
) -> None:
    failing = replace(
        BEFORE, failing_for=DISABLED_AFTER - timedelta(minutes=30) - timedelta(seconds=missing_s)
    )
    found = [
        after_attempt(failing, at=NOON, tries=3, jitter=0.0, permanent=permanent)
        for permanent in (True, False)
    ]

    assert [(one.result, one.disable) for one in found] == [
        (Result.FAILED, disable),
        (Result.WAITING, disable),
    ]


def test_who_says_half_a_second_is_called_as_soon_as_the_schedule_has_it() -> None:
    asked = after_attempt(EndpointProgress(streak=1), at=NOON, tries=0, jitter=0.0, retry_after_s=0.5)

    assert asked.progress.next_attempt_at == NOON + timedelta(seconds=60)


def test_what_was_kept_at_this_moment_or_waits_the_longest_step_stays_as_it_is() -> None:
    kept = [
        EndpointProgress(attempted_at=NOON, next_attempt_at=NOON + timedelta(days=2)),
        EndpointProgress(next_attempt_at=NOON + LONGEST_STEP),
        EndpointProgress(),
    ]

    assert [resumed(one, NOON) for one in kept] == [
        EndpointProgress(attempted_at=NOON, next_attempt_at=NOON + LONGEST_STEP),
        *kept[1:],
    ]
