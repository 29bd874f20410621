"""One line to an Electrum server, whatever the server does."""

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.errors import NodeRefusedError, ParseError, SettingsError, UnreachableError
from app.source.electrum.connection import ElectrumEndpoint, ElectrumLine, is_own_network

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_line(
    serve: Serve, received: list[tuple[str, bytes]] | None = None
) -> AsyncIterator[ElectrumLine]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def notified(method: str, first: bytes) -> None:
        if received is not None:
            received.append((method, first))

    line = ElectrumLine(ElectrumEndpoint("127.0.0.1", port, tls=False), SystemClock(), notified)
    await line.open()
    try:
        yield line
    finally:
        await line.close()
        server.close()


def saying(make: Callable[[int], bytes]) -> Serve:
    """A server that answers each request with what `make` makes of its id."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(make(json.loads(line)["id"]))
            await writer.drain()
        writer.close()

    return serve


async def test_a_padded_answer_is_read() -> None:
    padded = saying(lambda number: b'{"id":%d,"result":"yes"}%s\n' % (number, b" " * 900))

    async with a_line(padded) as line:
        assert await line.ask(str, "server.ping") == "yes"


async def test_an_answer_of_megabytes_is_read() -> None:
    large = saying(lambda number: b'{"id":%d,"result":"%s"}\n' % (number, b"ab" * 4_000_000))

    async with a_line(large) as line:
        assert len(await line.ask(str, "blockchain.transaction.get")) == 8_000_000


async def test_a_line_without_end_breaks_the_connection() -> None:
    endless = saying(lambda _: b"x" * (33 * 1024 * 1024))

    async with a_line(endless) as line:
        with pytest.raises(UnreachableError, match="a line of more than"):
            await line.ask(str, "server.ping")


async def test_no_json_breaks_the_connection() -> None:
    async with a_line(saying(lambda _: b"HTTP/1.1 400 Bad Request\n")) as line:
        with pytest.raises(UnreachableError):
            await line.ask(str, "server.ping")


async def test_answers_in_another_order_find_their_questions() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        numbers = [json.loads(await reader.readline())["id"] for _ in range(2)]
        for number in numbers[::-1]:
            writer.write(b'{"id":%d,"result":%d}\n' % (number, number))
        await writer.drain()
        await reader.readline()
        writer.close()

    async with a_line(serve) as line:
        assert await asyncio.gather(line.ask(int, "a"), line.ask(int, "b")) == [1, 2]


async def test_a_refusal_keeps_its_words() -> None:
    refusing = saying(lambda number: b'{"id":%d,"error":{"code":1,"message":"history too large"}}\n' % number)

    async with a_line(refusing) as line:
        with pytest.raises(NodeRefusedError, match="history too large"):
            await line.ask(str, "blockchain.transaction.get")


async def test_an_answer_of_another_shape_is_refused() -> None:
    async with a_line(saying(lambda number: b'{"id":%d,"result":[1]}\n' % number)) as line:
        with pytest.raises(ParseError):
            await line.ask(str, "server.ping")


async def test_a_notification_is_heard() -> None:
    received: list[tuple[str, bytes]] = []

    def note_and_answer(number: int) -> bytes:
        return (
            b'{"method":"blockchain.headers.subscribe","params":[{"height":5}]}\n{"id":%d,"result":1}\n'
            % number
        )

    async with a_line(saying(note_and_answer), received) as line:
        await line.ask(int, "server.ping")

    assert received == [("blockchain.headers.subscribe", b'{"height":5}')]


async def test_a_closed_connection_ends_every_question() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    async with a_line(serve) as line:
        with pytest.raises(UnreachableError, match="closed the connection"):
            await line.ask(int, "server.ping")


async def test_a_broken_line_stays_broken() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with a_line(serve) as line:
        with pytest.raises(UnreachableError):
            await line.broken()
        with pytest.raises(UnreachableError, match="not connected"):
            await line.ask(int, "server.ping")


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("tcp://node:50001", ElectrumEndpoint("node", 50001, tls=False)),
        ("tcp://node", ElectrumEndpoint("node", 50001, tls=False)),
        ("ssl://node", ElectrumEndpoint("node", 50002, tls=True)),
        ("tls://10.0.0.2:700", ElectrumEndpoint("10.0.0.2", 700, tls=True)),
    ],
)
def test_an_address_is_read(url: str, endpoint: ElectrumEndpoint) -> None:
    assert ElectrumEndpoint.parse(url) == endpoint


@pytest.mark.parametrize("url", ["http://node:50001", "node:50001", "tcp://node:port"])
def test_no_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        ElectrumEndpoint.parse(url)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "192.168.1.4", "fd00::1", "electrs", "umbrel.local", "node.lan", "x.onion", "100.100.1.2"],
)
def test_hosts_of_ones_own_network_may_sign_their_own_certificate(host: str) -> None:
    assert is_own_network(host)


@pytest.mark.parametrize("host", ["8.8.8.8", "electrum.example.org", "local.example", "2600::1"])
def test_other_hosts_must_show_a_valid_one(host: str) -> None:
    assert not is_own_network(host)


async def test_a_server_that_signed_its_own_certificate_is_asked(tmp_path: Path) -> None:
    server, port = await a_tls_server(tmp_path)
    line = ElectrumLine(ElectrumEndpoint("127.0.0.1", port, tls=True), SystemClock(), lambda *_: None)
    await line.open()
    try:
        assert await line.ask(str, "server.ping") == "yes"
    finally:
        await line.close()
        server.close()


def test_elsewhere_a_certificate_must_be_valid() -> None:
    context = ElectrumEndpoint("electrum.example.org", 50002, tls=True).context()

    assert context is not None
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


async def test_a_server_without_tls_is_named_as_such() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no TLS here\n")
        await writer.drain()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = ElectrumLine(ElectrumEndpoint("127.0.0.1", port, tls=True), SystemClock(), lambda *_: None)

    with pytest.raises(UnreachableError, match="does it speak TLS"):
        await line.open()
    server.close()


async def a_tls_server(room: Path) -> tuple[asyncio.Server, int]:
    """One that signed its own certificate, as electrs' neighbours on a home network do."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("did not run: making a certificate needs openssl")
    key, certificate = room / "key.pem", room / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=umbrel"]
    subprocess.run(
        [*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=60
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    yes = saying(lambda number: b'{"id":%d,"result":"yes"}\n' % number)
    server = await asyncio.start_server(yes, "127.0.0.1", 0, ssl=context)
    return server, server.sockets[0].getsockname()[1]
