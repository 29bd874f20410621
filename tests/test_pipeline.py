"""The journey: what is concluded is kept, then told, then asked about."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path

import pytest
import structlog

from app import logs
from app.bus import Bus
from app.core.classify import classify, is_whale
from app.core.entities import Entities
from app.core.events import Event, EventType, Happening
from app.core.models import Block
from app.core.observations import Observation, TransactionReplaced, TransactionSeen
from app.core.prediction import Prediction
from app.core.questions import AskPrevouts, Question
from app.core.tracker import Tracker
from app.core.tracking.beliefs import Judgement
from app.core.tracking.foreteller import Silent
from app.core.units import BlockHash
from app.errors import StoreError
from app.pipeline import LONGEST_WAIT_SECONDS, Pipeline
from app.settings import LogFormat, LogLevel
from app.store.opening import Opened, open_database
from app.store.predictions import PredictionStore
from tests.core.story import NOON, THRESHOLD, WS, a_coin, a_whale
from tests.source.clocks import FakeClock


class Store(PredictionStore):
    """The real one, whose disk is full as often as it is told."""

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self.journal: list[str] = []
        self.refusals = 0

    async def append(
        self,
        happenings: Sequence[Happening],
        predictions: Sequence[Prediction],
        blocks: Sequence[Block] = (),
        read: Sequence[BlockHash] = (),
    ) -> tuple[Event, ...]:
        if self.refusals:
            self.refusals -= 1
            self.journal.append("refused")
            raise StoreError("the disk is full")
        events = await super().append(happenings, predictions, blocks, read)
        self.journal.append("kept")
        return events


class FakeAsker:
    def __init__(self, journal: list[str]) -> None:
        self._journal = journal
        self.asked: list[Question] = []

    def ask(self, question: Question) -> None:
        self._journal.append("asked")
        self.asked.append(question)


class Spiking:
    """A listener that tells of a spike at every observation."""

    def hear(self, _observation: Observation, _at: object) -> Iterable[Happening]:
        return [Happening(type=EventType.FEES_SPIKED, at=NOON, facts={})]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_database(tmp_path, at=NOON)
    yield Store(opened)
    await opened.database.close()


class Journey:
    """A pipeline with its neighbours; `journal` is what happened, in order."""

    def __init__(self, store: Store, refusals: int = 0, listeners: Sequence[Spiking] = ()) -> None:
        self.store, self.journal = store, store.journal
        self.store.refusals = refusals
        self.asker = FakeAsker(self.journal)
        self.clock, self.bus = FakeClock(), Bus[Event]()
        self.reader = self.bus.subscribe()
        self.trouble: list[str | None] = []
        known = Entities()
        judgement = Judgement(
            threshold=THRESHOLD,
            classify=lambda tx, peels: classify(tx, known, peels),
            is_whale=is_whale,
            foreteller=Silent(),
        )
        self.pipeline = Pipeline(
            tracker=Tracker(judgement),
            keeper=store,
            asker=self.asker,
            bus=self.bus,
            clock=self.clock,
            listeners=listeners,
            on_trouble=lambda error: self.trouble.append(None if error is None else str(error)),
        )

    async def take(self, *names: str) -> tuple[Event, ...]:
        return await self.pipeline.take(
            [TransactionSeen(tx=a_whale(coins=(name,)), source=WS) for name in names]
        )

    async def kept(self) -> int:
        return len((await self.store.restore(NOON)).predictions)

    async def published(self) -> list[int]:
        self.reader.close()
        return [event.sequence async for event in self.reader]


async def test_what_is_concluded_is_kept_and_published(store: Store) -> None:
    journey = Journey(store)
    events = await journey.take("a")

    assert (await journey.published(), await journey.kept()) == ([events[0].sequence], 1)


async def test_observations_taken_together_are_kept_in_one_piece(store: Store) -> None:
    journey = Journey(store)
    await journey.take("a", "b", "c")

    assert (journey.journal, await journey.published()) == (["kept"], [1, 2, 3])


async def test_what_concludes_nothing_is_not_kept(store: Store) -> None:
    journey = Journey(store)
    await journey.pipeline.take([TransactionSeen(tx=a_whale(50), source=WS)])

    assert journey.journal == []


async def test_questions_are_asked_after_all_is_kept(store: Store) -> None:
    journey = Journey(store)
    bare = a_whale(coins=("bare",), prevouts=False)
    await journey.pipeline.take(
        [TransactionSeen(tx=bare, source=WS), TransactionSeen(tx=a_whale(), source=WS)]
    )

    assert journey.journal == ["kept", "asked"]
    assert journey.asker.asked == [AskPrevouts(bare.txid, (a_coin("bare"),))]


async def test_while_the_store_refuses_nothing_is_published(store: Store) -> None:
    journey = Journey(store, refusals=1)
    seen_by_then: list[int] = []
    journey.pipeline._on_trouble = lambda _error: seen_by_then.append(len(journey.reader._waiting))
    await journey.take("a")

    assert seen_by_then == [0, 0]


async def test_what_was_refused_is_published_once_when_the_store_takes_it(store: Store) -> None:
    journey = Journey(store, refusals=3)
    await journey.take("a")

    assert (journey.journal, await journey.published()) == (["refused"] * 3 + ["kept"], [1])


async def test_waits_between_two_tries_grow_and_end(store: Store) -> None:
    journey = Journey(store, refusals=7)
    await journey.take("a")

    assert journey.clock.slept == [1, 2, 4, 8, *[LONGEST_WAIT_SECONDS] * 3]


async def test_trouble_is_told_with_each_refusal_and_once_when_it_is_over(store: Store) -> None:
    journey = Journey(store, refusals=2)
    await journey.take("a")

    assert journey.trouble == ["the disk is full", "the disk is full", None]


async def test_without_trouble_nothing_is_told_of_it(store: Store) -> None:
    journey = Journey(store)
    await journey.take("a")

    assert journey.trouble == []


async def test_what_a_listener_tells_is_kept_before_the_trackers_own(store: Store) -> None:
    events = await Journey(store, listeners=[Spiking()]).take("a")

    assert [one.type for one in events] == [EventType.FEES_SPIKED, EventType.DETECTED]


async def test_an_error_of_another_kind_is_not_swallowed(store: Store) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    store._riders = (broken,)
    journey = Journey(store)

    with pytest.raises(RuntimeError):
        await journey.take("a")


async def test_events_are_counted(store: Store) -> None:
    journey = Journey(store)
    await journey.take("a", "b")

    assert journey.pipeline.events == 2


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    logs.configure(LogLevel.INFO, LogFormat.JSON, stream)
    yield stream
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


async def test_a_whales_life_can_be_followed_in_the_log_by_one_id(store: Store, log: io.StringIO) -> None:
    first, second = a_whale(fee=1_000), a_whale(fee=5_000)
    replaced = TransactionReplaced(victims=(first.txid,), by=second, mined=False, source=WS)
    await Journey(store).pipeline.take([TransactionSeen(tx=first, source=WS), replaced])

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["event"], line["txid"]) for line in lines] == [
        ("whale.detected", first.txid),
        ("whale.replaced", second.txid),
    ]
    assert len({line["prediction_id"] for line in lines}) == 1
