"""What the far sides let us see together, from how each of them is."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.core.models import Block, SourceName
from app.core.observations import BlockConnected, Observation
from app.core.questions import (
    AskBlock,
    AskMempool,
    AskPackage,
    AskPrevouts,
    AskStatus,
    AskTransaction,
    Question,
)
from app.core.units import BlockHash, Height, Sats
from app.core.visibility import Level
from app.errors import SourceError, UnreachableError
from app.source.backend.rest import MempoolRest
from app.source.backend.transport import RestAnswer
from app.source.bitcoind.rpc import BitcoindRpc, RpcEndpoint
from app.source.bitcoind.source import Bitcoind
from app.source.checks.monitor import Examination
from app.source.electrum.connection import ElectrumEndpoint
from app.source.electrum.source import Electrs
from app.source.far_sides import (
    STILL_SECONDS,
    Abreast,
    BackendSide,
    ElectrumSide,
    FarSides,
    NodeSide,
    WhenWell,
)
from app.source.filter import ObservationFilter
from app.source.polling import POLL_SECONDS, Poller
from app.source.resilience.health import SourceHealth
from app.source.resilience.retry import Guard
from app.source.resilience.seen_txids import SeenTxids
from app.source.sources import Sources
from app.views import Component, ComponentStatus
from tests.builders import a_txid
from tests.fakes import LeapingClock

TIP = b"ab" * 32


class Backend:
    """Answers by REST as the test says."""

    def __init__(self, clock: LeapingClock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.status = 200
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
        return RestAnswer(status=self.status, body=self.answers[path], as_of=self.clock.now())


class Far:
    """Backend, node and Electrum server, none of them there yet."""

    def __init__(self) -> None:
        self.clock = LeapingClock()
        guard = Guard("far", self.clock, lambda: 0.0)
        self.backend = Backend(self.clock)
        self.stream, self.rest = self._health("mempool_ws"), self._health("mempool_rest")
        self.node, self.electrum = self._health("bitcoind"), self._health("electrs")
        rest = MempoolRest(self.backend, guard, self.clock, SeenTxids(), self.rest)
        rpc = BitcoindRpc(RpcEndpoint.parse("http://127.0.0.1:1"), self.clock, guard, self.node)
        node = Bitcoind(rpc, {}, self.clock, self.node, threshold=Sats(1))
        electrs = Electrs(ElectrumEndpoint.parse("tcp://127.0.0.1:1"), self.clock, guard, self.electrum)
        self.far_sides = FarSides(
            backend=BackendSide(rest=rest, stream=self.stream, answers=self.rest),
            node=NodeSide(source=node, rpc=rpc, health=self.node, zmq_urls={}),
            electrum=ElectrumSide(source=electrs, health=self.electrum),
        )

    def _health(self, name: str) -> SourceHealth:
        return SourceHealth(name, self.clock)

    @property
    def level(self) -> Level:
        return self.far_sides.reading().level


@pytest.mark.parametrize(
    ("there", "level"),
    [
        ((), Level.BLIND),
        (("electrum",), Level.BLOCKS_ONLY),
        (("rest",), Level.POLLING),
        (("node",), Level.POLLING),
        (("stream", "rest"), Level.LIVE),
        (("stream",), Level.LIVE),
    ],
)
def test_the_rung_is_the_best_that_any_of_them_gives(there: tuple[str, ...], level: Level) -> None:
    far = Far()
    for name in there:
        getattr(far, name).connected()

    assert far.level is level


def test_a_node_without_zmq_is_polled_so_it_is_not_live() -> None:
    far = Far()
    far.node.connected()

    assert far.far_sides.node is not None
    assert (far.far_sides.node.streams, far.level) == (False, Level.POLLING)


def test_a_backend_that_reads_its_mempool_only_starts() -> None:
    far = Far()
    far.stream.connected()
    far.rest.connected()
    assert far.far_sides.backend is not None
    far.far_sides.backend.has_read(40)

    reading = far.far_sides.reading()

    assert (reading.level, reading.starting) == (Level.BLOCKS_ONLY, True)
    assert "40 %" in (reading.reason or "")


def test_a_backend_whose_node_is_down_says_the_same_and_does_not_start() -> None:
    far = Far()
    far.stream.connected()
    far.rest.reconnecting("blocks/tip/hash: status 500")
    assert far.far_sides.backend is not None
    far.far_sides.backend.has_read(99)

    assert far.far_sides.reading().starting is False


def test_a_node_that_loads_only_starts() -> None:
    far = Far()
    far.node.connected()
    far.node.syncing(0.0)

    assert (far.level, far.far_sides.reading().starting) == (Level.BLIND, True)


@pytest.mark.parametrize(
    "unwell",
    [lambda health: health.syncing(50), lambda health: health.reconnecting("gone")],
    ids=["loading", "gone"],
)
async def test_one_that_is_not_well_is_not_asked(unwell: Callable[[SourceHealth], None]) -> None:
    far = Far()
    far.rest.connected()
    unwell(far.rest)
    assert far.far_sides.backend is not None
    gate = WhenWell(far.far_sides.backend.rest, far.rest, lambda: False)

    with pytest.raises(SourceError):
        await gate.answer(AskMempool("why not"))


async def test_one_on_another_chain_is_not_asked_however_well_it_is() -> None:
    far = Far()
    far.rest.connected()
    assert far.far_sides.backend is not None
    gate = WhenWell(far.far_sides.backend.rest, far.rest, lambda: True)

    with pytest.raises(SourceError, match="another chain"):
        await gate.answer(AskMempool("why not"))


class Polled(Far):
    """With a poller of its REST."""

    def __init__(self) -> None:
        super().__init__()
        self.reported: list[SourceName] = []
        assert self.far_sides.backend is not None
        self.poller = Poller(lambda: self.far_sides, self.far_sides.backend.rest, self._emit, self.clock)

    async def _emit(self, observations: object) -> None:
        self.reported += [one.source for one in observations]  # type: ignore[attr-defined]

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


async def test_rest_that_was_away_for_less_than_a_turn_is_looked_through_too() -> None:
    far = Polled()
    far.stream.connected()
    far.rest.connected()
    before = await far.turns(POLL_SECONDS)
    far.rest.reconnecting("refused")
    far.rest.connected()
    after = await far.turns(POLL_SECONDS)

    assert (before, "mempool/txids" in after, await far.turns(POLL_SECONDS)) == ([], True, [])


async def test_rest_that_is_back_is_looked_through_until_it_could_be_read() -> None:
    far = Polled()
    far.stream.connected()
    far.rest.reconnecting("refused")
    await far.turns(1)
    far.rest.connected()
    far.backend.status = 429
    await far.turns(1)
    far.backend.status = 200

    assert await far.turns(1) == []
    assert "mempool/txids" in await far.turns(POLL_SECONDS)
    assert await far.turns(POLL_SECONDS) == []


class Oracle:
    """Answers everything with nothing; `asked` is in order."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        self.asked.append(question)
        return ()


