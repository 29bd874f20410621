"""The feed's socket, over a real connection on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketHandler, websocket_connect

from dashboard.build import Pages
from tests.browser.preview import served
from tests.browser.sea import Sea, a_whale


@pytest_asyncio.fixture
async def sea_and_address() -> AsyncIterator[tuple[Sea, str]]:
    sea = Sea()
    async with served(sea) as (address, _):
        yield sea, address


async def connected(address: str, origin: str | None = None) -> WebSocketClientConnection:
    url = address.replace("http", "ws") + "/api/v1/live"
    return await websocket_connect(HTTPRequest(url, headers={"Origin": origin or address}))


async def reported(socket: WebSocketClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            message = await socket.read_message()
            assert isinstance(message, str), f"closed: {socket.close_code} {socket.close_reason}"
            said: dict[str, Any] = json.loads(message)
            if said["kind"] == kind:
                return said


async def put(socket: WebSocketClientConnection) -> list[dict[str, Any]]:
    """The rows of the next difference that brings any."""
    while True:
        rows: list[dict[str, Any]] = (await reported(socket, "diff")).get("put", [])
        if rows:
            return rows


async def no_readers(pages: Pages) -> None:
    async with asyncio.timeout(20):
        while pages.feed.readers:  # noqa: ASYNC110 - the feed has no event for it
            await asyncio.sleep(0.01)


async def test_a_page_says_hello_and_gets_the_whole_state(sea_and_address: tuple[Sea, str]) -> None:
    sea, address = sea_and_address
    sea.appear(a_whale("a", 200, sea.now))
    socket = await connected(address)
    await socket.write_message('{"hello": "live"}')

    assert len((await reported(socket, "snapshot"))["rows"]) == 1


async def test_many_changes_at_once_are_one_message(sea_and_address: tuple[Sea, str]) -> None:
    sea, address = sea_and_address
    socket = await connected(address)
    await socket.write_message('{"hello": "live"}')
    await reported(socket, "snapshot")
    sea.appear(a_whale("first", 200, sea.now))
    await put(socket)

    for n in range(50):
        sea.appear(a_whale(f"w{n}", 200 + n, sea.now))

    assert len(await put(socket)) == 50


async def test_a_paused_page_is_told_nothing_and_catches_up(sea_and_address: tuple[Sea, str]) -> None:
    sea, address = sea_and_address
    socket = await connected(address)
    await socket.write_message('{"hello": "live"}')
    first = await reported(socket, "snapshot")
    await socket.write_message('{"pause": true}')
    await socket.write_message('{"whale": "unknown"}')
    await reported(socket, "whale")
    sea.appear(a_whale("a", 200, sea.now))
    hello = {"hello": "live", "epoch": first["epoch"], "seq": first["seq"]}
    await socket.write_message(json.dumps(hello))

    assert (await put(socket))[0]["moved"] == 200_0000_0000


async def test_a_whale_is_told_with_its_story(sea_and_address: tuple[Sea, str]) -> None:
    sea, address = sea_and_address
    whale = a_whale("a", 200, sea.now)
    sea.appear(whale)
    sea.bump(whale, rate=30, ahead=1)
    socket = await connected(address)
    await socket.write_message(json.dumps({"whale": whale.prediction_id}))
    body = (await reported(socket, "whale"))["whale"]

    assert len(body["forecasts"]) == 2
    assert body["lineage"][0] == whale.txid
    assert [one["words"] for one in body["story"]][-1] == "Replaced by its sender; followed on"


async def test_an_unknown_whale_is_said_to_be_unknown(sea_and_address: tuple[Sea, str]) -> None:
    socket = await connected(sea_and_address[1])
    await socket.write_message('{"whale": "nobody"}')

    assert (await reported(socket, "whale"))["whale"] is None


async def test_a_foreign_page_is_not_let_in(sea_and_address: tuple[Sea, str]) -> None:
    with pytest.raises(HTTPClientError, match="401"):
        await connected(sea_and_address[1], origin="http://evil.example")


@pytest.mark.parametrize("garbage", ["{", "[]", "7", '"hello"', "x" * 5_000])
async def test_garbage_closes_the_line_with_a_reason(sea_and_address: tuple[Sea, str], garbage: str) -> None:
    socket = await connected(sea_and_address[1])
    await socket.write_message(garbage)
    async with asyncio.timeout(20):
        while await socket.read_message() is not None:
            pass

    assert (socket.close_code, socket.close_reason) == (1007, "not understood")


class Locked(WebSocketHandler):
    def prepare(self) -> None:
        self.set_status(401)
        self.finish()


async def test_the_door_of_the_appliance_guards_the_feed() -> None:
    async with served(Sea(), door=Locked) as (address, _):
        with pytest.raises(HTTPClientError, match="401"):
            await connected(address)


async def test_readers_that_leave_are_forgotten() -> None:
    async with served(Sea()) as (address, pages):
        sockets = [await connected(address) for _ in range(20)]
        for socket in sockets:
            await socket.write_message('{"hello": "live"}')
            await reported(socket, "snapshot")
        assert pages.feed.readers == 20
        for socket in sockets:
            socket.close()

        await no_readers(pages)


async def test_a_reader_that_does_not_read_is_let_go() -> None:
    sea = Sea()
    async with served(sea) as (address, pages):
        host, port = address.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port), limit=1)
        writer.write(
            f"GET /api/v1/live HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {address}\r\n".encode()
            + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        hello = b'{"hello":"live"}'
        writer.write(bytes([0x81, 0x80 | len(hello), 0, 0, 0, 0]) + hello)
        async with asyncio.timeout(20):
            while not pages.feed.readers:  # noqa: ASYNC110 - the feed has no event for it
                await asyncio.sleep(0.01)
        (reader,) = pages.feed.sockets
        for _ in range(40):
            reader.send("x" * 400_000)

        assert pages.feed.readers == 0
        writer.close()
