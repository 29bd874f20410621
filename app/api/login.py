"""The operator's login: a password in, a session cookie out."""

import structlog
from tornado.web import RequestHandler

from app.api.models import LoginForm, read
from app.api.parts import Parts
from app.core.units import counted
from app.errors import RequestError
from app.web import Door, Gate, let_in, login_page, new_nonce, page_policy, what_to_pass_on

_log = structlog.get_logger(__name__)


class LoginHandler(RequestHandler):
    def initialize(self, parts: Parts) -> None:
        self._gate = parts.gate
        self._passwords = parts.passwords
        self._throttle = parts.throttle
        self._clock = parts.clock
        self._confirmations = parts.confirmations

    async def get(self) -> None:
        onward = safe_path(self.get_query_argument("next", "/"))
        if self._gate.door is not Door.PASSWORD or self._gate.session(self.request):
            self.redirect(onward)
            return
        self._show(onward)

    head = get

    def options(self) -> None:
        self.set_status(204)
        self.set_header("Allow", "GET, HEAD, POST, OPTIONS")

    async def post(self) -> None:
        try:
            form = read(LoginForm, self._form())
        except RequestError as error:
            self._show("/", f"This form cannot be read: {error}.", status=400)
            return
        onward = safe_path(form.next)
        if not self._passwords.exists:
            self.redirect(onward)
            return
        visitor = self._gate.visitor(self.request)
        if not self._gate.is_our_own_page(self.request):
            words = what_to_pass_on(self.request.headers.get("Origin"), visitor.hosts)
            self._show(onward, f"This form was sent from another site. Log in here. {words}", status=403)
            return
        # A known browser is throttled separately: failures from elsewhere do not slow it down.
        device = self._gate.device(self.request)
        tried_by = f"device:{device}" if device else visitor.address
        wait = self._throttle.begin(tried_by, self._clock.monotonic(), known=device is not None)
        if wait:
            self.set_header("Retry-After", str(wait))
            self._show(onward, f"Too many tries. Wait {counted(wait, 'second')}.", status=429)
            return
        if not await self._passwords.is_right(form.password):
            _log.warning("login_failed", address=visitor.address)
            self._show(onward, "That is not the password.", status=401)
            return
        self._throttle.succeeded(tried_by)
        _log.info("login", address=visitor.address)
        let_in(self.request)
        session, cookie = self._gate.begin(self.request)
        self._confirmations.confirm(session)
        self.add_header("Set-Cookie", cookie)
        self.add_header("Set-Cookie", self._gate.remember_device(self.request))
        self.redirect(onward, status=303)

    def _form(self) -> dict[str, str]:
        return {name: self.get_body_argument(name, strip=False) for name in self.request.body_arguments}

    def _show(self, onward: str, error: str | None = None, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.set_header(
            "Content-Security-Policy", page_policy(new_nonce(), self._gate.visitor(self.request).hosts)
        )
        self.finish(login_page(onward=onward, error=error))


class LogoutHandler(RequestHandler):
    def initialize(self, gate: Gate) -> None:
        self._gate = gate

    async def post(self) -> None:
        """Log out; only from our own page: a foreign one must not log the operator out."""
        session = self._gate.session(self.request)
        if session is not None and self._gate.is_our_own_page(self.request):
            self._gate.sessions.end(session)
            self.clear_cookie(self._gate.sessions.cookie_name)
        self.redirect("/", status=303)

    def options(self) -> None:
        self.set_status(204)
        self.set_header("Allow", "POST, OPTIONS")


def safe_path(text: str) -> str:
    """Return a path on this server; anything that could lead elsewhere becomes `/`."""
    if not text.startswith("/") or text[1:2] in {"/", "\\"} or not text.isascii() or not text.isprintable():
        return "/"
    return "/" if "\\" in text or text.startswith(("/login", "/logout")) else text
