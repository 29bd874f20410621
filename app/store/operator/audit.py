"""What was changed, when and by whom; the newest ten thousand changes are kept."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.core.contract import iso
from app.store.operator.file import OperatorFile

MOST_CHANGES: Final = 10_000
COMMAND_LINE: Final = "the command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChange:
    """`at` in ISO 8601, UTC; `what` in words, without secrets."""

    at: str
    who: str
    what: str


class AuditLog:
    """Beside a running appliance a command writes here too."""

    def __init__(self, file: OperatorFile) -> None:
        self._file = file

    async def note(self, who: str, what: str, at: datetime) -> None:
        """Keep one change.

        Raises:
            StoreError: if it cannot be kept.
        """

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO audit (at, who, what) VALUES (?, ?, ?)", (iso(at), who, what))
            connection.execute(
                "DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?", (MOST_CHANGES,)
            )

        await self._file.run(work)

    async def listed(self, limit: int, offset: int = 0) -> tuple[tuple[RecordedChange, ...], int]:
        """Return changes, newest first, and the number of all."""

        def work(connection: sqlite3.Connection) -> tuple[tuple[RecordedChange, ...], int]:
            rows = connection.execute(
                "SELECT at, who, what FROM audit ORDER BY number DESC LIMIT ? OFFSET ?", (limit, offset)
            ).fetchall()
            (counted,) = connection.execute("SELECT count(*) FROM audit").fetchone()
            return tuple(RecordedChange(at=at, who=who, what=what) for at, who, what in rows), int(counted)

        return await self._file.run(work)
