"""Answers of REST and RPC that do not end, unfold, nest, or point elsewhere."""

import asyncio
import gzip
import json
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.clock import SystemClock
from app.errors import ParseError, SourceError, TooSlowError, UnreachableError
from app.source.backend import HttpTransport, decode_as
from app.source.bitcoind import BitcoindRpc, RpcEndpoint
from app.source.resilience import Budget, Guard, HttpClient, Limits, Patience, SourceHealth, is_too_wide
from tests.hostile.far_side import OK, Serve, answering, endless, saying, trickling

MB = 1024 * 1024
SMALL = Limits(2 * MB, 5.0)


async def asked(serve: Serve, limits: Limits = SMALL, budget: Budget | None = None) -> bytes:
    async with answering(serve) as url:
        client = HttpClient(url, budget=budget)
        try:
            return (await client.ask("GET", "", limits=limits)).body
        finally:
            await client.close()


def rpc_of(url: str) -> BitcoindRpc:
    clock = SystemClock()
    guard = Guard("bitcoind", clock, lambda: 0.0, Patience(attempts=1))
    return BitcoindRpc(RpcEndpoint.parse(f"{url}/"), clock, guard, SourceHealth("bitcoind", clock))


async def test_an_endless_answer_ends_at_its_bound() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UnreachableError, match="does not end"):
            await asked(endless)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16 * MB


async def test_what_says_that_it_is_too_large_is_not_even_read() -> None:
    with pytest.raises(UnreachableError, match="more than"):
        await asked(saying(OK.replace(b"200 OK\r\n", b"200 OK\r\n"), b"x" * (3 * MB)))


async def test_answers_are_bounded_all_together() -> None:
    budget = Budget(most=3 * MB)

    async with answering(endless) as url:
        client = HttpClient(url, budget=budget)
        answers = [client.ask("GET", "", limits=SMALL) for _ in range(8)]
        ends = await asyncio.gather(*answers, return_exceptions=True)
        await client.close()

    assert {type(end) for end in ends} == {UnreachableError}
    assert any("at once" in str(end) for end in ends)
    assert budget.held == 0


async def test_a_byte_now_and_then_does_not_hold_a_question() -> None:
    started = time.monotonic()
    with pytest.raises(TooSlowError, match="not answered whole within"):
        await asked(trickling, Limits(MB, 0.5))

    assert time.monotonic() - started < 15


async def test_nothing_compressed_is_asked_for_and_none_is_unfolded() -> None:
    received = []
    bomb = gzip.compress(gzip.compress(b"0" * (8 * MB)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        head = OK + b"Content-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
        writer.write(head + bomb)
        await writer.drain()
        await reader.read()

    async with answering(serve) as url:
        transport = HttpTransport(url, SystemClock())
        with pytest.raises(UnreachableError, match="compressed"):
            await transport.request("GET", "/api/v1/mempool/txids")
        await transport.close()

    assert b"accept-encoding: identity" in received[0].lower()


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary Redirect", b"308 Permanent"])
async def test_no_redirect_is_followed(status: bytes) -> None:
    reached = asyncio.Event()

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await saying(OK, b"{}")(reader, writer)

    async with answering(elsewhere) as stranger:
        head = b"HTTP/1.1 " + status + b"\r\nLocation: " + stranger.encode() + b"/\r\n"
        async with answering(saying(head, b"{}")) as url:
            transport = HttpTransport(url, SystemClock())
            answer = await transport.request("GET", "/api/v1/blocks/tip/hash")
            await transport.close()
            rpc = rpc_of(url)
            with pytest.raises((SourceError, ParseError)):
                await rpc.ask(str, "getbestblockhash")
            await rpc.close()

    assert str(answer.status).encode() == status[:3]
    assert not reached.is_set()


async def test_an_rpc_answer_that_does_not_end_ends_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.source.bitcoind.rpc.ONE_LIMITS", SMALL)
    async with answering(endless) as url:
        rpc = rpc_of(url)
        with pytest.raises(UnreachableError, match="does not end"):
            await rpc.ask(str, "getbestblockhash")
        await rpc.close()


NESTED = b"[" * 200_000 + b"]" * 200_000


@pytest.mark.parametrize(
    "nested", [NESTED, b'{"result":' + NESTED + b"}", b'{"a":' * 100_000 + b"1" + b"}" * 100_000]
)
async def test_deep_nesting_is_bad_input(nested: bytes) -> None:
    with pytest.raises(ParseError):
        decode_as(dict[str, int], nested, "answer")
    async with answering(saying(OK, nested)) as url:
        rpc = rpc_of(url)
        with pytest.raises(ParseError):
            await rpc.ask(list[int], "getrawmempool")
        await rpc.close()


def test_what_is_decoded_lazily_is_bounded_in_depth_too() -> None:
    from app.source.backend import FrameReader  # noqa: PLC0415

    frame = b'{"mempool-transactions":{"added":[' + NESTED + b']},"blocks":' + NESTED + b"}"

    assert [type(one).__name__ for one in FrameReader().feed(frame)]


def test_a_pages_question_that_nests_deeply_is_not_understood() -> None:
    from dashboard.feed.socket import _question  # noqa: PLC0415

    assert _question("[" * 4_000) is None
    assert _question(json.dumps({"hello": "live"})) == {"hello": "live"}


WIDE = b"[" + b"0," * 3_000_000 + b"0]"


@pytest.mark.parametrize("wide", [WIDE, b'{"result":' + WIDE + b"}", b'{"a":{"added":' + WIDE + b"}}"])
def test_what_unfolds_to_thirty_times_its_size_is_bad_input(wide: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ParseError, match="more items"):
            decode_as(dict[str, object], wide, "frame")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 100 * MB


def test_a_wide_answer_hides_behind_no_string_and_no_escape() -> None:
    hidden = b'["\\\\\\"[[[[", ' + b'"' + b"\\\\" * 700_000 + b'", ' + b"0," * 3_000_000 + b"0]"

    assert is_too_wide(hidden)


@given(st.lists(st.text(alphabet='[]{},"\\ab', max_size=12), max_size=40))
@settings(max_examples=100, deadline=None)
def test_items_are_counted_as_the_decoder_counts_them(words: list[str]) -> None:
    raw = json.dumps([*words, " " * MB]).encode()

    assert is_too_wide(raw, most=max(len(words) - 1, 0)) is (len(words) > 0)
    assert not is_too_wide(raw, most=len(words))


def test_a_full_mempool_is_not_too_wide() -> None:
    listed = json.dumps([f"{number:064x}" for number in range(500_000)]).encode()

    assert not is_too_wide(listed)
