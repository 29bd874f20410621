"""Who may see the pages: one question, asked of every request that is not the API's own."""

from datetime import datetime, timedelta
from enum import StrEnum

from tornado.httputil import HTTPServerRequest

from app.settings import Settings
from app.web.origin import asked_by_foreign_page, asked_on_this_machine
from app.web.sessions import COOKIE, Session, Sessions

LOGIN_LIFETIME = timedelta(days=30)
PAGE_LIFETIME = timedelta(days=1)
"""Of a session that a page began by itself; the next page begins another."""


class Door(StrEnum):
    """How the pages are guarded."""

    PASSWORD = "password"  # noqa: S105 - the name of a mode
    PROXY = "proxy"
    """A proxy in front has asked already; only what comes through the pages is trusted, not the API."""
    OPEN = "open"
    """Nobody is asked, because only this machine can knock."""


class Gate:
    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        if settings.password is not None:
            self.door = Door.PASSWORD
        else:
            self.door = Door.PROXY if settings.trust_proxy_auth else Door.OPEN
        self.sessions = sessions

    def session(self, request: HTTPServerRequest) -> Session | None:
        """The operator's session, if the request carries a good one."""
        morsel = request.cookies.get(COOKIE)
        return self.sessions.read(morsel.value if morsel else None)

    def admits(self, request: HTTPServerRequest) -> bool:
        """True if this request may have a page."""
        if self.door is Door.PROXY:
            return True
        if self.door is Door.OPEN:
            return self.is_open_to(request)
        return self.session(request) is not None

    def may_open_feed(self, request: HTTPServerRequest) -> bool:
        """True if this request may open a socket of the pages: it has a session, or none is asked for.

        Stricter than `admits`: a proxy in front may let `/api/` through unasked, for machines with keys.
        """
        return self.session(request) is not None or self.is_open_to(request)

    def is_open_to(self, request: HTTPServerRequest) -> bool:
        """True if no login is asked of this request: it was made on this machine, by no foreign page."""
        if self.door is not Door.OPEN or asked_by_foreign_page_to_read(request):
            return False
        return asked_on_this_machine(request.headers, request.remote_ip or "")

    @property
    def gives_sessions(self) -> bool:
        """Whether a page that is served begins a session by itself.

        Without a password nobody logs in, yet the API must tell our pages from any other program.
        """
        return self.door is not Door.PASSWORD

    def begin(self, request: HTTPServerRequest) -> str:
        """Begin a session; returns its `Set-Cookie`."""
        lifetime = LOGIN_LIFETIME if self.door is Door.PASSWORD else PAGE_LIFETIME
        session, cookie = self.sessions.begin(lifetime)
        return _cookie_header(cookie, session.expires_at, secure=_is_https(request))


def asked_by_foreign_page_to_read(request: HTTPServerRequest) -> bool:
    """A link from elsewhere to a page of ours is no foreign call: following one is a navigation."""
    if request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate":
        return False
    return asked_by_foreign_page(request.headers)


def _cookie_header(cookie: str, expires: datetime, *, secure: bool) -> str:
    """`Set-Cookie` of a session. Lax, so that the link in an alert opens the page one is logged in to."""
    stamp = expires.strftime("%a, %d %b %Y %H:%M:%S GMT")
    flags = "; Secure" if secure else ""
    return f"{COOKIE}={cookie}; Path=/; Expires={stamp}; HttpOnly; SameSite=Lax{flags}"


def _is_https(request: HTTPServerRequest) -> bool:
    """As far as the browser is concerned; a proxy that ends TLS says so."""
    return request.protocol == "https" or request.headers.get("X-Forwarded-Proto") == "https"
