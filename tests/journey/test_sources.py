"""Every source at once and each alone: real bitcoind, real Electrum server, and a backend beside them.

Three Spouts watch the same node: one with all sources, one with the backend only, one with bitcoind only.
"""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journey.ear import Ear
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until
from tests.node.electrum import ElectrumServer
from tests.node.mirror import MirrorProcess
from tests.node.node import Coin, Node

pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]

Json = dict[str, Any]
PART = Decimal("0.2")
FEE = Decimal("0.00001")
WHALES = 200
THRESHOLD_BTC = "0.1"
"""Regtest has too few coins for 200 whales of 100 BTC: the threshold is lowered, the way is the same."""
DOWN_SECONDS = 14
"""Longer than the ladder's patience, so that it is told."""
RECOVERY_SECONDS = 30.0


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
        heard = [one for one in tuple(self.ears[name].heard) if one["type"].startswith("source.")]
        return [(one["type"], one["data"]["before"], one["data"]["rung"]) for one in heard]

    def settle(self) -> None:
        """All three see all there is to see."""
        for spout in self.spouts:
            until(lambda spout=spout: spout.health()["rung"] == "live", "it is live", seconds=60)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    room = tmp_path_factory.mktemp("stage")
    node = Node(room / "node", settings=("txindex=1", "persistmempool=1"))
    node.start()
    coins = fan_out(node, 2 * WHALES)
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
    try:
        for spout in spouts.values():
            spout.start(ready=False)
        for spout in spouts.values():
            spout.wait_until_watching(seconds=90)
            spout.wait_for_pages()
        ears = {name: spout.listen() for name, spout in spouts.items()}
        made_stage = Stage(node, electrum, mirror, *spouts.values(), ears, iter(coins))
        made_stage.settle()
        yield made_stage
    finally:
        for spout in spouts.values():
            spout.__exit__(None, None, None)
        mirror.__exit__(None, None, None)
        electrum.kill()
        node.kill()


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


def test_two_hundred_whales_are_seen_and_confirmed_by_all(stage: Stage) -> None:
    raws = [stage.whale() for _ in range(WHALES)]
    txids = []
    for raw in raws:
        txids.append(stage.node.send(raw))
        time.sleep(0.02)
    for txid in txids:
        stage.wait_for(txid)
    (block,) = stage.node.mine()
    height = stage.node.call("getblockheader", block)["height"]

    for txid in txids:
        for told in stage.wait_for(txid, status="confirmed"):
            assert told["confirmed_height"] == height
    for ear in stage.ears.values():
        detected = [one["data"]["txid"] for one in ear.heard if one["type"] == "whale.detected"]
        assert sorted(one for one in detected if one in set(txids)) == sorted(txids)


def test_the_node_is_the_first_to_see_and_its_lead_is_shown(stage: Stage) -> None:
    txid = stage.node.send(stage.whale())
    told = stage.wait_for(txid)

    assert [one["first_seen_by"] for one in told] == ["bitcoind", "mempool_ws", "bitcoind"]
    until(lambda: "ahead" in (stage.everything.component("bitcoind")["detail"] or ""), "the lead is shown")
    print("\nlead:", stage.everything.component("bitcoind")["detail"])


def test_a_replacement_is_the_same_prediction_for_all(stage: Stage) -> None:
    coin = next(stage.coins)
    first = stage.node.send(stage.whale(coin))
    stage.wait_for(first, status="pending")

    second = stage.node.send(stage.whale(coin, fee=FEE * 10))

    for told in stage.wait_for(second, status="pending", was_modified=True):
        assert told["replaces"] == [first]


def test_a_conflict_in_a_block_ends_it_for_all(stage: Stage) -> None:
    coin = next(stage.coins)
    txid = stage.node.send(stage.whale(coin))
    stage.wait_for(txid, status="pending")
    rival = stage.whale(coin, fee=FEE / 2)

    stage.node.call("generateblock", stage.node.address(), [rival])

    stage.wait_for(txid, status="dropped")
    for spout in stage.spouts:
        assert "whale.conflicted" in spout.story(txid)


def test_a_whale_first_seen_in_a_block_is_marked_by_all(stage: Stage) -> None:
    raw = stage.whale()
    txid = stage.node.call("decoderawtransaction", raw)["txid"]

    stage.node.call("generateblock", stage.node.address(), [raw])

    for told in stage.wait_for(txid, status="confirmed"):
        assert (told["first_seen_by"], told["lead_time_s"]) == ("block", None)
        assert "late_seen" in told["flags"]


def test_a_reorg_is_told_and_healed_by_all(stage: Stage) -> None:
    txid = stage.node.send(stage.whale())
    stage.wait_for(txid, status="pending")
    (block,) = stage.node.mine()
    stage.wait_for(txid, status="confirmed")

    stage.node.call("invalidateblock", block)
    stage.node.call("generateblock", stage.node.address(), [])
    stage.wait_for(txid, status="pending")
    stage.node.mine(2)

    stage.wait_for(txid, status="confirmed")
    for spout in stage.spouts:
        assert "whale.reorged" in spout.story(txid)


