"""Access control for the pages: checked for every request outside of the API."""

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tornado.httputil import HTTPServerRequest

from app.clock import Clock
from app.settings import Secret
from app.web.origin import (
    asked_by_foreign_page,
    asked_by_our_own_page,
    asked_on_this_machine,
    followed_a_link,
    lost_its_port,
    was_forwarded,
)
from app.web.proxies import LOOPBACK, TrustedProxies, Visitor
from app.web.sessions import Session, Sessions

if TYPE_CHECKING:
    from app.settings import Settings

LOGIN_LIFETIME = timedelta(days=30)
DEVICE_LIFETIME = timedelta(days=365)
PAGE_LIFETIME = timedelta(hours=1)
"""Lifetime of a session begun by a page itself; every page load, or HEAD request, renews it."""
PAGE_TOKEN_HEADER = "X-Spout-Page"  # noqa: S105 - the name of a header
PAGE_TOKEN_PROTOCOL = "spout.page."  # noqa: S105 - how a WebSocket, which can send no header, names it


class Door(StrEnum):
    """The access mode of the pages."""

    PASSWORD = "password"  # noqa: S105 - the name of a mode
    PROXY = "proxy"
    """A proxy in front authenticates; this is trusted for requests to the pages, not to the API."""
    OPEN = "open"
    """No login, because only this machine can connect."""


