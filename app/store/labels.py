"""The operator's own labels, one a script. What is a good label is decided before it comes here."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Protocol

from app.store.operator_file import OperatorFile


class LabelFields(Protocol):
    """Any label has these; `app.core.labels.Label` does."""

    @property
    def script(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def basis(self) -> str: ...
    @property
    def created_at(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLabel:
    """As it was put in; `created_at` is an ISO date."""

    script: str
    address: str
    entity: str
    group: str
    kind: str
    basis: str
    created_at: str


class LabelStore:
    def __init__(self, file: OperatorFile) -> None:
        self._file = file

    async def put(self, labels: Iterable[LabelFields]) -> int:
        """Add them, all or none; one whose script is labelled already takes its place. Count them."""
        rows = [
            astuple(
                StoredLabel(
                    script=label.script,
                    address=label.address,
                    entity=label.entity,
                    group=label.group,
                    kind=label.kind,
                    basis=label.basis,
                    created_at=label.created_at,
                )
            )
            for label in labels
        ]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

        await self._file.run(work)
        return len(rows)

    async def listed(self) -> tuple[StoredLabel, ...]:
        """All of them, by entity and address."""
        rows = await self._file.run(
            lambda connection: connection.execute(
                'SELECT script, address, entity, "group", kind, basis, created_at FROM labels '
                "ORDER BY entity, address"
            ).fetchall()
        )
        return tuple(
            StoredLabel(
                script=script,
                address=address,
                entity=entity,
                group=group,
                kind=kind,
                basis=basis,
                created_at=created_at,
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
