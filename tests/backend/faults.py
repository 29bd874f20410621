"""What can go wrong with a backend, one method each; `Backend` inherits them."""

import asyncio
import json
from typing import Any

from tests.backend.crowd import Crowd
from tests.backend.protocol import BINARY, TEXT, header
from tests.backend.stories import WorldStory
from tests.backend.subscriptions import Client
from tests.backend.world import World

Json = dict[str, Any]


class Faults:
    """The state that faults work on, and the faults."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.clients: list[Client] = []
        self.slow_seconds = 0.0
        self.overrides: dict[str, tuple[int, str, bytes]] = {}
        self._awake = asyncio.Event()
        self._awake.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._down: asyncio.Task[None] | None = None

    @property
    def played(self) -> WorldStory:
        """Return the hand-driven story: a recording has none."""
        raise NotImplementedError

    @property
    def world(self) -> World:
        return self.played.world

    def push(self, frame: Json) -> None:
        raise NotImplementedError

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Drop every WebSocket without a close frame; the port stays open."""
        for client in list(self.clients):
            client.socket.cut()

    async def refuse(self) -> None:
        """Close the port and drop every connection (the backend is down)."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def restart(
        self,
        *,
        down_seconds: float = 0.0,
        sync_seconds: float = 0.2,
        keep_pool: bool = False,
        lost_blocks: bool = False,
    ) -> None:
        """Go down, come back on the same port with sequence 0, catch up after `sync_seconds`."""
        await self.refuse()
        self.world.restart_backend(keep_pool=keep_pool)
        await asyncio.sleep(down_seconds)
        await self.listen()
        await asyncio.sleep(sync_seconds)
        self.world.finish_sync(lost_blocks=lost_blocks)

    def freeze(self) -> None:
        """Stay open and be silent: pings unanswered, REST hanging, frames lost."""
        self._awake.clear()

    def thaw(self) -> None:
        self._awake.set()

    def node_down(self, every_seconds: float = 1.0) -> None:
        """Stop bitcoind under the backend: `loadingIndicators` each second, REST as measured."""
        self.played.rest.node_down = self.played.rest.out_of_sync = True
        self._down = asyncio.get_running_loop().create_task(self._indicate(every_seconds))

    def node_up(self) -> None:
        """Bring bitcoind back; the first delta uses the previous sequence again."""
        self.played.rest.node_down = self.played.rest.out_of_sync = False
        if self._down is not None:
            self._down.cancel()
        self.world.indicators = {}
        self.push({"loadingIndicators": {}})
        self.world.sequence -= 1
        self.world.poll()

    def send_raw(self, payload: str | bytes, *, binary: bool = False) -> None:
        """Send any payload as one frame to every client: garbage, half a JSON, a wrong type, broken UTF-8."""
        raw = payload.encode() if isinstance(payload, str) else payload
        for client in self.clients:
            client.socket.send(raw, BINARY if binary else TEXT)

    def send_half_frame(self, payload: str) -> None:
        """Announce a frame, send half of it, drop the connection."""
        raw = payload.encode()
        for client in self.clients:
            client.socket.send_bytes(header(len(raw)) + raw[: len(raw) // 2])
            client.socket.close()

    def big_frame(self, megabytes: float, whales: int = 5, seed: str = "crowd") -> Crowd:
        """Send ONE `mempool-transactions` frame of about this size; the mempool has them all now."""
        crowd = Crowd.of_bytes(int(megabytes * 1_000_000), whales, seed)
        crowd.txids()
        self.world.crowd = crowd
        sequence = self.world.next_sequence()
        for client in self.clients:
            if client.subscriptions.mempool:
                client.socket.send_streamed(*crowd.frame(sequence))
        return crowd

    def drop_crowd(self) -> None:
        """Let the big frame's transactions leave again, in one `removed`."""
        gone = self.world.crowd.txids() if self.world.crowd else []
        self.world.crowd = None
        delta = {
            "sequence": self.world.next_sequence(),
            "added": [],
            "removed": gone,
            "mined": [],
            "replaced": [],
        }
        self.push({"mempool-txids": delta, "mempool-transactions": delta})

    def slow_rest(self, seconds: float) -> None:
        """Let each REST answer take so long."""
        self.slow_seconds = seconds

    def rest_error(self, path: str, status: int, body: Any = None) -> None:
        """Answer a path (a pattern with `*` and `?`) with this status, until `rest_error(path, 0)`."""
        if not status:
            self.overrides.pop(path, None)
            return
        shown = body if body is not None else {"error": "Service Unavailable"}
        self.rest_body(path, json.dumps(shown).encode(), status=status)

    def rest_body(
        self,
        path: str,
        body: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json; charset=utf-8",
    ) -> None:
        """Answer a path with any bytes: a wrong type, half a JSON, HTML."""
        self.overrides[path] = (status, content_type, body)

    async def _indicate(self, every_seconds: float) -> None:
        while True:
            self.world.indicators = {"mempool": 99}
            self.push({"loadingIndicators": {"mempool": 99}})
            await asyncio.sleep(every_seconds)
