"""Three Spouts beside one real node: with all sources, with the backend only, with bitcoind only."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.journey.ear import Ear
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until
from tests.node.electrum import ElectrumServer
from tests.node.mirror import MirrorProcess
from tests.node.node import Coin, Node
from tests.soak import share

Json = dict[str, Any]
PART = Decimal("0.2")
FEE = Decimal("0.00001")
WHALES = share(200)
OTHER_COINS = 120
"""For the tests that want a whale or two each."""
THRESHOLD_BTC = "0.1"
"""Regtest has too few coins for 200 whales of 100 BTC: the threshold is lowered, the way is the same."""


@dataclass
class Stage:
    """The real parts and the three that watch them."""

    node: Node
    electrum: ElectrumServer
    mirror: MirrorProcess
    everything: SpoutProcess
    backend_only: SpoutProcess
    node_only: SpoutProcess
    ears: dict[str, Ear]
    coins: Iterator[Coin]

    @property
    def spouts(self) -> tuple[SpoutProcess, ...]:
        return (self.everything, self.backend_only, self.node_only)

    def whale(self, coin: Coin | None = None, fee: Decimal = FEE) -> str:
        """A signed transaction of one coin."""
        spent = coin or next(self.coins)
        return self.node.sign([spent], {self.node.address(): spent.amount - fee})

    def wait_for(self, txid: str, **wanted: object) -> list[Json]:
        return [spout.wait_for(txid, seconds=60, **wanted) for spout in self.spouts]

    def steps(self, name: str) -> list[tuple[str, str | None, str]]:
        """What was told of how much is seen: type, rung before, rung."""
        received = [one for one in tuple(self.ears[name].received) if one["type"].startswith("source.")]
        return [(one["type"], one["data"]["before"], one["data"]["rung"]) for one in received]

    def kill_node(self) -> None:
        """SIGKILL; its chain is on the disk by then, else it would come back with an older one."""
        self.node.call("gettxoutsetinfo")
        self.node.kill()

    def kill_mirror(self) -> None:
        """SIGKILL: its connections break without a close frame."""
        os.kill(self.mirror.pid, signal.SIGKILL)
        self.mirror.__exit__(None, None, None)

    def start_mirror(self) -> None:
        """Start it again, on its old port."""
        self.mirror = MirrorProcess(self.node.url, port=self.mirror.own_port, poll_seconds=1.0)
        self.mirror.__enter__()

    def settle(self) -> None:
        """All three see all there is to see."""
        for spout in self.spouts:
            until(lambda spout=spout: spout.health()["rung"] == "live", "it is live", seconds=60)


@contextmanager
def staged(room: Path) -> Iterator[Stage]:
    """Start all of it, and stop it in the end."""
    node = Node(room / "node", settings=("txindex=1", "persistmempool=1"))
    node.start()
    coins = fan_out(node, WHALES + OTHER_COINS)
    node.stop()  # so that all of it is on the disk, and a kill loses nothing
    node.start()
    electrum = ElectrumServer(node, room / "electrum")
    electrum.start()
    urls = node.zmq_urls
    beside = {
        "SPOUT_BITCOIND_URL": node.url,
        "SPOUT_BITCOIND_ZMQ_RAWTX": urls["rawtx"],
        "SPOUT_BITCOIND_ZMQ_SEQUENCE": urls["sequence"],
        "SPOUT_BITCOIND_ZMQ_HASHBLOCK": urls["hashblock"],
    }
    common = {"SPOUT_WHALE_THRESHOLD_BTC": THRESHOLD_BTC, "SPOUT_LOG_LEVEL": "info"}
    mirror = MirrorProcess(node.url, poll_seconds=1.0)
    mirror.__enter__()
    everything = {"SPOUT_MEMPOOL_URL": mirror.url, "SPOUT_ELECTRS_URL": electrum.url, **beside, **common}
    spouts = {
        "everything": SpoutProcess(made(room / "everything"), **everything),
        "backend": SpoutProcess(made(room / "backend"), SPOUT_MEMPOOL_URL=mirror.url, **common),
        "node": SpoutProcess(made(room / "alone"), SPOUT_SOURCE="bitcoind", **beside, **common),
    }
    stage = Stage(node, electrum, mirror, *spouts.values(), {}, iter(coins))
    try:
        for spout in spouts.values():
            spout.start(ready=False)
        for spout in spouts.values():
            spout.wait_until_watching(seconds=90)
            spout.wait_for_pages()
        stage.ears |= {name: spout.listen() for name, spout in spouts.items()}
        stage.settle()
        yield stage
    finally:
        for spout in spouts.values():
            spout.__exit__(None, None, None)
        stage.mirror.__exit__(None, None, None)
        electrum.kill()
        node.kill()


def recovery(stage: Stage, name: str, after: int, started: float) -> float:
    """Seconds until it was told that all is seen again."""
    ear = stage.ears[name]

    def back() -> Json | None:
        reported = [one for one in tuple(ear.received) if one["type"].startswith("source.")][after:]
        return next((one for one in reported if one["data"]["rung"] == "live"), None)

    event = until(back, f"{name} sees again", seconds=90)
    return max(0.0, ear.moment_of(event) - started)


def made(room: Path) -> Path:
    room.mkdir()
    return room


def fan_out(node: Node, parts: int) -> list[Coin]:
    """So many coins of `PART`, confirmed."""
    node.call("createwallet", "wallet")
    node.mine(110)
    coins = node.coins()[:3]
    addresses = [node.address() for _ in range(parts)]
    rest = sum((coin.amount for coin in coins), Decimal(0)) - PART * parts - Decimal("0.01")
    txid = node.send(node.sign(coins, dict.fromkeys(addresses, PART) | {node.address(): rest}))
    node.mine(1)
    outputs = node.call("getrawtransaction", txid, 1, node.call("getbestblockhash"))["vout"]
    return [Coin(txid, one["n"], one["value"]) for one in outputs if one["value"] == PART]
