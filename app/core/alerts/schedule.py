"""Retry schedule of an endpoint's deliveries, until the endpoint is disabled.

Only the delivery at the head of the queue is attempted; the others use up no attempts, and one success
drains the queue.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

SCHEDULE_SECONDS: Final = (
    0.0,
    5.0,
    300.0,
    1_800.0,
    7_200.0,
    18_000.0,
    36_000.0,
    50_400.0,
    72_000.0,
    86_400.0,
)
"""The wait before each consecutive attempt; the last one repeats until the endpoint is disabled."""
JITTER: Final = 0.2
"""A wait is longer by up to this share, so that endpoints that failed together are retried apart."""
GENTLE_SECONDS: Final = 60.0
"""Who says again and again when to come back is called no sooner than this: a busy chat, which
limits its messages, would else be left alone for hours, and who always says a second called each second."""
REFUSED_AFTER: Final = 3
"""Permanent refusals after which a delivery fails."""
TEMPORARY_4XX: Final = frozenset((408, 410, 425, 429))
"""HTTP's 4xx that are no permanent refusal of one delivery."""
DISABLED_AFTER: Final = timedelta(days=5)
LONGEST_STEP: Final = timedelta(seconds=SCHEDULE_SECONDS[-1] * (1 + JITTER))
"""Of the time between two attempts, no more than this counts as failing: a clock may be set in between."""


class Result(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointProgress:
    """The delivery state of an endpoint: failing since, consecutive failures, time of the next attempt.

    `attempted_at`: of the last attempt while it fails; `failing_for`: how long it has failed, made of the
    waits between its attempts alone. Neither a clock that is set nor a box that was off is in it.
    """

    failing_since: datetime | None = None
    streak: int = 0
    next_attempt_at: datetime | None = None
    attempted_at: datetime | None = None
    failing_for: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptVerdict:
    """The result of an attempt; `disable` is the reason to disable the endpoint, None to keep it."""

    result: Result
    progress: EndpointProgress
    because: str | None = None
    disable: str | None = None


def after_attempt(
    progress: EndpointProgress,
    *,
    at: datetime,
    tries: int,
    jitter: float,
    delivered: bool = False,
    permanent: bool = False,
    gone: bool = False,
    moved: bool = False,
    retry_after_s: float | None = None,
) -> AttemptVerdict:
    """Return the verdict on one attempt that ended at `at`.

    `tries` counts the permanent refusals of this delivery, this attempt included; `jitter` is in [0, 1).
    `permanent`: the receiver will refuse this delivery again. `gone`: the receiver says it no longer exists
    (HTTP 410). `moved`: it says where it is now, and is tried there at once, unless it failed before already.
    `retry_after_s`, above 0, is obeyed: the wait is as long, or the schedule's up to `GENTLE_SECONDS`.
    """
    if delivered:
        return AttemptVerdict(result=Result.DELIVERED, progress=EndpointProgress())
    failing = EndpointProgress(
        failing_since=min(progress.failing_since or at, at),
        streak=progress.streak,
        attempted_at=at,
        failing_for=progress.failing_for + _waited(progress, at),
    )
    if gone:
        return AttemptVerdict(
            result=Result.FAILED, progress=failing, because="gone", disable="it answered 410: gone"
        )
    if permanent and tries >= REFUSED_AFTER:
        return AttemptVerdict(
            result=Result.FAILED,
            progress=replace(failing, streak=0),
            because="refused",
            disable=_given_up(failing),
        )
    failing = replace(failing, streak=progress.streak + 1)
    step = SCHEDULE_SECONDS[min(failing.streak, len(SCHEDULE_SECONDS) - 1)]
    wait = step * (1 + JITTER * jitter)
    if retry_after_s is not None and retry_after_s > 0:
        wait = max(min(wait, GENTLE_SECONDS), retry_after_s)
    if moved and progress.streak == 0:
        wait = 0.0
    return AttemptVerdict(
        result=Result.WAITING,
        progress=replace(failing, next_attempt_at=at + timedelta(seconds=wait)),
        disable=_given_up(failing),
    )


def shifted(progress: EndpointProgress, by: timedelta) -> EndpointProgress:
    """Return the same state by a clock that was set: its moments lie as far from now as before."""
    moments = {
        name: moment + by
        for name in ("failing_since", "next_attempt_at", "attempted_at")
        if (moment := getattr(progress, name)) is not None
    }
    return replace(progress, **moments)


def resumed(progress: EndpointProgress, now: datetime) -> EndpointProgress:
    """Return what was kept before a start as it holds now.

    The last attempt cannot lie ahead: where it does, the clock was set back, and the wait begins anew.
    """
    if progress.attempted_at is not None and progress.attempted_at > now:
        return shifted(progress, now - progress.attempted_at)
    if progress.next_attempt_at is not None and progress.next_attempt_at > now + LONGEST_STEP:
        return replace(progress, next_attempt_at=now + LONGEST_STEP)
    return progress


def _waited(progress: EndpointProgress, at: datetime) -> timedelta:
    """How long it failed since its last attempt: no longer than it was to wait, or than the longest step."""
    if progress.attempted_at is None:
        return timedelta()
    meant = LONGEST_STEP
    if progress.next_attempt_at is not None:
        meant = min(progress.next_attempt_at - progress.attempted_at, LONGEST_STEP)
    return max(min(at - progress.attempted_at, meant), timedelta())


def _given_up(failing: EndpointProgress) -> str | None:
    return "it failed for 5 days" if failing.failing_for >= DISABLED_AFTER else None
