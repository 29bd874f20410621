"""A start beside parts that are starting themselves: it says so, and alarms nobody."""

import time
from pathlib import Path

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_whale
from tests.journey.ear import Ear
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until
from tests.node.node import Node

SYNC_SECONDS = 14.0
"""Longer than the ladder's patience."""


def alarms(ear: Ear) -> list[str]:
    return [one["type"] for one in tuple(ear.heard) if one["type"].startswith("source.")]


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
        settings = {
            "SPOUT_SOURCE": "bitcoind",
            "SPOUT_BITCOIND_URL": node.url,
            "SPOUT_BITCOIND_ZMQ_RAWTX": node.zmq_urls["rawtx"],
            "SPOUT_BITCOIND_ZMQ_SEQUENCE": node.zmq_urls["sequence"],
            "SPOUT_BITCOIND_ZMQ_HASHBLOCK": node.zmq_urls["hashblock"],
        }
        spout = SpoutProcess(tmp_path, **settings)
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
