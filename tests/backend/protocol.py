"""HTTP/1.1 and WebSocket (RFC 6455) on asyncio streams, with every byte in our hand.

A ready-made server is too well-behaved for this: it answers pings while it plays dead, says goodbye before
it drops a connection, and wants a whole frame in memory before it sends the first byte.
"""

import asyncio
import base64
import hashlib
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
Chunks = Iterator[bytes]


class TooBigError(Exception):
    """A message is over the server's limit."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def upgrades(self) -> bool:
        return self.headers.get("upgrade", "").lower() == "websocket"


@dataclass(slots=True)
class Socket:
    """One open WebSocket, the server's end. What is queued is sent in order by one task."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    limit: int | None = None
    queued_bytes: int = 0
    _queue: "asyncio.Queue[tuple[bytes, Chunks] | None]" = field(default_factory=asyncio.Queue)

    async def accept(self, request: Request) -> None:
        key = request.headers["sec-websocket-key"] + _GUID
        token = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest()).decode()
        self.writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {token}\r\n\r\n".encode()
        )
        await self.writer.drain()

    def send(self, payload: bytes, opcode: int = TEXT) -> None:
        self.queued_bytes += len(payload)
        self._queue.put_nowait((header(len(payload), opcode) + payload, iter(())))

    def send_streamed(self, size: int, chunks: Chunks) -> None:
        """Send ONE frame of `size` bytes that is made while it is sent."""
        self._queue.put_nowait((header(size), chunks))

    def send_bytes(self, raw: bytes) -> None:
        """Put bytes on the wire that need be no frame at all."""
        self._queue.put_nowait((raw, iter(())))

    def close(self) -> None:
        """Let what is queued go out, then end."""
        self._queue.put_nowait(None)

    def cut(self) -> None:
        """Drop the connection at once, without a close frame."""
        self._queue.put_nowait(None)
        self.writer.transport.abort()

    async def pump(self) -> None:
        """Write what is queued until the connection ends."""
        while (item := await self._queue.get()) is not None:
            first, chunks = item
            self.queued_bytes = max(0, self.queued_bytes - len(first))
            try:
                self.writer.write(first)
                await self.writer.drain()
                for chunk in chunks:
                    self.writer.write(chunk)
                    await self.writer.drain()
            except ConnectionError:
                return
        self.writer.close()

    async def messages(self) -> AsyncIterator[tuple[int, bytes]]:
        """Yield (opcode, payload) of each whole message; ends when the client does.

        Raises:
            TooBigError: if a message is over the limit.
        """
        kind, parts = TEXT, b""
        try:
            while True:
                final, opcode, payload = await self._frame()
                if opcode >= CLOSE:
                    yield opcode, payload
                    continue
                kind, parts = (opcode, payload) if opcode else (kind, parts + payload)
                if final:
                    yield kind, parts
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def _frame(self) -> tuple[bool, int, bytes]:
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        if self.limit is not None and size > self.limit:
            raise TooBigError
        mask = await self.reader.readexactly(4) if second & 0x80 else b"\0\0\0\0"
        masked = await self.reader.readexactly(size)
        whole = int.from_bytes(masked) ^ int.from_bytes((mask * (size // 4 + 1))[:size])
        return bool(first & 0x80), first & 0x0F, whole.to_bytes(size)


def header(size: int, opcode: int = TEXT) -> bytes:
    """Return the header of an unmasked, final frame."""
    if size < 126:
        return bytes([0x80 | opcode, size])
    if size < 65536:
        return bytes([0x80 | opcode, 126]) + struct.pack("!H", size)
    return bytes([0x80 | opcode, 127]) + struct.pack("!Q", size)


def close_payload(code: int, reason: str = "") -> bytes:
    return struct.pack("!H", code) + reason.encode()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None when the client has closed or sends no HTTP."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *rest = head.split("\r\n")
        method, target, _ = first.split(" ")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in rest if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        return None
    return Request(method, target.partition("?")[0], headers, body)


def response(status: int, content_type: str, body: bytes) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Status",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "X-Powered-By: Express",
        "Connection: keep-alive",
    ]
    if status == 204:
        lines[1:3] = []
        body = b""
    return "\r\n".join([*lines, "", ""]).encode() + body
