"""The node is not hurried."""

import json

import httpx

from app.core.units import Txid
from app.source.bitcoind.rpc import BitcoindRpc, RpcEndpoint
from app.source.bitcoind.scan import Scanner
from app.source.resilience.health import SourceHealth
from app.source.resilience.retry import Guard
from tests.fakes import LeapingClock


def names(count: int, kind: str = "tx") -> list[Txid]:
    return [Txid(f"{kind}{number}") for number in range(count)]


async def test_the_node_rests_four_times_as_long_as_a_batch_took() -> None:
    clock = LeapingClock()

    def answer(request: httpx.Request) -> httpx.Response:
        clock.advance(0.5)
        refused = {"result": None, "error": {"code": -5, "message": "left"}}
        return httpx.Response(
            200, json=[{"id": call["id"], **refused} for call in json.loads(request.content)]
        )

    rpc = BitcoindRpc(
        RpcEndpoint.parse("http://node"),
        clock,
        Guard("bitcoind", clock, lambda: 0.0),
        SourceHealth("bitcoind", clock),
        httpx.MockTransport(answer),
    )
    batches = [batch async for batch in Scanner(rpc, clock).read(names(250))]

    assert (batches, clock.slept) == ([[], [], []], [2.0, 2.0])