WHERE = (AskStatus(a_txid(1)), AskTransaction(a_txid(1)), AskMempool("now"))
WHAT = (AskBlock(BlockHash("aa" * 32)), AskPrevouts(a_txid(1), ()), AskPackage(a_txid(1)))


@pytest.mark.parametrize("question", WHERE)
async def test_one_that_is_behind_is_not_asked_where_a_whale_is(question: Question) -> None:
    with pytest.raises(SourceError, match="bitcoind is behind by 7 blocks"):
        await Abreast(Oracle(), "bitcoind", lambda: 7).answer(question)


@pytest.mark.parametrize("question", WHAT)
async def test_one_that_is_behind_is_asked_all_the_rest(question: Question) -> None:
    oracle = Oracle()
    await Abreast(oracle, "bitcoind", lambda: 7).answer(question)

    assert oracle.asked == [question]


@pytest.mark.parametrize("question", [*WHERE, *WHAT])
async def test_one_that_is_abreast_is_asked_everything(question: Question) -> None:
    oracle = Oracle()
    await Abreast(oracle, "bitcoind", lambda: 0).answer(question)

    assert oracle.asked == [question]


class Watched(Far):
    """All of it as `Sources`, on the main network unless said otherwise."""

    def __init__(self, *, main: bool = True) -> None:
        super().__init__()
        examination = Examination(self.far_sides, self.clock)
        self.sources = Sources(
            parts=(),
            answerers=(),
            far_sides=self.far_sides,
            clock=self.clock,
            observation_filter=ObservationFilter(
                self._emit, self.clock, threshold=Sats(1), is_fresh=lambda _: True, is_shut=lambda _: False
            ),
            examination=examination,
            close=self._close,
            is_main=lambda: main,
        )

    async def _emit(self, _observations: object) -> None:
        """Nobody listens."""

    async def _close(self) -> None:
        """Nothing is open."""

    def reported(self, source: SourceName, height: int, hours_ago: float = 0.0) -> None:
        time = self.clock.now() - timedelta(hours=hours_ago)
        block = Block(hash=BlockHash(a_txid(height)), height=Height(height), time=time)
        self.sources.receive(BlockConnected(block=block, source=source), self.clock.now())

    def component(self, name: str) -> Component:
        return next(one for one in self.sources.components() if one.name == name)


