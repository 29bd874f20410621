"""Handlers available at once: health, the starting page, redirects to the login."""

from typing import Protocol
from urllib.parse import quote

from tornado.web import RequestHandler

from app.web.gate import Door, Gate
from app.web.headers import methods_of, new_nonce, page_policy
from app.web.pages_html import starting_page
from app.web.refusals import refusal_text


class Readiness(Protocol):
    ready: bool


class HealthzHandler(RequestHandler):
    """Liveness, for process supervisors; `pages` tells a waiting page when to reload."""

    def initialize(self, door: Readiness) -> None:
        self._door = door

    def get(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.write({"status": "ok", "pages": "ready" if self._door.ready else "starting"})

    head = get

    def compute_etag(self) -> str | None:
        return None

    def options(self) -> None:
        self.set_status(204)
        self.set_header("Allow", "GET, HEAD, OPTIONS")
        self.finish()

    def write_error(self, status_code: int, **_kwargs: object) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Allow", "GET, HEAD, OPTIONS")
        self.finish(refusal_text("method_not_allowed" if status_code == 405 else "error", self._reason))


class StartingApiHandler(RequestHandler):
    def prepare(self) -> None:
        self.set_status(503)
        self.set_header("Retry-After", "1")
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(refusal_text("starting", "Spout is starting; ask again in a moment"))


class StartingPageHandler(RequestHandler):
    def prepare(self) -> None:
        nonce = new_nonce()
        self.set_status(503)
        self.set_header("Retry-After", "1")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", page_policy(nonce, (self.request.host,)))
        self.finish(starting_page(nonce))


class NoSuchPathHandler(RequestHandler):
    """For an invalid path, such as one with a zero byte."""

    def prepare(self) -> None:
        self.set_status(404)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(refusal_text("not_found", "There is nothing here"))


class MethodsHandler(RequestHandler):
    """Answers OPTIONS for a page; access is checked when a method is used."""

    def prepare(self) -> None:
        self.set_status(204)
        self.set_header("Allow", methods_of(self.request.path))
        self.finish()


class LoginNeededHandler(RequestHandler):
    """Redirects a browser that requests a page to the login; refuses everything else."""

    def initialize(self, gate: Gate) -> None:
        self._gate = gate

    def prepare(self) -> None:
        self.set_header("Cache-Control", "no-store")
        if self._gate.door is Door.PROXY:
            self._refuse(
                403,
                "only_through_the_proxy",
                "The pages open through the proxy that asks for a login, and "
                f"{self._gate.visitor(self.request).peer} is not named in SPOUT_TRUSTED_PROXIES.",
            )
        elif self._gate.door is Door.OPEN:
            self._refuse(
                403,
                "only_here",
                "Without a password the pages open on this machine only, under localhost or 127.0.0.1, "
                "and not through a proxy. Set SPOUT_PASSWORD, or, if a proxy in front asks for a login, "
                "SPOUT_TRUST_PROXY_AUTH=true and SPOUT_TRUSTED_PROXIES.",
            )
        elif self.request.method in {"GET", "HEAD"} and "text/html" in self.request.headers.get("Accept", ""):
            self.redirect(f"/login?next={quote(self.request.uri or '/', safe='/')}")
        else:
            self._refuse(401, "login_required", "Log in at /login first")

    def _refuse(self, status: int, code: str, words: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(refusal_text(code, words))
