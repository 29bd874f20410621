"""`POST /api/v1/labels/import`: a file of labels, CSV or a wallet's export (BIP-329); all or nothing."""

import asyncio
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.labels import shipped_labels
from app.api.models import ImportedLabels, ImportQuery
from app.api.problems import Problem
from app.core.flow import WalletLabels, brief, read_label_file
from app.errors import LabelError


class LabelImportHandler(ApiHandler):
    """The body is the file itself, at most 5 MB and 100,000 lines; it is read on another thread."""

    QUERIES: ClassVar[frozenset[str]] = frozenset(("POST",))

    async def post(self) -> None:
        private = self.asked_query(ImportQuery).private
        labels, today = self.parts.open_labels(), self.parts.clock.now().date().isoformat()
        try:
            found, words = await asyncio.to_thread(_read, self.request.body, today, private=private)
        except LabelError as error:
            raise Problem(400, "bad_label", f"{error}; nothing was imported") from error
        await labels.put(found.labels)
        await self.note(f"{words} imported")
        self.answer(ImportedLabels(imported=len(found.labels), others=found.others), 201)


def _read(body: bytes, today: str, *, private: bool | None) -> tuple[WalletLabels, str]:
    """Return what the file holds, and how the audit log names it. Blocking."""
    found = read_label_file(body, today=today, known=shipped_labels(), private=private)
    return found, brief(found.labels)
