"""Calls a push monitor every few minutes while detection works: its silence says that it does not."""

from collections.abc import Callable

import structlog

from app.clock import Clock
from app.core.alerts import EndpointProgress, Result
from app.errors import StoreError
from notifiers.dispatcher import Lane, Send
from notifiers.messages import NOTHING
from notifiers.outbox import Attempted, Outbox

_log = structlog.get_logger(__name__)


async def beat(lane: Lane, send: Send, outbox: Outbox, working: Callable[[], bool], clock: Clock) -> None:
    """Until cancelled. `lane` is not run: it holds the endpoint as it is now, and how it fares."""
    while True:
        stored = lane.stored
        if stored.active and stored.target is not None and working():
            outcome = await send(stored.target, NOTHING)
            at = clock.now()
            since = None if outcome.delivered else lane.progress.failing_since or at
            progress = EndpointProgress(failing_since=since)
            attempted = Attempted(
                endpoint_id=stored.id,
                delivery=None,
                at=at,
                outcome=outcome,
                result=Result.WAITING,
                because=None,
                progress=progress,
                progressed=progress != lane.progress,
            )
            lane.progress = progress
            try:
                await outbox.record(attempted)
            except StoreError as error:
                _log.warning("a heartbeat cannot be kept", endpoint=stored.name, error=str(error))
        await clock.sleep(60.0 * (stored.settings.get("every_minutes") or 5))
