"""With no node at hand the bundled recording plays, marked everywhere, until a node appears."""

import socket
import time
from pathlib import Path

import pytest

from tests.backend.process import BackendProcess
from tests.backend.transactions import a_whale
from tests.journey.spout import SpoutProcess, free_port
from tests.journey.waiting import until

DEFAULT_PORT = 8999
SECONDS_TO_WHALES = 60.0


def nobody_listens() -> bool:
    with socket.socket() as ping_once:
        return ping_once.connect_ex(("127.0.0.1", DEFAULT_PORT)) != 0


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demo_is_marked_shows_whales_and_is_left_for_a_node(tmp_path: Path) -> None:
    if not nobody_listens():
        pytest.skip(f"something listens on 127.0.0.1:{DEFAULT_PORT}, where a node is looked for by default")
    started = time.monotonic()
    with SpoutProcess(tmp_path) as spout:
        spout.wait_for_pages()
        print(f"\npages after {time.monotonic() - started:.1f} s")
        assert spout.health()["demo"] is True
        until(spout.whales, "the demo's first whale", seconds=SECONDS_TO_WHALES)
        print(f"first whale after {time.monotonic() - started:.1f} s")
        assert all(whale["demo"] for whale in spout.whales())
        assert spout.get("/api/v1/predictions?limit=1")["demo"] is True
        demo_whales = {whale["txid"] for whale in spout.whales()}

        with BackendProcess("--port", str(DEFAULT_PORT)) as node:
            until(lambda: spout.health()["demo"] is False, "the demo ends", seconds=60)
            spout.wait_until_watching()
            node.add(whale := a_whale())

            assert spout.wait_for(whale.txid, status="pending")["demo"] is False
            assert not demo_whales & {one["txid"] for one in spout.whales()}
        assert spout.complaints() == []


def test_a_node_that_is_configured_and_away_is_no_reason_for_a_demo(tmp_path: Path) -> None:
    spout = SpoutProcess(tmp_path, SPOUT_MEMPOOL_URL=f"http://127.0.0.1:{free_port()}")
    spout.start(ready=False)
    try:
        until(lambda: spout.get_or_none("/healthz", "pages") == "ready", "the pages are served")

        assert spout.health()["demo"] is False
        assert spout.component("mempool_ws")["status"] in ("degraded", "failed")
    finally:
        spout.kill()
