"""Runs the code of one request under its correlation id; the connection's next request has its own."""

from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)

from app.correlation import HEADER, correlated, sane_or_new
from app.web.http_server import DoorStream


class Correlated(HTTPMessageDelegate):
    """Wraps a request's delegate: the tasks it starts inherit the id; the connection's own does not."""

    def __init__(self, inner: HTTPMessageDelegate, request: HTTPServerRequest) -> None:
        self._inner = inner
        self._id = sane_or_new(request.headers.get(HEADER))
        stream = getattr(request.connection, "stream", None)
        self._stream = stream if isinstance(stream, DoorStream) else None
        self._name_stream(self._id)

    async def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> None:
        with correlated(self._id):
            begun = self._inner.headers_received(start_line, headers)
            if begun is not None:
                await begun

    async def data_received(self, chunk: bytes) -> None:
        with correlated(self._id):
            taken = self._inner.data_received(chunk)
            if taken is not None:
                await taken

    def finish(self) -> None:
        self._name_stream(None)
        with correlated(self._id):
            self._inner.finish()

    def on_connection_close(self) -> None:
        with correlated(self._id):
            self._inner.on_connection_close()

    def _name_stream(self, correlation_id: str | None) -> None:
        """Set whose id a refusal carries that no handler writes: this request's until its body is read."""
        if self._stream is not None:
            self._stream.correlation_id = correlation_id
