"""The operator's login: a password in, a session cookie out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from tornado.web import RequestHandler

from app.api.throttle import Throttle
from app.clock import Clock
from app.setting_types import Secret
from app.web.gate import Door, Gate
from app.web.headers import new_nonce, page_policy
from app.web.origin import asked_by_our_own_page
from app.web.pages_html import login_page
from app.web.sessions import COOKIE

_log = structlog.get_logger(__name__)
_LONGEST_PASSWORD = 1_024


class Passwords:
    """Holds the argon2id hash of the operator's password; checks one at a time, off the event loop."""

    def __init__(self, password: Secret) -> None:
        # 19 MiB, 2 passes: OWASP's choice for small machines; one at a time bounds the memory.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="password")
        self._hash = self._thread.submit(self._hasher.hash, password.reveal())

    async def is_right(self, tried: str) -> bool:
        """As long for a right one as for a wrong one."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._check, tried)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _check(self, tried: str) -> bool:
        try:
            return self._hasher.verify(self._hash.result(), tried[:_LONGEST_PASSWORD])
        except VerifyMismatchError:
            return False


class LoginHandler(RequestHandler):
    def initialize(self, gate: Gate, passwords: Passwords | None, throttle: Throttle, clock: Clock) -> None:
        self._gate = gate
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock

    async def get(self) -> None:
        onward = safe_path(self.get_query_argument("next", "/"))
        if self._gate.door is not Door.PASSWORD or self._gate.session(self.request):
            self.redirect(onward)
            return
        self._show(onward)

    async def post(self) -> None:
        onward = safe_path(self.get_body_argument("next", "/"))
        if self._passwords is None:
            self.redirect(onward)
            return
        if not asked_by_our_own_page(self.request.headers):
            self._show(onward, "This form was sent from another site. Log in here.", status=403)
            return
        address = self.request.remote_ip or "?"
        wait = self._throttle.begin(address, self._clock.monotonic())
        if wait:
            self.set_header("Retry-After", str(wait))
            self._show(onward, f"Too many tries. Wait {wait} seconds.", status=429)
            return
        if not await self._passwords.is_right(self.get_body_argument("password", "", strip=False)):
            _log.warning("login_failed", address=address)
            self._show(onward, "That is not the password.", status=401)
            return
        self._throttle.succeeded(address)
        _log.info("login", address=address)
        self.add_header("Set-Cookie", self._gate.begin(self.request))
        self.redirect(onward, status=303)

    def _show(self, onward: str, error: str | None = None, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", page_policy(new_nonce(), self.request.host))
        self.finish(login_page(onward=onward, error=error))


class LogoutHandler(RequestHandler):
    def initialize(self, gate: Gate) -> None:
        self._gate = gate

    async def post(self) -> None:
        """Only by our own page: a foreign one shall not log the operator out."""
        session = self._gate.session(self.request)
        if session is not None and asked_by_our_own_page(self.request.headers):
            self._gate.sessions.end(session)
            self.clear_cookie(COOKIE)
        self.redirect("/", status=303)


def safe_path(text: str) -> str:
    """A path on this server; anything that could lead elsewhere becomes `/`."""
    if not text.startswith("/") or text[1:2] in {"/", "\\"} or not text.isascii() or not text.isprintable():
        return "/"
    return "/" if "\\" in text or text.startswith(("/login", "/logout")) else text
