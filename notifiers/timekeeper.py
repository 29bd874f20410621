"""What is due by time alone: digests, summaries, a source that stayed away."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from app.clock import Clock
from app.core.alerts import summary_of
from app.core.events import Happening
from app.errors import StoreError
from notifiers.event_log import EventLog
from notifiers.outbox import Outbox
from notifiers.routing import Debt, Router

TICK_SECONDS: Final = 1.0
_log = structlog.get_logger(__name__)


class Timekeeper:
    def __init__(
        self, router: Router, outbox: Outbox, log: EventLog, clock: Clock, ring: Callable[[], None]
    ) -> None:
        self._router = router
        self._outbox = outbox
        self._log = log
        self._clock = clock
        self._ring = ring

    async def run(self) -> None:
        """Until cancelled; what the store refuses is tried again."""
        while True:
            try:
                await self.tick()
            except StoreError as error:
                _log.warning("digests and summaries cannot be kept", error=str(error))
            await self._clock.sleep(TICK_SECONDS)

    async def tick(self) -> None:
        """Do what is due."""
        now, due = self._clock.now(), self._router.next_due()
        if due is None or due > now:
            return
        debts = await self._outbox.write(lambda connection: self._router.pass_time(connection, now))
        for debt in debts:
            await self._log.append([_happening(debt, now)], ())
        self._ring()


def _happening(debt: Debt, at: datetime) -> Happening:
    owed = debt.owed
    facts = summary_of(owed.type, debt.held, owed.start, owed.end)
    return Happening(type=owed.type, at=at, facts={"endpoint_id": debt.endpoint_id, **facts})
