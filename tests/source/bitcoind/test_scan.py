"""The node is not hurried."""

import json

import httpx
import pytest

from app.core.units import Txid
from app.source.bitcoind.rpc import BitcoindRpc, RpcEndpoint
from app.source.bitcoind.scan import Scanner
from app.source.resilience.health import SourceHealth
from app.source.resilience.retry import Guard
from tests.fakes import LeapingClock
from tests.source.bitcoind.handed_over import HandedOver
from tests.source.bitcoind.test_rpc import an_rpc


def names(count: int, kind: str = "tx") -> list[Txid]:
    return [Txid(f"{kind}{number}") for number in range(count)]


RAW = f"0100000001{'11' * 32}0000000000ffffffff0100e1f50500000000015100000000"


@pytest.mark.parametrize("wrong", ["00ff", "no hex", "", RAW[:-2]])
async def test_what_is_no_transaction_costs_itself_alone(wrong: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        calls = json.loads(request.content)
        replies = zip(calls, (RAW, wrong, RAW), strict=True)
        return httpx.Response(
            200, json=[{"id": call["id"], "result": raw, "error": None} for call, raw in replies]
        )

    unreadable: list[str] = []
    scanner = Scanner(an_rpc(answer), LeapingClock())
    (batch,) = [one async for one in scanner.read(names(3), unreadable.append)]

    assert (len(batch), len(unreadable)) == (2, 1)


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
        HandedOver(answer),
    )
    batches = [batch async for batch in Scanner(rpc, clock).read(names(250))]

    assert (batches, clock.slept) == ([[], [], []], [2.0, 2.0])
