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
REFUSED_AFTER: Final = 3
"""Attempts at a delivery that its receiver permanently refuses."""
DISABLED_AFTER: Final = timedelta(days=5)


class Result(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointProgress:
    """The delivery state of an endpoint: failing since, consecutive failures, time of the next attempt."""

    failing_since: datetime | None = None
    streak: int = 0
    next_attempt_at: datetime | None = None


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
    retry_after_s: float | None = None,
) -> AttemptVerdict:
    """Return the verdict on one attempt that ended at `at`.

    `tries` counts the attempts of this delivery, this one included; `jitter` is in [0, 1). `permanent`: the
    receiver will refuse this delivery again. `gone`: the receiver says it no longer exists (HTTP 410).
    """
    if delivered:
        return AttemptVerdict(result=Result.DELIVERED, progress=EndpointProgress())
    since = progress.failing_since or at
    failing = EndpointProgress(failing_since=since, streak=progress.streak)
    if gone:
        return AttemptVerdict(
            result=Result.FAILED, progress=failing, because="gone", disable="it answered 410: gone"
        )
    if permanent and tries >= REFUSED_AFTER:
        return AttemptVerdict(
            result=Result.FAILED,
            progress=replace(failing, streak=0),
            because="refused",
            disable=_given_up(since, at),
        )
    if retry_after_s is not None:
        # The receiver is up and sets the time (Retry-After): this uses up no step of the schedule.
        wait = timedelta(seconds=retry_after_s)
    else:
        failing = replace(failing, streak=progress.streak + 1)
        step = SCHEDULE_SECONDS[min(failing.streak, len(SCHEDULE_SECONDS) - 1)]
        wait = timedelta(seconds=step * (1 + JITTER * jitter))
    return AttemptVerdict(
        result=Result.WAITING,
        progress=replace(failing, next_attempt_at=at + wait),
        disable=_given_up(since, at),
    )


def _given_up(since: datetime, at: datetime) -> str | None:
    return "it failed for 5 days" if at - since >= DISABLED_AFTER else None
