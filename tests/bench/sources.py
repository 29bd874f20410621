"""How long after the node takes a transaction do we know of it? Against the node's own bare notification.

A real node in regtest; the same sendings are timed by a bare ZMQ subscriber in a thread of its own and by
the source with fee and package. Run alone: python -m tests.bench.sources
"""

import asyncio
import tempfile
import threading
import time
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import zmq

from app.clock import SystemClock
from app.core.encoding.rawtx import decode
from app.core.observations import Gap, MempoolListed, TransactionSeen
from app.core.units import Sats
from app.source.bitcoind.rpc import BitcoindRpc, RpcEndpoint
from app.source.bitcoind.source import Bitcoind
from app.source.resilience.health import SourceHealth
from app.source.resilience.retry import Guard
from tests.bench.rows import BenchRow, at_most, shown
from tests.node.node import Coin, Node

TRANSACTIONS = 200
PAUSE_SECONDS = 0.03
PART = Decimal("0.2")
THRESHOLD = Sats(10_000_000)
"""Regtest has too few coins for 200 whales: the threshold is lowered, the way is the same."""
BAR_MS = 40.0
BAR_DECODE_US = 200.0
BAR_BACK_SECONDS = 30.0
DECODED = 2_000


def rows() -> list[BenchRow]:
    """From the call of sendrawtransaction on: bare, told, and what telling adds; decoding one."""
    with tempfile.TemporaryDirectory() as directory:
        node = Node(Path(directory) / "node")
        node.start()
        try:
            raws = prepare(node)
            bare, reported = asyncio.run(_race(node, raws))
            node.stop()  # its chain is on disk then: a kill must not send it back to its beginning
            node.start()
            noticed, back = asyncio.run(_recovery(node))
        finally:
            node.kill()
    bare_p95, published_p95 = percentile(bare, 95), percentile(reported, 95)
    return [
        shown("latency.zmq_bare_p50", percentile(bare, 50), "ms"),
        shown("latency.zmq_bare_p95", bare_p95, "ms"),
        shown("latency.bitcoind_seen_p50", percentile(reported, 50), "ms"),
        shown("latency.bitcoind_seen_p95", published_p95, "ms"),
        at_most("latency.bitcoind_over_bare_p95", published_p95 - bare_p95, BAR_MS, "ms"),
        shown("recovery.bitcoind_loss_noticed", noticed, "s"),
        at_most("recovery.bitcoind_launched_to_listed", back, BAR_BACK_SECONDS, "s"),
        at_most("latency.rawtx_decode", _decoding(raws), BAR_DECODE_US, "us"),
    ]


def prepare(node: Node) -> list[str]:
    """Signed transactions, each of one small coin; nothing of the wallet's work is timed."""
    node.call("createwallet", "wallet")
    node.mine(102)
    coin = node.coins()[0]
    addresses = [node.address() for _ in range(TRANSACTIONS)]
    fan = node.sign([coin], dict.fromkeys(addresses, PART) | {node.address(): Decimal(9)})
    txid = node.send(fan)
    node.mine()
    outputs = node.call("getrawtransaction", txid, 1, node.call("getbestblockhash"))["vout"]
    coins = [Coin(txid, one["n"], one["value"]) for one in outputs if one["value"] == PART]
    to = node.address()
    return [node.sign([coin], {to: PART - Decimal("0.00001")}) for coin in coins]


async def _race(node: Node, raws: list[str]) -> tuple[list[float], list[float]]:
    bare = BareListener(f"tcp://127.0.0.1:{node.zmq_port}")
    source = _source(node)
    reported: dict[str, float] = {}
    ready, all_reported = asyncio.Event(), asyncio.Event()

    async def listen() -> None:
        async for one in source.observations():
            if isinstance(one, TransactionSeen):
                reported.setdefault(one.tx.txid, time.perf_counter())
                if len(reported) == len(raws):
                    all_reported.set()
            elif isinstance(one, MempoolListed):
                ready.set()

    listening = asyncio.create_task(listen())
    await ready.wait()
    sent: dict[str, float] = {}
    for raw in raws:
        txid = decode(bytes.fromhex(raw)).txid
        sent[txid] = time.perf_counter()
        await asyncio.to_thread(node.send, raw)
        await asyncio.sleep(PAUSE_SECONDS)
    async with asyncio.timeout(30):
        await all_reported.wait()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await source.close()
    received = bare.stop()
    return (
        [
            (received[sha256(bytes.fromhex(raw)).digest()] - at) * 1000
            for raw, at in zip(raws, sent.values(), strict=True)
        ],
        [(reported[txid] - at) * 1000 for txid, at in sent.items()],
    )


async def _recovery(node: Node) -> tuple[float, float]:
    """Seconds from a kill to the Gap; from launching the node again (its own start included) to its list."""
    source = _source(node)
    received: asyncio.Queue[tuple[type, float]] = asyncio.Queue()

    async def listen() -> None:
        async for one in source.observations():
            received.put_nowait((type(one), time.perf_counter()))

    async def until(kind: type) -> float:
        async with asyncio.timeout(60):
            while True:
                reported, at = await received.get()
                if reported is kind:
                    return at

    listening = asyncio.create_task(listen())
    await until(MempoolListed)
    killed = time.perf_counter()
    node.kill()
    noticed = await until(Gap) - killed
    launched = time.perf_counter()
    await asyncio.to_thread(node.start)
    back = await until(MempoolListed) - launched
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await source.close()
    return noticed, back


def _source(node: Node) -> Bitcoind:
    clock = SystemClock()
    health = SourceHealth("bitcoind", clock)
    rpc = BitcoindRpc(RpcEndpoint.parse(node.url), clock, Guard("bitcoind", clock, lambda: 0.5), health)
    return Bitcoind(rpc, node.zmq_urls, clock, health, threshold=THRESHOLD)


class BareListener:
    """Notes when each `rawtx` came, by a digest of its bytes, and does nothing else."""

    def __init__(self, url: str) -> None:
        self._received: dict[bytes, float] = {}
        self._ended = threading.Event()
        self._url = url
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def stop(self) -> dict[bytes, float]:
        self._ended.set()
        self._thread.join()
        return self._received

    def _listen(self) -> None:
        with zmq.Context() as context, context.socket(zmq.SUB) as socket:
            socket.setsockopt(zmq.RCVTIMEO, 100)
            socket.subscribe("rawtx")
            socket.connect(self._url)
            while not self._ended.is_set():
                try:
                    _, body, _ = socket.recv_multipart()
                except zmq.Again:
                    continue
                self._received[sha256(body).digest()] = time.perf_counter()


def _decoding(raws: list[str]) -> float:
    pieces = [bytes.fromhex(raw) for raw in raws] * (DECODED // len(raws))
    started = time.perf_counter()
    for piece in pieces:
        decode(piece)
    return (time.perf_counter() - started) / len(pieces) * 1_000_000


def percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    for row in rows():
        print(row)
