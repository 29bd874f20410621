"""What an Electrum server is for: when the backend is gone, blocks go on and what waits is confirmed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journey.ear import Ear
from tests.journey.spout import SpoutProcess
from tests.journey.stage import FEE, THRESHOLD_BTC, fan_out, made
from tests.journey.waiting import until
from tests.node.electrum import ElectrumServer
from tests.node.mirror import MirrorProcess
from tests.node.node import Coin, Node

pytestmark = [pytest.mark.node, pytest.mark.timeout(300)]


@contextmanager
def parts(room: Path) -> Iterator[tuple[Node, ElectrumServer, list[Coin]]]:
    node = Node(room / "node", settings=("txindex=1",))
    node.start()
    electrum = ElectrumServer(node, room / "electrum")
    try:
        coins = fan_out(node, 4)
        electrum.start()
        yield node, electrum, coins
    finally:
        electrum.kill()
        node.kill()


def steps(ear: Ear) -> list[tuple[str, str]]:
    received = [one for one in tuple(ear.received) if one["type"].startswith("source.")]
    return [(one["type"], one["data"]["rung"]) for one in received]


def whale(node: Node, coin: Coin) -> str:
    return node.sign([coin], {node.address(): coin.amount - FEE})


def test_without_its_backend_what_waits_is_confirmed_by_the_electrum_server(tmp_path: Path) -> None:
    with parts(tmp_path) as (node, electrum, coins), MirrorProcess(node.url, poll_seconds=1.0) as mirror:
        settings = {"SPOUT_MEMPOOL_URL": mirror.url, "SPOUT_ELECTRS_URL": electrum.url}
        with SpoutProcess(
            made(tmp_path / "spout"), SPOUT_WHALE_THRESHOLD_BTC=THRESHOLD_BTC, **settings
        ) as spout:
            ear = spout.listen()
            waiting = node.send(whale(node, coins[0]))
            spout.wait_for(waiting, status="pending")
            until(lambda: spout.component("electrs")["status"] == "ok", "the server is there")
            until(lambda: spout.health()["rung"] == "live", "the start is over")
            mirror.__exit__(None, None, None)
            until(lambda: steps(ear) == [("source.degraded", "blocks_only")], "it is told", seconds=90)

            started = time.monotonic()
            (block,) = node.mine()
            reported = spout.wait_for(waiting, status="confirmed", seconds=60)

            print(f"\nconfirmed by the Electrum server after {time.monotonic() - started:.1f} s")
            assert reported["confirmed_height"] == node.call("getblockheader", block)["height"]
            assert steps(ear) == [("source.degraded", "blocks_only")]


def test_an_electrum_server_of_another_chain_is_named_and_not_believed(tmp_path: Path) -> None:
    ours = Node(tmp_path / "ours", settings=("txindex=1",))
    ours.start()
    try:
        ours.call("createwallet", "wallet")
        ours.mine(20)
        with parts(tmp_path) as (_, electrum, _):
            zmq = {f"SPOUT_BITCOIND_ZMQ_{topic.upper()}": url for topic, url in ours.zmq_urls.items()}
            settings = {"SPOUT_BITCOIND_URL": ours.url, "SPOUT_ELECTRS_URL": electrum.url, **zmq}
            with SpoutProcess(made(tmp_path / "spout"), SPOUT_SOURCE="bitcoind", **settings) as spout:

                def found() -> str:
                    error: str = spout.component("electrs")["error"] or ""
                    return error if "different chains" in error else ""

                words = until(found, "it is named", seconds=40)

                assert ("SPOUT_ELECTRS_URL" in words, "SPOUT_BITCOIND_URL" in words) == (True, True)
                until(lambda: "spout_block_height 20.0" in spout.text("/metrics").text, "ours is the tip")
                electrum.node.mine(2)
                ours.mine(1)
                until(lambda: "spout_block_height 21.0" in spout.text("/metrics").text, "ours counts")
    finally:
        ours.kill()
