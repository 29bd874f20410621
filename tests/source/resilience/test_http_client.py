"""One server asked over HTTP: what is sent, what is used again, and what its faults are called."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from app.errors import TooSlowError, UnreachableError
from app.source.resilience import Budget, HttpAnswer, HttpClient, Limits, trusting
from app.source.resilience.http_client import CONNECTIONS, IDLE_SECONDS
from tests.hostile.far_side import OK, Serve, answering
from tests.notifiers.authority import make_authority
from tests.simulation.virtual import VirtualLoop

T = TypeVar("T")
LIMITS = Limits(1_000_000, 20.0)
WHOLE = OK + b"Content-Length: 2\r\n\r\n{}"
LIE = b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"a lie"'
ONE_READ = OK + b"X: %s\r\nContent-Length: 2\r\n\r\n{}"


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
                writer.close()
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
        WHOLE + LIE,
        ONE_READ % (b"x" * (64 * 1024 - len(ONE_READ) + 2)) + LIE,
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=["told to close", "more than the reply", "more than is read at once", "HTTP/1.0"],
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


@asynccontextmanager
async def asking_over_tls(server: Server, authority: Path, tls: ssl.SSLContext) -> AsyncIterator[HttpClient]:
    listening = await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    client = HttpClient(f"https://127.0.0.1:{port}", tls=trusting(authority))
    try:
        yield client
    finally:
        await client.close()
        listening.close()


@pytest.mark.parametrize(("ends", "connections"), [(False, 1), (True, 4)])
async def test_over_tls_connections_are_kept_as_well(tmp_path: Path, *, ends: bool, connections: int) -> None:
    server = Server(ends=ends)

    async with asking_over_tls(server, *make_authority(tmp_path, "127.0.0.1")) as client:
        answers = [(await client.ask("POST", "/x", limits=LIMITS, content=b"[1]")).status for _ in range(4)]

    assert (answers, server.connections, len(server.requests)) == ([200] * 4, connections, 4)


@pytest.mark.parametrize(
    ("name", "days", "words"),
    [("127.0.0.1", -0.5, "out of date"), ("127.0.0.2", 30.0, "for another name")],
    ids=["expired", "another's"],
)
async def test_what_a_certificate_lacks_is_told(tmp_path: Path, name: str, days: float, words: str) -> None:
    server = Server()

    async with asking_over_tls(server, *make_authority(tmp_path, name, days=days)) as client:
        with pytest.raises(UnreachableError, match=words):
            await client.ask("GET", "/x", limits=LIMITS)

    assert server.connections == 0


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


def in_leaping_time(of: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(of(loop))
    finally:
        loop.close()


def connections_of_two(resting_seconds: float) -> int:
    """How many connections two questions need with that rest between them."""
    server = Server()

    async def two(_: VirtualLoop) -> int:
        await asyncio.start_server(server, "127.0.0.1", 80)
        async with asking("http://127.0.0.1") as client:
            await client.ask("GET", "/x", limits=LIMITS)
            await asyncio.sleep(resting_seconds)
            await client.ask("GET", "/x", limits=LIMITS)
        return server.connections

    return in_leaping_time(two)


def test_a_connection_that_rested_for_long_is_not_used_again() -> None:
    assert (connections_of_two(IDLE_SECONDS / 2), connections_of_two(IDLE_SECONDS * 2)) == (1, 2)


def test_connections_that_nobody_needs_any_more_are_given_up() -> None:
    async def at_first_many(loop: VirtualLoop) -> int:
        await asyncio.start_server(Server(), "127.0.0.1", 80)
        async with asking("http://127.0.0.1") as client:
            await asyncio.gather(*(client.ask("GET", "/x", limits=LIMITS) for _ in range(CONNECTIONS)))
            for _ in range(3):
                await asyncio.sleep(IDLE_SECONDS / 2)
                await client.ask("GET", "/x", limits=LIMITS)
            return sum(not end.is_closing() for end in loop.network.ends) // 2

    assert in_leaping_time(at_first_many) == 1


@pytest.mark.parametrize(
    "unasked",
    [LIE, b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", b"\0"],
    ids=["an answer", "a farewell", "rubbish"],
)
def test_what_comes_unasked_is_not_the_answer_to_the_next_question(unasked: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(WHOLE)
        await asyncio.sleep(1)
        writer.write(unasked)

    async def two(_: VirtualLoop) -> list[tuple[int, bytes]]:
        await asyncio.start_server(serve, "127.0.0.1", 80)
        async with asking("http://127.0.0.1") as client:
            answers = [await client.ask("GET", "/x", limits=LIMITS)]
            await asyncio.sleep(2)
            answers.append(await client.ask("GET", "/x", limits=LIMITS))
        return [(answer.status, answer.body) for answer in answers]

    assert in_leaping_time(two) == [(200, b"{}")] * 2


async def test_a_reply_in_thousands_of_chunks_leaves_their_turns_to_others() -> None:
    budget, held = Budget(), [0]
    reply = OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n0\r\n" * 9_000 + b"0\r\n\r\n"

    async with answering(Server([reply])) as url:
        client = HttpClient(url, budget=budget)
        question = asyncio.create_task(client.ask("GET", "/x", limits=LIMITS))
        while not question.done():
            held.append(budget.held)
            await asyncio.sleep(0)
        assert len((await question).body) == 9_000
        await client.close()

    assert 0 < max(later - earlier for earlier, later in pairwise(held)) <= 200


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
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000, "again and again"),
    ],
    ids=[
        "another service", "a length of words", "two lengths", "cut short", "bad chunk", "unknown coding",
        "an endless head", "another protocol", "nothing", "too long", "a length of digits",
        "nothing but announcements",
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


@contextmanager
def named(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> Iterator[None]:
    """Every name has these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", one) for one in addresses]
    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        yield


