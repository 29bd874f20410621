"""The journey: what is concluded is kept, then told, then asked about."""

import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from app import logs
from app.bus import Bus
from app.core.events import Event, EventType, Happening
from app.core.flow.classifier import classify, is_whale
from app.core.flow.entities import Entities
from app.core.models import Block
from app.core.observations import BlockConnected, Observation, TransactionReplaced, TransactionSeen
from app.core.prediction import Prediction
from app.core.prices import Price
from app.core.questions import AskPrevouts, Question
from app.core.tracking.beliefs import WhalePolicy
from app.core.tracking.tracker import Tracker
from app.core.units import BlockHash, Height
from app.engine.clock_steps import ClockSteps
from app.engine.pipeline import LONGEST_WAIT_SECONDS, Pipeline
from app.engine.snapshots import Snapshots
from app.errors import StoreError
from app.metrics import Metrics
from app.settings import LogFormat, LogLevel
from app.store.opening import Opened, open_database
from app.store.predictions import PredictionStore, Rider
from app.views import Level, LiveSnapshot, Snapshot
from tests.builders import a_coin, a_whale
from tests.core.story import THRESHOLD, WS
from tests.fakes import NOON, LeapingClock, NoForecasts


class Store(PredictionStore):
    """The real one, whose disk is full as often as it is told."""

    def __init__(self, opened: Opened, riders: Sequence[Rider] = ()) -> None:
        super().__init__(opened, riders)
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


class NotingBus(Bus[Event]):
    """The real one; notes in the journal when something is published."""

    def __init__(self, journal: list[str]) -> None:
        super().__init__()
        self._journal = journal

    def publish(self, item: Event) -> None:
        self._journal.append("published")
        super().publish(item)


class FakeQuestionQueue:
    def __init__(self, journal: list[str]) -> None:
        self._journal = journal
        self.asked: list[Question] = []

    def ask(self, question: Question) -> None:
        self._journal.append("asked")
        self.asked.append(question)


class Spiking:
    """A listener that tells of a spike at every observation."""

    def receive(self, _observation: Observation, _at: object) -> Iterable[Happening]:
        return [Happening(type=EventType.FEES_SPIKED, at=NOON, facts={})]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    opened = await open_database(tmp_path, at=NOON)
    yield opened
    await opened.database.close()


@pytest.fixture
def store(opened: Opened) -> Store:
    return Store(opened)


class Journey:
    """A pipeline with its neighbours; `journal` is what happened, in order."""

    def __init__(
        self,
        store: Store,
        refusals: int = 0,
        listeners: Sequence[Spiking] = (),
        bus: Bus[Event] | None = None,
    ) -> None:
        self.store, self.journal = store, store.journal
        self.store.refusals = refusals
        self.question_queue = FakeQuestionQueue(self.journal)
        self.clock, self.bus = LeapingClock(), bus or Bus[Event]()
        self.metrics = Metrics()
        self.price: Price | None = None
        self.reader = self.bus.subscribe()
        self.trouble: list[str | None] = []
        known = Entities()
        whale_policy = WhalePolicy(
            threshold=THRESHOLD,
            classify=lambda tx, peels: classify(tx, known, peels),
            is_whale=is_whale,
            forecast_source=NoForecasts(),
        )
        self.pipeline_tracker = Tracker(whale_policy)
        self.on_refusal: Callable[[], None] = lambda: None
        self.on_storing: Callable[[bool], None] = lambda _begins: None
        self.pipeline = Pipeline(
            tracker=self.pipeline_tracker,
            event_store=store,
            question_queue=self.question_queue,
            bus=self.bus,
            clock=self.clock,
            listeners=listeners,
            on_trouble=self._on_trouble,
            on_storing=self._on_storing,
            clock_steps=ClockSteps(self.clock),
            metrics=self.metrics,
            price=lambda _at: self.price,
        )

    def _on_storing(self, begins: bool) -> None:  # noqa: FBT001 - as the pipeline calls it
        self.on_storing(begins)

    def _on_trouble(self, error: StoreError | None) -> None:
        self.trouble.append(None if error is None else str(error))
        if error is not None:
            self.on_refusal()

    def shown(self) -> Snapshots:
        """What the pages get."""
        live = LiveSnapshot(Snapshot(version=0, made_at=NOON, started_at=NOON, memory_limit_mb=500))
        snapshots = Snapshots(
            live=live,
            tracker=self.pipeline_tracker,
            clock=self.clock,
            components=tuple,
            level=lambda: (Level.LIVE, NOON, None),
            rss_mb=lambda: 0.0,
            memory_limit_mb=500,
            database_bytes=lambda: None,
            sequence=lambda: self.store.last_sequence,
            figures=lambda _at: None,
            demo=False,
        )
        self.on_storing = snapshots.storing
        return snapshots

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


