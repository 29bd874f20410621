"""The WebSocket connection: each frame is held once, its size is bounded, no redirect is followed."""

import ssl
from collections.abc import Callable, Generator
from functools import partial
from io import BytesIO
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidStatus, SecurityError
from websockets.frames import CloseCode
from websockets.streams import StreamReader

from app.source.resilience import trusting

PING_SECONDS = 20.0
"""The packaged frontend's proxy closes a connection that was idle for 60 s."""
OPEN_SECONDS = 10.0
HELD_ONCE_FROM_BYTES = 1024 * 1024


class Link(ClientConnection):
    """A client connection; `on_bytes` is called with the number of bytes received."""

    def __init__(self, protocol: ClientProtocol, *, on_bytes: Callable[[int], None], **options: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(protocol, **options)
        self._on_bytes = on_bytes
        hold_large_frames_once(protocol.reader)

    def data_received(self, data: bytes) -> None:
        self._on_bytes(len(data))
        super().data_received(data)
        if self.protocol.parser_exc is not None:
            self.transport.close()  # stop reading altogether, rather than read and discard


class NoRedirect(connect):
    """Connects only to the configured address, never to a redirect's target."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        if isinstance(exc, InvalidStatus) and "Location" in exc.response.headers:
            return SecurityError(
                f"it answers {exc.response.status_code} and points elsewhere, which is not followed: "
                "SPOUT_MEMPOOL_URL must be the backend's own address"
            )
        return exc


def open_link(
    url: str,
    on_bytes: Callable[[int], None] = lambda _: None,
    *,
    most_bytes: int,
    open_seconds: float = OPEN_SECONDS,
    pong_seconds: float | None = None,
    tls: ssl.SSLContext | None = None,
) -> connect:
    """Return the connection, to be entered as a context manager.

    `on_bytes` is called with each number of bytes received, also of a partial frame. A message of more than
    `most_bytes` is refused by the length in its header, before it is buffered; `is_too_large` recognises the
    error that then closes the connection. `pong_seconds`: the timeout for a pong; None if the caller monitors
    the connection itself. `tls`: the authorities trusted at a wss address; None: the system's.
    """
    return NoRedirect(
        url,
        create_connection=partial(Link, on_bytes=on_bytes),  # type: ignore[arg-type]  # any factory will do
        max_size=most_bytes,
        compression=None,
        open_timeout=open_seconds,
        close_timeout=1,
        ping_interval=PING_SECONDS,
        ping_timeout=pong_seconds,
        max_queue=0,  # at most one frame is buffered while another is read
        proxy=None,
        ssl=(tls or trusting(None)) if url.startswith("wss:") else None,
    )


def has_another(link: ClientConnection) -> bool:
    """Whether a whole message has been read already, so that `recv` returns it at once."""
    waiting = link.recv_messages.frames.queue
    return bool(waiting) and waiting[0].fin


def is_too_large(error: BaseException) -> bool:
    """Whether the connection closed because a message exceeded the size limit."""
    if not isinstance(error, ConnectionClosed) or error.sent is None:
        return False
    return error.sent.code == CloseCode.MESSAGE_TOO_BIG


def hold_large_frames_once(reader: StreamReader) -> None:
    """Make `reader` buffer a large payload where it can be handed out without a copy.

    By default the library holds a payload twice at its peak: the read buffer and the slice cut out of it,
    then the slices and the message joined from them. A mempool in one frame is 300 MB. `BytesIO` hands out
    what it buffered as the same bytes object, and joining a single bytes object copies nothing.
    """
    plainly = reader.read_exact

    def read_exact(count: int) -> Generator[None, None, bytes | bytearray]:
        if count < HELD_ONCE_FROM_BYTES:
            if len(reader.buffer) < count:
                return (yield from plainly(count))
            # Nearly always it is all there: a generator in a generator costs more than what it does.
            whole = reader.buffer[:count]
            del reader.buffer[:count]
            return whole
        gathered = BytesIO()
        while (missing := count - gathered.tell()) > 0:
            if not reader.buffer:
                if reader.eof:
                    raise EOFError(f"stream ends {missing} bytes before the end of a frame")
                yield
            with memoryview(reader.buffer) as received:
                taken = gathered.write(received[:missing])
            del reader.buffer[:taken]
        return gathered.getvalue()

    reader.read_exact = read_exact  # type: ignore[assignment, method-assign]  # looked up for each frame
