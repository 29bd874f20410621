"""The visibility level over time: each change with its reason."""

from datetime import datetime
from typing import Any

from app.core.visibility import Level, Visibility
from app.store.connections import Connection
from app.store.database import Database
from app.store.parsed_statements import execute
from app.store.records import moment


class TransitionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, visibility: Visibility) -> None:
        """Store a change. Raises StoreError if that fails."""
        values = [visibility.since, visibility.level.value, visibility.reason]

        def work(connection: Connection) -> None:
            execute(connection, "INSERT INTO source_transitions VALUES (?, ?, ?)", values)

        await self._database.run(work)

    async def between(self, start: datetime, end: datetime) -> tuple[Visibility, ...]:
        """Return what held at `start`, if known, and every change before `end`; ascending."""

        def work(connection: Connection) -> list[tuple[Any, ...]]:
            return execute(
                connection,
                "SELECT epoch_us(since), rung, reason FROM source_transitions WHERE since < $2 AND since >= "
                "coalesce((SELECT max(since) FROM source_transitions WHERE since <= $1), $1) ORDER BY since",
                [start, end],
            ).fetchall()

        rows = await self._database.run(work)
        return tuple(
            Visibility(since=moment(since), level=Level(level), reason=reason)
            for since, level, reason in rows
        )
