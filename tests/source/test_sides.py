"""What the far sides let us see together, from how each of them is."""

from collections.abc import Callable

import pytest

from app.core.ladder import Rung
from app.core.models import SourceName
from app.core.questions import AskMempool
from app.core.units import Sats
from app.errors import SourceError, UnreachableError
from app.source.bitcoind import Bitcoind
from app.source.bitcoind_rpc import BitcoindRpc, RpcEndpoint
from app.source.breaker import Guard
from app.source.electrs import Electrs
from app.source.electrum_line import ElectrumEndpoint
from app.source.examined import Examined
from app.source.health import SourceHealth
from app.source.mempool_rest import MempoolRest
from app.source.polling import POLL_SECONDS, Poller
from app.source.sides import BackendSide, ElectrumSide, NodeSide, Sides, WhenWell
from app.source.transport import RestAnswer
from tests.source.clocks import FakeClock

TIP = b"ab" * 32


class Backend:
    """Answers by REST as the test says."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.answers = {
            "/api/v1/mempool/txids": b"[]",
            "/api/v1/blocks/tip/hash": TIP,
            "/api/v1/blocks/tip/height": b"900",
            "/api/v1/fees/recommended": (
                b'{"fastestFee":5,"halfHourFee":4,"hourFee":3,"economyFee":2,"minimumFee":1}'
            ),
            "/api/v1/fees/mempool-blocks": b"[]",
        }

    async def request(self, _method: str, path: str, _payload: bytes | None = None) -> RestAnswer:
        self.asked.append(path)
        if path not in self.answers:
            raise UnreachableError(f"{path}: refused")
        return RestAnswer(status=200, body=self.answers[path], as_of=self.clock.now())


class Far:
    """Backend, node and Electrum server, none of them there yet."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        guard = Guard("far", self.clock, lambda: 0.0)
        self.backend = Backend(self.clock)
        self.stream, self.rest = self._health("mempool_ws"), self._health("mempool_rest")
        self.node, self.electrum = self._health("bitcoind"), self._health("electrs")
        rest = MempoolRest(self.backend, guard, self.clock, Examined(), self.rest)
        rpc = BitcoindRpc(RpcEndpoint.parse("http://127.0.0.1:1"), self.clock, guard, self.node)
        node = Bitcoind(rpc, {}, self.clock, self.node, threshold=Sats(1))
        electrs = Electrs(ElectrumEndpoint.parse("tcp://127.0.0.1:1"), self.clock, guard, self.electrum)
        self.sides = Sides(
            backend=BackendSide(rest=rest, stream=self.stream, answers=self.rest),
            node=NodeSide(source=node, rpc=rpc, health=self.node, zmq_urls={}),
            electrum=ElectrumSide(source=electrs, health=self.electrum),
        )

    def _health(self, name: str) -> SourceHealth:
        return SourceHealth(name, self.clock)

    @property
    def rung(self) -> Rung:
        return self.sides.reading().rung


@pytest.mark.parametrize(
    ("there", "rung"),
    [
        ((), Rung.BLIND),
        (("electrum",), Rung.BLOCKS_ONLY),
        (("rest",), Rung.POLLING),
        (("node",), Rung.POLLING),
        (("stream", "rest"), Rung.LIVE),
        (("stream",), Rung.LIVE),
    ],
)
def test_the_rung_is_the_best_that_any_of_them_gives(there: tuple[str, ...], rung: Rung) -> None:
    far = Far()
    for name in there:
        getattr(far, name).connected()

    assert far.rung is rung


def test_a_node_without_zmq_is_polled_so_it_is_not_live() -> None:
    far = Far()
    far.node.connected()

    assert far.sides.node is not None
    assert (far.sides.node.streams, far.rung) == (False, Rung.POLLING)


def test_a_backend_that_reads_its_mempool_only_starts() -> None:
    far = Far()
    far.stream.connected()
    far.rest.connected()
    assert far.sides.backend is not None
    far.sides.backend.has_read(40)

    reading = far.sides.reading()

    assert (reading.rung, reading.starting) == (Rung.BLOCKS_ONLY, True)
    assert "40 %" in (reading.reason or "")


def test_a_backend_whose_node_is_down_says_the_same_and_does_not_start() -> None:
    far = Far()
    far.stream.connected()
    far.rest.reconnecting("blocks/tip/hash: status 500")
    assert far.sides.backend is not None
    far.sides.backend.has_read(99)

    assert far.sides.reading().starting is False


def test_a_node_that_loads_only_starts() -> None:
    far = Far()
    far.node.connected()
    far.node.syncing(0.0)

    assert (far.rung, far.sides.reading().starting) == (Rung.BLIND, True)


@pytest.mark.parametrize(
    "unwell",
    [lambda health: health.syncing(50), lambda health: health.reconnecting("gone")],
    ids=["loading", "gone"],
)
async def test_one_that_is_not_well_is_not_asked(unwell: Callable[[SourceHealth], None]) -> None:
    far = Far()
    far.rest.connected()
    unwell(far.rest)
    assert far.sides.backend is not None
    gate = WhenWell(far.sides.backend.rest, far.rest, lambda: False)

    with pytest.raises(SourceError):
        await gate.answer(AskMempool("why not"))


async def test_one_on_another_chain_is_not_asked_however_well_it_is() -> None:
    far = Far()
    far.rest.connected()
    assert far.sides.backend is not None
    gate = WhenWell(far.sides.backend.rest, far.rest, lambda: True)

    with pytest.raises(SourceError, match="another chain"):
        await gate.answer(AskMempool("why not"))


class Polled(Far):
    """With a poller of its REST."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[SourceName] = []
        assert self.sides.backend is not None
        self.poller = Poller(lambda: self.sides, self.sides.backend.rest, self._tell, self.clock)

    async def _tell(self, observations: object) -> None:
        self.told += [one.source for one in observations]  # type: ignore[attr-defined]

    async def turns(self, seconds: float) -> list[str]:
        """Let time pass, take one turn, and return what was asked for."""
        self.backend.asked.clear()
        self.clock.advance(seconds)
        await self.poller.turn()
        return [path.removeprefix("/api/v1/") for path in self.backend.asked]


async def test_while_something_streams_nothing_is_polled() -> None:
    far = Polled()
    far.rest.connected()
    far.stream.connected()

    assert await far.turns(POLL_SECONDS) == []


async def test_without_a_stream_mempool_tip_fees_and_queue_are_read() -> None:
    far = Polled()
    far.rest.connected()

    assert await far.turns(POLL_SECONDS) == [
        "mempool/txids",
        "blocks/tip/hash",
        "blocks/tip/height",
        "fees/recommended",
        "fees/mempool-blocks",
    ]


async def test_it_is_polled_each_ten_seconds_and_not_more_often() -> None:
    far = Polled()
    far.rest.connected()
    await far.turns(POLL_SECONDS)

    assert (await far.turns(POLL_SECONDS / 2), len(await far.turns(POLL_SECONDS / 2))) == ([], 5)


async def test_rest_that_is_back_is_looked_through_at_once() -> None:
    far = Polled()
    far.stream.connected()
    far.rest.reconnecting("refused")
    await far.turns(1)
    far.rest.connected()

    assert "mempool/txids" in await far.turns(1)
