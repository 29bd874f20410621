"""What the node says about fees, whichever software it is."""

import json
from typing import Any

import httpx

from app.source.bitcoind.fees import BitcoindFees
from app.source.resilience import OptionalQuestions
from tests.fakes import LeapingClock
from tests.source.bitcoind.test_rpc import an_rpc

GROUP = {"sizes": 400_000, "count": 900, "fees": 2_000_000, "from_feerate": 4.0}
TEMPLATE = {"height": 7, "transactions": [{"fee": 600, "weight": 400}]}


class EitherNode:
    """Core refuses the feerates, Knots gives its histogram; both have a template."""

    def __init__(self) -> None:
        self.is_knots = False
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        call = json.loads(request.content)
        self.asked.append(call["method"])
        result: Any = TEMPLATE
        if call["method"] == "getmempoolinfo":
            if not self.is_knots:
                error = {"code": -1, "message": "too many arguments"}
                return httpx.Response(500, json={"result": None, "error": error, "id": call["id"]})
            result = {"fee_histogram": {"4": GROUP, "total_fees": 2_000_000}}
        return httpx.Response(200, json={"result": result, "error": None, "id": call["id"]})


async def test_after_core_became_knots_its_histogram_is_used() -> None:
    node, clock = EitherNode(), LeapingClock()
    optional = OptionalQuestions("bitcoind", clock)
    fees = BitcoindFees(an_rpc(node.answer), optional)
    of_core = await fees.queue()
    node.is_knots = True
    optional.forget()  # as each new session does
    of_knots = await fees.queue()

    assert of_core is not None
    assert of_knots is not None
    assert (of_core.bins[0].vsize, of_knots.bins[0].vsize) == (100, 400_000)


async def test_core_is_not_asked_for_the_histogram_each_time() -> None:
    node = EitherNode()
    fees = BitcoindFees(an_rpc(node.answer), OptionalQuestions("bitcoind", LeapingClock()))
    for _ in range(3):
        await fees.queue()

    assert node.asked.count("getmempoolinfo") == 1


async def test_that_core_has_no_histogram_is_nothing_to_mention() -> None:
    optional = OptionalQuestions("bitcoind", LeapingClock())
    await BitcoindFees(an_rpc(EitherNode().answer), optional).queue()

    assert optional.notes == ()
