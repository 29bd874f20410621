"""Tornado's server with limits for unauthenticated clients: few connections, small bodies, clear refusals."""

import asyncio
import contextlib
import errno
import json
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, Protocol

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError, UnsatisfiableReadError

from app.clock import Clock
from app.correlation import HEADER, sane_or_new
from app.web.connections import Connection, Connections, remember
from app.web.headers import SAFE_HEADERS
from app.web.refusals import refusal_body

LARGEST_HEADER_BYTES = 32 * 1024
LARGEST_BODY_BYTES = 1024 * 1024
"""For an authenticated client."""
LARGEST_IMPORT_BYTES = 5 * 1024 * 1024
"""For the file of an import; it has a path of its own."""
IMPORT_PATH = "/api/v1/labels/import"
LARGEST_UNPROVED_BODY_BYTES = 128 * 1024
"""For a key or session not verified yet: any one call of the API fits in it."""
LARGEST_STRANGERS_BODY_BYTES = 16 * 1024
"""For a login."""
_LARGEST_BUFFER_BYTES = 2 * 1024 * 1024
_READ_BYTES = 16 * 1024
_IDLE_SECONDS = 120
_BODY_SECONDS = 30
_ACCEPT_AT_ONCE = 64
_PAUSE_SECONDS = 0.2
_NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_LEFT_UNREAD_BYTES = 256 * 1024
_TORNADOS_REFUSAL = b"HTTP/1.1 400 Bad Request\r\n\r\n"
_WORDS = {
    400: ("bad_request", "The request cannot be read, or is larger than it may be"),
    413: ("too_large", "The body is larger than it may be here"),
    431: ("headers_too_large", f"The headers are larger than {LARGEST_HEADER_BYTES // 1024} kB"),
}
_LOG = logging.getLogger("app.http")


class Server(Protocol):
    """An object that routes requests, such as Tornado's Router."""

    def start_request(self, server_conn: object, request_conn: Any) -> Any: ...  # noqa: ANN401 - Tornado's shape


