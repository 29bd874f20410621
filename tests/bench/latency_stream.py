"""Five hundred clients of the event stream, fifty of which never read: what the others wait, what it costs.

The clients are a process of their own that does nothing but note when each frame came whole: what they cost
is shown beside what the server costs, for on two cores they wait for each other.
"""

import asyncio
import gc
import json
import multiprocessing
import os
import selectors
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
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
STORED: Final = 80
STORED_BYTES: Final = 100_000
"""Events that the deaf ask for, and how long each is: more than the kernel takes, so Spout has to wait."""
EACH_KEY: Final = 20
MOST_MS: Final = 50.0
MOST_GROWTH_MB: Final = 100.0
_PATIENCE_SECONDS: Final = 60.0
_TEXT, _PING, _PONG = 1, 9, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """`waits`: milliseconds of every reader and event; processor time in milliseconds an event."""

    waits: list[float]
    lost: int
    growth_mb: float
    server_ms: float
    clients_ms: float
    deaf_left: int
    """How many of those that never read were not closed as too slow."""


def rows() -> list[BenchRow]:
    """Of the readers among 500, and of as many readers without the deaf ones."""
    alone, beside = asyncio.run(_measured(0)), asyncio.run(_measured(DEAF))
    return [
        at_most("latency.stream.p99_ms", _percentile(beside.waits, 0.99), MOST_MS, "ms"),
        shown("latency.stream.p99_without_deaf_ms", _percentile(alone.waits, 0.99), "ms"),
        shown("latency.stream.p50_ms", _percentile(beside.waits, 0.5), "ms"),
        shown("latency.stream.processor_ms_an_event", beside.server_ms, "ms"),
        shown("latency.stream.processor_ms_without_deaf", alone.server_ms, "ms"),
        shown("latency.stream.clients_own_ms_an_event", beside.clients_ms, "ms"),
        at_most("latency.stream.lost", beside.lost, 0, "events"),
        at_most("latency.stream.deaf_left", beside.deaf_left, 0, "clients"),
        at_most("latency.stream.growth_mb", beside.growth_mb, MOST_GROWTH_MB, "MB"),
    ]


async def _measured(deaf: int) -> _Run:
    readers = CLIENTS - DEAF
    ours, theirs = multiprocessing.Pipe()
    async with _served() as (server, history, live, bus, metrics):
        process = multiprocessing.get_context("spawn").Process(
            target=_clients, args=(theirs, server.port, readers, deaf), daemon=True
        )
        process.start()
        try:
            await asyncio.to_thread(ours.recv)
            before, peak, began = _rss_mb(), 0.0, time.process_time()
            published = []
            for number in range(STORED + 1, STORED + EVENTS + 1):
                event = an_event(number, a_prediction(number))
                published.append(time.time())
                _happen(event, history, live, bus)
                await asyncio.sleep(PAUSE_SECONDS)
                peak = max(peak, _rss_mb())
            server_ms = 1_000 * (time.process_time() - began) / EVENTS
            ours.send("all")
            clients_cpu, arrived = await asyncio.to_thread(ours.recv)
        finally:
            process.kill()
        counted = metrics.registry.get_sample_value("spout_stream_closed_total", {"reason": "too_slow"})
        closed = int(counted or 0)
    waits = [1_000 * (at - sent) for one in arrived for at, sent in zip(one, published, strict=False)]
    return _Run(
        waits=waits,
        lost=readers * EVENTS - len(waits),
        growth_mb=peak - before,
        server_ms=server_ms,
        clients_ms=1_000 * clients_cpu / EVENTS,
        deaf_left=deaf - closed,
    )


def _happen(event: Event, history: ListHistory, live: LiveSnapshot, bus: Bus[Event]) -> None:
    """As the pipeline does: store, then publish, then show."""
    history.events.append(event)
    bus.publish(event)
    live.show(replace(live.snapshot, last_sequence=event.sequence))


