"""How much Spout saw over time: each change of rung with its reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.store.database import Connection, Database
from app.store.records import moment
from app.views import Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """From `since` on it was `rung`, until the next one."""

    since: datetime
    rung: Rung
    reason: str | None = None


class TransitionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, transition: Transition) -> None:
        """Raise StoreError if it cannot be kept."""
        values = [transition.since, transition.rung.value, transition.reason]

        def work(connection: Connection) -> None:
            connection.execute("INSERT INTO source_transitions VALUES (?, ?, ?)", values)

        await self._database.run(work)

    async def between(self, start: datetime, end: datetime) -> tuple[Transition, ...]:
        """Return what held at `start`, if known, and every change before `end`; ascending."""

        def work(connection: Connection) -> list[tuple[Any, ...]]:
            return connection.execute(
                "SELECT epoch_us(since), rung, reason FROM source_transitions WHERE since < $2 AND since >= "
                "coalesce((SELECT max(since) FROM source_transitions WHERE since <= $1), $1) ORDER BY since",
                [start, end],
            ).fetchall()

        rows = await self._database.run(work)
        return tuple(
            Transition(since=moment(since), rung=Rung(rung), reason=reason) for since, rung, reason in rows
        )
