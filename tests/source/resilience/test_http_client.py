"""One server asked over HTTP: what is sent, what is used again, and what its faults are called."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from app.errors import TooSlowError, UnreachableError
from app.source.resilience import HttpAnswer, HttpClient, Limits
from app.source.resilience.http_client import CONNECTIONS, IDLE_SECONDS
from tests.hostile.far_side import OK, Serve, answering
from tests.simulation.virtual import VirtualLoop

LIMITS = Limits(1_000_000, 20.0)
WHOLE = OK + b"Content-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[HttpClient]:
    client = HttpClient(url)
    try:
        yield client
    finally:
        await client.close()


async def asked(
    serve: Serve, method: str = "GET", path: str = "/x", content: bytes | None = None
) -> HttpAnswer:
    async with answering(serve) as url, asking(url) as client:
        return await client.ask(method, path, limits=LIMITS, content=content)


@dataclass
class Server:
    """Answers every request with the next of `replies`, the last one for ever. `ends`: connections are closed
    after each."""

    replies: list[bytes] = field(default_factory=lambda: [WHOLE])
    ends: bool = False
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
            body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
            self.requests.append(head + body)
            writer.write(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])
            await writer.drain()
            if self.ends:
                return


async def test_the_address_its_path_and_its_login_are_in_the_request() -> None:
    server = Server()

    async with answering(server) as url:
        host = url.removeprefix("http://")
        async with asking(f"http://me:p%40ss@{host}/mempool/") as client:
            await client.ask("GET", "/api/v1/a b?c=1", limits=LIMITS)

    lines = server.requests[0].split(b"\r\n")
    assert lines[0] == b"GET /mempool/api/v1/a%20b?c=1 HTTP/1.1"
    assert {
        b"Host: " + host.encode(),
        b"Authorization: Basic bWU6cEBzcw==",
        b"Accept-Encoding: identity",
    } <= set(lines)


async def test_no_path_is_the_addresss_own() -> None:
    server = Server()

    async with answering(server) as url:
        for address in (url, f"{url}/", f"{url}/wallet/one"):
            async with asking(address) as client:
                await client.ask("POST", "", limits=LIMITS, content=b"[]")

    assert [request.split(b" ")[1] for request in server.requests] == [b"/", b"/", b"/wallet/one"]


async def test_what_is_sent_arrives_whole() -> None:
    server = Server()
    content = bytes(range(256)) * 2_000

    async with answering(server) as url, asking(url) as client:
        await client.ask("POST", "/x", limits=LIMITS, content=content)

    assert server.requests[0].endswith(b"\r\n\r\n" + content)


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (OK + b"Content-Length: 4\r\n\r\nwhal", b"whal"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nwh\r\n2\r\nal\r\n0\r\n\r\n", b"whal"),
        (b"HTTP/1.0 200 OK\r\n\r\nwhal", b"whal"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nwhal", b"whal"),
    ],
    ids=["length", "chunks", "until the end", "nothing", "an interim reply first"],
)
async def test_a_body_is_read_however_it_is_sent(reply: bytes, body: bytes) -> None:
    assert (await asked(Server([reply], ends=True))).body == body


async def test_any_status_is_an_answer() -> None:
    answer = await asked(Server([b"HTTP/1.1 503 Busy\r\nX-Why: mempool\r\nContent-Length: 2\r\n\r\nno"]))

    assert (answer.status, answer.headers["x-why"], answer.body) == (503, "mempool", b"no")


async def test_one_connection_serves_one_question_after_the_other() -> None:
    server = Server()

    async with answering(server) as url, asking(url) as client:
        for _ in range(5):
            await client.ask("GET", "/x", limits=LIMITS)

    assert (server.connections, len(server.requests)) == (1, 5)


async def test_no_more_connections_are_opened_than_a_small_server_bears() -> None:
    server = Server()

    async with answering(server) as url, asking(url) as client:
        await asyncio.gather(*(client.ask("GET", "/x", limits=LIMITS) for _ in range(40)))

    assert (server.connections, len(server.requests)) == (CONNECTIONS, 40)


@pytest.mark.parametrize(
    "reply",
    [
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
        WHOLE + b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"a lie"',
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["told to close", "more than the reply", "HTTP/1.0"],
)
async def test_such_a_connection_is_not_used_again(reply: bytes) -> None:
    server = Server([reply])

    async with answering(server) as url, asking(url) as client:
        bodies = [(await client.ask("GET", "/x", limits=LIMITS)).body for _ in range(3)]

    assert (server.connections, bodies) == (3, [b"{}"] * 3)


async def test_a_kept_connection_that_the_server_closed_costs_no_question() -> None:
    server = Server(ends=True)

    async with answering(server) as url, asking(url) as client:
        answers = [(await client.ask("POST", "/x", limits=LIMITS, content=b"[1]")).status for _ in range(4)]

    assert (answers, len(server.requests)) == ([200] * 4, 4)


async def test_a_new_connection_that_breaks_is_not_asked_twice() -> None:
    requests = []

    async def hangs_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))

    with pytest.raises(UnreachableError, match="reset"):
        await asked(hangs_up)
    assert len(requests) == 1


async def test_a_kept_connection_that_breaks_in_the_middle_of_its_answer_is_not_asked_twice() -> None:
    server = Server([WHOLE, OK + b"Content-Length: 9\r\n\r\n{}", WHOLE], ends=False)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        for reply in server.replies[:2]:
            server.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(reply)
            await writer.drain()

    async with answering(serve) as url, asking(url) as client:
        await client.ask("GET", "/x", limits=LIMITS)
        with pytest.raises(UnreachableError, match="broken"):
            await client.ask("GET", "/x", limits=LIMITS)
    assert (server.connections, len(server.requests)) == (1, 2)


def in_leaping_time(resting_seconds: float) -> int:
    """How many connections two questions need with that rest between them."""
    loop = VirtualLoop()
    server = Server()

    async def two() -> None:
        await asyncio.start_server(server, "127.0.0.1", 80)
        async with asking("http://127.0.0.1") as client:
            await client.ask("GET", "/x", limits=LIMITS)
            await asyncio.sleep(resting_seconds)
            await client.ask("GET", "/x", limits=LIMITS)

    try:
        loop.run_until_complete(two())
    finally:
        loop.close()
    return server.connections


def test_a_connection_that_rested_for_long_is_not_used_again() -> None:
    assert (in_leaping_time(IDLE_SECONDS / 2), in_leaping_time(IDLE_SECONDS * 2)) == (1, 2)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "broken"),
        (OK + b"Content-Length: many\r\n\r\n{}", "broken"),
        (OK + b"Content-Length: 3\r\nContent-Length: 2\r\n\r\n{}", "broken"),
        (OK + b"Content-Length: 90\r\n\r\n{}", "broken"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", "broken"),
        (OK + b"Transfer-Encoding: gzip\r\n\r\n{}", "broken"),
        (OK + b"X: " + b"x" * 200_000, "broken"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "broken"),
        (b"", "reset"),
        (OK + b"Content-Length: 1000001\r\n\r\n", "more than"),
        (OK + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", "broken"),
    ],
    ids=[
        "another service", "a length of words", "two lengths", "cut short", "bad chunk", "unknown coding",
        "an endless head", "another protocol", "nothing", "too long", "a length of digits",
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_told_as_such(reply: bytes, words: str) -> None:
    with pytest.raises(UnreachableError, match=words):
        await asked(Server([reply], ends=True))


async def test_a_closed_port_is_told_in_words() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with asking(f"http://127.0.0.1:{closed.getsockname()[1]}") as client:
            with pytest.raises(UnreachableError, match="Connection refused"):
                await client.ask("GET", "/x", limits=LIMITS)


async def test_tls_where_there_is_none_is_told_as_such() -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with answering(refuses) as url, asking(url.replace("http:", "https:")) as client:
        with pytest.raises(UnreachableError, match="SSL"):
            await client.ask("GET", "/x", limits=LIMITS)


def test_silence_on_the_line_is_told_before_the_whole_time_is_over() -> None:
    loop = VirtualLoop()

    async def says_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 9\r\n\r\n{")
        await asyncio.sleep(1_000)

    async def waited() -> float:
        await asyncio.start_server(says_half, "127.0.0.1", 80)
        client = HttpClient("http://127.0.0.1", silence_seconds=3)
        with pytest.raises(TooSlowError, match="no answer within 3 s"):
            await client.ask("GET", "/x", limits=LIMITS)
        await client.close()
        return loop.time()

    try:
        assert 3 < loop.run_until_complete(waited()) < 4
    finally:
        loop.close()


def test_a_connection_that_is_not_made_is_told_after_its_own_time() -> None:
    loop = VirtualLoop()
    loop.network.stalled.add(80)

    async def waited() -> float:
        client = HttpClient("http://127.0.0.1", connect_seconds=3)
        with pytest.raises(UnreachableError, match="no connection within 3 s"):
            await client.ask("GET", "/x", limits=LIMITS)
        return loop.time()

    try:
        assert 3 <= loop.run_until_complete(waited()) < 4
    finally:
        loop.close()


async def test_what_is_broken_off_leaves_no_connection_that_is_used_again() -> None:
    server = Server()

    async def stays_silent_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not server.connections:
            server.connections += 1
            asked_once.set()
            await reader.read()
            return
        await server(reader, writer)

    asked_once = asyncio.Event()
    async with answering(stays_silent_first) as url, asking(url) as client:
        first = asyncio.create_task(client.ask("GET", "/x", limits=LIMITS))
        await asked_once.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await client.ask("GET", "/x", limits=LIMITS)).body == b"{}"

    assert server.connections == 2


async def test_after_closing_nothing_is_asked() -> None:
    server = Server()

    async with answering(server) as url:
        async with asking(url) as client:
            await client.ask("GET", "/x", limits=LIMITS)
        with pytest.raises(UnreachableError, match="not asked any more"):
            await client.ask("GET", "/x", limits=LIMITS)

    assert len(server.requests) == 1
