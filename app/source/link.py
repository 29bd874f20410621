"""The WebSocket connection itself: frames of any size held once, and any byte is a sign of life."""

from collections.abc import Callable, Generator
from functools import partial
from io import BytesIO
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.streams import StreamReader

PING_SECONDS = 20.0
"""The packaged frontend's proxy cuts a link that was idle for 60 s."""
HELD_ONCE_FROM_BYTES = 1024 * 1024


class Link(ClientConnection):
    """A client's connection; `on_bytes` is called whenever anything at all arrives."""

    def __init__(self, protocol: ClientProtocol, *, on_bytes: Callable[[], None], **options: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(protocol, **options)
        self._on_bytes = on_bytes
        hold_large_frames_once(protocol.reader)

    def data_received(self, data: bytes) -> None:
        self._on_bytes()
        super().data_received(data)


def open_link(url: str, on_bytes: Callable[[], None]) -> connect:
    """Return the connection to be entered; `on_bytes`: something arrived, be it a part of a frame."""
    return connect(
        url,
        create_connection=partial(Link, on_bytes=on_bytes),  # type: ignore[arg-type]  # any factory will do
        max_size=None,  # after a backend's restart the whole mempool may come in one frame
        compression=None,
        open_timeout=10,
        close_timeout=1,
        ping_interval=PING_SECONDS,
        ping_timeout=None,
        max_queue=4,
        proxy=None,
    )


def hold_large_frames_once(reader: StreamReader) -> None:
    """Let `reader` gather a large payload where it can be handed out without a copy.

    As it comes, the library holds a payload twice at its peak: the buffer it gathers in and what it cuts
    out of it, then that and the message joined of it. A mempool in one frame is 300 MB. What `BytesIO`
    gathered it gives away as the very bytes, and joining a single bytes object copies nothing.
    """
    plainly = reader.read_exact

    def read_exact(count: int) -> Generator[None, None, bytes | bytearray]:
        if count < HELD_ONCE_FROM_BYTES:
            return (yield from plainly(count))
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
