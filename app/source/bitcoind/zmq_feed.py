"""bitcoind's ZMQ notifications: read without delay, with lost messages and connection states detected.

Source: Bitcoin Core, doc/zmq.md. libzmq (1.3 MB) is imported when a feed begins: few nodes publish.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from app.core.units import BlockHash, Txid
from app.errors import ParseError

if TYPE_CHECKING:
    import zmq.asyncio

TOPICS = ("rawtx", "sequence", "hashblock")

NOTIFICATION_PARTS = 3
"""Topic, body, the topic's sequence number."""
HELD_MESSAGES = 50_000
"""Messages that libzmq queues while we are busy; a block sends each of its transactions again."""
MOST_BYTES = 8 * 1024 * 1024
"""Per message; no transaction is larger than a block. libzmq drops a connection that sends more."""
HEARTBEAT_MS = 3_000
HEARTBEAT_TIMEOUT_MS = 9_000
"""Time after which a frozen or unreachable node is detected."""
RECONNECT_MS = 200
RECONNECT_MAX_MS = 2_000


@dataclass(frozen=True, slots=True)
class RawTransaction:
    """A transaction from the mempool or a connected or disconnected block: `rawtx` does not say which."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Entered:
    txid: Txid
    order: int
    """The mempool sequence number."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A transaction that left the mempool for any reason but inclusion in a block."""

    txid: Txid
    order: int


@dataclass(frozen=True, slots=True)
class BlockJoined:
    """A block was connected; the transactions it removed from the mempool are not reported one by one."""

    hash: BlockHash


@dataclass(frozen=True, slots=True)
class ChainMoved:
    """A block was disconnected, or there is a new tip."""

    hash: BlockHash


@dataclass(frozen=True, slots=True)
class Spoke:
    """The first message of a topic."""

    topic: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Messages of a topic were lost; their number is None if the sequence restarted."""

    topic: str
    missed: int | None


@dataclass(frozen=True, slots=True)
class Linked:
    url: str


@dataclass(frozen=True, slots=True)
class Unlinked:
    url: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    what: str


Notification = RawTransaction | Entered | Removed | BlockJoined | ChainMoved
Received = Notification | Spoke | Lost | Linked | Unlinked | Unreadable


def read_notification(topic: bytes, body: bytes) -> Notification:
    """Decode one notification.

    Raises:
        ParseError: if it does not follow doc/zmq.md.
    """
    if topic == b"rawtx":
        return RawTransaction(body)
    if topic == b"hashblock" and len(body) == 32:
        return ChainMoved(BlockHash(body.hex()))
    if topic == b"sequence" and len(body) >= 33:
        return _read_sequence(body)
    raise ParseError(f"ZMQ {topic.decode('ascii', 'replace')}: {len(body)} bytes")


class Continuity:
    """Checks each topic's sequence numbers; a skipped number is a loss."""

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}

    def check(self, topic: bytes, number: bytes) -> Lost | None:
        count = int.from_bytes(number, "little")
        last = self._last.get(topic)
        self._last[topic] = count
        if last is None or count == (last + 1) & 0xFFFFFFFF:
            return None
        missed = count - last - 1
        return Lost(topic.decode("ascii", "replace"), missed if missed > 0 else None)

    def forget(self) -> None:
        """Reset: after a new connection the first number of each topic is accepted as it comes."""
        self._last.clear()


class ZmqFeed:
    """Subscribes with one socket per address, so that topics of one address keep the node's order."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        """Take `urls`: topic to address; topics left out are not subscribed."""
        self._topics: dict[str, list[str]] = {}
        for topic, url in urls.items():
            self._topics.setdefault(url, []).append(topic)
        self._received: asyncio.Queue[Received] = asyncio.Queue(maxsize=10_000)

    async def notifications(self) -> AsyncGenerator[Received, None]:
        """Yield notifications until cancelled; libzmq reconnects, reported as Unlinked and Linked."""
        context = import_module("zmq.asyncio").Context()
        tasks = [asyncio.create_task(self._listen(context, url)) for url in self._topics]
        try:
            while True:
                yield await self._received.get()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            context.destroy(linger=0)

    async def _listen(self, context: "zmq.asyncio.Context", url: str) -> None:
        zmq = import_module("zmq")
        socket = self._open(context, url)
        monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        continuity = Continuity()
        watch = asyncio.create_task(self._watch(url, monitor, continuity))
        try:
            socket.connect(url)
            await self._read_on(socket, continuity)
        finally:
            watch.cancel()
            socket.disable_monitor()
            monitor.close(linger=0)
            socket.close(linger=0)

    def _open(self, context: "zmq.asyncio.Context", url: str) -> "zmq.asyncio.Socket":
        zmq = import_module("zmq")
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, HELD_MESSAGES)
        socket.setsockopt(zmq.MAXMSGSIZE, MOST_BYTES)
        socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
        socket.setsockopt(zmq.IPV6, 1)
        for topic in self._topics[url]:
            socket.subscribe(topic)
        return socket

    async def _read_on(self, socket: "zmq.asyncio.Socket", continuity: Continuity) -> None:
        count, spoken = 0, set[bytes]()
        while True:
            parts = await socket.recv_multipart()
            if len(parts) == NOTIFICATION_PARTS and parts[0] not in spoken:
                spoken.add(parts[0])
                await self._received.put(Spoke(parts[0].decode("ascii", "replace")))
            for notifications in _read(parts, continuity):
                await self._received.put(notifications)
            count += 1
            if count % 64 == 0:
                await asyncio.sleep(0)  # a full socket never yields to the event loop by itself

    async def _watch(self, url: str, monitor: "zmq.asyncio.Socket", continuity: Continuity) -> None:
        zmq, monitoring = import_module("zmq"), import_module("zmq.utils.monitor")
        while True:
            event = (await monitoring.recv_monitor_message(monitor))["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                await self._received.put(Linked(url))
            elif event == zmq.EVENT_DISCONNECTED:
                continuity.forget()
                await self._received.put(Unlinked(url))


def _read(parts: list[bytes], continuity: Continuity) -> list[Received]:
    """Decode one message: the loss that it reveals, if any, and the notification."""
    if len(parts) != NOTIFICATION_PARTS:
        return [Unreadable(f"ZMQ: a message of {len(parts)} parts is not bitcoind's")]
    topic, body, number = parts
    lost = continuity.check(topic, number)
    try:
        notification: Received = read_notification(topic, body)
    except ParseError as error:
        notification = Unreadable(str(error))
    return [lost, notification] if lost else [notification]


def _read_sequence(body: bytes) -> Notification:
    label, named = body[32:33], body[:32].hex()
    if label == b"C":
        return BlockJoined(BlockHash(named))
    if label == b"D":
        return ChainMoved(BlockHash(named))
    if label in {b"A", b"R"} and len(body) == 41:
        order = int.from_bytes(body[33:41], "little")
        return Entered(Txid(named), order) if label == b"A" else Removed(Txid(named), order)
    raise ParseError(f"ZMQ sequence: label {label!r}")