@asynccontextmanager
async def _served() -> AsyncIterator[tuple[Server, ListHistory, LiveSnapshot, Bus[Event], Metrics]]:
    with tempfile.TemporaryDirectory() as room:
        settings = read_settings(
            {
                "SPOUT_PORT": "0",
                "SPOUT_DATA_DIR": room,
                "SPOUT_STREAM_CLIENTS": str(CLIENTS),
                "SPOUT_PASSWORD": "open sesame",
            }
        )
        live = LiveSnapshot(Snapshot(version=0, made_at=NOON, started_at=NOON, last_sequence=STORED))
        history, bus, metrics = ListHistory(events=_stored()), Bus[Event](), Metrics()
        server = Server(settings, Keyring(b"a secret of the bench, long enough"), SystemClock())
        server.listen()
        await server.mount_api(live=live, bus=bus, metrics=metrics)
        server.attach(history, DictKeys(**dict.fromkeys(map(_key, range(CLIENTS // EACH_KEY)), Scope.READ)))
        try:
            yield server, history, live, bus, metrics
        finally:
            await server.close()


def _stored() -> list[Event]:
    prediction = a_prediction(1, reason="x" * STORED_BYTES)
    return [an_event(number, prediction) for number in range(1, STORED + 1)]


def _key(number: int) -> str:
    return f"key{number}"


def _rss_mb() -> float:
    return psutil.Process().memory_info().rss / 1e6


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _clients(pipe: Connection, port: int, readers: int, deaf: int) -> None:
    """Serve the pipe: say when all are subscribed; asked for `all`, answer with arrivals and our own cost."""
    with selectors.EpollSelector() as selector:
        everyone = [
            _Client(port, _key(number // EACH_KEY), deaf=number >= readers)
            for number in range(readers + deaf)
        ]
        clients = everyone[:readers]
        for client in clients:
            selector.register(client.link, selectors.EVENT_READ, client)
        gc.freeze()
        pipe.send("subscribed")
        began = time.process_time()
        selector.register(pipe, selectors.EVENT_READ)
        until = float("inf")
        while any(len(one.events) < EVENTS for one in clients) and time.monotonic() < until:
            for key, _ in selector.select(0.2):
                if key.data is not None:
                    key.data.read()
                else:
                    pipe.recv()
                    selector.unregister(pipe)
                    until = time.monotonic() + _PATIENCE_SECONDS
        cpu = time.process_time() - began
        if until == float("inf"):
            pipe.recv()
        pipe.send((cpu, [one.events for one in clients]))


class _Client:
    """Notes when each event's last byte came; one that is deaf reads nothing once it is subscribed."""

    def __init__(self, port: int, key: str, *, deaf: bool) -> None:
        self.events: list[float] = []
        self.link = socket.create_connection(("127.0.0.1", port))
        if deaf:
            self.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self._buffer = bytearray()
        self.link.sendall(
            f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Sec-WebSocket-Version: 13\r\nX-API-Key: {key}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self._received()
        head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        assert b" 101 " in head.split(b"\r\n")[0], head
        self._buffer = bytearray(rest)
        wanted = {"subscribe": {}, "after": 0} if deaf else {"subscribe": {}}
        self.link.sendall(_frame(json.dumps(wanted).encode()))
        greeted = 0
        while greeted < 2:
            greeted += self._frames()
            if greeted < 2:
                self._buffer += self._received()

    def read(self) -> None:
        self._buffer += self._received()
        if whole := self._frames():
            self.events += [time.time()] * whole

    def _received(self) -> bytes:
        piece = self.link.recv(65_536)
        assert piece, "the server closed the connection of a client that reads"
        return piece

    def _frames(self) -> int:
        """Take the whole frames off the buffer, answer pings, and count the texts."""
        texts = 0
        while (size := _whole(self._buffer)) is not None:
            kind = self._buffer[0] & 0x0F
            del self._buffer[:size]
            if kind == _TEXT:
                texts += 1
            elif kind == _PING:
                self.link.sendall(_frame(b"", _PONG))
        return texts


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