def test_a_node_that_is_behind_is_degraded_in_words() -> None:
    far = Watched()
    far.node.connected()
    far.reported(SourceName.BITCOIND, 920_003)
    far.reported(SourceName.MEMPOOL_WS, 920_010)

    component = far.component("bitcoind")

    assert component.status is ComponentStatus.DEGRADED
    assert "behind by 7 blocks" in (component.error or "")


def test_a_node_that_is_abreast_is_well() -> None:
    far = Watched()
    far.node.connected()
    far.reported(SourceName.BITCOIND, 920_010)
    far.reported(SourceName.MEMPOOL_WS, 920_010)

    assert far.component("bitcoind").status is ComponentStatus.OK


def test_that_no_block_comes_for_hours_is_told_on_the_main_network() -> None:
    far = Watched()
    far.reported(SourceName.MEMPOOL_WS, 920_010, hours_ago=5.5)

    (notice,) = far.sources.notices(far.clock.now())

    assert "No block for 5 hours" in notice.words


@pytest.mark.parametrize(("main", "hours"), [(False, 5.5), (True, 2.5)])
def test_a_quiet_test_network_or_a_long_block_is_nothing_to_tell(
    main: bool,  # noqa: FBT001
    hours: float,
) -> None:
    far = Watched(main=main)
    far.reported(SourceName.MEMPOOL_WS, 920_010, hours_ago=hours)

    assert far.sources.notices(far.clock.now()) == ()


def a_frozen_node_behind_the_backend() -> Far:
    """The stream's socket is open; what stands behind it does nothing any more."""
    far = Far()
    far.stream.connected()
    far.rest.connected()
    far.rest.fell_silent("no answer within 7 s")
    far.clock.advance(STILL_SECONDS)
    return far


def test_an_open_socket_to_a_backend_whose_node_is_frozen_is_no_stream() -> None:
    assert a_frozen_node_behind_the_backend().level is Level.BLIND


def test_what_still_moves_is_seen_though_the_answers_are_late() -> None:
    far = a_frozen_node_behind_the_backend()
    far.stream.moved()

    assert far.level is Level.LIVE


def test_a_backend_that_answers_with_errors_is_there() -> None:
    far = a_frozen_node_behind_the_backend()
    far.rest.reconnecting("blocks/tip/hash: status 500")

    assert far.level is Level.LIVE


def test_once_it_answers_in_time_it_is_seen_again() -> None:
    far = a_frozen_node_behind_the_backend()
    far.rest.connected()

    assert far.level is Level.LIVE