class Gate:
    def __init__(
        self,
        settings: "Settings",
        sessions: Sessions,
        clock: Clock,
        proxies: TrustedProxies | None = None,
        *,
        has_password: bool = False,
    ) -> None:
        """`has_password`: one was set by `spout password` or on the page."""
        if settings.password is not None or has_password:
            self.door = Door.PASSWORD
        else:
            self.door = Door.PROXY if settings.trust_proxy_auth else Door.OPEN
        self.sessions = sessions
        self.clock = clock
        self._page_sessions: WeakKeyDictionary[HTTPServerRequest, tuple[Session, str | None]] = (
            WeakKeyDictionary()
        )
        self.proxies = proxies or TrustedProxies(trusted_entries(settings), clock)

    def change_password(self, password: Secret) -> None:
        """From now on a login is asked for, and every session so far has ended."""
        self.door = Door.PASSWORD
        self.sessions.change_password(password)

    def visitor(self, request: HTTPServerRequest) -> Visitor:
        return self.proxies.visitor(request)

    def session(self, request: HTTPServerRequest) -> Session | None:
        """Return the operator's session, if the request carries a valid one from a permitted origin."""
        if self.door is Door.PROXY and not self.visitor(request).trusted:
            return None
        morsel = request.cookies.get(self.sessions.cookie_name)
        return self.sessions.read(morsel.value if morsel else None)

    def session_for_calls(self, request: HTTPServerRequest) -> Session | None:
        """Return the session as `session` does, for the API and the pages' feed.

        Cookies ignore ports: behind a proxy that authenticates, every app under the same host name receives
        our cookie. So there the cookie alone is not sufficient; the request must carry the page's token too.
        """
        session = self.session(request)
        if session is None or self.door is not Door.PROXY:
            return session
        return session if self.sessions.is_page_token(session, _page_token(request)) else None

    def admits(self, request: HTTPServerRequest) -> bool:
        """Whether this request may load a page."""
        if self.door is Door.PROXY:
            return self.visitor(request).trusted
        if self.door is Door.OPEN:
            return self.is_open_to(request)
        return self.session(request) is not None

    def may_open_feed(self, request: HTTPServerRequest) -> bool:
        """Whether this request may open a socket of the pages: it has a session, or none is required.

        Stricter than `admits`: a proxy in front may pass `/api/` without login, for clients with API keys.
        """
        return self.session_for_calls(request) is not None or self.is_open_to(request)

    def is_open_to(self, request: HTTPServerRequest) -> bool:
        """Whether this request needs no login: it was made on this machine, not by a foreign page."""
        if self.door is not Door.OPEN or self.is_foreign(request):
            return False
        visitor = self.visitor(request)
        return not visitor.trusted and asked_on_this_machine(request.headers, visitor.peer, request.version)

    def is_asked_past_proxy(self, request: HTTPServerRequest) -> bool:
        """Whether a program asks directly while a proxy authenticates: the box itself, as umbrelOS does.

        Not a browser, whose page may be anybody's, and nothing that any proxy has passed on.
        """
        if self.door is not Door.PROXY or self.visitor(request).trusted or was_forwarded(request.headers):
            return False
        return not any(name in request.headers for name in ("Origin", "Sec-Fetch-Site", "Referer"))

    def is_foreign(self, request: HTTPServerRequest) -> bool:
        """Whether a foreign page made the request. A followed link does not count: it is a navigation."""
        if request.method in {"GET", "HEAD"} and followed_a_link(request.headers):
            return False
        if self._shows_a_page_of_ours(request):
            return False
        return asked_by_foreign_page(request.headers, self.visitor(request).hosts)

    def is_our_own_page(self, request: HTTPServerRequest) -> bool:
        """Whether a browser reports our own page as the origin, or the request carries the page's token."""
        return self._shows_a_page_of_ours(request) or asked_by_our_own_page(
            request.headers, self.visitor(request).hosts
        )

    def may_have_lost_its_port(self, request: HTTPServerRequest) -> bool:
        """Whether only its Origin's port does not match, and the browser sends nothing more specific."""
        origin = request.headers.get("Origin")
        return "Sec-Fetch-Site" not in request.headers and lost_its_port(origin, self.visitor(request).hosts)

    def _shows_a_page_of_ours(self, request: HTTPServerRequest) -> bool:
        """Check the page's token, in case a proxy dropped the port from Host."""
        token = _page_token(request)
        if not token or not self.may_have_lost_its_port(request):
            return False
        session = self.session(request)
        return session is not None and self.sessions.is_page_token(session, token)

    @property
    def gives_sessions(self) -> bool:
        """Whether a served page begins a session by itself.

        Without a password nobody logs in, yet the API must distinguish our pages from other programs.
        """
        return self.door is not Door.PASSWORD

    def begin(self, request: HTTPServerRequest) -> tuple[Session, str]:
        """Begin a session, or continue the page's own; return it with its `Set-Cookie`."""
        if self.door is Door.PASSWORD:
            session, cookie = self.sessions.begin(LOGIN_LIFETIME)
        else:
            going_on = self.session(request)
            session, cookie = self.sessions.begin(PAGE_LIFETIME, going_on.id if going_on else None)
        lifetime = session.expires_at - self.clock.now()
        return session, self._cookie_header(request, self.sessions.cookie_name, cookie, lifetime, "Lax")

    def page_session(self, request: HTTPServerRequest) -> tuple[Session, str | None] | None:
        """Return the session of a page, with a `Set-Cookie` if the page begins or prolongs it.

        Repeated calls for one request give the same: the page's token and its headers agree. None if
        only a login begins sessions, and there is none.
        """
        if self.gives_sessions:
            if request not in self._page_sessions:
                self._page_sessions[request] = self.begin(request)
            return self._page_sessions[request]
        session = self.session(request)
        return None if session is None else (session, None)

    def device(self, request: HTTPServerRequest) -> str | None:
        """Return the browser that has logged in before; None for an unknown one."""
        morsel = request.cookies.get(self.sessions.device_cookie_name)
        return self.sessions.device(morsel.value if morsel else None)

    def remember_device(self, request: HTTPServerRequest) -> str:
        """Return the `Set-Cookie` that identifies this browser at its next login."""
        return self._cookie_header(
            request,
            self.sessions.device_cookie_name,
            self.sessions.device_token(),
            DEVICE_LIFETIME,
            "Strict",
        )

    def _cookie_header(
        self, request: HTTPServerRequest, name: str, cookie: str, lifetime: timedelta, same_site: str
    ) -> str:
        """Return `Set-Cookie`. Lax for a session, so that the link in an alert opens the logged-in page.

        `Max-Age` and no `Expires`: a browser whose clock is ahead of this machine's (a board without a
        battery starts in the past) would drop a dated cookie at once, and every login would lead back to the
        login (RFC 6265, 4.1.2).
        """
        flags = "; Secure" if self.visitor(request).https else ""
        seconds = round(lifetime.total_seconds())
        return f"{name}={cookie}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{flags}"


def trusted_entries(settings: "Settings") -> tuple[str, ...]:
    """Return the trusted proxies; if a proxy authenticates and only this machine can connect, loopback."""
    if settings.trusted_proxies is not None:
        return settings.trusted_proxies.entries
    return LOOPBACK if settings.trust_proxy_auth and settings.loopback_only else ()


def _page_token(request: HTTPServerRequest) -> str:
    given = request.headers.get(PAGE_TOKEN_HEADER)
    if given is not None:
        return given
    for protocol in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        if protocol.strip().startswith(PAGE_TOKEN_PROTOCOL):
            return protocol.strip().removeprefix(PAGE_TOKEN_PROTOCOL)
    return ""
