"""The node's RPC: how it is addressed, how amounts stay exact, and what its errors mean."""

import json
import os
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.observations import SourceSynced
from app.core.units import Sats
from app.errors import (
    LoginRefusedError,
    NodeBusyError,
    NodeLoadingError,
    NodeRefusedError,
    ParseError,
    SettingsError,
    TooSlowError,
    UnreachableError,
)
from app.source.bitcoind.chain import ChainFollower
from app.source.bitcoind.rpc import BitcoindRpc, RpcCall, RpcEndpoint, sats
from app.source.bitcoind.shapes import Header, TxOut
from app.source.bitcoind.source import COMPLETE_SECONDS, Bitcoind
from app.source.resilience.health import SourceHealth
from app.source.resilience.retry import Guard
from tests.fakes import LeapingClock
from tests.source.bitcoind.handed_over import HandedOver


def an_rpc(answer: Any, endpoint: RpcEndpoint | None = None) -> BitcoindRpc:
    """`answer`: what the wire does with a request, as httpx hands it over."""
    clock = LeapingClock()
    return BitcoindRpc(
        endpoint or RpcEndpoint.parse("http://me:secret@node:8332"),
        clock,
        Guard("bitcoind", clock, lambda: 0.0),
        SourceHealth("bitcoind", clock),
        HandedOver(answer),
    )


def result(text: str) -> Any:
    def answer(request: httpx.Request) -> httpx.Response:
        number = json.loads(request.content)["id"]
        return httpx.Response(200, text=f'{{"result":{text},"error":null,"id":{number}}}')

    return answer


def refusal(code: int, status: int = 500) -> Any:
    def answer(request: httpx.Request) -> httpx.Response:
        number = json.loads(request.content)["id"]
        body = {"result": None, "error": {"code": code, "message": "words"}, "id": number}
        return httpx.Response(status, json=body)

    return answer


def test_user_and_password_are_read_from_the_address() -> None:
    endpoint = RpcEndpoint.parse("http://me:p%40ss%2Fword@node:18443")

    assert (endpoint.url, endpoint.user, endpoint.password) == ("http://node:18443/", "me", "p@ss/word")


def test_the_port_is_bitcoins_own_unless_named() -> None:
    assert RpcEndpoint.parse("http://node").url == "http://node:8332/"


@pytest.mark.parametrize("url", ["node:8332", "tcp://node:8332", "http://", "http://me:pa/ss@node:8332"])
def test_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        RpcEndpoint.parse(url)

    assert "pa/ss" not in str(refused.value)


def test_amounts_become_satoshi_exactly() -> None:
    assert sats(Decimal("20999999.97690001")) == 2_099_999_997_690_001


def test_a_part_of_a_satoshi_is_refused() -> None:
    with pytest.raises(ParseError):
        sats(Decimal("0.000000001"))


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "1E+400", "1E+999999"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        sats(Decimal(text))


@pytest.mark.parametrize("wrong", [{"time": 10**17}, {"time": -1}, {"height": 10**20}, {"height": -1}])
async def test_a_header_with_a_number_that_no_header_has_is_refused(wrong: dict[str, int]) -> None:
    header = {"hash": "00" * 32, "height": 900, "confirmations": 1, "time": 1_700_000_000} | wrong

    with pytest.raises(ParseError):
        await an_rpc(result(json.dumps(header))).ask(Header, "getblockheader", "00" * 32)


async def test_an_amount_that_no_float_holds_comes_exactly() -> None:
    rpc = an_rpc(result('{"value": 20999999.97690001, "scriptPubKey": {"hex": "51"}}'))

    out = await rpc.ask(TxOut, "gettxout")

    assert sats(out.value) == 2_099_999_997_690_001


async def test_a_starting_node_is_told_from_a_broken_one() -> None:
    with pytest.raises(NodeLoadingError):
        await an_rpc(refusal(-28)).ask(str, "getbestblockhash")


async def test_the_nodes_own_error_keeps_its_code() -> None:
    with pytest.raises(NodeRefusedError) as refused:
        await an_rpc(refusal(-5)).ask(str, "getmempoolentry")

    assert refused.value.code == -5


async def test_a_wrong_password_is_told() -> None:
    with pytest.raises(LoginRefusedError):
        await an_rpc(lambda _: httpx.Response(401)).ask(str, "getbestblockhash")


async def test_a_node_whose_work_queue_is_full_is_there_and_busy() -> None:
    with pytest.raises(NodeBusyError):
        await an_rpc(lambda _: httpx.Response(503, text="Work queue depth exceeded")).ask(str, "x")


async def test_a_503_of_somebody_between_is_no_word_of_the_node() -> None:
    with pytest.raises(UnreachableError):
        await an_rpc(lambda _: httpx.Response(503, text="<html>upstream</html>")).ask(str, "x")


@pytest.mark.parametrize("status", [403, 500, 503])
async def test_a_refusal_to_say_how_long_it_runs_is_a_sign_of_life(status: int) -> None:
    answers = {403: lambda _: httpx.Response(403), 500: refusal(-32601), 503: work_queue_full}

    await an_rpc(answers[status]).ping()


def work_queue_full(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503, text="Work queue depth exceeded")


