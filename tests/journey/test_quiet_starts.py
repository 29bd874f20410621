"""A start beside parts that are starting themselves: it says so, and alarms nobody."""

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_whale
from tests.journey.ear import Ear
from tests.journey.spout import SpoutProcess
from tests.journey.stage import FEE, THRESHOLD_BTC, fan_out, made
from tests.journey.waiting import until
from tests.node.mirror import MirrorProcess
from tests.node.node import Node

SYNC_SECONDS = 14.0
"""Longer than the ladder's patience."""


def alarms(ear: Ear) -> list[str]:
    return [one["type"] for one in tuple(ear.received) if one["type"].startswith("source.")]


@pytest.mark.slow
def test_a_backend_that_reads_its_mempool_again_is_syncing_and_no_alarm(tmp_path: Path) -> None:
    with BackendProcess() as backend:
        waiting = a_whale()
        backend.add(waiting)
        with SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=backend.url) as spout:
            ear = spout.listen()
            spout.wait_for(waiting.txid)
            backend.call("restart", sync_seconds=0.2)
            spout.wait_for_count("reconnects", above=0)
            backend.call("push_to_all", frames=[{"loadingIndicators": {"mempool": 40}}])
            until(lambda: spout.component("mempool_ws")["status"] == "syncing", "it says so")

            time.sleep(SYNC_SECONDS)

            assert "40 %" in spout.component("mempool_ws")["detail"]
            assert (alarms(ear), spout.health()["status"]) == ([], "degraded")
            backend.call("push_to_all", frames=[{"loadingIndicators": {}}])
            until(lambda: spout.component("mempool_ws")["status"] == "ok", "it is done")
            assert alarms(ear) == []
            assert len(spout.whales()) == 1


@pytest.mark.node
def test_a_node_that_syncs_is_syncing_and_no_alarm(tmp_path: Path) -> None:
    node = Node(tmp_path / "node")
    node.start()  # no block yet: it takes itself for one that syncs
    try:
        spout = SpoutProcess(tmp_path, **node.settings_of_spout)
        spout.start(ready=False)
        try:
            until(lambda: spout.get_or_none("/api/v1/health", "components"), "it answers")
            until(lambda: spout.component("bitcoind").get("status") == "syncing", "it says so")
            spout.wait_for_pages()
            ear = spout.listen()
            time.sleep(SYNC_SECONDS)
            assert spout.component("bitcoind")["status"] == "syncing"
            node.call("createwallet", "wallet")
            node.mine(1)

            until(lambda: spout.health()["rung"] == "live", "it watches, by itself")

            assert alarms(ear) == []
        finally:
            spout.__exit__(None, None, None)
    finally:
        node.kill()


DIFFER = "not in the mempool of bitcoind; the mempool backend has it"
"""It is dropped when every source that held it says so; until then it is said who sees it."""


@pytest.mark.node
def test_a_backend_that_keeps_the_ghosts_of_a_forgotten_mempool_alarms_nobody(tmp_path: Path) -> None:
    node = Node(tmp_path / "node", settings=("txindex=1",))
    node.start()
    try:
        ghost, alive = (whale for whale in whales_of(node, 2))
        with MirrorProcess(node.url, poll_seconds=0.5, ghosts=True) as mirror:
            zmq = {f"SPOUT_BITCOIND_ZMQ_{topic.upper()}": url for topic, url in node.zmq_urls.items()}
            both = {"SPOUT_BITCOIND_URL": node.url, **zmq}
            common = {"SPOUT_MEMPOOL_URL": mirror.url, "SPOUT_WHALE_THRESHOLD_BTC": THRESHOLD_BTC}
            with (
                SpoutProcess(made(tmp_path / "both"), **common, **both) as knowing,
                SpoutProcess(made(tmp_path / "backend"), **common) as believing,
            ):
                ears = [spout.listen() for spout in (knowing, believing)]
                txid = node.send(ghost)
                for spout in (knowing, believing):
                    spout.wait_for(txid, status="pending")
                node.stop()
                (node.directory / "regtest/mempool.dat").unlink()
                node.start()
                fresh = node.send(alive)

                knowing.wait_for(txid, status="pending", reason=DIFFER, seconds=60)
                for spout in (knowing, believing):
                    spout.wait_for(fresh, status="pending", seconds=60)
                time.sleep(SYNC_SECONDS)

                assert believing.story(txid) == ["whale.detected"]
                assert set(knowing.story(txid)) == {"whale.detected", "whale.updated"}
                assert [alarms(ear) for ear in ears] == [[], []]
    finally:
        node.kill()


@pytest.mark.node
def test_an_electrum_server_that_indexes_is_syncing_and_no_alarm(tmp_path: Path) -> None:
    with (
        BackendProcess() as backend,
        indexing_server() as url,
        SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=backend.url, SPOUT_ELECTRS_URL=url) as spout,
    ):
        ear = spout.listen()
        until(lambda: spout.component("electrs").get("status") == "syncing", "it says so")
        time.sleep(SYNC_SECONDS)

        assert "index" in spout.component("electrs")["detail"]
        assert (alarms(ear), spout.notices()) == ([], [])


@contextmanager
def indexing_server() -> Iterator[str]:
    """It accepts, and refuses each question in electrs' own words."""

    class Refusing(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                refusal = {"code": -32603, "message": "unavailable index"}
                answer = {"jsonrpc": "2.0", "id": json.loads(line)["id"], "error": refusal}
                self.wfile.write(json.dumps(answer).encode() + b"\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def whales_of(node: Node, number: int) -> list[str]:
    return [node.sign([coin], {node.address(): coin.amount - FEE}) for coin in fan_out(node, number)]
