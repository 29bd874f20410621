"""What users of neighbouring tools reported about a mempool backend, played as it lies there."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection

from app.core.models import SourceName
from app.core.observations import MempoolListed, Observation, ProjectedTransaction, TransactionReply
from app.core.questions import AskMempool, AskStatus, AskTransaction
from app.core.units import Txid
from app.errors import SourceError
from app.source.backend.frames import FrameReader
from app.source.backend.rest import MempoolRest
from app.source.backend.transport import RestAnswer
from app.source.resilience import Guard, SeenTxids, SourceHealth
from app.source.resilience.health import ConnectionState
from tests.core.story import Story
from tests.fakes import FakeClock, LeapingClock
from tests.hostile.reported import BESIDE, an_input
from tests.hostile.test_loading_backend import followed_until

pytestmark = BESIDE
A1, A2, A4 = "a1_backend_still_loading", "a2_leftovers_lost", "a4_no_txindex"


class Rest:
    """Answers by path with (status, body); where it has nothing, as the test says in `otherwise`."""

    def __init__(self, clock: LeapingClock | FakeClock, answers: dict[str, Any]) -> None:
        self.clock = clock
        self.answers = answers
        self.asked: list[str] = []

    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        self.asked.append(path)
        status, body = self.answer(method, path, payload)
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        return RestAnswer(status=status, body=raw, as_of=self.clock.now())

    def answer(self, _method: str, path: str, _payload: bytes | None) -> tuple[int, Any]:
        found: tuple[int, Any] = self.answers.get(path.removeprefix("/api/v1/"), (404, ""))
        return found


class Desk:
    """A MempoolRest over such answers, with a health and a circuit of its own."""

    def __init__(self, transport: Rest) -> None:
        clock = transport.clock
        self.health = SourceHealth("mempool_rest", clock)
        self.guard = Guard("backend", clock, lambda: 0.0)
        self.rest = MempoolRest(transport, self.guard, clock, SeenTxids(), self.health)


def small(txid: str) -> dict[str, Any]:
    """A transaction of 0.01 BTC."""
    vin = [{"txid": "aa" * 32, "vout": 0, "sequence": 0, "scriptsig": "", "witness": []}]
    out = [{"value": 1_000_000, "scriptpubkey": "0014" + "ab" * 20}]
    return {"txid": txid, "vin": vin, "vout": out, "fee": 200, "weight": 400, "status": {"confirmed": False}}


class Loading:
    """Sends what the report says: before it has loaded, and after."""

    def __init__(self) -> None:
        self._connected, self._empty, self._loaded, self._deep = an_input(A1)["steps"]
        self._is_loaded = False
        self._asked: list[int] = []
        self._link: ServerConnection | None = None
        self.swept = asyncio.Event()
        """The first look into the projected blocks is over: the one at 0 is followed again."""

    async def serve(self, link: ServerConnection) -> None:
        self._link = link
        await link.send(json.dumps(self._connected["send"]))
        async for raw in link:
            index = json.loads(raw).get("track-mempool-block")
            if index is None:
                continue
            self._asked.append(index)
            if index == 0 and len(self._asked) > 1:
                self.swept.set()
            deep = self._is_loaded and index == self._deep["on"]["track-mempool-block"]
            projected = (self._deep if deep else self._empty)["send"]["projected-block-transactions"]
            await link.send(json.dumps({"projected-block-transactions": projected | {"index": index}}))

    async def finish(self) -> None:
        self._is_loaded = True
        assert self._link is not None
        await self._link.send(json.dumps(self._loaded["send"]))


async def test_a1_a_whale_that_waited_before_the_backend_had_loaded_is_announced_when_it_has() -> None:
    found, story = asyncio.Event(), Story()
    whale = Txid(an_input(A1)["whale"]["txid"])

    async def emit(reported: Sequence[Observation]) -> None:
        lines = [one for one in reported if isinstance(one, ProjectedTransaction) and one.txid == whale]
        if lines and not found.is_set():
            story.receive(*lines)
            found.set()

    await followed_until(found, Loading(), emit)

    answered = an_input(A1)["rest"]["/api/v1/tx/<the whale>"]
    desk = Desk(Rest(LeapingClock(), {f"tx/{whale}": (answered["status"], answered["body"])}))
    assert story.questions == [AskTransaction(whale)]
    story.receive(*await desk.rest.answer(AskTransaction(whale)))
    assert (story.types, story.only.txid) == (["detected"], whale)


class Busy(Rest):
    """Lists what the report lists; of no transaction it says anything in the first seconds."""

    def __init__(self, clock: LeapingClock) -> None:
        super().__init__(clock, {})
        self._reported = an_input(A2)
        self.listed: list[str] = self._reported["rest"]["/api/v1/mempool/txids"]["body"]
        self.whale: dict[str, Any] = self._reported["whale"]["esplora"]
        self._busy, _ = self._reported["rest"]["/api/v1/tx/*"]
        self.refuse_once: str | None = None

    @property
    def is_busy(self) -> bool:
        busy: bool = self.clock.monotonic() < self._busy["first_s"]
        return busy

    def answer(self, _method: str, path: str, _payload: bytes | None) -> tuple[int, Any]:
        name = path.rpartition("/")[2]
        if path.endswith("mempool/txids"):
            return 200, self.listed
        if self.is_busy:
            return self._busy["status"], self._busy["body"]
        if name == self.refuse_once:
            self.refuse_once = None
            return 500, "once"
        return 200, self.whale if name == self.whale["txid"] else small(name)


async def read_for(desk: Desk, clock: LeapingClock, seconds: float) -> list[str]:
    """Read what is to be read, a look each half second, as long as this; return the txids in order."""
    read: list[str] = []
    ends = clock.monotonic() + seconds
    while clock.monotonic() < ends:
        read += [one.tx.txid async for one in desk.rest.backlog() if isinstance(one, TransactionReply)]
        await clock.sleep(0.5)
    return read


async def test_a2_while_nothing_answers_hardly_anything_is_asked_and_nothing_is_used_up() -> None:
    clock = LeapingClock()
    backend = Busy(clock)
    desk = Desk(backend)
    await desk.rest.answer(AskMempool("the start"))
    first = await read_for(desk, clock, 3)
    asked = len(backend.asked)
    then = await read_for(desk, clock, 400)

    assert (first, asked < 30) == ([], True)
    assert sorted(then) == sorted(backend.listed)
    assert backend.whale["txid"] in then


async def test_a2_a_whale_refused_once_is_read_again() -> None:
    clock = LeapingClock()
    clock.advance(10)
    backend = Busy(clock)
    backend.listed = [backend.whale["txid"], *backend.listed[:20]]
    backend.refuse_once = backend.whale["txid"]
    desk = Desk(backend)
    await desk.rest.answer(AskMempool("the start"))

    assert backend.whale["txid"] in await read_for(desk, clock, 30)


class WithoutIndex:
    """The backend of the report: its stream's frames, and its answers about the whale that left."""

    def __init__(self, words: str | None = None) -> None:
        reported = an_input(A4)
        self.whale = Txid(reported["whale"]["txid"])
        status = reported["rest"]["/api/v1/tx/<left>/status"]
        said = (status["status"], words or status["body"])
        height = reported["rest"]["/api/v1/blocks/tip/height"]
        answers = {f"tx/{self.whale}/status": said, f"tx/{self.whale}": said}
        answers["blocks/tip/height"] = (height["status"], height["body"])
        self.desk = Desk(Rest(LeapingClock(), answers))
        self.story = Story()
        self.story.start()
        reader = FrameReader()
        for frame in reported["frames"]:
            delta = frame["mempool-transactions"]
            delta |= {"added": [reported["whale"]["esplora"] for _ in delta["added"]]}
            delta |= {"removed": [self.whale for _ in delta["removed"]]}
            self.story.receive(*reader.feed(msgspec.json.encode(frame)))

    async def ask(self) -> None:
        """Ask where the whale went, and again where that is asked for."""
        while asked := [one for one in self.story.questions if isinstance(one, AskStatus)]:
            self.story.questions = []
            with suppress(SourceError):
                self.story.receive(*await self.desk.rest.answer(asked[0]))


async def test_a4_a_whale_that_left_a_node_without_an_index_is_dropped() -> None:
    far = WithoutIndex()
    await far.ask()
    as_of = far.story.at
    far.story.receive(MempoolListed(txids=frozenset(), as_of=as_of, source=SourceName.MEMPOOL_REST))
    await far.ask()

    assert far.story.types == ["detected", "dropped"]


async def test_a4_a_500_about_one_transaction_is_no_dead_backend_and_the_missing_index_is_named() -> None:
    far = WithoutIndex()
    for _ in range(10):
        with suppress(SourceError):
            await far.desk.rest.answer(AskStatus(far.whale))

    assert far.desk.health.condition.state is ConnectionState.CONNECTED
    assert not far.desk.guard.is_open
    assert "txindex=1" in " ".join(far.desk.health.condition.notes)


async def test_a4_while_the_index_is_being_built_nothing_is_decided() -> None:
    words = an_input(A4)["variant"].partition(":")[0]
    far = WithoutIndex(f"No such mempool transaction. {words}")
    await far.ask()

    assert far.story.types == ["detected"]
