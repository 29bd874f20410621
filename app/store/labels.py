"""The operator's own labels, one a script. What is a good label is decided before it comes here."""

import sqlite3
from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from app.core.labels import Label
from app.core.units import Script
from app.store.operator_file import OperatorFile

_columns_of: Final = attrgetter("script", "address", "entity", "group", "kind", "basis", "created_at")


class LabelStore:
    def __init__(self, file: OperatorFile) -> None:
        self._file = file

    async def put(self, labels: Iterable[Label]) -> int:
        """Add them, all or none; one whose script is labelled already takes its place. Count them."""
        rows = [_columns_of(label) for label in labels]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

        await self._file.run(work)
        return len(rows)

    async def listed(self) -> tuple[Label, ...]:
        """All of them, by entity and address."""
        rows = await self._file.run(
            lambda connection: connection.execute(
                'SELECT script, address, entity, "group", kind, basis, created_at FROM labels '
                "ORDER BY entity, address"
            ).fetchall()
        )
        return tuple(
            Label(
                script=Script(script),
                address=address,
                entity=entity,
                group=group,
                kind=kind,
                basis=basis,
                created_at=created_at,
                own=True,
            )
            for script, address, entity, group, kind, basis, created_at in rows
        )

    async def remove(self, script_or_address: str) -> bool:
        """False if nothing was labelled so."""
        removed = await self._file.run(
            lambda connection: (
                connection.execute(
                    "DELETE FROM labels WHERE script = ?1 OR address = ?1", (script_or_address,)
                ).rowcount
            )
        )
        return removed > 0

    async def revision(self) -> tuple[int, int]:
        """Differs from before once anybody has changed keys or labels: cheap enough to ask every second."""
        return await self._file.revision()
