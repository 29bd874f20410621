"""`POST /api/v1/labels/import`: a file of labels, CSV or a wallet's export (BIP-329); all or nothing."""

import asyncio

from app.api.base import ApiHandler
from app.api.labels import shipped_labels
from app.api.models import ImportedLabels, ImportQuery
from app.api.problems import Problem
from app.core.flow import WalletLabels, brief, looks_like_wallet_labels, parse_labels, parse_wallet_labels
from app.errors import LabelError

MOST_LINES = 100_000


class LabelImportHandler(ApiHandler):
    """The body is the file itself, at most 5 MB and 100,000 lines; it is read on another thread."""

    async def post(self) -> None:
        private = self.asked_query(ImportQuery).private
        labels, today = self.parts.open_labels(), self.parts.clock.now().date().isoformat()
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(None, read_file, self.request.body, today, private)
        except LabelError as error:
            raise Problem(400, "bad_label", f"{error}; nothing was imported") from error
        await labels.put(found.labels)
        await self.note(f"{brief(found.labels)} imported")
        self.answer(ImportedLabels(imported=len(found.labels), others=found.others), 201)


def read_file(body: bytes, today: str, private: bool | None) -> WalletLabels:  # noqa: FBT001 - handed to a thread
    """Return the labels of a file of either format. Blocking.

    Raises:
        LabelError: naming the first line that cannot be read.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LabelError("not text in UTF-8: save it as CSV or JSON lines, UTF-8") from error
    if body.rstrip(b"\n").count(b"\n") >= MOST_LINES:
        raise LabelError(f"more than {MOST_LINES:,} lines: split it")
    known = shipped_labels()
    if looks_like_wallet_labels(text):
        return parse_wallet_labels(text, today=today, known=known, private=private is not False)
    labels = parse_labels(text, today=today, known=known, private=bool(private))
    return WalletLabels(labels=labels, others=0)
