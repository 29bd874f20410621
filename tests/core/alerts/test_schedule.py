"""Hypothesis and examples: when an endpoint is tried again, and when no more."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.alerts import DISABLED_AFTER, SCHEDULE_SECONDS, EndpointProgress, Result, after_attempt

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


def test_retry_after_is_obeyed_and_costs_no_try() -> None:
    verdict = after_attempt(EndpointProgress(streak=1), at=NOON, tries=4, jitter=0.9, retry_after_s=31)

    assert verdict.progress == EndpointProgress(
        failing_since=NOON, streak=1, next_attempt_at=NOON + timedelta(seconds=31)
    )


@given(patience=st.integers(1, 60), jitter=st.floats(0, 0.999), permanent=st.booleans())
def test_an_endpoint_that_only_fails_is_disabled_after_five_days_and_not_before(
    *, patience: int, jitter: float, permanent: bool
) -> None:
    progress, at, tries = EndpointProgress(), NOON, 0
    for _ in range(200 * patience):
        tries += 1
        verdict = after_attempt(progress, at=at, tries=tries, jitter=jitter, permanent=permanent)
        assert (verdict.disable is not None) == (at - NOON >= DISABLED_AFTER)
        if verdict.disable:
            return
        if verdict.result is Result.FAILED:
            tries = 0
        progress = verdict.progress
        at = (progress.next_attempt_at or at) + timedelta(hours=1)
    pytest.fail("it is never disabled")
