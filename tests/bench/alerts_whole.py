"""From a broadcast to the real bitcoind to a receiver that verifies it, through the whole program."""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from standardwebhooks import Webhook

from app.core.encoding.rawtx import decode
from tests.bench.rows import BenchRow, at_most
from tests.bench.sources import percentile, prepare
from tests.journey.spout import ROOT, SpoutProcess
from tests.journey.waiting import until
from tests.node.node import Node
from tests.notifiers.receivers import Receiver, receiving

TRANSACTIONS = 100
PAUSE_SECONDS = 0.1
BAR_MS = 1_000.0
THRESHOLD_BTC = "0.1"
"""Regtest has too few coins for a hundred whales: the threshold is lowered, the way is the same."""


def rows() -> list[BenchRow]:
    waits = broadcast_to_verified(TRANSACTIONS)
    seen = [1_000 * wait.seen for wait in waits]
    sent = [1_000 * (wait.verified - wait.seen) for wait in waits]
    return [
        at_most("alerts.whole.p95", percentile([1_000 * wait.verified for wait in waits], 95), BAR_MS, "ms"),
        BenchRow(name="alerts.whole_until_concluded_p95", value=percentile(seen, 95), unit="ms"),
        BenchRow(name="alerts.whole_from_there_p95", value=percentile(sent, 95), unit="ms"),
    ]


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds since the broadcast: until the tracker concluded that it is a whale, until it was verified."""

    seen: float
    verified: float


def broadcast_to_verified(count: int) -> list[Waited]:
    """What each broadcast took, in the order they were sent."""
    with tempfile.TemporaryDirectory() as directory, receiving() as receiver:
        room = Path(directory)
        node = Node(room / "node", settings=("txindex=1",))
        node.start()
        try:
            return _sent(node, prepare(node)[:count], room, receiver)
        finally:
            node.kill()


def _sent(node: Node, raws: list[str], room: Path, receiver: Receiver) -> list[Waited]:
    spout = SpoutProcess(
        room,
        **node.settings_of_spout,
        SPOUT_WHALE_THRESHOLD_BTC=THRESHOLD_BTC,
        SPOUT_ALLOWED_TARGETS="127.0.0.1",
    )
    secret = _add(spout, receiver.url())
    with spout:
        spout.wait_for_pages()
        until(lambda: spout.health()["rung"] == "live", "it is live")
        sent: dict[str, float] = {}
        for raw in raws:
            sent[decode(bytes.fromhex(raw)).txid] = time.time()
            node.send(raw)
            time.sleep(PAUSE_SECONDS)
        until(lambda: len(_verified(receiver, secret)) >= len(raws), "all are verified", seconds=60)
        received = _verified(receiver, secret)
    return [Waited(received[txid][0] - at, received[txid][1] - at) for txid, at in sent.items()]


def _add(spout: SpoutProcess, url: str) -> str:
    """As an operator without a screen: the command prints the id and the secret."""
    command = [sys.executable, "-m", "app", "endpoints", "add", "hook", "--url", url, "--reach", "lan"]
    ended = subprocess.run(
        command, cwd=ROOT, env=spout.environment, capture_output=True, text=True, check=True, timeout=60
    )
    return ended.stdout.split()[1]


def _verified(receiver: Receiver, secret: str) -> dict[str, tuple[float, float]]:
    """When each whale was concluded and when its detection came, by txid."""
    found = {}
    for got in tuple(receiver.got):
        reported = Webhook(secret).verify(got.body, got.headers)
        if json.loads(got.body)["type"] == "whale.detected":
            concluded = datetime.fromisoformat(reported["timestamp"]).timestamp()
            found.setdefault(reported["data"]["txid"], (concluded, got.at))
    return found
