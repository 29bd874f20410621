"""A bitcoind in a simulation: its JSON-RPC over HTTP and its ZMQ, said of its own view of the world.

The view is taken anew by `catch_up`, and what is published is the difference, in bitcoind's order: what left
and what came with each block, then what came to the mempool. While it lags it says what it saw last.
"""

import asyncio
import base64
import json
from typing import Any

from tests.backend.protocol import read_request, response
from tests.backend.rawtx import RawTransaction
from tests.backend.shapes import Block, Waiting
from tests.backend.transactions import Built
from tests.backend.world import World
from tests.simulation.zmq_in_memory import Publishers

USER, PASSWORD = "spout", "told by nobody"
LOADING, NOT_FOUND, NO_SUCH_METHOD = -28, -5, -32601
OLD_CONFIRMATIONS = 100
"""Of a coin from before the story."""
Json = dict[str, Any]


class RpcError(Exception):
    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class CoreNode:
    """`lags`: it hears nothing new. `deaf`: what it publishes is lost, and counted.

    `broken`: what it answers in place of a reply. `slow_seconds`: before it answers.
    """

    def __init__(self, world: World, publishers: Publishers, *, rpc_port: int, zmq_port: int) -> None:
        self.world, self.publishers = world, publishers
        self.rpc_port, self.zmq_port = rpc_port, zmq_port
        self.chain: list[Block] = list(world.chain)
        self.blocks = {one.hash: one for one in self.chain}
        """Every block that it ever had, also of branches that were left."""
        self.pool: dict[str, Waiting] = dict(world.pool)
        self.lags = self.loading = self.deaf = False
        self.awake = asyncio.Event()
        self.awake.set()
        self.broken: tuple[int, bytes] | None = None
        self.slow_seconds = 0.0
        self.lie: Json | None = None
        """The header of a tip that nobody has, which it names in place of its own."""
        self._counts: dict[bytes, int] = {}
        self._order = 1
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self._login = f"Basic {token}"

    @property
    def url(self) -> str:
        return f"http://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.rpc_port}"

    @property
    def zmq_url(self) -> str:
        return f"tcp://127.0.0.1:{self.zmq_port}"

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.rpc_port)
        self.publishers.listen(self.zmq_port)

    def refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.publishers.close(self.zmq_port)
        for writer in list(self._writers):
            writer.transport.abort()

    def begin_anew(self, *, blocks_lost: int, keeps_pool: bool) -> None:
        """As a restart, or a crash, does to what is counted and kept."""
        self._counts.clear()
        self.chain = self.chain[: len(self.chain) - blocks_lost]
        if not keeps_pool:
            self.pool = {}

    def freeze(self) -> None:
        self.awake.clear()
        self.publishers.freeze(self.zmq_port)

    def thaw(self) -> None:
        self.awake.set()
        if self._server is not None:
            self.publishers.listen(self.zmq_port)
        self.catch_up()

    # What it publishes.

    def catch_up(self) -> None:
        if self.lags or not self.awake.is_set():
            return
        old_chain, self.chain = self.chain, list(self.world.chain)
        old_pool, self.pool = self.pool, dict(self.world.pool)
        here, before = {one.hash for one in self.chain}, {one.hash for one in old_chain}
        self.blocks |= {one.hash: one for one in self.chain}
        undone = [one for one in reversed(old_chain) if one.hash not in here]
        new = [one for one in self.chain if one.hash not in before]
        mined = {txid for one in new for txid in one.txids}
        for block in undone:
            self._rawtx(block.coinbase, *(one.raw for one in block.built))
            self._sequence(block.hash, b"D")
        for txid in [one for one in old_pool if one not in self.pool and one not in mined]:
            self._sequence(txid, b"R", ordered=True)
        for block in new:
            self._rawtx(block.coinbase, *(one.raw for one in block.built))
            self._sequence(block.hash, b"C")
        for txid in [one for one in self.pool if one not in old_pool]:
            self._rawtx(self.pool[txid].built.raw)
            self._sequence(txid, b"A", ordered=True)
        if undone or new:
            self.publish(b"hashblock", bytes.fromhex(self.chain[-1].hash))

    def publish(self, topic: bytes, body: bytes) -> None:
        count = self._counts.get(topic, 0)
        self._counts[topic] = (count + 1) & 0xFFFFFFFF
        if not self.deaf:
            self.publishers.publish(self.zmq_port, [topic, body, count.to_bytes(4, "little")])

    def publish_raw(self, parts: list[bytes]) -> None:
        self.publishers.publish(self.zmq_port, parts)

    def _rawtx(self, *transactions: RawTransaction) -> None:
        for one in transactions:
            self.publish(b"rawtx", one.serialize())

    def _sequence(self, name: str, label: bytes, *, ordered: bool = False) -> None:
        body = bytes.fromhex(name) + label
        if ordered:
            body += self._order.to_bytes(8, "little")
            self._order += 1
        self.publish(b"sequence", body)

    # What it answers.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (request := await read_request(reader)) is not None:
                await asyncio.sleep(self.slow_seconds)
                await self.awake.wait()
                writer.write(self._reply(request.headers.get("authorization", ""), request.body))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    def _reply(self, login: str, body: bytes) -> bytes:
        if login != self._login:
            return response(401, "text/html", b"")
        if self.broken is not None:
            return response(self.broken[0], "application/json", self.broken[1])
        asked = json.loads(body)
        if isinstance(asked, list):
            return response(
                200, "application/json", json.dumps([self._answer(one) for one in asked]).encode()
            )
        reply = self._answer(asked)
        status = 200 if reply["error"] is None else 500
        return response(status, "application/json", json.dumps(reply).encode())

    def _answer(self, asked: Json) -> Json:
        result, error = None, None
        try:
            result = self._result(asked["method"], asked["params"])
        except RpcError as refusal:
            error = {"code": refusal.code, "message": str(refusal)}
        return {"result": result, "error": error, "id": asked["id"]}

    def _result(self, name: str, params: list[Any]) -> Any:
        if self.loading:
            raise RpcError(LOADING, "Loading block index…")
        method = getattr(self, f"_{name}", None)
        if method is None:
            raise RpcError(NO_SUCH_METHOD, "Method not found")
        return method(*params)

    def _uptime(self) -> int:
        return 100

    def _getblockchaininfo(self) -> Json:
        tip = self.chain[-1]
        return {
            "chain": "regtest",
            "blocks": tip.height,
            "headers": tip.height,
            "bestblockhash": tip.hash,
            "initialblockdownload": False,
            "verificationprogress": 1.0,
            "pruned": False,
            "time": tip.time,
        }

    def _getmempoolinfo(self, *_: Any) -> Json:
        return {
            "loaded": True,
            "size": len(self.pool),
            "bytes": sum(_vsize(one.built) for one in self.pool.values()),
            "usage": 1_200 * len(self.pool),
            "maxmempool": 300_000_000,
            "mempoolminfee": 0.00001,
        }

    def _getzmqnotifications(self) -> list[Json]:
        return [
            {"type": f"pub{topic}", "address": f"tcp://0.0.0.0:{self.zmq_port}", "hwm": 1_000}
            for topic in ("rawtx", "sequence", "hashblock")
        ]

    def _getindexinfo(self) -> Json:
        return {"txindex": {"synced": True, "best_block_height": self.chain[-1].height}}

    def _estimatesmartfee(self, blocks: int) -> Json:
        return {"feerate": 0.0001, "blocks": blocks}

    def _getblockcount(self) -> int:
        return self.chain[-1].height

    def _getbestblockhash(self) -> str:
        return self.chain[-1].hash if self.lie is None else str(self.lie["hash"])

    def _getblockhash(self, height: int) -> str:
        for one in self.chain:
            if one.height == height:
                return one.hash
        raise RpcError(-8, "Block height out of range")

    def _getblockheader(self, name: str) -> Json:
        if self.lie is not None and name == self.lie["hash"]:
            return self.lie
        block = self.blocks.get(name)
        if block is None:
            raise RpcError(NOT_FOUND, "Block not found")
        return {
            "hash": block.hash,
            "height": block.height,
            "confirmations": self.chain[-1].height - block.height + 1 if block in self.chain else -1,
            "time": block.time,
            "previousblockhash": block.previous,
        }

    def _getblock(self, name: str, verbosity: int = 1) -> Json:
        header = self._getblockheader(name)
        if header is self.lie:
            raise RpcError(-1, "Block not available (pruned data)")
        block = self.blocks[name]
        if verbosity == 1:
            return {**header, "tx": block.txids}
        coinbase = {**_verbose(block.coinbase), "vin": [{"coinbase": "00", "sequence": 0}]}
        return {**header, "tx": [coinbase, *(_with_prevouts(one) for one in block.built)]}

    def _getrawmempool(self, *_: Any) -> list[str]:
        return list(self.pool)

    def _getmempoolentry(self, txid: str) -> Json:
        if txid not in self.pool:
            raise RpcError(NOT_FOUND, "Transaction not in mempool")
        tx = self.pool[txid].built
        above, below = self._relatives(txid, up=True), self._relatives(txid, up=False)
        fee = tx.fee / 1e8
        return {
            "vsize": _vsize(tx),
            "weight": tx.raw.weight,
            "time": self.pool[txid].time,
            "ancestorcount": len(above) + 1,
            "ancestorsize": sum(map(_vsize, above)) + _vsize(tx),
            "descendantcount": len(below) + 1,
            "depends": sorted({parent for parent, _ in tx.outpoints if parent in self.pool}),
            "spentby": sorted(self._spenders(txid)),
            "fees": {
                "base": fee,
                "modified": fee,
                "ancestor": (sum(one.fee for one in above) + tx.fee) / 1e8,
                "descendant": (sum(one.fee for one in below) + tx.fee) / 1e8,
            },
        }

    def _getrawtransaction(self, txid: str, verbosity: int = 0, name: str | None = None) -> Any:
        if txid in self.pool and name is None:
            tx = self.pool[txid].built
            return _verbose(tx.raw) if verbosity else tx.raw.serialize().hex()
        blocks = self.chain[::-1] if name is None else [one for one in self.chain if one.hash == name]
        for block in blocks:
            for one in block.built:
                if one.txid == txid:
                    if not verbosity:
                        return one.raw.serialize().hex()
                    confirmations = self.chain[-1].height - block.height + 1
                    return {**_with_prevouts(one), "blockhash": block.hash, "confirmations": confirmations}
        raise RpcError(NOT_FOUND, "No such mempool or blockchain transaction")

    def _gettxout(self, txid: str, vout: int, *_: Any) -> Json | None:
        if any((txid, vout) in one.outpoints for block in self.chain for one in block.built):
            return None
        block = next((one for one in self.chain if txid in one.txids), None)
        coin = self.world.coin_of((txid, vout))
        if coin is None or (block is None and txid in self.world.known):
            return None
        confirmations = self.chain[-1].height - block.height + 1 if block else OLD_CONFIRMATIONS
        return {"confirmations": confirmations, **_output(coin.value, coin.script)}

    def _getblocktemplate(self, _: Json) -> Json:
        waiting = list(self.pool)
        return {
            "height": self.chain[-1].height + 1,
            "transactions": [
                {
                    "fee": one.built.fee,
                    "weight": one.built.raw.weight,
                    "depends": [
                        waiting.index(parent) + 1 for parent, _ in one.built.outpoints if parent in self.pool
                    ],
                }
                for one in self.pool.values()
            ],
        }

    def _spenders(self, txid: str) -> list[str]:
        return [one.built.txid for one in self.pool.values() if txid in {p for p, _ in one.built.outpoints}]

    def _relatives(self, txid: str, *, up: bool) -> list[Built]:
        if txid not in self.pool:
            raise RpcError(NOT_FOUND, "Transaction not in mempool")
        found: dict[str, Built] = {}
        new = [txid]
        while new:
            one = new.pop()
            if up:
                near = [parent for parent, _ in self.pool[one].built.outpoints if parent in self.pool]
            else:
                near = self._spenders(one)
            for name in near:
                if name not in found and name != txid:
                    found[name] = self.pool[name].built
                    new.append(name)
        return list(found.values())


def _vsize(tx: Built) -> int:
    return -(-tx.raw.weight // 4)


def _output(value: int, script: bytes) -> Json:
    return {"value": value / 1e8, "scriptPubKey": {"hex": script.hex()}}


def _verbose(raw: RawTransaction) -> Json:
    return {
        "txid": raw.txid,
        "hex": raw.serialize().hex(),
        "weight": raw.weight,
        "vin": [{"txid": one.txid, "vout": one.vout} for one in raw.inputs],
        "vout": [_output(value, script) for value, script in raw.outputs],
    }


def _with_prevouts(tx: Built) -> Json:
    """As of one in a block: the node has what it undoes it with."""
    whole = _verbose(tx.raw)
    for entry, coin in zip(whole["vin"], tx.coins, strict=True):
        entry["prevout"] = _output(coin.value, coin.script)
    return {**whole, "fee": tx.fee / 1e8}
