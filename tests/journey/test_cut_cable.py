"""A cable that is cut: the node is in a network of its own, and the link between goes down without a word."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journey.spout import SpoutProcess
from tests.journey.waiting import until
from tests.node.node import Node

pytestmark = [pytest.mark.node, pytest.mark.slow, pytest.mark.timeout(400)]

RECOVERY_SECONDS = 30.0


@dataclass(frozen=True)
class Cable:
    """A veth pair; the far end is in the namespace `name`."""

    name: str
    near: str
    far: str

    @property
    def into(self) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.name)

    @property
    def link(self) -> str:
        return f"{self.name}-a"

    def lay(self) -> None:
        ip("netns", "add", self.name)
        ip("link", "add", self.link, "type", "veth", "peer", "name", f"{self.name}-b")
        ip("link", "set", f"{self.name}-b", "netns", self.name)
        ip("addr", "add", f"{self.near}/24", "dev", self.link)
        ip("-n", self.name, "addr", "add", f"{self.far}/24", "dev", f"{self.name}-b")
        ip("-n", self.name, "link", "set", f"{self.name}-b", "up")
        ip("-n", self.name, "link", "set", "lo", "up")
        self.remedy()

    def cut(self) -> None:
        ip("link", "set", self.link, "down")

    def remedy(self) -> None:
        ip("link", "set", self.link, "up")

    def take_away(self) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self.link], check=False, capture_output=True)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def cable() -> Iterator[Cable]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("did not run: cutting a cable needs root and iproute2 (ip)")
    subnet = os.getpid() % 250
    cable = Cable(f"spout{os.getpid() % 100_000}", f"10.213.{subnet}.1", f"10.213.{subnet}.2")
    try:
        cable.lay()
    except subprocess.CalledProcessError as error:
        cable.take_away()
        pytest.skip(f"did not run: no network namespace can be made here ({error.stderr.decode().strip()})")
    yield cable
    cable.take_away()


def test_a_cut_cable_is_told_once_and_what_was_missed_is_found(cable: Cable, tmp_path: Path) -> None:
    node = Node(tmp_path / "node", settings=("txindex=1",), host=cable.far, launcher=cable.into)
    node.start()
    try:
        node.call("createwallet", "wallet")
        node.mine(110)
        before, meanwhile = (node.whale(coins) for coins in (node.coins()[:3], node.coins()[3:6]))
        with SpoutProcess(
            tmp_path,
            **node.settings_of_spout,
        ) as spout:
            until(lambda: spout.health()["rung"] == "live", "it is live")
            ear = spout.listen()
            spout.wait_for(node.send(before), status="pending")

            cable.cut()
            cut = time.monotonic()
            until(lambda: _steps(ear.received) == ["source.degraded"], "the cut is told", seconds=120)
            print(f"\ncut cable told after {time.monotonic() - cut:.0f} s")
            missed = _send_inside(cable, node, meanwhile)
            cable.remedy()
            mended = time.monotonic()
            until(lambda: len(_steps(ear.received)) > 1, "the return is told", seconds=90)
            took = time.monotonic() - mended
            print(f"mended cable: {took:.1f} s")

            reported = spout.wait_for(missed, status="pending", seconds=60)

            assert "late_seen" in reported["flags"]
            assert _steps(ear.received) == ["source.degraded", "source.recovered"]
            assert took < RECOVERY_SECONDS
    finally:
        node.kill()


def _steps(received: list[dict[str, object]]) -> list[object]:
    return [one["type"] for one in tuple(received) if str(one["type"]).startswith("source.")]


def _send_inside(cable: Cable, node: Node, raw: str) -> str:
    """Broadcast from the far side of the cut: there the node is still to be reached."""
    body = json.dumps({"id": 1, "method": "sendrawtransaction", "params": [raw, 0]})
    script = (
        "import sys, urllib.parse, httpx; url, body = sys.argv[1:]; parts = urllib.parse.urlsplit(url);"
        "auth = (parts.username, urllib.parse.unquote(parts.password));"
        "print(httpx.Client(trust_env=False).post(f'http://{parts.hostname}:{parts.port}', content=body,"
        " auth=auth, timeout=30).json()['result'])"
    )
    command = [*cable.into, sys.executable, "-c", script, node.url, body]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
