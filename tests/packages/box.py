"""A box as umbrelOS makes it: its network, its addresses, its variables, and the neighbours behind them."""

import os
import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import yaml

from tests.journey.spout import free_port
from tests.node.electrum import ElectrumServer
from tests.node.mirror import MirrorProcess
from tests.node.node import PASSWORD, USER, Node
from tests.notifiers.receivers import Receiver
from tests.packages.podman import IMAGE, Network, podman
from tests.packaging.umbrel import ROOT, lay_out

NETWORK = "umbrel_main_network"
BITCOIN, ELECTRS, MEMPOOL, RECEIVER = "10.21.21.8", "10.21.21.10", "10.21.21.26", "10.21.21.99"
APP_ID = "spout"
COMPOSE = ROOT / ".parts/podman-compose/bin/podman-compose"
OLD_COINS = 140


@dataclass(frozen=True, slots=True)
class Box:
    """`port` is where a browser finds the app, behind its proxy; `token` is the box's login."""

    node: Node
    mirror: MirrorProcess
    receiver: Receiver
    port: int
    token: str
    room: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """Of the app's own container, in the box's network."""
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return podman("inspect", "--format", template, f"{APP_ID}_web_1")

    def spout(self, *command: str) -> str:
        return podman("exec", f"{APP_ID}_web_1", "spout", *command)


class Forward:
    """What comes to an address of the box goes to a port of this machine."""

    def __init__(self, address: str, port: int, target: int) -> None:
        self._target = target
        self._line = socket.create_server((address, port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._line.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._line.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            near.close()
            return
        threading.Thread(target=_pipe, args=(far, near), daemon=True).start()
        _pipe(near, far)


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def box(room: Path) -> Iterator[Box]:
    """Start the app first, as umbrelOS may; then the neighbours that it names."""
    with ExitStack() as stack:
        network = stack.enter_context(Network(NETWORK, "--subnet=10.21.0.0/16", "--gateway=10.21.0.1"))
        node, receiver = Node(room / "node", settings=("txindex=1",)), Receiver()
        found = Box(node, MirrorProcess(node.url), receiver, free_port(), secrets.token_hex(16), room)
        stack.callback(compose, found, "down", "--timeout", "1")
        compose(found, "up", "--detach")
        _join_the_network(network)
        node.start()
        stack.callback(node.kill)
        node.call("createwallet", "wallet")
        node.mine(OLD_COINS)
        electrum = ElectrumServer(node, room / "electrum")
        electrum.start()
        stack.callback(electrum.kill)
        stack.enter_context(found.mirror)
        for address, port, target in (
            (BITCOIN, 8332, node.rpc_port),
            *((BITCOIN, port, node.zmq_port) for port in (28333, 28334, 28335)),
            (ELECTRS, 50001, electrum.port),
            (MEMPOOL, 3006, found.mirror.own_port),
            (RECEIVER, 9000, receiver.port),
        ):
            stack.callback(Forward(address, port, target).close)
        yield found


def _join_the_network(network: Network) -> None:
    """Give this machine the addresses that Umbrel's own containers have."""
    for address in (BITCOIN, ELECTRS, MEMPOOL, RECEIVER):
        subprocess.run(
            ["ip", "address", "add", f"{address}/16", "dev", network.bridge], check=True, timeout=10
        )


def compose(box: Box, *command: str) -> None:
    """Run podman-compose over the official package's file, merged with the box's own as umbrelOS does."""
    folder = box.room / APP_ID
    if not folder.exists():
        _lay_out(box, folder)
    files = ("-f", str(folder / "docker-compose.yml"), "-f", str(box.room / "umbrel.yml"))
    ran = subprocess.run(
        [str(COMPOSE), "--in-pod=false", "-p", APP_ID, *files, *command],
        env={**os.environ, **variables(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


def _lay_out(box: Box, folder: Path) -> None:
    lay_out().lay_out("official", folder)
    path = folder / "docker-compose.yml"
    file = yaml.safe_load(path.read_text("utf-8"))
    file["services"]["web"]["image"] = IMAGE
    path.write_text(yaml.safe_dump(file), encoding="utf-8")
    for one in (folder / "data", *(folder / "data").iterdir()):
        shutil.chown(one, 1000, 1000)
    script = Path(__file__).parent / "app_proxy.py"
    umbrels = {
        "services": {
            "app_proxy": {
                "image": IMAGE,
                "entrypoint": ["python3", "/app_proxy.py"],
                "volumes": [f"{script}:/app_proxy.py:ro"],
                "environment": {"TEST_TOKEN": box.token},
                "ports": [f"127.0.0.1:{box.port}:8411"],
            }
        },
        "networks": {"default": {"name": NETWORK, "external": True}},
    }
    (box.room / "umbrel.yml").write_text(yaml.safe_dump(umbrels), encoding="utf-8")


def variables(folder: Path) -> dict[str, str]:
    """Return what umbrelOS and the dependencies export, by the names of umbrel.md, 2b."""
    return {
        "APP_ID": APP_ID,
        "APP_DATA_DIR": str(folder),
        "APP_SEED": "5e" * 32,
        "DEVICE_DOMAIN_NAME": "umbrel.local",
        "APP_MEMPOOL_IP": MEMPOOL,
        "APP_MEMPOOL_PORT": "3006",
        "APP_ELECTRS_NODE_IP": ELECTRS,
        "APP_ELECTRS_NODE_PORT": "50001",
        "APP_BITCOIN_NODE_IP": BITCOIN,
        "APP_BITCOIN_RPC_PORT": "8332",
        "APP_BITCOIN_RPC_USER": USER,
        "APP_BITCOIN_RPC_PASS": quote(PASSWORD, safe=""),
        **{f"APP_BITCOIN_ZMQ_{topic}_PORT": port for topic, port in ZMQ_PORTS.items()},
    }


ZMQ_PORTS = {"RAWTX": "28333", "HASHBLOCK": "28334", "SEQUENCE": "28335"}
