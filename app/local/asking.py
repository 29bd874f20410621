"""A command's end of the socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.errors import StoreError
from app.local.channel import LONGEST_LINE, LocalChannel
from app.local.serving import reachable


class Conversation(LocalChannel):
    """With a running Spout; what it refuses is raised here."""

    async def answer(self) -> dict[str, Any]:
        """Return the next line.

        Raises:
            StoreError: what it says is wrong, in its own words.
        """
        found = await self.read_line()
        if "error" in found:
            raise StoreError(str(found["error"]))
        return found


@asynccontextmanager
async def connected(data_dir: Path) -> AsyncIterator[Conversation | None]:
    """Yield the conversation with a running Spout, or None where none runs."""
    try:
        with reachable(data_dir) as path:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=LONGEST_LINE)
    except OSError:
        yield None
        return
    try:
        yield Conversation(reader, writer)
    finally:
        writer.close()
