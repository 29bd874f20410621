"""The node's RPC: how it is addressed, how amounts stay exact, and what its errors mean."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import (
    LoginRefusedError,
    NodeLoadingError,
    NodeRefusedError,
    ParseError,
    SettingsError,
    TooSlowError,
    UnreachableError,
)
from app.source.bitcoind_rpc import BitcoindRpc, Call, RpcEndpoint, sats
from app.source.bitcoind_shapes import TxOut
from app.source.breaker import Guard
from app.source.health import SourceHealth
from tests.source.clocks import FakeClock


def an_rpc(answer: Any, endpoint: RpcEndpoint | None = None) -> BitcoindRpc:
    """`answer`: what the wire does with a request, as httpx hands it over."""
    clock = FakeClock()
    return BitcoindRpc(
        endpoint or RpcEndpoint.parse("http://me:secret@node:8332"),
        clock,
        Guard("bitcoind", clock, lambda: 0.0),
        SourceHealth("bitcoind", clock),
        httpx.MockTransport(answer),
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


async def test_an_overloaded_node_is_unreachable_for_now() -> None:
    with pytest.raises(UnreachableError):
        await an_rpc(lambda _: httpx.Response(503, text="Work queue depth exceeded")).ask(str, "x")


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

    answers = await an_rpc(answer).ask_each(str, [Call("echo", (word,)) for word in ("a", "bad", "c")])

    assert (answers[0], type(answers[1]), answers[2]) == ("a", NodeRefusedError, "c")


async def test_long_lists_are_asked_a_hundred_at_a_time() -> None:
    sizes = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls = json.loads(request.content)
        sizes.append(len(calls))
        return httpx.Response(200, json=[{"id": call["id"], "result": 1, "error": None} for call in calls])

    await an_rpc(answer).ask_each(int, [Call("echo")] * 250)

    assert sizes == [100, 100, 50]


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
