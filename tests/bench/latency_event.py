"""From the call of sendrawtransaction to the event on the stream, through the whole program as a process.

The same sendings are timed by a bare ZMQ subscriber, so that what the node itself takes does not count.
"""

import tempfile
import time
from hashlib import sha256
from pathlib import Path

from app.core.encoding.rawtx import decode
from tests.bench.rows import BenchRow, at_most, shown
from tests.bench.sources import BareListener, percentile, prepare
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until
from tests.node.node import Node

PAUSE_SECONDS = 0.1
BAR_MS = 40.0
THRESHOLD_BTC = "0.1"
"""Regtest has too few coins for 200 whales: the threshold is lowered, the way is the same."""


def rows() -> list[BenchRow]:
    """Percentiles of both, and what the way through Spout adds."""
    with tempfile.TemporaryDirectory() as directory:
        room = Path(directory)
        node = Node(room / "node", settings=("txindex=1",))
        node.start()
        try:
            bare, reported = _race(node, prepare(node), room)
        finally:
            node.kill()
    bare_p95, published_p95 = percentile(bare, 95), percentile(reported, 95)
    return [
        shown("latency.event.bare_p95", bare_p95, "ms"),
        shown("latency.event.p50", percentile(reported, 50), "ms"),
        shown("latency.event.p95", published_p95, "ms"),
        at_most("latency.event.p95_over_bare", published_p95 - bare_p95, BAR_MS, "ms"),
    ]


def _race(node: Node, raws: list[str], room: Path) -> tuple[list[float], list[float]]:
    bare = BareListener(f"tcp://127.0.0.1:{node.zmq_port}")
    with SpoutProcess(
        room,
        **node.settings_of_spout,
        SPOUT_WHALE_THRESHOLD_BTC=THRESHOLD_BTC,
        SPOUT_LOG_LEVEL="info",
    ) as spout:
        spout.wait_for_pages()
        until(lambda: spout.health()["rung"] == "live", "it is live")
        ear = spout.listen()
        sent: dict[str, float] = {}
        for raw in raws:
            sent[decode(bytes.fromhex(raw)).txid] = time.monotonic()
            node.send(raw)
            time.sleep(PAUSE_SECONDS)
        received: dict[str, float] = {}
        for txid in sent:
            received[txid] = ear.moment_of(ear.wait_for("whale.detected", txid))
    notified = bare.stop()
    digests = [sha256(bytes.fromhex(raw)).digest() for raw in raws]
    return (
        [(notified[one] - at) * 1000 for one, at in zip(digests, sent.values(), strict=True)],
        [(received[txid] - at) * 1000 for txid, at in sent.items()],
    )
