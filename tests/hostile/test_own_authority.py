"""A box that signs its own certificates: REST, WebSocket, RPC and Electrum trust the same file, or none."""

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from app.clock import SystemClock
from app.errors import SettingsError, UnreachableError
from app.source.backend.connection import open_link
from app.source.backend.transport import HttpTransport
from app.source.bitcoind.rpc import BitcoindRpc, RpcEndpoint
from app.source.electrum.connection import ElectrumEndpoint, ElectrumLine
from app.source.resilience import Guard, Patience, SourceHealth, in_words, trusting

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@dataclass(frozen=True)
class Box:
    """An authority of its own, and a certificate for localhost that it signed."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Box:
    room = tmp_path_factory.mktemp("authority")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=room, check=True, capture_output=True, timeout=60)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    authority = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Box", *authority)
    openssl("req", *new, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    (room / "names").write_text("subjectAltName=DNS:localhost\n")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    openssl("x509", "-req", "-in", "request.pem", "-out", "certificate.pem", *signed)
    return Box(room / "ca.pem", room / "certificate.pem", room / "key.pem")


def answer(_link: ServerConnection, request: Request) -> Response | None:
    if request.path.endswith("/ws"):
        return None
    return Response(200, "OK", Headers({"Content-Length": "2"}), b"ok")


async def echo(link: ServerConnection) -> None:
    async for message in link:
        await link.send(message)


async def rpc_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    asked = json.loads(await reader.readexactly(length))
    body = json.dumps({"result": 7, "error": None, "id": asked["id"]}).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    writer.close()


async def electrum_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(json.dumps({"id": json.loads(line)["id"], "result": 7}).encode() + b"\n")


@asynccontextmanager
async def backend(box: Box) -> AsyncIterator[int]:
    async with serve(echo, "localhost", 0, ssl=box.tls, process_request=answer) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def plain(box: Box, serving: Callable[..., Awaitable[None]]) -> AsyncIterator[int]:
    server = await asyncio.start_server(serving, "localhost", 0, ssl=box.tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask_rest(box: Box, ca_file: Path | None) -> object:
    async with backend(box) as port:
        transport = HttpTransport(f"https://localhost:{port}", SystemClock(), tls=trusting(ca_file))
        try:
            return (await transport.request("GET", "/api/v1/x")).body
        finally:
            await transport.close()


async def ask_stream(box: Box, ca_file: Path | None) -> object:
    async with backend(box) as port:
        try:
            async with open_link(
                f"wss://localhost:{port}/api/v1/ws", most_bytes=1_000_000, tls=trusting(ca_file)
            ) as link:
                await link.send("ok")
                return await link.recv()
        except ssl.SSLError as error:
            raise UnreachableError(in_words(error) or "") from error


async def ask_rpc(box: Box, ca_file: Path | None) -> object:
    clock = SystemClock()
    async with plain(box, rpc_answer) as port:
        endpoint = RpcEndpoint.parse(f"https://me:secret@localhost:{port}")
        guard = Guard("bitcoind", clock, lambda: 0.0, Patience(attempts=1))
        rpc = BitcoindRpc(endpoint, clock, guard, SourceHealth("bitcoind", clock), tls=trusting(ca_file))
        try:
            return await rpc.ask(int, "uptime")
        finally:
            await rpc.close()


async def ask_electrum(box: Box, ca_file: Path | None) -> object:
    async with plain(box, electrum_answer) as port:
        endpoint = ElectrumEndpoint.parse(f"ssl://localhost:{port}", ca_file)
        line = ElectrumLine(endpoint, SystemClock(), lambda *_: None)
        try:
            await line.open()
            return await line.ask(int, "server.ping")
        finally:
            await line.close()


WAYS = [ask_rest, ask_stream, ask_rpc, ask_electrum]


@pytest.mark.parametrize("ask", WAYS)
async def test_the_boxes_own_authority_is_trusted_where_it_is_named(
    box: Box, ask: Callable[[Box, Path | None], Awaitable[object]]
) -> None:
    assert await ask(box, box.ca) in (b"ok", "ok", 7)


@pytest.mark.parametrize("ask", WAYS[:3])
async def test_without_it_the_refusal_names_the_setting(
    box: Box, ask: Callable[[Box, Path | None], Awaitable[object]]
) -> None:
    with pytest.raises(UnreachableError, match="SPOUT_CA_FILE"):
        await ask(box, None)


@pytest.mark.parametrize("ask", WAYS)
async def test_what_another_authority_signed_is_refused(
    box: Box, tmp_path: Path, ask: Callable[[Box, Path | None], Awaitable[object]]
) -> None:
    other = tmp_path / "other.pem"
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null")
    words = ["openssl", "req", "-x509", *new, "-out", str(other), "-subj", "/CN=Other"]
    subprocess.run(words, check=True, capture_output=True, timeout=60)

    with pytest.raises(UnreachableError, match="SPOUT_CA_FILE"):
        await ask(box, other)


async def test_an_electrum_server_at_home_is_taken_with_its_own_certificate(box: Box) -> None:
    assert await ask_electrum(box, None) == 7


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_is_no_certificate_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)

    with pytest.raises(SettingsError, match="SPOUT_CA_FILE"):
        trusting(file)


@pytest.mark.parametrize("host", ["electrs.startos", "electrs.embassy", "node.fritz.box", "node.home"])
def test_names_that_only_a_home_has_are_ones_own_network(host: str) -> None:
    context = ElectrumEndpoint.parse(f"ssl://{host}:50002").context()

    assert context is not None
    assert context.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("host", ["electrum.example.com", "node.tail0000.ts.net"])
def test_public_names_are_checked(host: str) -> None:
    context = ElectrumEndpoint.parse(f"ssl://{host}:50002").context()

    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
