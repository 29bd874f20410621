"""`GET /api/v1/docs`: the OpenAPI document to read, behind the same login or key as the document."""

from typing import Any
from urllib.parse import quote

from app.api.base import ApiHandler
from app.api.docs_page import docs_page
from app.api.guard import Caller, identify
from app.api.limits import PAGE
from app.api.openapi import document
from app.core.access import Scope
from app.web import Door, new_nonce, page_policy


class DocsHandler(ApiHandler):
    REVALIDATED = True

    async def recognise_caller(self) -> Caller:
        """A session suffices, also where calls need the page's token: the page is the same for everybody."""
        session = self.parts.gate.session(self.request)
        if session is not None:
            return Caller(name=f"session:{session.id}", scope=Scope.READ, quota=PAGE, session=session)
        return await identify(self.request, self.parts)

    async def get(self) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "private, no-cache")
        self.set_header("Content-Security-Policy", page_policy(new_nonce(), ()))
        self.finish(docs_page(document(), demo=self.parts.demo))

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ANN401 - Tornado's shape
        """Lead a browser to the login; refuse everything else in JSON."""
        asked_by_browser = "text/html" in self.request.headers.get("Accept", "")
        if status_code == 401 and asked_by_browser and self.parts.gate.door is Door.PASSWORD:
            self.redirect(f"/login?next={quote(self.request.path, safe='/')}")
            return
        super().write_error(status_code, **kwargs)
