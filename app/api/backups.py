"""`/api/v1/backups`: the backups in the data directory, and one more now; none leaves the box by it."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.keys import ADMIN
from app.api.models import Backup, Backups, MadeBackup, NoQuery
from app.api.problems import Problem
from app.core.access import Scope
from app.errors import StoreError


class BackupsHandler(ApiHandler):
    """A backup has every label and secret of the operator's: it is named here, and lies on the box."""

    SCOPES: ClassVar[Mapping[str, Scope]] = ADMIN

    async def get(self) -> None:
        kept = self.parts.open_backups()
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, lambda: [_shape(*one) for one in kept.backups()])
        self.answer(Backups(backups=found, directory=str(self._directory), total_count=len(found)))

    async def post(self) -> None:
        self.asked_body(NoQuery)
        self.require_confirmed()
        kept = self.parts.open_backups()
        try:
            path = await kept.back_up()
        except StoreError as error:
            raise Problem(409, "no_backup", f"No backup was made: {error}") from error
        made = _shape(path, self.parts.clock.now())
        await self.note(f"backup {made.name} made")
        self.answer(MadeBackup(**made.model_dump()), 201)

    @property
    def _directory(self) -> Path:
        return self.parts.data_dir / "backups"


def _shape(path: Path, at: datetime) -> Backup:
    return Backup(name=path.name, bytes=path.stat().st_size, made_at=at)
