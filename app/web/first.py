"""What answers before anything else is ready: that we live, that we are starting, that a login is needed."""

import json
from typing import Protocol
from urllib.parse import quote

from tornado.web import RequestHandler

from app.web.gate import Door, Gate
from app.web.headers import new_nonce, page_policy
from app.web.pages_html import starting_page


class Readiness(Protocol):
    ready: bool


class HealthzHandler(RequestHandler):
    """Liveness, for whoever watches the process; `pages` tells an open page when to come back."""

    def initialize(self, door: Readiness) -> None:
        self._door = door

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.write({"status": "ok", "pages": "ready" if self._door.ready else "starting"})

    head = get

    def compute_etag(self) -> str | None:
        return None

    def write_error(self, status_code: int, **_kwargs: object) -> None:
        self.set_header("Allow", "GET, HEAD")
        self.finish(_refusal("method_not_allowed" if status_code == 405 else "error", self._reason))


class StartingApiHandler(RequestHandler):
    def prepare(self) -> None:
        self.set_status(503)
        self.set_header("Retry-After", "1")
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(_refusal("starting", "Spout is starting; ask again in a moment"))


class StartingPageHandler(RequestHandler):
    def prepare(self) -> None:
        nonce = new_nonce()
        self.set_status(503)
        self.set_header("Retry-After", "1")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", page_policy(nonce, self.request.host))
        self.finish(starting_page(nonce))


class LoginNeededHandler(RequestHandler):
    """A browser that wants a page is led to the login; all else is told."""

    def initialize(self, gate: Gate) -> None:
        self._gate = gate

    def prepare(self) -> None:
        self.set_header("Cache-Control", "no-store")
        if self._gate.door is not Door.PASSWORD:
            self._refuse(
                403,
                "only_here",
                "Without a password the pages open on this machine only, under localhost or 127.0.0.1. "
                "Set SPOUT_PASSWORD, or SPOUT_TRUST_PROXY_AUTH=true if a proxy in front asks for a login.",
            )
        elif self.request.method == "GET" and "text/html" in self.request.headers.get("Accept", ""):
            self.redirect(f"/login?next={quote(self.request.uri or '/', safe='/')}")
        else:
            self._refuse(401, "login_required", "Log in at /login first")

    def _refuse(self, status: int, code: str, words: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(_refusal(code, words))


def _refusal(code: str, words: str) -> str:
    return json.dumps({"error": {"code": code, "message": words}})
