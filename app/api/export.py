"""`/api/v1/predictions.csv` and `.parquet`: everything that the filters of predictions find, as one file."""

from contextlib import aclosing
from typing import Any, ClassVar
from urllib.parse import quote

from tornado.iostream import StreamClosedError

from app.api.base import ApiHandler
from app.api.guard import Caller, identify
from app.api.limits import PAGE
from app.api.models import ExportFilters
from app.api.problems import Problem
from app.core.access import Scope
from app.errors import StoreError
from app.store import ExportFormat, exported
from app.web import Door


class _ExportHandler(ApiHandler):
    QUERIES: ClassVar[frozenset[str]] = frozenset(("GET",))
    KIND: ClassVar[ExportFormat]
    CONTENT_TYPE: ClassVar[str]

    async def recognise_caller(self) -> Caller:
        """A session suffices: a page links to it, and a link sends no header."""
        session = self.parts.gate.session(self.request)
        if session is not None:
            return Caller(name=f"session:{session.id}", scope=Scope.READ, quota=PAGE, session=session)
        return await identify(self.request, self.parts)

    async def head(self, *_args: str, **_kwargs: str) -> None:
        self.asked_query(ExportFilters)
        self._name()

    async def get(self, *_args: str, **_kwargs: str) -> None:
        """Send it as it is made; a slow reader is waited for, and costs no memory."""
        query = self.asked_query(ExportFilters).query()
        history = self.parts.open_history()
        sent = False
        try:
            async with aclosing(exported(history, query, self.KIND, self.parts.data_dir)) as pieces:
                async for piece in pieces:
                    if not piece.content:
                        continue
                    if not sent:
                        self._name()
                    sent = True
                    self.write(piece.content)
                    await self.flush()
        except StreamClosedError:
            return
        except StoreError as error:
            if sent:  # too late for an answer: a file cut short must not look whole
                self.request.connection.close()  # type: ignore[union-attr]  # set while a request is served
                return
            raise Problem(503, "not_available", str(error)) from error

    def _name(self) -> None:
        self.set_header("Content-Type", self.CONTENT_TYPE)
        self.set_header("Content-Disposition", f'attachment; filename="spout.{self.KIND.value}"')

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401 - Tornado's shape
        """Lead a browser to the login; refuse everything else in JSON."""
        asked_by_browser = "text/html" in self.request.headers.get("Accept", "")
        if status_code == 401 and asked_by_browser and self.parts.gate.door is Door.PASSWORD:
            self.redirect(f"/login?next={quote(self.request.uri or '/', safe='/')}")
            return
        super().write_error(status_code, **kwargs)


class CsvExportHandler(_ExportHandler):
    KIND = ExportFormat.CSV
    CONTENT_TYPE = "text/csv; charset=utf-8"


class ParquetExportHandler(_ExportHandler):
    KIND = ExportFormat.PARQUET
    CONTENT_TYPE = "application/vnd.apache.parquet"
