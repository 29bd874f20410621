import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.core.units import SATS_PER_BTC, Sats
from app.source.bitcoind.rpc import BitcoindRpc, RpcEndpoint
from app.source.bitcoind.source import Bitcoind
from app.source.electrum.connection import ElectrumEndpoint
from app.source.electrum.source import Electrs
from app.source.resilience.health import SourceHealth
from app.source.resilience.retry import Guard
from tests.node.electrum import ElectrumServer
from tests.node.node import Node

THRESHOLD = Sats(100 * SATS_PER_BTC)
MATURE_BLOCKS = 130


@pytest.fixture(scope="session")
def mined_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with 30 mature coins of 50 BTC, made once."""
    node = Node(tmp_path_factory.mktemp("mined") / "node", zmq=())
    node.start()
    node.call("createwallet", "wallet")
    node.mine(MATURE_BLOCKS)
    node.stop()
    return node.directory


@pytest.fixture
def make_node(mined_directory: Path, tmp_path: Path) -> Iterator[Callable[..., Node]]:
    nodes: list[Node] = []

    def make(*settings: str, **options: object) -> Node:
        directory = tmp_path / f"node{len(nodes)}"
        shutil.copytree(mined_directory, directory)
        node = Node(directory, settings=settings, **options)  # type: ignore[arg-type]
        nodes.append(node)
        node.start()
        return node

    yield make
    for node in nodes:
        node.kill()


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    """A running node with ZMQ and txindex."""
    return make_node("txindex=1")


def rpc_of(node: Node, url: str | None = None, cookie_file: Path | None = None) -> BitcoindRpc:
    clock = SystemClock()
    health = SourceHealth("bitcoind", clock)
    guard = Guard("bitcoind", clock, lambda: 0.5)
    return BitcoindRpc(RpcEndpoint.parse(url or node.url, cookie_file), clock, guard, health)


def source_of(
    node: Node,
    zmq_urls: dict[str, str] | None = None,
    url: str | None = None,
    health: SourceHealth | None = None,
) -> Bitcoind:
    clock = SystemClock()
    health = health or SourceHealth("bitcoind", clock)
    guard = Guard("bitcoind", clock, lambda: 0.5)
    rpc = BitcoindRpc(RpcEndpoint.parse(url or node.url), clock, guard, health)
    urls = node.zmq_urls if zmq_urls is None else zmq_urls
    return Bitcoind(rpc, urls, clock, health, threshold=THRESHOLD)


@pytest.fixture
async def source(node: Node) -> AsyncIterator[Bitcoind]:
    source = source_of(node)
    yield source
    await source.close()


@pytest.fixture
async def rpc(node: Node) -> AsyncIterator[BitcoindRpc]:
    rpc = rpc_of(node)
    yield rpc
    await rpc.close()


@pytest.fixture
def electrum(node: Node, tmp_path: Path) -> Iterator[ElectrumServer]:
    """A running Electrum server in front of `node`."""
    server = ElectrumServer(node, tmp_path / "electrum")
    server.start()
    yield server
    server.kill()


def electrs_of(url: str) -> Electrs:
    clock = SystemClock()
    health = SourceHealth("electrs", clock)
    return Electrs(ElectrumEndpoint.parse(url), clock, Guard("electrs", clock, lambda: 0.5), health)


@pytest.fixture
async def electrs(electrum: ElectrumServer) -> AsyncIterator[Electrs]:
    electrs = electrs_of(electrum.url)
    yield electrs
    await electrs.close()
