"""How much Spout saw over time: each change of rung with its reason."""

from datetime import datetime
from typing import Any

from app.core.ladder import Footing, Rung
from app.store.database import Connection, Database
from app.store.records import moment


class TransitionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, footing: Footing) -> None:
        """Raise StoreError if it cannot be kept."""
        values = [footing.since, footing.rung.value, footing.reason]

        def work(connection: Connection) -> None:
            connection.execute("INSERT INTO source_transitions VALUES (?, ?, ?)", values)

        await self._database.run(work)

    async def between(self, start: datetime, end: datetime) -> tuple[Footing, ...]:
        """Return what held at `start`, if known, and every change before `end`; ascending."""

        def work(connection: Connection) -> list[tuple[Any, ...]]:
            return connection.execute(
                "SELECT epoch_us(since), rung, reason FROM source_transitions WHERE since < $2 AND since >= "
                "coalesce((SELECT max(since) FROM source_transitions WHERE since <= $1), $1) ORDER BY since",
                [start, end],
            ).fetchall()

        rows = await self._database.run(work)
        return tuple(
            Footing(since=moment(since), rung=Rung(rung), reason=reason) for since, rung, reason in rows
        )
