"""A mempool backend beside a real node: the stand-in's world, kept as the node's chain and mempool are.

So bitcoind, an Electrum server and a mempool backend can all tell of the same transactions. As a process:
`python -m tests.node.mirror --rpc http://user:password@host:port`; it prints its ports and serves until the
end of standard input.
"""

import argparse
import asyncio
import json
import os
import sys
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from tests.backend.control import controlled
from tests.backend.process import BackendProcess
from tests.backend.rawtx import RawTransaction, decode
from tests.backend.server import Backend
from tests.backend.shapes import Block
from tests.backend.transactions import Built, Coin, Pay
from tests.backend.world import World
from tests.node.parts import free_port

Json = dict[str, Any]
LISTED_BLOCKS = 8


class MirrorProcess(BackendProcess):
    """The mirror as a process, on a port that stays the same when it is started again."""

    module = "tests.node.mirror"

    def __init__(
        self, rpc: str, *, port: int | None = None, poll_seconds: float = 2.0, ghosts: bool = False
    ) -> None:
        self.own_port = port or free_port()
        options = ("--ghosts",) if ghosts else ()
        super().__init__("--rpc", rpc, "--port", str(self.own_port), "--poll", str(poll_seconds), *options)


class NodeRpc:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._url = f"http://{parts.hostname}:{parts.port}"
        self._auth = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._http = httpx.AsyncClient(trust_env=False, timeout=10)

    async def call(self, method: str, *params: object) -> Any:
        """Raise httpx.HTTPError if it is down, ValueError if it refuses."""
        body = {"id": 1, "method": method, "params": params}
        answer = await self._http.post(self._url, json=body, auth=self._auth)
        reply = json.loads(answer.text, parse_float=Decimal)
        if reply["error"]:
            raise ValueError(reply["error"]["message"])
        return reply["result"]


class Mirror:
    """Polls the node, as the real backend does.

    `ghosts`: what vanishes from the node's mempool is kept, as the backend does for 20 minutes where more
    than a fifth of a large mempool vanishes at once.
    """

    def __init__(self, backend: Backend, rpc: NodeRpc, poll_seconds: float, *, ghosts: bool = False) -> None:
        self._ghosts = ghosts
        self._backend = backend
        self._rpc = rpc
        self._poll_seconds = poll_seconds
        self._raw: dict[str, RawTransaction] = {}
        self._down = False

    @property
    def world(self) -> World:
        return self._backend.world

    async def begin(self) -> None:
        """Take the node's chain and mempool for what was always known."""
        blocks, waiting, _ = await self._read(set(), LISTED_BLOCKS)
        world = self.world
        world.chain, world.blocks = blocks, {block.hash: block for block in blocks}
        world.seen_chain = list(blocks)
        world.known |= {tx.txid: tx for block in blocks for tx in block.built}
        for tx in waiting:
            world.enter(tx)
        world.seen_pool = {tx.txid: tx for tx in waiting}

    async def follow(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self._sync()
            except (httpx.HTTPError, ValueError):
                if not self._down:
                    self._down = True
                    self._backend.node_down()
            else:
                if self._down:
                    self._down = False
                    self._backend.node_up()

    async def _sync(self) -> None:
        world = self.world
        known = {block.hash: place for place, block in enumerate(world.chain)}
        blocks, waiting, listed = await self._read(set(known), 200)
        with world.between_polls():
            if blocks:
                world.chain = world.chain[: known[blocks[0].previous] + 1]
            elif (tip := await self._rpc.call("getbestblockhash")) in known:
                world.chain = world.chain[: known[tip] + 1]
            for block in blocks:
                self._connect(block)
            for tx in waiting:
                world.accept(tx)
            for txid in [txid for txid in world.pool if txid not in listed and not self._ghosts]:
                world.pool.pop(txid)

    def _connect(self, block: Block) -> None:
        world = self.world
        for tx in block.built:
            world.known[tx.txid] = tx
            world.pool.pop(tx.txid, None)
            for rival in world.rivals(tx):
                world.killed.append((rival, tx))
                world.leave(rival.txid)
        world.append_block(block)

    async def _read(self, known: set[str], most: int) -> tuple[list[Block], list[Built], set[str]]:
        """New blocks, ascending; transactions that are new in the mempool; all that are in it."""
        tip = await self._rpc.call("getbestblockhash")
        listed = set(await self._rpc.call("getrawmempool"))
        blocks: list[Block] = []
        while tip not in known and len(blocks) < most:
            reported = await self._rpc.call("getblock", tip, 2)
            blocks.insert(0, await self._block(reported))
            tip = reported.get("previousblockhash", "")
        fresh = [txid for txid in listed if txid not in self.world.pool]
        return blocks, [await self._built(await self._of(txid)) for txid in fresh], listed

    async def _block(self, reported: Json) -> Block:
        coinbase, *others = [decode(bytes.fromhex(tx["hex"])) for tx in reported["tx"]]
        for raw in (coinbase, *others):
            self._raw[raw.txid] = raw
        return Block(
            reported["hash"],
            reported["previousblockhash"],
            reported["height"],
            reported["time"],
            coinbase,
            tuple([await self._built(raw) for raw in others]),
        )

    async def _built(self, raw: RawTransaction) -> Built:
        coins = []
        for entry in raw.inputs:
            value, script = (await self._of(entry.txid)).outputs[entry.vout]
            coins.append(Coin(entry.txid, entry.vout, value, script))
        pays = tuple(Pay(value, script=script) for value, script in raw.outputs)
        return Built(raw, tuple(coins), pays)

    async def _of(self, txid: str) -> RawTransaction:
        if txid not in self._raw:
            self._raw[txid] = decode(bytes.fromhex(await self._rpc.call("getrawtransaction", txid)))
        return self._raw[txid]


async def _serve(asked: argparse.Namespace) -> None:
    backend = Backend(World(), port=asked.port)
    mirror = Mirror(backend, NodeRpc(asked.rpc), asked.poll, ghosts=asked.ghosts)
    await mirror.begin()
    async with backend, controlled(backend) as (control_port, control):
        print(json.dumps({"port": backend.port, "control": control_port}), flush=True)
        following = asyncio.create_task(mirror.follow())
        asyncio.get_running_loop().add_reader(
            sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 4096) else control.stopped.set()
        )
        stopped = asyncio.create_task(control.stopped.wait())
        await asyncio.wait({stopped, following}, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.node.mirror", description=__doc__)
    parser.add_argument("--rpc", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--poll", type=float, default=2.0)
    parser.add_argument("--ghosts", action="store_true")
    asyncio.run(_serve(parser.parse_args()))
