"""The headers of every answer, put on where no handler can forget them: in Tornado's output transforms."""

import re
import secrets

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform

from app.web.gate import Gate

_SAFE_HOST = re.compile(r"[A-Za-z0-9._~\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_SCRIPT = re.compile(rb"<script(?=[\s>])")
_CLOSED = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"


class SecureHeaders(OutputTransform):
    """For everything; an answer that brings its own Content-Security-Policy keeps it."""

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
        headers["X-Content-Type-Options"] = "nosniff"
        # Not no-referrer: browsers then send "Origin: null" with a form, and the login is refused.
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        headers.setdefault("Content-Security-Policy", _CLOSED)
        return status_code, headers, chunk


class PageHeaders(SecureHeaders):
    """For the Bokeh pages: Bokeh writes scripts without a nonce, so it is put in as the page leaves.

    Every `<script` of the page is trusted with it: whatever came from outside must reach a page
    as JSON over a socket, or escaped, never as HTML.
    """

    def __init__(self, request: HTTPServerRequest, gate: Gate) -> None:
        super().__init__(request)
        self._gate = gate

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: FBT001 - Tornado calls it so
    ) -> tuple[int, HTTPHeaders, bytes]:
        if headers.get("Content-Type", "").startswith("text/html"):
            nonce = new_nonce()
            chunk = _SCRIPT.sub(b'<script nonce="' + nonce.encode() + b'"', chunk)
            headers["Content-Security-Policy"] = page_policy(nonce, self._request.host)
            if finishing and "Content-Length" in headers:
                headers["Content-Length"] = str(len(chunk))
            if status_code == 200 and self._gate.gives_sessions:
                headers.add("Set-Cookie", self._gate.begin(self._request))
        return super().transform_first_chunk(status_code, headers, chunk, finishing)


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


def page_policy(nonce: str, host: str) -> str:
    """The tightest policy that Bokeh's charts run under; they need inline styles (shadow roots).

    The sockets are named because older Safari does not count them under 'self'.
    """
    sockets = f" ws://{host} wss://{host}" if _SAFE_HOST.fullmatch(host) else ""
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; font-src 'self'; connect-src 'self'{sockets}; manifest-src 'self'; "
        "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'self'"
    )
