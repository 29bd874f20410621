"""Panel's pages as one Tornado application. Importing this imports Panel: do it off the event loop.

A page's token opens its Bokeh session. It is bound to the login session for which the page was rendered: with
another login, or none, it is refused and not renewed.
"""

import time
from functools import partial
from typing import Any

from bokeh.server.tornado import BokehTornado
from bokeh.server.urls import per_app_patterns
from bokeh.util.token import (
    check_token_signature,
    generate_jwt_token,
    generate_session_id,
    get_session_id,
    get_token_payload,
)
from panel.io.server import DocHandler, WSHandler
from tornado.ioloop import IOLoop
from tornado.web import GZipContentEncoding, RequestHandler

from app.web.access_log import log_request
from app.web.bundle import PagesBundle, WrittenPage
from app.web.gate import Gate
from app.web.headers import PageHeaders
from app.web.refusals import refusal_body
from app.web.sessions import Session
from app.web.sockets import CLOSED_BY_LOGOUT, LoginRequiredWebSocket

_LARGEST_MESSAGE_BYTES = 1024 * 1024
_LARGEST_TOKEN_BYTES = 4096
_LOGIN = "spout_login"
EXPIRED = 4408
"""Close code: the token expired while the page was suspended; the page requests a new one."""


class PageTokens:
    """Creates and verifies the tokens of Bokeh sessions; `key` signs them."""

    def __init__(self, key: bytes, lifetime_seconds: int) -> None:
        self.key = key.hex().encode()
        self.lifetime_seconds = lifetime_seconds

    def make(self, login: Session | None, bokeh_session: str | None = None) -> str:
        """Return a token for a new Bokeh session, or for an existing one."""
        keys: Any = {"secret_key": self.key, "signed": True}
        return generate_jwt_token(
            bokeh_session or generate_session_id(**keys),  # type: ignore[arg-type]  # Bokeh's ID is a str
            expiration=self.lifetime_seconds,
            extra_payload={"headers": {}, "cookies": {}, "arguments": {}, _LOGIN: _name(login)},
            **keys,
        )

    def renew(self, token: str, login: Session) -> str | None:
        """Return a new token for the same Bokeh session, even if expired; None for another login's."""
        if not self.is_of(token, login):
            return None
        return self.make(login, get_session_id(token))

    def has_expired(self, token: str) -> bool:
        """Whether a token of ours is too old to open a session, as after a suspend; it can be renewed."""
        return float(get_token_payload(token)["session_expiry"]) <= time.time()

    def is_of(self, token: str, login: Session | None) -> bool:
        """Whether the token is ours and was created for this login."""
        try:
            good = check_token_signature(token, secret_key=self.key, signed=True)
            return good and get_token_payload(token).get(_LOGIN) == _name(login)
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ):  # raised by Bokeh's parser for a foreign token
            return False


def _name(login: Session | None) -> str:
    return "" if login is None else login.id


def is_beside_api(spec: tuple[Any, ...]) -> bool:
    return str(spec[0]).lstrip("^").startswith("/api/")