class DoorStream(IOStream):
    """A client's connection; if Tornado refuses without a response, sends a JSON error with our headers."""

    entered: Connection | None = None
    refuse_with = 400
    """The status to send if the body of the current request turns out to be too large."""
    largest_words = ""
    """What is then said: the limit, and what would raise it."""
    correlation_id: str | None = None
    """Of the current request; None until its headers are read."""

    def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Read a request's headers; of a client that has left, its requests still buffered are not served.

        Thousands fit into the buffer, and closed connections are in no limit.
        """
        if self.closed():
            raise StreamClosedError(real_error=self.error)
        return super().read_until_regex(regex, max_bytes)

    def write(self, data: bytes | memoryview) -> "asyncio.Future[None]":
        if data == _TORNADOS_REFUSAL:
            # Written where Tornado catches what is wrong: of a chunked body only that says it is too large.
            too_large = str(sys.exc_info()[1]).endswith("body too large")
            data = refusal(413 if too_large else self.refuse_with, self.correlation_id, self.largest_words)
        return super().write(data)

    def close(self, exc_info: Any = False) -> None:  # noqa: ANN401, FBT002 - Tornado's shape
        if isinstance(exc_info, UnsatisfiableReadError) and not self.closed():
            self._say_too_large()
        super().close(exc_info)

    def _say_too_large(self) -> None:
        """Send 431 without waiting, best effort; with unread input the kernel would discard the response."""
        with contextlib.suppress(OSError):
            self.socket.send(refusal(431))
            self.socket.shutdown(socket.SHUT_WR)
            left = _LEFT_UNREAD_BYTES
            while left > 0 and (unread := self.socket.recv(_READ_BYTES)):
                left -= len(unread)


class DoorServer(HTTPServer):
    """Accepts while there is room, and makes room; `connections` selects what is closed."""

    def initialize(self, router: Server, connections: Connections, clock: Clock) -> None:  # type: ignore[override]  # Tornado's handlers take their own
        super().initialize(
            router,  # type: ignore[arg-type]  # Tornado asks no more of it than `start_request`
            max_body_size=LARGEST_BODY_BYTES,
            max_header_size=LARGEST_HEADER_BYTES,
            max_buffer_size=_LARGEST_BUFFER_BYTES,
            chunk_size=_READ_BYTES,
            idle_connection_timeout=_IDLE_SECONDS,
            body_timeout=_BODY_SECONDS,
        )
        self.connections = connections
        self._clock = clock
        self._paused: list[asyncio.TimerHandle] = []

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """As Tornado's, but without free descriptors it pauses, instead of failing in a loop."""
        loop = asyncio.get_running_loop()
        for listening in sockets:
            number = listening.fileno()
            self._sockets[number] = listening
            self._handlers[number] = self._accepting(loop, listening)

    def _accepting(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> Callable[[], None]:
        def go_on() -> None:
            if listening.fileno() >= 0:
                loop.add_reader(listening, accept)

        def accept() -> None:
            for _ in range(_ACCEPT_AT_ONCE):
                try:
                    client, address = listening.accept()
                except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                    return
                except OSError as error:
                    if error.errno not in _NO_ROOM:
                        raise
                    self.connections.make_room()
                    _LOG.warning("no descriptor is left for a client", extra={"reason": error.strerror})
                    loop.remove_reader(listening)
                    self._paused.append(loop.call_later(_PAUSE_SECONDS, go_on))
                    return
                self._welcome(client, address)

        def stop() -> None:
            loop.remove_reader(listening)
            for timer in self._paused:
                timer.cancel()

        go_on()
        return stop

    def _welcome(self, client: socket.socket, address: Any) -> None:  # noqa: ANN401 - of whatever family
        try:
            client.settimeout(0)
            stream = DoorStream(
                client, max_buffer_size=self.max_buffer_size, read_chunk_size=self.read_chunk_size
            )
            peer = address[0] if isinstance(address, tuple) and address else "?"
            stream.entered = self.connections.enter(stream, peer, self._clock.monotonic())
            self.handle_stream(stream, address)
        except (OSError, StreamClosedError):
            client.close()


def note_request(request: HTTPServerRequest, most_body_bytes: int, at: float) -> None:
    """Note a request's headers: the connection is not idle, and its body is limited to `most_body_bytes`."""
    connection = request.connection
    stream = getattr(connection, "stream", None)
    if not isinstance(connection, HTTP1Connection) or not isinstance(stream, DoorStream):
        return  # a handler alone, in a test
    connection.set_max_body_size(most_body_bytes)
    stream.refuse_with = 413 if (_length_of(request) or 0) > most_body_bytes else 400
    stream.largest_words = _largest_words(most_body_bytes)
    if stream.entered is not None:
        stream.entered.active_at = at
        remember(request, stream.entered)


def is_small(request: HTTPServerRequest) -> bool:
    """Whether Content-Length says that the body is within the limit for unauthenticated clients."""
    chunked = "Transfer-Encoding" in request.headers
    return not chunked and (_length_of(request) or 0) <= LARGEST_UNPROVED_BODY_BYTES


def _length_of(request: HTTPServerRequest) -> int | None:
    """Return Content-Length; None if it is absent or no number, which Tornado refuses."""
    given = request.headers.get("Content-Length", "")[:20]
    return int(given) if given.isascii() and given.isdigit() else None  # `²` is a digit too, and no int


class BodyAfterProof(HTTPMessageDelegate):
    """Reads a large body only after authentication, which may query the database."""

    def __init__(
        self,
        inner: HTTPMessageDelegate,
        request: HTTPServerRequest,
        has_proved: Callable[[HTTPServerRequest], Awaitable[bool]],
        at: float,
    ) -> None:
        self._inner = inner
        self._request = request
        self._has_proved = has_proved
        self._at = at

    async def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        if await self._has_proved(self._request):
            note_request(self._request, largest_body_bytes(self._request.path), self._at)
        begun = self._inner.headers_received(start_line, headers)
        if begun is not None:
            await begun

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._inner.data_received(chunk)

    def finish(self) -> None:
        self._inner.finish()

    def on_connection_close(self) -> None:
        self._inner.on_connection_close()


def largest_body_bytes(path: str) -> int:
    """Return the limit for an authenticated client."""
    return LARGEST_IMPORT_BYTES if path == IMPORT_PATH else LARGEST_BODY_BYTES


def _largest_words(most: int) -> str:
    """Who has proved who it is learns the limit; who has not, that a login or a key raises it."""
    size = f"{most // 1024} kB" if most < 1024 * 1024 else f"{most // (1024 * 1024)} MB"
    larger = f"The body is larger than {size}"
    if most == LARGEST_STRANGERS_BODY_BYTES:
        return f"{larger}, the most that is read without a login or a key"
    if most == LARGEST_UNPROVED_BODY_BYTES:
        return f"{larger}, the most that is read with a key that is not known, or not yet"
    return f"{larger}, the most that is read here: send it in parts"


def refusal(status: int, correlation_id: str | None = None, largest_words: str = "") -> bytes:
    """Return a complete response for a request that could not be parsed; without its id, under a new one.

    `largest_words`: what a body that is too large is refused with.
    """
    code, words = _WORDS[status]
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        words = largest_words or words
    known = sane_or_new(correlation_id)
    body = json.dumps(refusal_body(code, words, known)).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
        HEADER: known,
        **SAFE_HEADERS,
    }
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        *(f"{name}: {given}" for name, given in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