async def test_one_block_that_is_not_to_be_had_is_known_by_its_header() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        call = json.loads(request.content)
        number, method = call["id"], call["method"]
        header = {"hash": "aa" * 32, "height": 7, "confirmations": 1, "time": 1_700_000_000}
        if method == "getblock":
            error = {"code": -1, "message": "Block not available (pruned data)"}
            return httpx.Response(500, json={"result": None, "error": error, "id": number})
        found = header["hash"] if method == "getbestblockhash" else header
        return httpx.Response(200, json={"result": found, "error": None, "id": number})

    (block,) = await ChainFollower(an_rpc(answer)).baseline()

    assert (block.height, block.txids) == (7, None)


async def test_a_broken_connection_is_tried_again() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise httpx.ReadError("closed while idle")
        whole: httpx.Response = result('"hash"')(request)
        return whole

    assert await an_rpc(answer).ask(str, "getbestblockhash") == "hash"


async def test_silence_is_told_and_not_pressed() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("")

    with pytest.raises(TooSlowError):
        await an_rpc(answer).ask(str, "getbestblockhash")


async def test_the_password_is_in_no_error() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(UnreachableError) as error:
        await an_rpc(answer).ask(str, "getbestblockhash")

    assert "secret" not in str(error.value)


async def test_an_answer_of_another_shape_is_refused() -> None:
    with pytest.raises(ParseError):
        await an_rpc(result("[1, 2]")).ask(str, "getbestblockhash")


async def test_a_batch_keeps_its_order_and_its_refusals() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        calls = json.loads(request.content)
        replies = [
            {"id": call["id"], "result": call["params"][0], "error": None}
            if call["params"][0] != "bad"
            else {"id": call["id"], "result": None, "error": {"code": -5, "message": "no"}}
            for call in calls
        ]
        return httpx.Response(200, json=replies[::-1])

    answers = await an_rpc(answer).ask_each(str, [RpcCall("echo", (word,)) for word in ("a", "bad", "c")])

    assert (answers[0], type(answers[1]), answers[2]) == ("a", NodeRefusedError, "c")


async def test_long_lists_are_asked_a_hundred_at_a_time() -> None:
    sizes = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls = json.loads(request.content)
        sizes.append(len(calls))
        return httpx.Response(200, json=[{"id": call["id"], "result": 1, "error": None} for call in calls])

    await an_rpc(answer).ask_each(int, [RpcCall("echo")] * 250)

    assert sizes == [100, 100, 50]


async def test_a_pipe_in_place_of_the_cookie_is_not_waited_for(tmp_path: Path) -> None:
    cookie = tmp_path / ".cookie"
    os.mkfifo(cookie)
    rpc = an_rpc(lambda _: httpx.Response(401), RpcEndpoint.parse("http://node:8332", cookie))

    with pytest.raises(LoginRefusedError, match="no plain file"):
        await rpc.ask(int, "getblockcount")


async def test_a_cookie_is_read_again_when_it_is_refused(tmp_path: Path) -> None:
    cookie = tmp_path / ".cookie"
    cookie.write_text("__cookie__:old")
    logins = []

    def answer(request: httpx.Request) -> httpx.Response:
        logins.append(request.headers["Authorization"])
        if len(logins) == 1:
            cookie.write_text("__cookie__:new")
            return httpx.Response(401)
        whole: httpx.Response = result('"hash"')(request)
        return whole

    rpc = an_rpc(answer, RpcEndpoint.parse("http://node:8332", cookie))
    await rpc.ask(str, "getbestblockhash")

    assert logins[0] != logins[1]


class OldTip:
    """A node with all blocks it knows of, whose last one is old: it calls itself syncing."""

    def __init__(self, blocks: int, headers: int) -> None:
        self._chain = {
            "chain": "main",
            "blocks": blocks,
            "headers": headers,
            "bestblockhash": "aa" * 32,
            "initialblockdownload": True,
            "verificationprogress": 0.99997,
            "pruned": False,
        }
        self._mempool = {"size": 0, "bytes": 0, "usage": 0, "maxmempool": 1, "mempoolminfee": 0.00001}

    def answer(self, request: httpx.Request) -> httpx.Response:
        call = json.loads(request.content)
        found = self._chain if call["method"] == "getblockchaininfo" else self._mempool
        return httpx.Response(200, json={"result": found, "error": None, "id": call["id"]})


async def readiness(node: OldTip, looks: int) -> list[float]:
    """What it says how far it is, a second apart."""
    rpc, clock = an_rpc(node.answer), LeapingClock()
    source = Bitcoind(rpc, {}, clock, SourceHealth("bitcoind", clock), threshold=Sats(1))
    said: list[float] = []
    async with aclosing(source.observations()) as reported:
        async for one in reported:
            if not isinstance(one, SourceSynced):
                break
            said.append(one.percent)
            if len(said) == looks:
                break
    return said


async def test_a_node_that_has_all_blocks_for_a_while_does_not_sync_for_ever() -> None:
    said = await readiness(OldTip(900_000, 900_000), looks=100)

    assert (said[0], said[-1], len(said)) == (99.9, 100.0, int(COMPLETE_SECONDS) + 1)


async def test_a_node_that_lacks_blocks_goes_on_syncing() -> None:
    assert set(await readiness(OldTip(800_000, 900_000), looks=100)) == {99.9}
