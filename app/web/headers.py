"""The headers of every response, added in Tornado's output transforms so that no handler can forget them."""

import re
import secrets
from collections.abc import Iterable
from http import HTTPStatus

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform

from app.correlation import HEADER, current_correlation_id, sane_or_new
from app.web.gate import PAGE_LIFETIME, Gate

RENEW_MS = int(PAGE_LIFETIME.total_seconds() * 1000 / 4)
_SAFE_HOST = re.compile(r"[A-Za-z0-9._~\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_HEAD = re.compile(rb"<head(?=[\s>])[^>]*>|<title(?=[\s>])", re.IGNORECASE)
_SCRIPT = re.compile(rb"<script(?=[\s>])")
_CLOSED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers then send "Origin: null" with a form, and the login is refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OPENER_POLICY = {"Cross-Origin-Opener-Policy": "same-origin"}
"""Only where browsers heed it: over plain http from another machine each page would log an error."""
_HEEDED_AT = re.compile(
    r"(localhost|[^:]+\.localhost|127(\.\d+){3}|\[::1\]|[^:]+\.onion)(:\d+)?", re.IGNORECASE
)
_OF_DOCUMENTS = {
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""What browsers heed of a document alone: on each of a page's forty scripts it was a kilobyte for nothing."""
SAFE_HEADERS = {
    **_ALWAYS,
    **_OPENER_POLICY,
    **_OF_DOCUMENTS,
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": _CLOSED,
}
"""For a response that no handler writes."""
_READ_ONLY = "GET, HEAD, OPTIONS"
_METHODS = {"/login": "GET, HEAD, POST, OPTIONS", "/logout": "POST, OPTIONS", "/session": "POST, OPTIONS"}
"""Outside of the API, where they are not a page's."""


def methods_of(path: str) -> str:
    """Return the methods of a page, as `Allow` lists them."""
    return _METHODS.get(path, _READ_ONLY)


def _is_secure(request: HTTPServerRequest) -> bool:
    """Whether the page is one that a browser calls a secure context, as far as its request says.

    Any proxy is believed here: with a header too many nothing is opened.
    """
    forwarded = request.headers.get("X-Forwarded-Proto", "")
    return "https" in (request.protocol, forwarded.lower()) or bool(_HEEDED_AT.fullmatch(request.host))


class SecureHeaders(OutputTransform):
    """For all responses; one with its own Content-Security-Policy keeps it."""

    def __init__(self, request: HTTPServerRequest) -> None:
        self._request = request

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: FBT001, ARG002 - Tornado calls it so
    ) -> tuple[int, HTTPHeaders, bytes]:
        if "Server" in headers:
            del headers["Server"]
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers.setdefault("Allow", methods_of(self._request.path))
        headers.update(_ALWAYS)
        if headers.get("Content-Type", "").startswith("text/html"):
            headers.update(_OF_DOCUMENTS | (_OPENER_POLICY if _is_secure(self._request) else {}))
        headers[HEADER] = sane_or_new(current_correlation_id())
        headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        headers.setdefault("Content-Security-Policy", _CLOSED)
        return status_code, headers, chunk


class PageHeaders(SecureHeaders):
    """For the Bokeh pages: Bokeh renders scripts without a nonce, so it is inserted into the output.

    Every `<script` of the page is trusted with it: whatever came from outside must reach a page
    as JSON over a socket, or escaped, never as HTML.
    """

    def __init__(self, request: HTTPServerRequest, gate: Gate) -> None:
        super().__init__(request)
        self._gate = gate

    def _hosts(self) -> tuple[str, ...]:
        return self._gate.visitor(self._request).hosts

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: FBT001 - Tornado calls it so
    ) -> tuple[int, HTTPHeaders, bytes]:
        if headers.get("Content-Type", "").startswith("text/html"):
            nonce = new_nonce()
            belongs_to = self._gate.page_session(self._request) if status_code == 200 else None
            if belongs_to is not None:
                session, cookie = belongs_to
                chunk = _with_page_token(
                    chunk, self._gate.sessions.page_token(session), renews=cookie is not None
                )
                if cookie is not None:
                    headers.add("Set-Cookie", cookie)
            chunk = _SCRIPT.sub(b'<script nonce="' + nonce.encode() + b'"', chunk)
            headers["Content-Security-Policy"] = page_policy(nonce, self._hosts())
            if finishing and "Content-Length" in headers and self._request.method != "HEAD":
                headers["Content-Length"] = str(len(chunk))
        return super().transform_first_chunk(status_code, headers, chunk, finishing)


def _with_page_token(page: bytes, token: str, *, renews: bool) -> bytes:
    """Insert the token that the page sends with its requests into its head; the scripts read it there.

    `renews`: make an open page send HEAD now and then, which prolongs its session.
    """
    renew = f'setInterval(()=>fetch(location.pathname,{{method:"HEAD",cache:"no-store"}}),{RENEW_MS})'
    script = f"<script>{renew}</script>" if renews else ""
    given = f'<meta name="spout-page" content="{token}">{script}'.encode()
    found = _HEAD.search(page)
    if found is None:
        return page
    at = found.start() if found[0].lower().startswith(b"<title") else found.end()
    return page[:at] + given + page[at:]


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


def page_policy(nonce: str, hosts: Iterable[str]) -> str:
    """Return the strictest policy under which Bokeh's charts run; they need inline styles (shadow roots).

    The sockets are named because older Safari does not count them under 'self'.
    """
    sockets = "".join(f" ws://{host} wss://{host}" for host in hosts if _SAFE_HOST.fullmatch(host))
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; font-src 'self'; connect-src 'self'{sockets}; "
        "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'self'"
    )
