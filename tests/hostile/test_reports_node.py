"""What users of neighbouring tools reported about nodes and Electrum servers, played as it lies there."""

import asyncio
import base64
import json
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.forecasting.forecaster import Forecaster
from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    FeesRecommended,
    Gap,
    MempoolListed,
    Observation,
    QueueProjected,
    StatusReply,
    TransactionSeen,
)
from app.core.prediction import Status
from app.core.questions import AskBlock, AskStatus
from app.core.units import BlockHash, Height, Sats
from app.errors import NodeRefusedError
from app.source.bitcoind.fees import BitcoindFees
from app.source.bitcoind.rpc import RpcEndpoint
from app.source.bitcoind.source import Bitcoind
from app.source.electrum.answers import ElectrsAnswers
from app.source.resilience import OptionalQuestions, SourceHealth
from app.source.resilience.health import ConnectionState
from app.views import ComponentStatus
from tests.builders import a_txid
from tests.core.story import Story
from tests.fakes import NOON, LeapingClock
from tests.hostile.reported import BESIDE, a_transaction_of, an_input
from tests.hostile.test_electrum_without_estimates import ANSWERS, a_server, received_until
from tests.source.bitcoind.test_fees import GROUP, TEMPLATE
from tests.source.bitcoind.test_pruned import TIP, PrunedNode
from tests.source.bitcoind.test_rpc import an_rpc
from tests.source.electrum.test_connection import a_line, saying
from tests.source.test_answering import Desk as AnsweringDesk
from tests.source.test_answering import Scripted
from tests.source.test_far_sides import Watched

pytestmark = BESIDE
B6 = "b6_node_stands_still"
C1 = "c1_no_estimates"


def estimates_of(variant: int | None) -> dict[str, Any]:
    """What the server of the report answers; with `variant`, each estimate as that variant has it."""
    reported = an_input(C1)
    answers: dict[str, Any] = ANSWERS | reported["electrum"]
    if variant is not None:
        given = reported["variants"][variant]
        answers |= {f"blockchain.{name}": given for name in ("estimatefee", "relayfee")}
    return answers


@pytest.mark.parametrize("variant", [None, 0, 1, 2])
async def test_c1_a_server_without_estimates_keeps_its_line_and_its_histogram_and_is_noted(
    variant: int | None,
) -> None:
    async with a_server(estimates_of(variant)) as (server, source):
        received = await received_until(source, histograms=5)
        notes = " ".join(source.health.condition.notes)

    assert server.connections == 1
    assert not [one for one in received if isinstance(one, Gap | FeesRecommended)]
    # -1 is the protocol's word for "not enough seen yet": no estimates either, and nothing to complain about.
    assert ("estimatefee" in notes) == (variant != 2)


async def test_a4_an_electrum_server_whose_node_has_no_index_says_that_it_is_not_there() -> None:
    error = an_input("a4_no_txindex")["electrum"]["blockchain.transaction.get"]["error"]
    served = saying(lambda number: json.dumps({"id": number, "error": error}).encode() + b"\n")
    async with a_line(served) as line:
        (reply,) = await ElectrsAnswers(line, None, None).answer(AskStatus(a_txid(1)))

    assert isinstance(reply, StatusReply)
    assert (reply.block_hash, reply.in_mempool) == (None, False)


async def test_a4_an_electrum_server_whose_node_still_indexes_decides_nothing() -> None:
    words = an_input("a4_no_txindex")["variant"].partition(":")[0]
    error = {"code": 2, "message": f"No such mempool transaction. {words}"}
    served = saying(lambda number: json.dumps({"id": number, "error": error}).encode() + b"\n")
    async with a_line(served) as line:
        with pytest.raises(NodeRefusedError):
            await ElectrsAnswers(line, None, None).answer(AskStatus(a_txid(1)))


