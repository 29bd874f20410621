"""The appliance's end of the socket: 0600, and only for this user and root."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import structlog

from app.errors import SpoutError, StoreError
from app.local.channel import LONGEST_LINE, LocalChannel

SOCKET: Final = "spout.sock"
_PATIENCE_SECONDS: Final = 10.0
_PEER: Final = struct.Struct("3i")
_log = structlog.get_logger(__name__)

Handler = Callable[[Mapping[str, Any], LocalChannel], Awaitable[None]]
"""Answers one request; a SpoutError that it raises is sent back to the caller as text."""


@asynccontextmanager
async def commands_served(data_dir: Path, handlers: Mapping[str, Handler]) -> AsyncIterator[None]:
    """Answer while this is open; where no socket can be made it is said once, and all else goes on."""
    answering: set[asyncio.Task[Any]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            answering.add(task)
        try:
            if may_ask(writer.get_extra_info("socket")):
                await _answer(LocalChannel(reader, writer), handlers)
        except (OSError, asyncio.CancelledError):
            _log.debug("a command left")
        finally:
            writer.close()
            if task is not None:
                answering.discard(task)

    try:
        with reachable(data_dir) as path:
            path.unlink(missing_ok=True)  # of a Spout that was killed: this one holds the directory's lock
            server = await asyncio.start_unix_server(answer, str(path), limit=LONGEST_LINE)
            (data_dir / SOCKET).chmod(0o600)
    except OSError as error:
        _log.warning("no socket for commands", directory=str(data_dir), error=str(error))
        yield
        return
    try:
        yield
    finally:
        server.close()
        for task in tuple(answering):
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)
        (data_dir / SOCKET).unlink(missing_ok=True)


async def _answer(channel: LocalChannel, handlers: Mapping[str, Handler]) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            asked = await channel.read_line()
        handler = handlers.get(str(asked.get("do")))
        if handler is None:
            raise StoreError("the running Spout does not know this command: it is another version")
        await handler(asked, channel)
    except SpoutError as error:
        with suppress(OSError):
            await channel.write_line(error=" ".join(str(error).split()))


def may_ask(peer: socket.socket) -> bool:
    """Whether the process at the other end runs as this user, or as root."""
    _, uid, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return uid in (os.getuid(), 0)


class reachable:  # noqa: N801 - a context manager, called like a function
    """The socket's path, short enough for the kernel (107 bytes) wherever the data directory lies."""

    def __init__(self, data_dir: Path) -> None:
        self._handle = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)

    def __enter__(self) -> Path:
        return Path(f"/proc/self/fd/{self._handle}/{SOCKET}")

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)
