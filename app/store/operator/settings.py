"""The operator's own values of the starred settings; they take precedence over the environment, at once."""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime

from app.core.contract import iso
from app.errors import SettingsError
from app.settings import STARRED, SettingsInForce, starred
from app.store.operator.file import OperatorFile
from app.views import ComesFrom, SettingShown


class SettingStore:
    """Stores them in the operator's file, and applies them."""

    def __init__(self, file: OperatorFile, in_force: SettingsInForce, now: Callable[[], datetime]) -> None:
        self._file = file
        self._in_force = in_force
        self._now = now
        self._revision: tuple[int, int] | None = None

    async def change(self, changes: Mapping[str, str | None]) -> None:
        """Set each to its text, None resets it to the environment's; all or none, in effect on return.

        Raises:
            SettingsError: naming the invalid one; nothing is then changed.
        """
        for name, text in changes.items():
            setting = starred(name)
            if text is not None:
                setting.parse(text)
        at = iso(self._now())

        def work(connection: sqlite3.Connection) -> None:
            for name, text in changes.items():
                connection.execute("DELETE FROM settings WHERE name = ?", (name,))
                if text is not None:
                    connection.execute("INSERT INTO settings VALUES (?, ?, ?)", (name, text.strip(), at))

        await self._file.run(work)
        await self.refresh()

    async def refresh(self) -> None:
        """Apply what any process has set; cheap enough to be called every second."""
        revision = await self._file.revision()
        if revision == self._revision:
            return
        self._in_force.adopt({name: text for name, (text, _) in (await self._kept()).items()})
        self._revision = revision

    async def listed(self) -> tuple[SettingShown, ...]:
        """Return all starred settings with their values in effect.

        One that is kept and not taken (a newer Spout may have kept it) is not in effect.
        """
        await self.refresh()
        kept = {name: one for name, one in (await self._kept()).items() if _is_taken(name, one[0])}
        base, current = self._in_force.base, self._in_force.current
        return tuple(
            SettingShown(
                name=one.name,
                value=getattr(current, one.field),
                comes_from=_comes_from(one.name, one.field in base.given, kept),
                without=getattr(base, one.field),
                words=one.words,
                changed_at=datetime.fromisoformat(kept[one.name][1]) if one.name in kept else None,
            )
            for one in STARRED.values()
        )

    async def _kept(self) -> dict[str, tuple[str, str]]:
        rows = await self._file.run(
            lambda connection: connection.execute("SELECT name, value, changed_at FROM settings").fetchall()
        )
        return {name: (value, changed_at) for name, value, changed_at in rows}


def _is_taken(name: str, text: str) -> bool:
    try:
        starred(name).parse(text)
    except SettingsError:
        return False
    return True


def _comes_from(name: str, given: bool, kept: Mapping[str, object]) -> ComesFrom:  # noqa: FBT001 - private
    if name in kept:
        return ComesFrom.OPERATOR
    return ComesFrom.ENVIRONMENT if given else ComesFrom.DEFAULT
