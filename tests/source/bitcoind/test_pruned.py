"""A node that threw blocks away before we could read them."""

import json
from contextlib import aclosing
from typing import Any

import httpx

from app.core.observations import BlockConnected, Gap, Observation
from app.core.units import Sats
from app.source.bitcoind.source import Bitcoind
from app.source.resilience import SourceHealth
from tests.builders import a_txid
from tests.fakes import LeapingClock
from tests.source.bitcoind.test_rpc import an_rpc

TIP = 900


class PrunedNode:
    """Three blocks came while nobody listened; of the first two only the headers are left."""

    def __init__(self) -> None:
        self.height = TIP

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        if isinstance(asked, list):
            replies = [{"id": one["id"], "result": {}, "error": None} for one in asked]
            return httpx.Response(200, json=replies)
        result = self._result(asked["method"], asked["params"])
        self._move_on(asked["method"])
        error = {"code": -1, "message": "Block not available (pruned data)"} if result is None else None
        status = 200 if error is None else 500
        return httpx.Response(status, json={"id": asked["id"], "result": result, "error": error})

    def _move_on(self, method: str) -> None:
        """Once the baseline was read the chain goes on."""
        if method == "getzmqnotifications":
            self.height = TIP + 3

    def _result(self, method: str, params: list[Any]) -> Any:
        match method:
            case "getblockchaininfo":
                return {
                    "chain": "main",
                    "blocks": self.height,
                    "headers": self.height,
                    "bestblockhash": a_txid(self.height),
                    "initialblockdownload": False,
                    "verificationprogress": 1.0,
                    "pruned": True,
                }
            case "getmempoolinfo":
                return {"size": 0, "bytes": 0, "usage": 0, "maxmempool": 1, "mempoolminfee": 0.00001}
            case "getbestblockhash":
                return a_txid(self.height)
            case "getblockheader":
                return self._header(params[0])
            case "getblock":
                header = self._header(params[0])
                kept = header["height"] not in (TIP + 1, TIP + 2)
                return header | {"tx": []} if kept else None
            case _:
                return []

    def _header(self, block: str) -> dict[str, Any]:
        height = next(one for one in range(TIP - 20, TIP + 4) if a_txid(one) == block)
        return {
            "hash": block,
            "height": height,
            "confirmations": 1,
            "time": 1_700_000_000,
            "previousblockhash": a_txid(height - 1),
        }


async def until_the_tip_is_read() -> tuple[list[Observation], tuple[str, ...]]:
    clock = LeapingClock()
    health = SourceHealth("bitcoind", clock)
    source = Bitcoind(an_rpc(PrunedNode().answer), {}, clock, health, threshold=Sats(1))
    received: list[Observation] = []
    async with aclosing(source.observations()) as everything:
        async for one in everything:
            received.append(one)
            if isinstance(one, BlockConnected) and one.block.height == TIP + 3:
                break
    return received, health.condition.notes


async def test_whales_of_blocks_that_are_pruned_are_told_as_not_to_be_had() -> None:
    received, notes = await until_the_tip_is_read()
    gaps = [one.reason for one in received if isinstance(one, Gap)]

    assert gaps == [
        f"block {height} is pruned: its whales are not to be had" for height in (TIP + 1, TIP + 2)
    ]
    assert f"Blocks {TIP + 1} to {TIP + 2} were pruned while Spout was away" in " ".join(notes)


async def test_the_chain_goes_on_over_them() -> None:
    received, _ = await until_the_tip_is_read()
    heights = [one.block.height for one in received if isinstance(one, BlockConnected)]

    assert heights == [TIP + 1, TIP + 2, TIP + 3]
