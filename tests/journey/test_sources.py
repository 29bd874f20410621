"""Every source at once and each alone: real bitcoind, real Electrum server, and a backend beside them.

Three Spouts watch the same node: one with all sources, one with the backend only, one with bitcoind only.
"""

import itertools
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.journey.stage import FEE, WHALES, Stage, recovery, staged
from tests.journey.waiting import until

pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]

DOWN_SECONDS = 14
"""Longer than the ladder's patience, so that it is told."""
RECOVERY_SECONDS = 30.0
EXPIRY_HOURS = 336
"""Bitcoin Core's own."""
FROZEN_SECONDS = 40.0
"""Until a frozen backend is told: 20 s where the machine is not busy."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.mark.soak
def test_a_crowd_of_whales_is_seen_and_confirmed_by_all(stage: Stage) -> None:
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
        for reported in stage.wait_for(txid, status="confirmed"):
            assert reported["confirmed_height"] == height
    for ear in stage.ears.values():
        detected = [one["data"]["txid"] for one in ear.received if one["type"] == "whale.detected"]
        assert sorted(one for one in detected if one in set(txids)) == sorted(txids)


def test_the_node_is_the_first_to_see_and_its_lead_is_shown(stage: Stage) -> None:
    txid = stage.node.send(stage.whale())
    reported = stage.wait_for(txid)

    assert [one["first_seen_by"] for one in reported] == ["bitcoind", "mempool_ws", "bitcoind"]
    until(lambda: "ahead" in (stage.everything.component("bitcoind")["detail"] or ""), "the lead is shown")
    print("\nlead:", stage.everything.component("bitcoind")["detail"])


def test_a_replacement_is_the_same_prediction_for_all(stage: Stage) -> None:
    coin = next(stage.coins)
    first = stage.node.send(stage.whale(coin))
    stage.wait_for(first, status="pending")

    second = stage.node.send(stage.whale(coin, fee=FEE * 10))

    for reported in stage.wait_for(second, status="pending", was_modified=True):
        assert reported["replaces"] == [first]


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

    for reported in stage.wait_for(txid, status="confirmed"):
        assert (reported["first_seen_by"], reported["lead_time_s"]) == ("block", None)
        assert "late_seen" in reported["flags"]


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
    reported = stage.wait_for(waiting, status="pending")
    if mempool == "kept":
        stage.node.call("savemempool")
    stage.kill_node()
    if mempool == "lost":
        (stage.node.directory / "regtest/mempool.dat").unlink(missing_ok=True)
    for name, ear in stage.ears.items():
        until(lambda name=name: len(stage.steps(name)) > steps[name], f"{name} tells it", seconds=60)
        assert ear.received
    started = time.monotonic()
    stage.node.start()

    recovered = {name: recovery(stage, name, steps[name] + 1, started) for name in stage.ears}

    print(f"\nnode back, mempool {mempool}: " + shown(recovered))
    fate = "pending" if mempool == "kept" else "dropped"
    for before, after in zip(reported, stage.wait_for(waiting, status=fate), strict=True):
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
    stage.kill_mirror()
    until(lambda: len(stage.steps("backend")) > len(before["backend"]), "it is told", seconds=40)
    missed = stage.node.send(stage.whale())
    seen = stage.everything.wait_for(missed)
    assert seen["first_seen_by"] == "bitcoind"
    stage.start_mirror()
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
        noticed = time.monotonic() - frozen
        print(f"\nfrozen backend noticed after {noticed:.0f} s")
        missed = stage.node.send(stage.whale())
    finally:
        os.kill(stage.mirror.pid, signal.SIGCONT)

    took = recovery(stage, "backend", before + 1, time.monotonic())

    print(f"backend thawed: {took:.1f} s")
    stage.backend_only.wait_for(missed, status="pending")
    reported = stage.steps("backend")[before:]
    assert reported[0] == ("source.degraded", "live", "blind")
    assert reported[1:] == climbing("blind", reported[1:])
    assert noticed < FROZEN_SECONDS
    assert took < RECOVERY_SECONDS


def test_an_expired_whale_is_dropped_by_all(stage: Stage) -> None:
    txid = stage.node.send(stage.whale())
    stage.wait_for(txid, status="pending")
    entered = stage.node.call("getmempoolentry", txid)["time"]

    stage.node.call("setmocktime", entered + (EXPIRY_HOURS + 1) * 3600)
    try:
        stage.node.send(stage.whale())  # expiry is looked at when something arrives
        reported = stage.wait_for(txid, status="dropped")
    finally:
        stage.node.call("setmocktime", 0)

    assert [one["replaces"] for one in reported] == [[], [], []]


def test_nothing_was_told_twice_in_all_of_this(stage: Stage) -> None:
    for name, ear in stage.ears.items():
        detected = [one["data"]["txid"] for one in tuple(ear.received) if one["type"] == "whale.detected"]
        assert len(detected) == len(set(detected)), name
        assert ear.sequences == sorted(set(ear.sequences)), name


def climbing(level: str, steps: list[tuple[str, str | None, str]]) -> list[tuple[str, str | None, str]]:
    """The steps, if each goes up from where the one before ended; else what they should have been."""
    levels = [level, *(now for _, _, now in steps)]
    return [("source.recovered", before, now) for before, now in itertools.pairwise(levels)]


def shown(recovered: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in recovered.items())
