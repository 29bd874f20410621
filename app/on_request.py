"""Answers the commands that ask a running Spout over the socket in the data directory (app/local)."""

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from app.api import story_of
from app.api.models import EndpointTest, ExportFilters, read
from app.engine import Engine, Safekeeping, summary_of
from app.errors import RequestError, StoreError
from app.local import Handler, LocalChannel
from app.store import ExportFormat, Prepared, exported

Replace = Callable[[Prepared, bool], Awaitable[dict[str, Any]]]
"""Stops the engine, puts the prepared database in place and starts it again; returns words for people."""
SendTest = Callable[[str], Awaitable[EndpointTest | None]]
"""Sends a test to the endpoint of this id or name; None if there is none."""


class OnRequest:
    def __init__(
        self, engine: Callable[[], Engine], safekeeping: Safekeeping, replace: Replace, send_test: SendTest
    ) -> None:
        self._engine = engine
        self._send_test = send_test
        self._safekeeping = safekeeping
        self._replace = replace

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "backup": self._backup,
            "restore": self._restore,
            "export": self._export,
            "story": self._story,
            "test": self._test,
        }

    async def _backup(self, _asked: Mapping[str, Any], channel: LocalChannel) -> None:
        database = self._of_a_node().database
        async with self._safekeeping.passing(database) as path:
            await channel.send_file(path)

    async def _export(self, asked: Mapping[str, Any], channel: LocalChannel) -> None:
        engine = self._of_a_node()
        try:
            kind, filters = ExportFormat(str(asked.get("format"))), asked.get("filters")
            query = read(ExportFilters, filters if isinstance(filters, dict) else {}).query()
        except (ValueError, RequestError) as error:
            raise StoreError("the running Spout does not understand this: it is another version") from error
        async with aclosing(exported(engine.store, query, kind, self._safekeeping.data_dir)) as pieces:
            async for piece in pieces:
                await channel.write_line(length=len(piece.content), rows=piece.rows, total=piece.total)
                await channel.send(piece.content)
        await channel.write_line(done=True)

    async def _story(self, asked: Mapping[str, Any], channel: LocalChannel) -> None:
        """Send the whole story of one whale; of the demo's too, which says that it is one."""
        engine = self._engine()
        found = await story_of(engine.store, str(asked.get("whale")), engine.tracker.story)
        content = json.dumps(found).encode()
        await channel.write_line(length=len(content))
        await channel.send(content)

    async def _test(self, asked: Mapping[str, Any], channel: LocalChannel) -> None:
        """Send the test here, so that it goes where all else goes, and the host called is listed."""
        if self._engine().demo:
            await channel.write_line(sends=False)
            return
        tested = await self._send_test(str(asked.get("endpoint")))
        await channel.write_line(sends=True, tested=None if tested is None else tested.body())

    async def _restore(self, asked: Mapping[str, Any], channel: LocalChannel) -> None:
        """Receive the file, say what is in it, and go on only if the other end says so."""
        self._of_a_node()
        with self._safekeeping.restoring():
            await self._restored(asked, channel)

    async def _restored(self, asked: Mapping[str, Any], channel: LocalChannel) -> None:
        incoming = self._safekeeping.incoming
        try:
            await _receive(channel, asked.get("length"), incoming)
            prepared = await self._safekeeping.prepare(incoming)
        finally:
            incoming.unlink(missing_ok=True)
        try:
            await channel.write_line(found=summary_of(prepared))
            reply = await channel.read_line()
            if reply.get("go") is True:
                await channel.write_line(done=await self._replace(prepared, reply.get("trust") is True))
        finally:
            prepared.discard()

    def _of_a_node(self) -> Engine:
        engine = self._engine()
        if engine.demo:
            raise StoreError("the demo is running: it keeps nothing of yours. Stop it, or wait for your node")
        return engine


async def _receive(channel: LocalChannel, length: Any, path: Path) -> None:  # noqa: ANN401 - as it was said
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            await channel.receive_file(length, file)
    except OSError as error:
        raise StoreError(f"the backup could not be received: {error.strerror}") from error