@pytest.mark.parametrize("mempool", ["kept", "lost"])
def test_a_node_killed_and_restarted_loses_and_doubles_nothing(stage: Stage, mempool: str) -> None:
    stage.settle()
    steps = {name: len(stage.steps(name)) for name in stage.ears}
    waiting = stage.node.send(stage.whale())
    told = stage.wait_for(waiting, status="pending")
    if mempool == "kept":
        stage.node.call("savemempool")
    stage.node.kill()
    if mempool == "lost":
        (stage.node.directory / "regtest/mempool.dat").unlink(missing_ok=True)
    for name, ear in stage.ears.items():
        until(lambda name=name: len(stage.steps(name)) > steps[name], f"{name} tells it", seconds=60)
        assert ear.heard
    started = time.monotonic()
    stage.node.start()

    recovered = {name: recovery(stage, name, steps[name] + 1, started) for name in stage.ears}

    print(f"\nnode back, mempool {mempool}: " + shown(recovered))
    fate = "pending" if mempool == "kept" else "dropped"
    for before, after in zip(told, stage.wait_for(waiting, status=fate), strict=True):
        assert before["prediction_id"] == after["prediction_id"]
    for name in stage.ears:
        now = stage.steps(name)[steps[name] :]
        assert [kind for kind, _, _ in now].count("source.degraded") == 1, now
        assert now[-1][2] == "live"
    assert max(recovered.values()) < RECOVERY_SECONDS
    fresh = stage.node.send(stage.whale())
    stage.wait_for(fresh, status="pending")


def test_the_electrum_server_killed_is_no_loss_of_sight(stage: Stage) -> None:
    stage.settle()
    before = stage.steps("everything")
    stage.electrum.kill()
    until(lambda: stage.everything.component("electrs")["status"] == "degraded", "it shows", seconds=40)
    time.sleep(DOWN_SECONDS)
    txid = stage.node.send(stage.whale())
    stage.wait_for(txid)
    started = time.monotonic()
    stage.electrum.start()
    until(lambda: stage.everything.component("electrs")["status"] == "ok", "it is back", seconds=40)
    print(f"\nelectrum back: {time.monotonic() - started:.1f} s (its own start included)")

    assert stage.steps("everything") == before


def test_the_backend_killed_blinds_only_who_has_nothing_else(stage: Stage) -> None:
    stage.settle()
    before = {name: stage.steps(name) for name in stage.ears}
    os.kill(stage.mirror.pid, signal.SIGKILL)
    until(lambda: len(stage.steps("backend")) > len(before["backend"]), "it is told", seconds=40)
    missed = stage.node.send(stage.whale())
    seen = stage.everything.wait_for(missed)
    assert seen["first_seen_by"] == "bitcoind"
    stage.mirror.__exit__(None, None, None)
    stage.mirror = MirrorProcess(stage.node.url, port=stage.mirror.own_port, poll_seconds=1.0)
    stage.mirror.__enter__()
    started = time.monotonic()

    took = recovery(stage, "backend", len(before["backend"]) + 1, started)

    print(f"\nbackend back: {took:.1f} s")
    assert stage.steps("backend")[len(before["backend"]) :] == [
        ("source.degraded", "live", "blind"),
        *climbing("blind", stage.steps("backend")[len(before["backend"]) + 1 :]),
    ]
    assert {name: stage.steps(name) for name in ("everything", "node")} == {
        name: before[name] for name in ("everything", "node")
    }
    assert "late_seen" in stage.backend_only.wait_for(missed, status="pending")["flags"]
    assert took < RECOVERY_SECONDS


@pytest.mark.slow
def test_a_frozen_backend_is_noticed_and_its_thaw_too(stage: Stage) -> None:
    stage.settle()
    before = len(stage.steps("backend"))
    os.kill(stage.mirror.pid, signal.SIGSTOP)
    frozen = time.monotonic()
    try:
        until(lambda: len(stage.steps("backend")) > before, "it is noticed", seconds=150)
        print(f"\nfrozen backend noticed after {time.monotonic() - frozen:.0f} s")
        missed = stage.node.send(stage.whale())
    finally:
        os.kill(stage.mirror.pid, signal.SIGCONT)

    took = recovery(stage, "backend", before + 1, time.monotonic())

    print(f"backend thawed: {took:.1f} s")
    stage.backend_only.wait_for(missed, status="pending")
    assert took < RECOVERY_SECONDS


def test_nothing_was_told_twice_in_all_of_this(stage: Stage) -> None:
    for name, ear in stage.ears.items():
        detected = [one["data"]["txid"] for one in tuple(ear.heard) if one["type"] == "whale.detected"]
        assert len(detected) == len(set(detected)), name
        assert ear.sequences == sorted(set(ear.sequences)), name


def recovery(stage: Stage, name: str, after: int, started: float) -> float:
    """Seconds until it was told that all is seen again."""
    ear = stage.ears[name]

    def back() -> Json | None:
        told = [one for one in tuple(ear.heard) if one["type"].startswith("source.")][after:]
        return next((one for one in told if one["data"]["rung"] == "live"), None)

    event = until(back, f"{name} sees again", seconds=90)
    return max(0.0, ear.moment_of(event) - started)


def climbing(rung: str, steps: list[tuple[str, str | None, str]]) -> list[tuple[str, str | None, str]]:
    """The steps, if each goes up from where the one before ended; else what they should have been."""
    rungs = [rung, *(now for _, _, now in steps)]
    return [("source.recovered", before, now) for before, now in itertools.pairwise(rungs)]


def shown(recovered: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in recovered.items())
