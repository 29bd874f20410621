"""The backend's WebSocket: frames that are too large, never end, or come from somewhere else."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, SecurityError

from app.clock import SystemClock
from app.core.observations import Observation, SourceConnected
from app.core.units import Sats
from app.source.backend.connection import open_link
from app.source.backend.frame_limit import LEAST_MB, MOST_MB, default_frame_mb, what_is_left
from app.source.backend.progress import GRACE_SECONDS, STEP_BYTES, FrameProgress
from app.source.backend.stream import MempoolWebSocket
from app.source.resilience import SeenTxids, SourceHealth
from app.source.resilience.health import ConnectionState
from tests.hostile.far_side import answering, saying

MB = 1024 * 1024
MOST = 256 * 1024
BLOCKS = [
    {
        "blockSize": 1_996_000,
        "blockVSize": 998_000,
        "nTx": 500,
        "totalFees": 6_000_000,
        "medianFee": 6.0,
        "feeRange": [5.0, 5.2, 5.6, 6.0, 7.0, 9.0, 20],
    }
] * 8


class Listening:
    """A MempoolWebSocket of ours with all it told."""

    def __init__(self, url: str, **seconds: float) -> None:
        clock = SystemClock()
        self.health = SourceHealth("mempool_ws", clock)
        self.reported: list[Observation] = []
        self.link = MempoolWebSocket(
            url,
            emit=self._emit,
            health=self.health,
            seen_txids=SeenTxids(),
            threshold=lambda: Sats(100 * 100_000_000),
            clock=clock,
            jitter=lambda: 0.0,
            most_frame_bytes=MOST,
            **seconds,
        )

    async def _emit(self, reported: Sequence[Observation]) -> None:
        self.reported += reported

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.link.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def eventually(condition: Any, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


class LargeBlocks:
    """Answers a look into the projected block at `large` with more than a frame may hold."""

    def __init__(self, large: int) -> None:
        self._large = large
        self.asked: list[int] = []
        self.links = 0

    async def serve(self, link: ServerConnection) -> None:
        self.links += 1
        await link.send(json.dumps({"mempool-blocks": BLOCKS, "loadingIndicators": {}}))
        async for raw in link:
            message = json.loads(raw)
            index = message.get("track-mempool-block")
            if index is None:
                continue
            self.asked.append(index)
            reported = {"index": index, "sequence": 1, "blockTransactions": []}
            padding = "x" * (MOST + 1) if index == self._large else ""
            await link.send(json.dumps({"projected-block-transactions": reported, "padding": padding}))


async def test_a_frame_that_is_too_large_is_told_and_not_met_again() -> None:
    backend = LargeBlocks(large=5)
    async with serve(backend.serve, "127.0.0.1", 0) as server:
        listening = Listening(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with listening.running():
            await eventually(lambda: any(isinstance(one, SourceConnected) for one in listening.reported))
            await eventually(lambda: backend.asked.count(0) >= 3)  # twice subscribed, once swept

    assert (backend.links, backend.asked.count(5)) == (2, 1)
    assert "SPOUT_MAX_FRAME_MB" in listening.health.condition.notes[0]
    assert any(isinstance(one, SourceConnected) and one.again for one in listening.reported)


async def test_it_is_refused_by_its_header_before_it_comes() -> None:
    async def serve_raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x81\x7f" + (1024 * MB).to_bytes(8, "big"))
        await reader.read()

    async with answering(serve_raw) as url, open_link(ws(url), most_bytes=MOST) as link:
        with pytest.raises(ConnectionClosed, match="1009"):
            await link.recv()


async def test_a_message_in_endless_pieces_is_refused_at_its_bound() -> None:
    async def serve_raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        opcode = 1
        while True:
            writer.write(bytes([opcode]) + b"\x7e\xff\xff" + b"x" * 65_535)
            opcode = 0
            await writer.drain()

    async with answering(serve_raw) as url, open_link(ws(url), most_bytes=MOST) as link:
        with pytest.raises(ConnectionClosed, match="1009"):
            await link.recv()


@pytest.mark.parametrize("piece", [b"x", b"\x00\x00"], ids=["a byte of a frame", "an empty continuation"])
async def test_a_frame_that_never_ends_is_no_sign_of_life(piece: bytes) -> None:
    async def serve_raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x01\x01x" if piece == b"\x00\x00" else b"\x81\x7e\xff\xff")
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)

    async with answering(serve_raw) as url:
        listening = Listening(url, ask_seconds=0.1, doubt_seconds=0.3, silence_seconds=1.0)
        doubted = []
        async with listening.running():
            await eventually(lambda: listening.health.condition.state is ConnectionState.CONNECTED)
            await eventually(lambda: listening.health.condition.state is not ConnectionState.CONNECTED, 20)
            doubted.append(listening.health.condition.last_error)

    assert "nothing comes" in doubted[0]


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent"])
async def test_no_redirect_of_the_websocket_is_followed(status: bytes) -> None:
    reached = asyncio.Event()

    async def elsewhere(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        reached.set()

    async with answering(elsewhere) as stranger:
        head = b"HTTP/1.1 " + status + b"\r\nLocation: " + ws(stranger).encode() + b"\r\n"
        async with answering(saying(head)) as url:
            with pytest.raises(SecurityError, match="not followed"):
                await open_link(ws(url), most_bytes=MOST)

    assert not reached.is_set()


def test_bytes_are_a_sign_of_life_when_a_message_is_really_on_its_way() -> None:
    progress = FrameProgress()

    assert not any(progress.came(1) for _ in range(1_000))
    assert progress.came(STEP_BYTES)
    assert not progress.came(1)


def test_a_message_has_as_long_as_an_honest_one_takes() -> None:
    progress = FrameProgress()
    progress.came(10_000_000)
    progress.waited(GRACE_SECONDS + 100)
    honest = progress.is_endless
    progress.waited(1)

    assert (honest, progress.is_endless) == (False, True)


def test_a_link_without_a_message_on_its_way_waits_for_ever() -> None:
    progress = FrameProgress()
    progress.waited(1e6)

    assert not progress.is_endless


def test_a_whole_message_begins_the_count_anew() -> None:
    progress = FrameProgress()
    progress.came(1)
    progress.waited(GRACE_SECONDS)
    progress.whole()
    progress.came(1)
    progress.waited(GRACE_SECONDS)

    assert not progress.is_endless


@pytest.mark.parametrize(
    ("left_mb", "most_mb"), [(10_000, MOST_MB), (1_500, 500), (300, 100), (10, LEAST_MB), (0, LEAST_MB)]
)
def test_a_frame_may_have_a_third_of_what_is_left(left_mb: int, most_mb: int) -> None:
    assert default_frame_mb(left_mb * MB) == most_mb


@pytest.mark.parametrize(
    ("limit", "used", "cache", "left_mb"),
    [
        ("314572800", "104857600", "0", 200),
        ("314572800", "104857600", "52428800", 250),
        ("max", "1", "0", None),
    ],
)
def test_a_cgroup_leaves_its_limit_less_what_it_needs(
    tmp_path: Any, limit: str, used: str, cache: str, left_mb: int | None
) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{used}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\n")
    left = what_is_left(tmp_path)

    assert left == left_mb * MB if left_mb else left > 250 * MB


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept the WebSocket; what follows is the attack's."""
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415

    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    reported = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    key = next(value for name, value in reported.items() if name.lower() == "sec-websocket-key")
    proof = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n")
    await writer.drain()


def ws(url: str) -> str:
    return url.replace("http://", "ws://") + "/api/v1/ws"
