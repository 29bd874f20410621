"""Servers that answer with the lines they were given, one after the other, whatever they are asked.

They and Spout's own clients of them run in virtual time: a timeout passes at once, and no socket is real.
"""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing, suppress
from functools import cache
from typing import Any, TypeVar

import httpx

from app.core.encoding import address_of
from app.core.observations import ChainListed, Observation
from app.core.questions import (
    AskBlock,
    AskMempool,
    AskPackage,
    AskPrevouts,
    AskStatus,
    AskTransaction,
    Question,
)
from app.core.units import BlockHash, Height, Outpoint, Sats, Txid
from app.errors import SpoutError
from app.source.backend import MempoolRest, RestAnswer
from app.source.bitcoind import Bitcoind, BitcoindRpc, RpcEndpoint
from app.source.electrum import Electrs, ElectrumEndpoint
from app.source.recording import RecordedTransport
from app.source.resilience import Guard, SeenTxids, SourceHealth
from tests.fakes import NOON
from tests.fuzz.good import HASH, NODE, PARENT, node_reply
from tests.simulation.virtual import LoopClock, VirtualLoop
from tests.source.bitcoind.handed_over import HandedOver

T = TypeVar("T")
PORT = 50_001
STATUSES = {b"404": 404, b"500": 500, b"503": 503}
QUESTIONS: tuple[Question, ...] = (
    AskStatus(Txid(HASH)),
    AskTransaction(Txid(HASH)),
    AskPrevouts(Txid(HASH), (Outpoint(Txid(PARENT), 0), Outpoint(Txid(PARENT), 1))),
    AskPackage(Txid(HASH)),
    AskBlock(BlockHash(HASH), Height(800)),
    AskMempool("now"),
)
SESSION_CALLS = 30
BACKLOG = 3
"""Transactions of a listing that are read: all of them would be the same reading again."""


class _Watched(VirtualLoop):
    """Keeps what a task or a callback raised that nobody awaits: asyncio would only log it."""

    def __init__(self) -> None:
        super().__init__()
        self.fallen: list[BaseException] = []
        self.set_exception_handler(self._keep)

    def _keep(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.fallen.append(error if isinstance(error, BaseException) else RuntimeError(context["message"]))


@cache
def _loop() -> _Watched:
    return _Watched()


def in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of it; raises what it raises, or what fell unseen."""
    loop = _loop()
    loop.fallen.clear()
    done = loop.run_until_complete(work)
    for error in loop.fallen:
        if not isinstance(error, SpoutError):
            raise error
    return done


@cache
def _context() -> ssl.SSLContext:
    """Made once: it reads the machine's authorities."""
    return ssl.create_default_context()


def _clock() -> LoopClock:
    return LoopClock(_loop())


class _Lines:
    """An Electrum server: a line for each request, and with it the notifications that stand before it."""

    def __init__(self, raw: bytes) -> None:
        self._lines = deque(raw.split(b"\n"))
        self.over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while self._lines and await reader.readline():
                for line in self._next():
                    writer.write(line + b"\n")
        self.over.set()
        writer.close()

    def _next(self) -> Iterator[bytes]:
        while self._lines:
            yield (line := self._lines.popleft())
            if b'"method"' not in line:
                return


async def electrum_session(raw: bytes) -> list[Observation]:
    """Connect, follow and ask until the server has nothing more to say; return what was observed."""
    lines, clock = _Lines(raw), _clock()
    source = Electrs(
        ElectrumEndpoint("electrs", PORT, tls=False),
        clock,
        Guard("electrs", clock, lambda: 0.0),
        SourceHealth("electrs", clock),
        address_of,
    )
    received: list[Observation] = []

    async def ask() -> None:
        for question in QUESTIONS[:3]:
            with suppress(SpoutError):
                received.extend(await source.answer(question))

    async def follow() -> None:
        async with aclosing(source.observations()) as everything, asyncio.TaskGroup() as group:
            async for one in everything:
                received.append(one)
                if isinstance(one, ChainListed):
                    group.create_task(ask())

    listening = await asyncio.start_server(lines.serve, "electrs", PORT)
    await _until(follow(), lines.over)
    listening.close()
    await source.close()
    await asyncio.sleep(0.01)  # and both ends of the connection are gone
    return received


async def _until(following: Coroutine[Any, Any, None], over: asyncio.Event) -> None:
    """Follow until the far side has nothing more to say."""
    task, ended = asyncio.create_task(following), asyncio.create_task(over.wait())
    await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.01)  # what was written last arrives
    for one in (task, ended):
        one.cancel()
    with suppress(asyncio.CancelledError):
        await task


