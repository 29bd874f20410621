"""A control port beside the backend: `POST /control/NAME` with JSON drives it from another process."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tests.backend.protocol import read_request, response
from tests.backend.server import Backend
from tests.backend.shapes import Block
from tests.backend.transactions import Built, from_json

Json = dict[str, Any]
_TYPE = "application/json"


class Control:
    """Calls by name; a transaction is told as `Built.to_json()`, a known one by its txid."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._slow: dict[str, Callable[..., Any]] = {
            "refuse": backend.refuse,
            "listen": backend.listen,
            "restart": backend.restart,
        }
        self.stopped = asyncio.Event()

    async def call(self, name: str, reported: Json) -> Any:
        """Do what is asked and return what there is to tell.

        Raises:
            KeyError: if there is no such call.
        """
        if name in self._slow:
            return await self._slow[name](**reported)
        return self._calls()[name](**reported)

    @property
    def names(self) -> frozenset[str]:
        """Of every call there is."""
        return frozenset((*self._slow, *self._calls()))

    def _calls(self) -> dict[str, Callable[..., Any]]:
        backend = self._backend
        return {
            "add": lambda transactions: backend.world.add(*map(from_json, transactions)),
            "replace": lambda old, new: backend.world.replace(self._known(old), from_json(new)),
            "mine": self._mine,
            "mine_all": lambda: _reported(backend.world.mine_all()),
            "invalidate": lambda depth=1: [_reported(block) for block in backend.world.invalidate(depth)],
            "reorg": self._reorg,
            "drop": lambda txids: backend.world.drop(*txids),
            "drop_all": lambda: backend.world.drop(*backend.world.pool),
            "cut": backend.cut,
            "freeze": backend.freeze,
            "thaw": backend.thaw,
            "node_down": backend.node_down,
            "node_up": backend.node_up,
            "send_raw": self._send_raw,
            "send_half_frame": backend.send_half_frame,
            "push_to_all": backend.push_to_all,
            "big_frame": self._big_frame,
            "drop_crowd": backend.drop_crowd,
            "slow_rest": backend.slow_rest,
            "rest_error": backend.rest_error,
            "rest_body": lambda path, body, **more: backend.rest_body(path, body.encode(), **more),
            "state": self._state,
            "stop": self.stopped.set,
        }

    def _known(self, txid: str) -> Built:
        return self._backend.world.known[txid]

    def _mine(self, txids: tuple[str, ...] = (), unannounced: tuple[Json, ...] = (), empty: int = 0) -> Json:
        built = [from_json(reported) for reported in unannounced]
        return _reported(self._backend.world.mine(list(txids), unannounced=built, empty=empty))

    def _reorg(self, depth: int = 1, blocks: Sequence[Sequence[Any]] = ((),)) -> list[Json]:
        made = [
            [self._known(tx) if isinstance(tx, str) else from_json(tx) for tx in block] for block in blocks
        ]
        return [_reported(block) for block in self._backend.world.reorg(depth, made)]

    def _send_raw(self, payload: str | None = None, hex: str | None = None, *, binary: bool = False) -> None:  # noqa: A002
        raw: str | bytes = bytes.fromhex(hex) if hex is not None else payload or ""
        self._backend.send_raw(raw, binary=binary)

    def _big_frame(self, megabytes: float, whales: int = 5, seed: str = "crowd") -> Json:
        crowd = self._backend.big_frame(megabytes, whales, seed)
        return {"count": crowd.count, "whales": crowd.whale_txids()}

    def _state(self) -> Json:
        backend = self._backend
        reported = {
            "connections": backend.connections,
            "open": len(backend.clients),
            "requests": backend.requests,
        }
        subscribed = sum(client.subscriptions.mempool for client in backend.clients)
        unsent = sum(client.socket.queued_bytes for client in backend.clients)
        return {**reported, "messages": backend.messages, "subscribed": subscribed, "unsent_bytes": unsent}


@asynccontextmanager
async def controlled(backend: Backend) -> Any:
    """Open the control port; yield (its port, the control)."""
    control = Control(backend)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            name = request.path.removeprefix("/control/")
            try:
                found = await control.call(name, json.loads(request.body or b"{}"))
                answer = response(200, _TYPE, json.dumps({"result": found}).encode())
            except (KeyError, TypeError, ValueError) as error:
                answer = response(400, _TYPE, json.dumps({"error": repr(error)}).encode())
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=64_000_000)
    try:
        yield server.sockets[0].getsockname()[1], control
    finally:
        server.close()


def _reported(block: Block) -> Json:
    return {"hash": block.hash, "height": block.height, "txids": block.txids}
