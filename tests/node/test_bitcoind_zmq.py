"""ZMQ that breaks while RPC lives: polled meanwhile, taken up again, and a hole in its counts looked into."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import zmq
import zmq.asyncio

from app.core.observations import Gap
from app.source.resilience.health import ConnectionState
from tests.node.conftest import source_of
from tests.node.listener import NodeListener
from tests.node.node import Node
from tests.node.parts import free_port

pytestmark = pytest.mark.node


class Cable:
    """Carries bytes between us and the node's ZMQ port; can be cut, and mended."""

    def __init__(self, to_port: int) -> None:
        self.port = free_port()
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    async def remedy(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def cut(self) -> None:
        assert self._server
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _carry(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        far, to_far = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers += [to_near, to_far]
        await asyncio.gather(_pump(near, to_far), _pump(far, to_near))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except OSError:
        return


@asynccontextmanager
async def a_cable(node: Node) -> AsyncIterator[Cable]:
    cable = Cable(node.zmq_port)
    await cable.remedy()
    yield cable
    await cable.cut()


async def test_what_comes_while_zmq_is_cut_is_found_by_polling(node: Node) -> None:
    async with a_cable(node) as cable:
        source = source_of(node, dict.fromkeys(node.zmq, cable.url))
        async with NodeListener(source) as listener:
            await listener.settled()
            await cable.cut()
            whale = node.send(node.whale())
            await listener.seen(whale)
            condition = source.health.condition
            (block,) = node.mine()
            await listener.block(block)
    await source.close()

    assert condition.state is ConnectionState.CONNECTED
    assert any("rawtx is not connected" in note for note in condition.notes)


async def test_a_mended_cable_is_told_as_a_gap_and_live_again(node: Node) -> None:
    coins = node.coins()
    async with a_cable(node) as cable:
        source = source_of(node, dict.fromkeys(node.zmq, cable.url))
        async with NodeListener(source) as listener:
            await listener.settled()
            await cable.cut()
            during = node.send(node.whale(coins[:3]))
            await cable.remedy()
            gap = await listener.until(Gap)
            await listener.seen(during)
            after = node.send(node.whale(coins[3:6]))
            seen = await listener.seen(after)
    await source.close()

    assert "ZMQ was not connected" in gap.reason
    assert (listener.count_seen(during), seen.late, source.health.condition.notes) == (1, False, ())


async def test_a_hole_in_the_counts_is_looked_into(make_node: Callable[..., Node]) -> None:
    node = make_node(zmq=())
    port = free_port()
    with zmq.asyncio.Context() as context, context.socket(zmq.XPUB) as publisher:
        publisher.bind(f"tcp://127.0.0.1:{port}")
        source = source_of(node, {"rawtx": f"tcp://127.0.0.1:{port}"})
        async with NodeListener(source) as listener:
            await publisher.recv()  # it has subscribed
            await listener.settled()
            small = bytes.fromhex(node.whale(node.coins()[:1]))
            await publisher.send_multipart([b"rawtx", small, (7).to_bytes(4, "little")])
            missed = node.send(node.whale(node.coins()[1:4]))
            await publisher.send_multipart([b"rawtx", small, (9).to_bytes(4, "little")])

            gap = await listener.until(Gap)
            seen = await listener.seen(missed)
        await source.close()

    assert (gap.reason, seen.late) == ("ZMQ rawtx: 1 message", True)
