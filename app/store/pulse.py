"""Probes the database periodically: latency, and whether it answers at all; then it rests."""

from datetime import datetime

from app.clock import Clock
from app.errors import StoreError
from app.store.connections import Connection
from app.store.database import Database
from app.store.parsed_statements import execute

EVERY_SECONDS = 10.0


class Pulse:
    """The probe's result; `since`: when this state began; `error` is None while the database answers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.since: datetime = clock.now()
        self.latency_ms: float | None = None
        self.error: str | None = None

    async def run(self) -> None:
        while True:
            await self.feel()
            await self._clock.sleep(EVERY_SECONDS)

    async def feel(self) -> None:
        """Probe once, and let the database rest."""
        started = self._clock.monotonic()
        try:
            await self._database.run(_nothing_much)
            took = self._clock.monotonic() - started
            await self._database.rest()
        except StoreError as error:
            self._become(str(error))
        else:
            self.latency_ms = took * 1000
            self._become(None)

    def _become(self, error: str | None) -> None:
        if (error is None) != (self.error is None):
            self.since = self._clock.now()
        self.error = error


def _nothing_much(connection: Connection) -> None:
    execute(connection, "SELECT 1").fetchone()
