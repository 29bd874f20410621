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
    """`number` grows with each; `at` in ISO 8601, UTC; `what` in words, without secrets."""

    number: int
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

    async def listed(self, limit: int, before: int | None = None) -> tuple[tuple[RecordedChange, ...], int]:
        """Return changes, newest first, and the number of all; `before`: those before that number's."""

        def work(connection: sqlite3.Connection) -> tuple[tuple[RecordedChange, ...], int]:
            rows = connection.execute(
                "SELECT number, at, who, what FROM audit WHERE ?1 IS NULL OR number < ?1 "
                "ORDER BY number DESC LIMIT ?2",
                (before, limit),
            ).fetchall()
            (counted,) = connection.execute("SELECT count(*) FROM audit").fetchone()
            found = (RecordedChange(number=at, at=when, who=who, what=what) for at, when, who, what in rows)
            return tuple(found), int(counted)

        return await self._file.run(work)
