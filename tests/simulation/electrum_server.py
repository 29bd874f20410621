"""An Electrum server in a simulation, and blocks with real headers, which are all that it says of them."""

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from tests.backend.encoding import sha256d
from tests.backend.shapes import Block
from tests.backend.transactions import Built
from tests.backend.world import World

BITS, VERSION = 0x207FFFFF, 0x20000000
Json = dict[str, Any]


class HeadedWorld(World):
    """`headers`: of each block, by its hash, the 80 bytes that it is the hash of."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.headers: dict[str, str] = {}
        super().__init__(clock=clock)

    def _make_block(self, height: int, mined: tuple[Built, ...]) -> Block:
        made = super()._make_block(height, mined)
        header = b"".join(
            (
                VERSION.to_bytes(4, "little"),
                bytes.fromhex(made.previous)[::-1],
                sha256("".join(made.txids).encode()).digest(),
                made.time.to_bytes(4, "little"),
                BITS.to_bytes(4, "little"),
                bytes(4),
            )
        )
        name = sha256d(header)[::-1].hex()
        self.headers[name] = header.hex()
        return Block(name, made.previous, made.height, made.time, made.coinbase, made.built)


class ElectrumServer:
    """Its index may lag behind the node, whose transactions it passes on: `lags`, or `node_lags` too."""

    def __init__(self, world: HeadedWorld, port: int) -> None:
        self.world, self.port = world, port
        self.chain = list(world.chain)
        self.pool = {txid: one.built for txid, one in world.pool.items()}
        self.node_chain = self.chain
        self.lags = self.node_lags = False
        self.refuses: str | None = None
        """The words with which it refuses every question but a ping."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def catch_up(self) -> None:
        if not self.node_lags:
            self.node_chain = list(self.world.chain)
            self.pool = {txid: one.built for txid, one in self.world.pool.items()}
        if not self.lags and self.chain != self.node_chain:
            self.chain = self.node_chain
            self.notify(self._tip())

    def notify(self, tip: Json) -> None:
        self.send({"jsonrpc": "2.0", "method": "blockchain.headers.subscribe", "params": [tip]})

    def send(self, message: Any) -> None:
        self.send_raw(json.dumps(message).encode() + b"\n")

    def send_raw(self, raw: bytes) -> None:
        for writer in self._writers:
            writer.write(raw)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                asked = json.loads(line)
                reply = {"jsonrpc": "2.0", "id": asked["id"], **self._reply(asked["method"], asked["params"])}
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    def _reply(self, name: str, params: list[Any]) -> Json:
        method = getattr(self, f"_{name.replace('.', '_')}", None)
        try:
            if self.refuses is not None and name != "server.ping":
                return {"error": {"code": -32603, "message": self.refuses}}
            if method is None:
                return {"error": {"code": -32601, "message": f"unknown method {name}"}}
            return {"result": method(*params)}
        except LookupError as error:
            return {"error": {"code": 2, "message": f"daemon error: {error.args[0]}"}}

    def _server_version(self, *_: Any) -> list[str]:
        return ["electrs/0.10.9", "1.4"]

    def _server_ping(self) -> None:
        pass

    def _blockchain_headers_subscribe(self) -> Json:
        return self._tip()

    def _blockchain_block_header(self, height: int) -> str:
        for one in self.chain:
            if one.height == height:
                return self._header(one)
        raise LookupError("no such block")

    def _blockchain_block_headers(self, first: int, count: int) -> Json:
        found = [self._header(one) for one in self.chain if first <= one.height < first + count]
        return {"count": len(found), "hex": "".join(found), "max": 2016}

    def _blockchain_estimatefee(self, _: int) -> float:
        return 0.0001

    def _blockchain_relayfee(self) -> float:
        return 0.00001

    def _mempool_get_fee_histogram(self) -> list[list[float]]:
        return sorted(([one.fee / one.vsize, int(one.vsize)] for one in self.pool.values()), reverse=True)

    def _blockchain_transaction_get(self, txid: str, *verbose: Any) -> Any:
        """As its node has it."""
        if txid in self.pool:
            raw = self.pool[txid].raw.serialize().hex()
            return {"hex": raw} if any(verbose) else raw
        for block in self.node_chain:
            for one in block.built:
                if one.txid == txid:
                    raw = one.raw.serialize().hex()
                    confirmations = self.node_chain[-1].height - block.height + 1
                    named = {"hex": raw, "blockhash": block.hash, "confirmations": confirmations}
                    return named if any(verbose) else raw
        raise LookupError("No such mempool or blockchain transaction.")

    def _tip(self) -> Json:
        return {"height": self.chain[-1].height, "hex": self._header(self.chain[-1])}

    def _header(self, block: Block) -> str:
        return self.world.headers[block.hash]