async def test_an_event_is_valued_by_the_price_of_its_moment_whenever_it_is_read(store: Store) -> None:
    journey = Journey(store)
    journey.price = Price(currency="EUR", per_btc=90_000.0, at=NOON)
    (event,) = await journey.take("a")
    journey.price = None

    (again,) = await store.events_after(0, 10)

    assert again.body["value_fiat"] == event.body["value_fiat"] == {"currency": "EUR", "amount": 13_500_000.0}


async def test_what_concludes_nothing_is_not_kept(store: Store) -> None:
    journey = Journey(store)
    await journey.pipeline.take([TransactionSeen(tx=a_whale(50), source=WS)])

    assert journey.journal == []


async def test_a_whales_latency_counts_from_its_frame(store: Store) -> None:
    journey = Journey(store)
    journey.clock.advance(3.0)
    await journey.pipeline.take([TransactionSeen(tx=a_whale(), source=WS)], arrived_at=1.0)

    assert journey.metrics.registry.get_sample_value("spout_alert_latency_seconds_sum") == 2.0


async def test_questions_are_asked_after_all_is_kept(store: Store) -> None:
    journey = Journey(store)
    bare = a_whale(coins=("bare",), prevouts=False)
    await journey.pipeline.take(
        [TransactionSeen(tx=bare, source=WS), TransactionSeen(tx=a_whale(), source=WS)]
    )

    assert journey.journal == ["kept", "asked"]
    assert journey.question_queue.asked == [AskPrevouts(bare.txid, (a_coin("bare"),))]


async def test_while_the_store_refuses_nothing_is_published(store: Store) -> None:
    journey = Journey(store, refusals=1, bus=NotingBus(store.journal))
    await journey.take("a")

    assert journey.journal == ["refused", "kept", "published"]


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


async def test_an_error_of_another_kind_is_not_swallowed(opened: Opened) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    journey = Journey(Store(opened, riders=(broken,)))

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


async def test_while_the_store_refuses_the_page_shows_what_was_stored_before(store: Store) -> None:
    journey = Journey(store)
    shown = journey.shown()
    await journey.take("a")
    before = [whale.txid for whale in shown.snapshot().pending]
    journey.on_refusal = lambda: meanwhile.extend(whale.txid for whale in shown.snapshot().pending)
    meanwhile: list[str] = []
    store.refusals = 1
    await journey.take("b")

    assert (len(before), meanwhile, len(shown.snapshot().pending)) == (1, before, 2)


@pytest.mark.parametrize("hours", [-5, -2_400, 3, 2_400], ids=lambda hours: f"{hours} hours")
async def test_a_clock_that_is_set_meanwhile_leaves_the_lead_time_as_it_was(store: Store, hours: int) -> None:
    journey = Journey(store)
    await journey.take("a")
    journey.clock.advance(600)
    journey.clock.step(timedelta(hours=hours))
    (whale,) = journey.pipeline_tracker.whales.pending()
    block = Block(hash=BlockHash("ab" * 32), height=Height(1), txids=(whale.txid,))
    await journey.pipeline.take([BlockConnected(block=block, source=WS)])

    (ended,) = (await store.restore(journey.clock.now())).predictions
    assert ended.lead_time_seconds == pytest.approx(600, abs=1)
