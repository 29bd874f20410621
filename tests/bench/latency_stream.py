"""Five hundred clients of the event stream, fifty of which never read: what the others wait, what it costs.

The clients are a process of their own; they only count frames, so that their cost counts as little as it can.
"""

import asyncio
import json
import multiprocessing
import os
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Final

import psutil

from app.bus import Bus
from app.clock import SystemClock
from app.core.access import Scope
from app.core.events import Event
from app.keyring import Keyring
from app.metrics import Metrics
from app.server import Server
from app.settings import read_settings
from app.views import LiveSnapshot, Snapshot
from tests.api.builders import a_prediction, an_event
from tests.api.fakes import DictKeys, ListHistory
from tests.bench.rows import BenchRow, at_most, shown
from tests.fakes import NOON

CLIENTS: Final = 500
DEAF: Final = 50
EVENTS: Final = 150
PAUSE_SECONDS: Final = 0.1
EACH_KEY: Final = 20
MOST_MS: Final = 50.0
MOST_GROWTH_MB: Final = 100.0
_PATIENCE_SECONDS: Final = 60.0
_TEXT, _PING, _PONG = 1, 9, 10


def rows() -> list[BenchRow]:
    """Of the readers among 500, and of as many readers without the deaf ones."""
    alone, _, _, _ = asyncio.run(_measured(0))
    waits, lost, growth, cpu = asyncio.run(_measured(DEAF))
    return [
        at_most("latency.stream.p99_ms", _percentile(waits, 0.99), MOST_MS, "ms"),
        shown("latency.stream.p99_without_deaf_ms", _percentile(alone, 0.99), "ms"),
        shown("latency.stream.p50_ms", _percentile(waits, 0.5), "ms"),
        shown("latency.stream.processor_ms_an_event", cpu, "ms"),
        at_most("latency.stream.lost", lost, 0, "events"),
        at_most("latency.stream.growth_mb", growth, MOST_GROWTH_MB, "MB"),
    ]


async def _measured(deaf: int) -> tuple[list[float], int, float, float]:
    """Milliseconds of every reader and event, events lost, MB grown, ms of processor an event."""
    readers = CLIENTS - DEAF
    ours, theirs = multiprocessing.Pipe()
    async with _served() as (server, history, live, bus):
        process = multiprocessing.get_context("spawn").Process(
            target=_clients, args=(theirs, server.port, readers, deaf), daemon=True
        )
        process.start()
        try:
            await asyncio.to_thread(ours.recv)
            before, peak, began = _rss_mb(), 0.0, time.process_time()
            published = []
            for number in range(1, EVENTS + 1):
                event = an_event(number, a_prediction(number))
                published.append(time.time())
                _happen(event, history, live, bus)
                await asyncio.sleep(PAUSE_SECONDS)
                peak = max(peak, _rss_mb())
            cpu = 1_000 * (time.process_time() - began) / EVENTS
            ours.send("all")
            arrived: list[list[float]] = await asyncio.to_thread(ours.recv)
        finally:
            process.kill()
    waits = [1_000 * (at - sent) for one in arrived for at, sent in zip(one, published, strict=False)]
    return waits, readers * EVENTS - len(waits), peak - before, cpu


def _happen(event: Event, history: ListHistory, live: LiveSnapshot, bus: Bus[Event]) -> None:
    """As the pipeline does: store, then publish, then show."""
    history.events.append(event)
    bus.publish(event)
    live.show(replace(live.snapshot, last_sequence=event.sequence))


@asynccontextmanager
async def _served() -> AsyncIterator[tuple[Server, ListHistory, LiveSnapshot, Bus[Event]]]:
    with tempfile.TemporaryDirectory() as room:
        settings = read_settings(
            {
                "SPOUT_PORT": "0",
                "SPOUT_DATA_DIR": room,
                "SPOUT_STREAM_CLIENTS": str(CLIENTS),
                "SPOUT_PASSWORD": "open sesame",
            }
        )
        live = LiveSnapshot(Snapshot(version=0, made_at=NOON, started_at=NOON))
        history, bus = ListHistory(), Bus[Event]()
        server = Server(settings, Keyring(b"a secret of the bench, long enough"), SystemClock())
        server.listen()
        await server.mount_api(live=live, bus=bus, metrics=Metrics())
        server.attach(history, DictKeys(**dict.fromkeys(map(_key, range(CLIENTS // EACH_KEY)), Scope.READ)))
        try:
            yield server, history, live, bus
        finally:
            await server.close()


def _key(number: int) -> str:
    return f"key{number}"


def _rss_mb() -> float:
    return psutil.Process().memory_info().rss / 1e6


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _clients(pipe: Connection, port: int, readers: int, deaf: int) -> None:
    asyncio.run(_listen(pipe, port, readers, deaf))


async def _listen(pipe: Connection, port: int, readers: int, deaf: int) -> None:
    loop = asyncio.get_running_loop()
    clients = []
    for number in range(readers + deaf):
        client = _Client(f"127.0.0.1:{port}", _key(number // EACH_KEY), reads=number < readers)
        link = socket.create_connection(("127.0.0.1", port))
        if not client.reads:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await loop.create_connection(lambda client=client: client, sock=link)  # type: ignore[misc]
        await client.subscribed.wait()
        clients.append(client)
    pipe.send("subscribed")
    await loop.run_in_executor(None, pipe.recv)
    listening = [one for one in clients if one.reads]
    until = loop.time() + _PATIENCE_SECONDS
    while any(len(one.events) < EVENTS for one in listening) and loop.time() < until:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.05)  # what a far side brings about
    pipe.send([one.events for one in listening])


class _Client(asyncio.Protocol):
    """Notes when each event's last byte came; one that is deaf reads nothing once it is subscribed."""

    def __init__(self, host: str, key: str, *, reads: bool) -> None:
        self.reads = reads
        self.events: list[float] = []
        self.subscribed = asyncio.Event()
        self._host, self._key = host, key
        self._buffer = bytearray()
        self._open = False
        self._frames = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(
            f"GET /api/v1/stream HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Sec-WebSocket-Version: 13\r\nX-API-Key: {self._key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not found:
                return
            assert b" 101 " in head.split(b"\r\n")[0], head
            self._open, self._buffer = True, bytearray(rest)
            self._transport.write(_frame(json.dumps({"subscribe": {}}).encode()))
        while (size := _whole(self._buffer)) is not None:
            kind = self._buffer[0] & 0x0F
            del self._buffer[:size]
            if kind == _TEXT:
                self._take()
            elif kind == _PING:
                self._transport.write(_frame(b"", _PONG))

    def _take(self) -> None:
        self._frames += 1
        if self._frames == 2:
            self.subscribed.set()
            if not self.reads:
                self._transport.pause_reading()
        elif self._frames > 2:
            self.events.append(time.time())


def _frame(payload: bytes, kind: int = _TEXT) -> bytes:
    """Return a masked frame of less than 126 bytes."""
    mask = os.urandom(4)
    return (
        bytes((0x80 | kind, 0x80 | len(payload)))
        + mask
        + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    )


def _whole(buffer: bytearray) -> int | None:
    """Return the size of the first frame, if all of it is there."""
    if len(buffer) < 2:
        return None
    length, start = buffer[1] & 0x7F, 2
    for marker, size in ((126, 2), (127, 8)):
        if length == marker and start == 2:
            start += size
            length = int.from_bytes(buffer[2:start], "big")
            break
    return start + length if len(buffer) >= start + length else None
