"""A node that is set up wrongly: health names it, and says what to change."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backend.process import BackendProcess
from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until
from tests.node.node import Node
from tests.node.parts import free_port

pytestmark = [pytest.mark.node, pytest.mark.timeout(180)]

Json = dict[str, Any]
Started = Callable[..., SpoutProcess]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    running: list[SpoutProcess] = []

    def start(**settings: str) -> SpoutProcess:
        spout = SpoutProcess(tmp_path, SPOUT_LOG_LEVEL="info", **settings)
        running.append(spout)
        spout.start(ready=False)
        return spout

    yield start
    for spout in running:
        spout.__exit__(None, None, None)


def a_node(room: Path, *settings: str, zmq: tuple[str, ...] = ("rawtx", "sequence", "hashblock")) -> Node:
    node = Node(room / "node", settings=settings, zmq=zmq)
    node.start()
    node.call("createwallet", "wallet")
    return node


def beside(node: Node, url: str | None = None) -> dict[str, str]:
    return node.settings_of_spout | ({"SPOUT_BITCOIND_URL": url} if url else {})


def complaint(spout: SpoutProcess, *words: str) -> Json:
    """The component bitcoind, once its error holds all these words."""

    def look() -> Json | None:
        components = spout.get_or_none("/api/v1/health", "components") or []
        found = next((one for one in components if one["name"] == "bitcoind"), {})
        return found if all(word in (found.get("error") or "") for word in words) else None

    return until(look, f"health says {words}", seconds=60) or {}


def test_a_wrong_password_is_named_with_what_to_change(started: Started, tmp_path: Path) -> None:
    node = a_node(tmp_path)
    try:
        spout = started(**beside(node, f"http://spout:wrong@127.0.0.1:{node.rpc_port}"))

        found = complaint(spout, "refuses the login", "SPOUT_BITCOIND_URL")

        assert (found["status"], spout.health()["status"]) == ("failed", "unhealthy")
        assert "wrong@" not in found["error"]
    finally:
        node.kill()


def test_a_node_without_zmq_and_txindex_works_and_says_what_is_missing(
    started: Started, tmp_path: Path
) -> None:
    node = a_node(tmp_path, zmq=())
    try:
        node.mine(1)
        spout = started(**beside(node))

        found = complaint(spout, "SPOUT_BITCOIND_ZMQ_RAWTX", "zmqpubrawtx", "txindex=1")

        assert found["status"] == "degraded"
        until(lambda: spout.health()["rung"] == "polling", "it polls")
    finally:
        node.kill()


def test_a_pruned_node_is_named(started: Started, tmp_path: Path) -> None:
    node = a_node(tmp_path, "prune=550")
    try:
        node.mine(1)
        spout = started(**beside(node))

        complaint(spout, "pruned", "prune=")
    finally:
        node.kill()


def test_a_zmq_port_where_nobody_answers_is_named(started: Started, tmp_path: Path) -> None:
    node = a_node(tmp_path, "txindex=1")
    try:
        node.mine(1)
        nobody = f"tcp://127.0.0.1:{free_port()}"
        spout = started(**beside(node) | {"SPOUT_BITCOIND_ZMQ_RAWTX": nobody})

        complaint(spout, f"nobody answers at {nobody}", str(node.zmq_port))
    finally:
        node.kill()


def test_a_node_of_another_network_is_named_and_not_believed(started: Started, tmp_path: Path) -> None:
    node = a_node(tmp_path, "txindex=1")
    with BackendProcess() as backend:
        try:
            for _ in range(41):  # the backend's chain, another one, is 800 blocks high
                node.mine(20)
            spout = started(**beside(node) | {"SPOUT_SOURCE": "auto", "SPOUT_MEMPOOL_URL": backend.url})

            found = complaint(spout, "different chains", "SPOUT_BITCOIND_URL", "SPOUT_MEMPOOL_URL")

            assert found["status"] == "failed"
            until(lambda: spout.health()["rung"] == "live", "the backend is believed")
            assert "spout_block_height 800.0" in spout.text("/metrics").text
            node.mine(5)
            backend.mine()
            until(lambda: "spout_block_height 801.0" in spout.text("/metrics").text, "its block counts")
        finally:
            node.kill()
