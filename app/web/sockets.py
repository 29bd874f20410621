"""Base classes of every WebSocket: the origin check; for those of the pages, the login and its end."""

import asyncio
from collections.abc import Callable
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from app.web.connections import let_in
from app.web.gate import PAGE_TOKEN_PROTOCOL, Gate
from app.web.origin import what_to_pass_on
from app.web.refusals import refusal_text
from app.web.sessions import Session

CLOSED_BY_LOGOUT = 4401
"""Close code: the session has ended; the page should reload, which leads to the login."""
_VERSION = "13"
"""Of the protocol, the only one there is (RFC 6455)."""
CHECK_SECONDS = 5.0
"""Interval of the expiry check; a logout is noticed at once."""


class OwnOriginWebSocket(WebSocketHandler):
    """Accepts our own pages, and other programs, which send no Origin.

    The application that mounts it has `gate` in its settings. Refusals before the handshake are JSON.
    """

    @property
    def gate(self) -> Gate:
        found: Gate = self.settings["gate"]
        return found

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002 - the request's own, and what else it says
        return not self.gate.is_foreign(self.request)

    async def get(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Tornado's shape
        headers = self.request.headers
        if headers.get("Upgrade", "").lower() != "websocket":
            self.set_header("Upgrade", "websocket")
            self._refuse_handshake(426, "upgrade_required", "This is a WebSocket: ask for an upgrade")
        elif "upgrade" not in [one.strip().lower() for one in headers.get("Connection", "").split(",")]:
            words = "Connection must be Upgrade; a proxy in front has to pass it on, as it does Upgrade"
            self._refuse_handshake(400, "bad_request", words)
        elif headers.get("Sec-WebSocket-Version") != _VERSION:
            self.set_header("Sec-WebSocket-Version", _VERSION)
            words = f"Sec-WebSocket-Version must be {_VERSION}"
            self._refuse_handshake(426, "upgrade_required", words)
        elif not (headers.get("Sec-WebSocket-Key") and headers.get("Host")):
            self._refuse_handshake(400, "bad_request", "A handshake has Host and Sec-WebSocket-Key")
        elif headers.get("Origin") is not None and not self.check_origin(""):
            words = what_to_pass_on(headers.get("Origin"), self.gate.visitor(self.request).hosts)
            self._refuse_handshake(403, "foreign_origin", f"This socket is for Spout's own pages. {words}")
        else:
            await super().get(*args, **kwargs)

    def head(self) -> None:
        self._refuse_handshake(426, "upgrade_required", "This is a WebSocket: ask for an upgrade")

    def options(self, *_args: str) -> None:
        self.set_status(204)
        self.set_header("Allow", "GET, OPTIONS")
        self.finish()

    def write_error(self, status_code: int, **_kwargs: object) -> None:
        if status_code == 405:
            self.set_header("Allow", "GET, OPTIONS")
        code = "method_not_allowed" if status_code == 405 else "error"
        self._refuse_handshake(status_code, code, self._reason)

    def _refuse_handshake(self, status: int, code: str, words: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(refusal_text(code, words))


class SessionWatch:
    """Calls `ended` once, when the session is logged out or expires, or the password changes.

    Without a session, where no login is required: when a password is set.
    """

    def __init__(self, gate: Gate, session: Session | None, ended: Callable[[], None]) -> None:
        self._gate = gate
        self._ended = ended
        self._unwatch = gate.sessions.watch(session, ended)
        self._expiring = None if session is None else asyncio.create_task(self._await_expiry(session))

    async def _await_expiry(self, session: Session) -> None:
        while (left := self._gate.sessions.seconds_left(session)) > 0:
            await self._gate.clock.sleep(min(left, CHECK_SECONDS))
        self._ended()

    def stop(self) -> None:
        self._unwatch()
        if self._expiring is not None:
            self._expiring.cancel()


class LoginRequiredWebSocket(OwnOriginWebSocket):
    """For the sockets of the pages: without a required login, refused before the handshake.

    Closed with `CLOSED_BY_LOGOUT` when the session ends. A subclass that overrides `on_close` must call this
    one's. Behind a proxy that authenticates, the page's token is required too, as a subprotocol.
    """

    def __init__(
        self,
        application: Application,
        request: HTTPServerRequest,
        **kwargs: Any,  # noqa: ANN401 - Tornado's shape
    ) -> None:
        super().__init__(application, request, **kwargs)
        self._watch: SessionWatch | None = None

    def prepare(self) -> None:
        if self.request.method != "GET":
            return
        if self.request.headers.get("Origin") is None or not self._may_open():
            self._refuse_handshake(401, "login_required", "Log in to the pages first.")
            return
        let_in(self.request)

    def _may_open(self) -> bool:
        return self.gate.may_open_feed(self.request)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Select a subprotocol: a browser closes the socket unless one that it offered is selected."""
        return next((name for name in subprotocols if name.startswith(PAGE_TOKEN_PROTOCOL)), None)

    async def get(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Tornado's shape
        self._watch = SessionWatch(self.gate, self.gate.session(self.request), self._logged_out)
        try:
            await super().get(*args, **kwargs)  # returns when the socket is closed, or was never opened
        finally:
            self._stop_watching()

    def _logged_out(self) -> None:
        if self.ws_connection is not None:
            self.close(CLOSED_BY_LOGOUT, "logged out")

    def on_close(self) -> None:
        super().on_close()
        self._stop_watching()

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