async def test_a_name_is_asked_at_each_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()

    async with answering(server) as url:
        port = int(url.rpartition(":")[2])
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            with named(monkeypatch, closed.getsockname(), ("127.0.0.1", port)):
                async with asking(f"http://node.home:{port}") as client:
                    await client.ask("GET", "/x", limits=LIMITS)

    assert f"Host: node.home:{port}".encode() in server.requests[0]


async def test_a_name_with_several_closed_ports_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        with named(monkeypatch, one.getsockname(), other.getsockname()):
            async with asking("http://node.home") as client:
                with pytest.raises(UnreachableError, match=r"^Connection refused$"):
                    await client.ask("GET", "/x", limits=LIMITS)


async def test_the_zone_of_an_address_is_not_told_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()

    async with answering(server) as url:
        port = int(url.rpartition(":")[2])
        with named(monkeypatch, ("127.0.0.1", port)):
            async with asking(f"http://[fe80::1%eth0]:{port}") as client:
                await client.ask("GET", "/x", limits=LIMITS)

    assert f"Host: [fe80::1]:{port}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize("host", ["two..dots", "x" * 64], ids=["no label", "a long label"])
async def test_a_name_that_no_host_can_have_is_told_as_such(host: str) -> None:
    async with asking(f"http://{host}") as client:
        with pytest.raises(UnreachableError, match="name"):
            await client.ask("GET", "/x", limits=LIMITS)


async def says_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK + b"Content-Length: 9\r\n\r\n{")
    await asyncio.sleep(1_000)


def test_silence_on_the_line_is_told_before_the_whole_time_is_over() -> None:
    async def waited(loop: VirtualLoop) -> float:
        await asyncio.start_server(says_half, "127.0.0.1", 80)
        client = HttpClient("http://127.0.0.1", silence_seconds=3)
        with pytest.raises(TooSlowError, match="no answer within 3 s"):
            await client.ask("GET", "/x", limits=LIMITS)
        await client.close()
        return loop.time()

    assert 3 < in_leaping_time(waited) < 4


@pytest.mark.parametrize("silence_seconds", [None, 10.0])
def test_a_line_that_the_system_gives_up_is_told_as_such(silence_seconds: float | None) -> None:
    async def given_up(loop: VirtualLoop) -> None:
        await asyncio.start_server(says_half, "127.0.0.1", 80)
        client = HttpClient("http://127.0.0.1", silence_seconds=silence_seconds)
        question = asyncio.create_task(client.ask("GET", "/x", limits=LIMITS))
        await asyncio.sleep(1)
        loop.network.ends[0].protocol.connection_lost(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))
        with pytest.raises(UnreachableError, match="Connection timed out"):
            await question
        await client.close()

    in_leaping_time(given_up)


def test_a_connection_that_is_not_made_is_told_after_its_own_time() -> None:
    async def waited(loop: VirtualLoop) -> float:
        loop.network.stalled.add(80)
        client = HttpClient("http://127.0.0.1", connect_seconds=3)
        with pytest.raises(UnreachableError, match="no connection within 3 s"):
            await client.ask("GET", "/x", limits=LIMITS)
        return loop.time()

    assert 3 <= in_leaping_time(waited) < 4


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


async def test_what_still_connects_at_closing_is_not_asked() -> None:
    server = Server()

    async with answering(server) as url, asking(url) as client:
        question = asyncio.create_task(client.ask("GET", "/x", limits=LIMITS))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(UnreachableError, match="not asked any more"):
            await question

    assert not server.requests


def test_what_closing_cut_off_is_not_taken_for_a_whole_answer() -> None:
    async def says_no_length(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n12")
        await reader.read()

    async def closed_in_between(_: VirtualLoop) -> None:
        await asyncio.start_server(says_no_length, "127.0.0.1", 80)
        async with asking("http://127.0.0.1") as client:
            question = asyncio.create_task(client.ask("GET", "/x", limits=LIMITS))
            await asyncio.sleep(1)
            await client.close()
            with pytest.raises(UnreachableError, match="not asked any more"):
                await question

    in_leaping_time(closed_in_between)