class _Bodies:
    """A backend: a transport that answers each request with the next body."""

    def __init__(self, raw: bytes) -> None:
        self._bodies = raw.split(b"\n")
        self.asked = 0

    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        del method, path, payload  # whatever is asked for, the next reply comes
        body = self._bodies[self.asked % len(self._bodies)]
        self.asked += 1
        status, _, rest = body.partition(b" ")
        if status in STATUSES:
            return RestAnswer(status=STATUSES[status], body=rest, as_of=NOON)
        return RestAnswer(status=200, body=body, as_of=NOON)


async def backend_answers(raw: bytes) -> list[Observation]:
    """Ask a backend everything that is asked of one."""
    received: list[Observation] = []
    clock = _clock()
    for question in (*QUESTIONS, None):
        rest = MempoolRest(_Bodies(raw), Guard("rest", clock, lambda: 0.0), clock, SeenTxids())
        with suppress(SpoutError):
            if question is None:
                received.extend(await rest.market())
            else:
                received.extend(await rest.answer(question))
        with suppress(SpoutError):
            await rest.block_at(Height(800))
        with suppress(SpoutError):
            async with aclosing(rest.backlog()) as backlog:
                async for one in backlog:
                    received.append(one)
                    if len(received) > BACKLOG:
                        break
    return received


async def recorded_answers(transport: RecordedTransport) -> None:
    transport.t = 1e9
    for path in ("/api/v1/fees/recommended", f"/api/v1/tx/{HASH}"):
        with suppress(SpoutError):
            await transport.request("GET", path)
    with suppress(SpoutError):
        await transport.request(
            "POST", "/api/v1/prevouts", json.dumps([{"txid": PARENT, "vout": 0}]).encode()
        )


class _Replies:
    """A node: the next reply for each call, with the call's number where it is an object; then it is gone."""

    def __init__(self, raw: bytes) -> None:
        self._lines = deque(raw.split(b"\n"))
        self.over = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        calls = json.loads(request.content)
        if not self._lines:
            self.over.set()
            raise httpx.ConnectError("nobody listens")
        if isinstance(calls, dict):
            return httpx.Response(200, content=self._next(calls["id"]))
        return httpx.Response(200, content=b"[%b]" % b",".join(self._next(one["id"]) for one in calls))

    def _next(self, number: int) -> bytes:
        line = self._lines.popleft() if self._lines else b"{}"
        return b'{"id":%d,%b' % (number, line[1:]) if line.startswith(b"{") else line


def _node(answer: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> Bitcoind:
    clock = _clock()
    health = SourceHealth("bitcoind", clock)
    rpc = BitcoindRpc(
        RpcEndpoint.parse("http://user:secret@127.0.0.1:8332"),
        clock,
        Guard("bitcoind", clock, lambda: 0.0),
        health,
        HandedOver(answer),
        tls=_context(),
    )
    return Bitcoind(rpc, {}, clock, health, threshold=Sats(0), address_of=address_of)


async def node_answers(raw: bytes) -> list[Observation]:
    """Ask a node everything that is asked of one."""
    received: list[Observation] = []
    for question in QUESTIONS:
        node = _node(_Replies(raw))
        with suppress(SpoutError):
            received.extend(await node.answer(question))
        await node.close()
    return received


async def node_session(raw: bytes) -> list[Observation]:
    """Follow a node, which is polled, until it is gone; return what was observed."""
    replies = _Replies(raw)
    return await _followed(_node(replies), replies.over)


async def _followed(node: Bitcoind, over: asyncio.Event) -> list[Observation]:
    received: list[Observation] = []
    keep = received.append  # one by one: what came before it is broken off counts

    async def follow() -> None:
        async with aclosing(node.observations()) as everything:
            async for one in everything:
                keep(one)

    await _until(follow(), over)
    await node.close()
    return received


def a_node_session() -> bytes:
    """What a node says in the order in which a session asks: as many replies as SESSION_CALLS."""
    said: list[bytes] = []
    over = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        calls = json.loads(request.content)
        many = calls if isinstance(calls, list) else [calls]
        replies = [node_reply(NODE[call["method"]]) for call in many]
        said.extend(replies)
        if len(said) >= SESSION_CALLS:
            over.set()
        bodies = [b'{"id":%d,%b' % (call["id"], one[1:]) for call, one in zip(many, replies, strict=True)]
        return httpx.Response(200, content=b"[%b]" % b",".join(bodies) if calls is many else bodies[0])

    in_virtual_time(_followed(_node(answer), over))
    return b"\n".join(said[:SESSION_CALLS])