class PageHandler(DocHandler):
    """Renders a page at once; its Bokeh session is created when its socket opens, after the tables.

    Panel's own handler creates the session first, which blocks the event loop for a fifth of a second, also
    for clients that never open the socket. It still serves applications that do not render their own page.
    """

    async def head(self, *_args: str, **_kwargs: str) -> None:
        """Return the headers of a page without rendering it: an open page renews its session by HEAD."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html; charset=utf-8")

    async def get(self, *args: str, **kwargs: str) -> None:
        page = self.application_context.application
        if not isinstance(page, WrittenPage):
            await super().get(*args, **kwargs)  # type: ignore[misc]  # Tornado allows one that waits for nothing
            return
        # The token is valid for some minutes only, so the page must not be cached.
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        belongs_to = self.settings["gate"].page_session(self.request)
        tokens: PageTokens = self.settings["page_tokens"]
        self.write(await page.html(tokens.make(belongs_to[0] if belongs_to else None)))


class SessionHandler(RequestHandler):
    """`POST /session`: an open page requests a new token for its session. The body is its old token."""

    def post(self) -> None:
        self.set_header("Cache-Control", "no-store")
        gate: Gate = self.settings["gate"]
        tokens: PageTokens = self.settings["page_tokens"]
        login = gate.session_for_calls(self.request)
        if self.request.headers.get("Origin") is None or not gate.is_our_own_page(self.request):
            return self._refuse(403, "foreign_origin", "Only our own pages may ask for this")
        if login is None:
            return self._refuse(401, "login_required", "The login has ended: load the page again")
        if len(self.request.body) > _LARGEST_TOKEN_BYTES:
            return self._refuse(413, "too_large", f"A token has at most {_LARGEST_TOKEN_BYTES} bytes")
        renewed = tokens.renew(self.request.body.decode("ascii", "replace"), login)
        if renewed is None:
            words = "This token is of another login: load the page again"
            return self._refuse(403, "not_your_session", words)
        self.write({"token": renewed})
        return None

    def _refuse(self, status: int, code: str, words: str) -> None:
        self.set_status(status)
        self.finish(refusal_body(code, words))


class PageSocket(LoginRequiredWebSocket, WSHandler):  # type: ignore[misc]  # Tornado awaits any prepare
    """Bokeh's socket of a page, only for our own pages, and for the login for which the page was rendered.

    Bokeh's own list of origins does not support IPv6, and an environment variable overrides it. The token
    that Bokeh requires is found in the page's text only, so a cookie by itself is not sufficient.
    """

    def open(self, *args: str, **kwargs: str) -> None:
        tokens: PageTokens = self.settings["page_tokens"]
        if not tokens.is_of(self._token or "", self.gate.session(self.request)):
            self.close(CLOSED_BY_LOGOUT, "this page is of another login")
        elif tokens.has_expired(self._token or ""):
            self.close(EXPIRED, "ask for a new token")  # Bokeh would log a traceback
        else:
            WSHandler.open(self, *args, **kwargs)  # type: ignore[no-untyped-call]  # the library has no types

    def check_origin(self, origin: str) -> bool:
        """Check as for any socket; if a proxy dropped the port from Host, the page's token is required."""
        return super().check_origin(origin) or (
            self.gate.may_have_lost_its_port(self.request) and self._shows_its_token()
        )

    def _shows_its_token(self) -> bool:
        tokens: PageTokens = self.settings["page_tokens"]
        session = self.gate.session(self.request)
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        return session is not None and any(tokens.is_of(one.strip(), session) for one in offered)

    def _may_open(self) -> bool:
        return self.gate.session(self.request) is not None or self.gate.is_open_to(self.request)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        chosen: str | None = WSHandler.select_subprotocol(self, subprotocols)
        return chosen


def pages_application(
    bundle: PagesBundle,
    gate: Gate,
    key: bytes,
    *,
    token_seconds: int = 300,
    **bokeh: Any,  # noqa: ANN401 - what else BokehTornado takes
) -> BokehTornado:
    """Build and start the application on the running loop; `key` signs Bokeh's session tokens."""
    # Pages only: embedding elsewhere is not supported, so autoload.js and metadata are not served.
    per_app_patterns[:] = [(r"/ws", PageSocket), (r"/?", PageHandler)]
    tokens = PageTokens(key, token_seconds)
    application = BokehTornado(
        dict(bundle.applications),
        extra_patterns=[
            (r"/session", SessionHandler),
            *(spec for spec in bundle.handlers if not is_beside_api(spec)),
        ],
        use_index=False,
        ico_path="none",
        sign_sessions=True,
        secret_key=tokens.key,
        session_token_expiration=token_seconds,
        include_headers=["User-Agent"],
        include_cookies=[],
        websocket_max_message_size_bytes=_LARGEST_MESSAGE_BYTES,
        transforms=[partial(PageHeaders, gate=gate), GZipContentEncoding],
        log_function=log_request,
        gate=gate,
        page_tokens=tokens,
        **bokeh,
    )
    application.initialize(IOLoop.current())
    application.start()
    return application
