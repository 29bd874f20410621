"""What every WebSocket of the pages inherits: our own origin, the pages' login, an end when that ends."""

from collections.abc import Callable
from typing import Any, ClassVar

from tornado.httputil import HTTPServerRequest
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from app.web.gate import Gate
from app.web.origin import same_origin

CLOSED_BY_LOGOUT = 4401
"""Close code: the session has ended; the page should reload, which leads to the login."""


class OwnOriginWebSocket(WebSocketHandler):
    """Opens only for pages that came from the very host and port it is opened on."""

    def check_origin(self, origin: str) -> bool:
        return same_origin(origin, self.request.host)


class LoginRequiredWebSocket(OwnOriginWebSocket):
    """For `WS /api/v1/live`: refused before the handshake unless the pages' login, or open door, is there.

    The application that mounts it has `gate` in its settings. Closed with `CLOSED_BY_LOGOUT` when
    the session is logged out. A subclass that overrides `on_close` calls this one's.
    """

    REFUSED: ClassVar[str] = '{"error": {"code": "login_required", "message": "Log in to the pages first."}}'

    def __init__(
        self,
        application: Application,
        request: HTTPServerRequest,
        **kwargs: Any,  # noqa: ANN401 - Tornado's shape
    ) -> None:
        super().__init__(application, request, **kwargs)
        self._stop_watching: Callable[[], None] | None = None

    def prepare(self) -> None:
        gate: Gate = self.settings["gate"]
        session = gate.session(self.request)
        if self.request.headers.get("Origin") is None or not gate.may_open_feed(self.request):
            self.set_status(401)
            self.set_header("Content-Type", "application/json")
            self.finish(self.REFUSED)
            return
        if session is not None:
            self._stop_watching = gate.sessions.watch(session, self._logged_out)

    def _logged_out(self) -> None:
        self.close(CLOSED_BY_LOGOUT, "logged out")

    def on_close(self) -> None:
        if self._stop_watching is not None:
            self._stop_watching()
            self._stop_watching = None
