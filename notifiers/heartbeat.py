"""Calls a push monitor every few minutes while detection works: its silence says that it does not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import structlog

from app.clock import Clock
from app.core.alerts import AttemptVerdict, after_attempt
from app.errors import StoreError
from notifiers.attempts import Attempted
from notifiers.dispatcher import Lane, Send
from notifiers.messages import NOTHING
from notifiers.model import AttemptOutcome
from notifiers.outbox import Outbox

LOOK_AGAIN_SECONDS: Final = 1.0
"""How soon it is called once detection works, as after a start."""
_log = structlog.get_logger(__name__)


async def beat(lane: Lane, send: Send, outbox: Outbox, working: Callable[[], bool], clock: Clock) -> None:
    """Until cancelled. `lane` is not run: it holds the endpoint as it is now, and how it fares."""
    while True:
        stored = lane.take_up()
        seconds = 60.0 * (stored.settings.get("every_minutes") or 5)
        if stored.active and stored.target is not None:
            if working():
                outcome = await send(stored.target, NOTHING)
                verdict = _verdict(lane, outcome, clock)
                await _keep(lane, outcome, verdict, outbox, clock)
                seconds = max(seconds, outcome.retry_after_s or 0.0)
            else:
                seconds = LOOK_AGAIN_SECONDS
        await lane.rest(seconds)


def _verdict(lane: Lane, outcome: AttemptOutcome, clock: Clock) -> AttemptVerdict:
    """What holds for a delivery, but for its schedule: a heartbeat has its own."""
    return after_attempt(
        replace(lane.progress, next_attempt_at=None),
        at=clock.now(),
        tries=0,
        jitter=0.0,
        delivered=outcome.delivered,
        gone=outcome.gone,
    )


async def _keep(
    lane: Lane, outcome: AttemptOutcome, verdict: AttemptVerdict, outbox: Outbox, clock: Clock
) -> None:
    progress = replace(verdict.progress, next_attempt_at=None, streak=0)
    attempted = Attempted(
        endpoint_id=lane.stored.id,
        delivery=None,
        at=clock.now(),
        outcome=outcome,
        result=verdict.result,
        because=None,
        progress=progress,
        progressed=progress != lane.progress,
    )
    lane.progress = progress
    try:
        await outbox.record(attempted)
        if verdict.disable is not None:
            await lane.give_up(verdict.disable)
    except StoreError as error:
        _log.warning("a heartbeat cannot be kept", endpoint=lane.stored.name, error=str(error))
