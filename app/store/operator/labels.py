"""The operator's own labels, one per script. They are validated before they are stored here."""

import sqlite3
from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from app.core.flow import Label
from app.core.units import Script
from app.store.operator.file import OperatorFile

_columns_of: Final = attrgetter(
    "script", "address", "entity", "group", "kind", "basis", "created_at", "private"
)


class LabelStore:
    def __init__(self, file: OperatorFile) -> None:
        self._file = file

    async def put(self, labels: Iterable[Label]) -> int:
        """Store all or none; a label for the same script is replaced. Return their number."""
        rows = [_columns_of(label) for label in labels]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

        await self._file.run(work)
        return len(rows)

    async def listed(self) -> tuple[Label, ...]:
        """Return all labels, by entity and address."""
        rows = await self._file.run(
            lambda connection: connection.execute(
                'SELECT script, address, entity, "group", kind, basis, created_at, private FROM labels '
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
                private=bool(private),
            )
            for script, address, entity, group, kind, basis, created_at, private in rows
        )

    async def remove(self, script_or_address: str) -> str | None:
        """Remove a label; return its entity, None if there was none."""

        def work(connection: sqlite3.Connection) -> str | None:
            which = "FROM labels WHERE script = ?1 OR address = ?1"
            found = connection.execute(f"SELECT entity {which}", (script_or_address,)).fetchone()
            connection.execute(f"DELETE {which}", (script_or_address,))
            return found[0] if found else None

        return await self._file.run(work)

    async def revision(self) -> tuple[int, int]:
        """Return a value that changes once keys or labels have changed: cheap enough to poll every second."""
        return await self._file.revision()