class Whitelisted(PrunedNode):
    """Answers 403 to what the report's list has, alone or in a batch; a whale waits, and blocks come."""

    def __init__(self) -> None:
        super().__init__()
        self._refusal = an_input("b1_rpcwhitelist")["refuse"]
        self.whale: dict[str, Any] = an_input("b4_template_zero_fee_parent")["whale"]

    def answer(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        calls = asked if isinstance(asked, list) else [asked]
        refused = self._refusal["if_any_call_of_the_request_is"]
        named = {one["method"] + with_params for one in calls for with_params in _as_the_list_names(one)}
        if named & set(refused):
            return httpx.Response(self._refusal["http"], text=self._refusal["body"])
        if isinstance(asked, list):
            replies = [{"id": one["id"], "error": None, "result": self._of_whale(one)} for one in asked]
            return httpx.Response(200, json=replies)
        if asked["method"] == "getrawmempool":
            return httpx.Response(
                200, json={"id": asked["id"], "error": None, "result": [self.whale["txid"]]}
            )
        return super().answer(request)

    def _of_whale(self, call: dict[str, Any]) -> Any:
        if call["method"] == "getrawtransaction":
            return self.whale["hex"]
        return {}


def _as_the_list_names(call: dict[str, Any]) -> tuple[str, ...]:
    return ("", " with params") if call["params"] else ("",)


async def test_b1_whales_and_blocks_go_on_and_what_rpcwhitelist_refuses_is_named() -> None:
    node, clock = Whitelisted(), LeapingClock()
    health = SourceHealth("bitcoind", clock)
    source = Bitcoind(an_rpc(node.answer), {}, clock, health, threshold=Sats(1))
    wanted = {"whale", "block"}
    received: list[Observation] = []
    async with asyncio.timeout(10), aclosing(source.observations()) as everything:
        async for one in everything:
            received.append(one)
            if isinstance(one, TransactionSeen) and one.tx.txid == node.whale["txid"]:
                wanted.discard("whale")
            if isinstance(one, BlockConnected) and one.block.height == TIP + 3:
                wanted.discard("block")
            notes = " ".join(health.condition.notes)
            if not wanted and "estimatesmartfee" in notes:
                break

    assert (health.condition.state, health.condition.reconnects) == (ConnectionState.CONNECTED, 0)
    assert "rpcwhitelist" in notes
    assert "getblocktemplate" in notes
    assert not [one for one in received if isinstance(one, FeesRecommended | QueueProjected)]


def the_chain() -> tuple[list[Block], int, int]:
    """The report's blocks, the whale in the first that the node lacks; the tips of node and backend."""
    reported = an_input(B6)
    whale, node_tip = a_transaction_of(B6, "whale"), reported["node_tip"]
    blocks = [
        Block(
            hash=BlockHash(one["hash"]),
            height=Height(one["height"]),
            previous=BlockHash(one["previous"]),
            txids=(whale.txid,) if one["height"] == node_tip + 1 else (),
        )
        for one in reported["chain"]
    ]
    return blocks, node_tip, reported["backend_tip"]


def test_b6_a_node_that_stands_still_undoes_nothing_that_the_backend_has_in_blocks() -> None:
    blocks, node_tip, _ = the_chain()
    whale, story = a_transaction_of(B6, "whale"), Story()
    for block in blocks[: node_tip - blocks[0].height + 1]:
        for source in (SourceName.MEMPOOL_WS, SourceName.BITCOIND):
            story.receive(BlockConnected(block=block, source=source))
    story.seen(whale)
    story.connected(*blocks[node_tip - blocks[0].height + 1 :])
    for _ in range(2):
        as_of = story.at
        story.receive(
            MempoolListed(txids=frozenset({whale.txid}), as_of=as_of, source=SourceName.BITCOIND),
            StatusReply(
                txid=whale.txid, block_hash=None, height=None, in_mempool=True, source=SourceName.BITCOIND
            ),
        )

    assert story.types == ["detected", "confirmed"]
    assert (story.only.status, story.only.confirmed_height) == (Status.CONFIRMED, node_tip + 1)


def test_b6_a_node_that_stands_still_is_said_to_be_behind_by_seven_blocks() -> None:
    _, node_tip, backend_tip = the_chain()
    far = Watched()
    far.node.connected()
    far.reported(SourceName.BITCOIND, node_tip)
    far.reported(SourceName.MEMPOOL_WS, backend_tip)
    component = far.component("bitcoind")

    assert component.status is ComponentStatus.DEGRADED
    assert "behind by 7 blocks" in (component.error or "")


async def test_b6_a_block_that_the_node_lacks_is_read_from_the_backend() -> None:
    blocks, node_tip, _ = the_chain()
    [lacked] = [one for one in blocks if one.height == node_tip + 1]
    whole = BlockConnected(block=lacked, source=SourceName.MEMPOOL_REST, as_of=NOON)

    assert await AnsweringDesk(Scripted(()), Scripted((whole,))).ask(AskBlock(lacked.hash)) == [whole]


def test_b6_on_main_a_tip_of_hours_ago_is_said() -> None:
    _, node_tip, _ = the_chain()
    far = Watched()
    far.reported(SourceName.BITCOIND, node_tip, hours_ago=3.1)

    (notice,) = far.sources.notices(far.clock.now())
    assert "No block for 3 hours" in notice.words


class Swapped:
    """Core, then Knots at the same address with another cookie, as the report's one step says."""

    def __init__(self, cookie: Path) -> None:
        (self.step,) = an_input("i2_node_swapped")["steps"]
        self.is_knots = False
        self._cookie = cookie
        self._write()

    def swap(self) -> None:
        self.is_knots = True
        self._write()

    def _write(self) -> None:
        self._login = f"__cookie__:{'knots' if self.is_knots else 'core'}"
        self._cookie.write_text(self._login)

    def answer(self, request: httpx.Request) -> httpx.Response:
        login = base64.b64encode(self._login.encode()).decode()
        if request.headers["Authorization"] != f"Basic {login}":
            return httpx.Response(401)
        call = json.loads(request.content)
        result: Any = TEMPLATE
        if call["method"] == "getmempoolinfo":
            if call["params"] and not self.is_knots:
                error = {"code": -1, "message": "too many arguments"}
                return httpx.Response(500, json={"result": None, "error": error, "id": call["id"]})
            state = {"size": 900, "bytes": 400_000, "usage": 1, "maxmempool": 2, "mempoolminfee": 0.00001}
            result = state | {"fee_histogram": {"4": GROUP, "total_fees": 2_000_000}}
        return httpx.Response(200, json={"result": result, "error": None, "id": call["id"]})


async def test_i2_after_core_became_knots_with_another_cookie_its_histogram_is_used_without_a_spike(
    tmp_path: Path,
) -> None:
    node = Swapped(tmp_path / ".cookie")
    assert "fee_histogram" in node.step
    optional = OptionalQuestions("bitcoind", LeapingClock())
    endpoint = RpcEndpoint.parse("http://node:8332", tmp_path / ".cookie")
    fees = BitcoindFees(an_rpc(node.answer, endpoint), optional)
    of_core = await fees.queue()
    node.swap()
    optional.forget()  # as each new session does
    measured, of_knots = await fees.measure(), await fees.queue()
    forecaster = Forecaster(None)
    spikes = [
        one
        for minutes, queue in ((0, of_core), (10, of_knots), (11, of_knots))
        if queue is not None
        for one in forecaster.receive(queue, NOON + timedelta(minutes=minutes))
    ]

    assert of_knots is not None
    assert (of_knots.bins[0].vsize, measured.minimum_feerate, spikes) == (400_000, 1.0, [])
