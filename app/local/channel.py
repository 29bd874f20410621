"""What goes over the socket, both ways: JSON lines, and bytes whose length the line before them said."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from app.errors import StoreError

LONGEST_LINE: Final = 1024 * 1024
_CHUNK: Final = 256 * 1024
_LARGEST: Final = 2**50


class LocalChannel:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def write_line(self, **words: Any) -> None:  # noqa: ANN401 - any JSON
        self._writer.write(json.dumps(words).encode() + b"\n")
        await self._writer.drain()

    async def read_line(self) -> dict[str, Any]:
        """Return the next line.

        Raises:
            StoreError: if the other end has gone, or says something else.
        """
        try:
            line = await self._reader.readline()
            found = json.loads(line) if line else None
        except (ValueError, OSError) as error:
            raise StoreError("what came over the socket is not understood") from error
        if not isinstance(found, dict):
            raise StoreError("Spout stopped before it had answered")
        return found

    async def send(self, chunk: bytes) -> None:
        self._writer.write(chunk)
        await self._writer.drain()

    async def send_file(self, path: Path) -> None:
        """Send a file's length and its bytes."""
        await self.write_line(length=await asyncio.to_thread(os.path.getsize, path))
        loop = asyncio.get_running_loop()
        with path.open("rb") as file:
            while chunk := await loop.run_in_executor(None, file.read, _CHUNK):
                await self.send(chunk)

    async def receive_file(self, length: Any, file: BinaryIO) -> None:  # noqa: ANN401 - as it was said
        """Write so many bytes to `file`.

        Raises:
            StoreError: if the other end has gone before that.
        """
        async for chunk in self.chunks(length):
            await asyncio.get_running_loop().run_in_executor(None, file.write, chunk)

    async def chunks(self, length: Any) -> AsyncIterator[bytes]:  # noqa: ANN401 - as it was said
        if not isinstance(length, int) or not 0 <= length <= _LARGEST:
            raise StoreError("what came over the socket is not understood")
        while length:
            chunk = await self._reader.read(min(_CHUNK, length))
            if not chunk:
                raise StoreError("Spout stopped before it had answered")
            length -= len(chunk)
            yield chunk

    async def closed(self) -> None:
        """Wait until the other end has gone."""
        await self._reader.read(1)
