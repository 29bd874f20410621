"""What was looked at is not looked at again, and the node is not hurried."""

import json

import httpx

from app.core.units import Txid
from app.source.bitcoind_rpc import BitcoindRpc, RpcEndpoint
from app.source.bitcoind_scan import RECENT_MARKS, Looked, Scanner
from app.source.breaker import Guard
from app.source.health import SourceHealth
from tests.source.clocks import FakeClock


def names(count: int, kind: str = "tx") -> list[Txid]:
    return [Txid(f"{kind}{number}") for number in range(count)]


def test_what_was_added_was_looked_at() -> None:
    looked = Looked()
    looked.add(Txid("a"))

    assert (Txid("a") in looked, Txid("b") in looked) == (True, False)


def test_many_are_remembered() -> None:
    looked = Looked()
    for name in names(RECENT_MARKS * 2 + 10):
        looked.add(name)

    assert all(name in looked for name in names(RECENT_MARKS * 2 + 10))


def test_what_no_longer_waits_is_forgotten() -> None:
    looked = Looked()
    for name in names(10):
        looked.add(name)
    looked.keep_only(names(3) + names(2, "never"))

    assert [name in looked for name in names(4)] == [True, True, True, False]
    assert Txid("never0") not in looked


async def test_the_node_rests_four_times_as_long_as_a_batch_took() -> None:
    clock = FakeClock()

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
