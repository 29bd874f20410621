"""The pipeline from observation to stored and published event, step by step.

    source -> parse -> track -> detect -> classify -> forecast -> store -> publish -> ask

Every observation of a source passes through `take`. The tracker draws the conclusions (it calls detect,
classify and forecast), the store commits them, and only then are they published.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Protocol, TypeVar

import structlog

from app import logs
from app.bus import Bus
from app.clock import Clock
from app.core.backoff import backoff_seconds
from app.core.events import Event, EventType, Happening
from app.core.models import Block
from app.core.observations import Observation
from app.core.prediction import Prediction
from app.core.prices import Price
from app.core.questions import AskMempool, Question
from app.core.tracking import Tracker
from app.core.units import BlockHash
from app.errors import StoreError
from app.metrics import Metrics

T = TypeVar("T")
LONGEST_WAIT_SECONDS = 15.0
"""Longest wait between two attempts to store a batch while the store fails."""
_log = structlog.get_logger(__name__)


class EventStore(Protocol):
    """Stores events and predictions before they are published."""

    async def append(
        self,
        happenings: Sequence[Happening],
        predictions: Sequence[Prediction],
        blocks: Sequence[Block] = (),
        read: Sequence[BlockHash] = (),
    ) -> tuple[Event, ...]:
        """Number the events and store everything in one transaction.

        Raises:
            StoreError: nothing was stored; the same call may be repeated.
        """
        ...


class QuestionQueue(Protocol):
    def ask(self, question: Question) -> None: ...


class ObservationListener(Protocol):
    """Receives every observation before the tracker does: the forecaster, the sources, the snapshots."""

    def receive(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """Return the events that follow from it."""
        ...


class RunGuarded(Protocol):
    def __call__(self, what: str, work: Callable[[], T]) -> T | None: ...


def _run_unguarded(what: str, work: Callable[[], T]) -> T | None:  # noqa: ARG001 - the protocol names it
    return work()


@dataclass(slots=True)
class _Batch:
    happenings: list[Happening] = field(default_factory=list)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    read: list[BlockHash] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


class Pipeline:
    """Runs the steps as plain calls, one batch at a time, so that back-pressure reaches the source."""

    def __init__(
        self,
        *,
        tracker: Tracker,
        event_store: EventStore,
        question_queue: QuestionQueue,
        bus: Bus[Event],
        clock: Clock,
        listeners: Sequence[ObservationListener] = (),
        on_trouble: Callable[[StoreError | None], None] = lambda _error: None,
        on_storing: Callable[[bool], None] = lambda _begins: None,
        clock_steps: Callable[[], Sequence[Observation]] = tuple,
        run_guarded: RunGuarded = _run_unguarded,
        metrics: Metrics | None = None,
        price: Callable[[datetime], Price | None] = lambda _at: None,
        foresee: Callable[[Sequence[Observation], datetime], None] = lambda _observations, _at: None,
    ) -> None:
        """`on_trouble` receives the error while the store fails, and None once it works again.

        `on_storing` is called with True before a batch is stored and with False afterwards.
        `clock_steps` returns the wall clock steps since its last call.

        `run_guarded` runs one step and returns None if it raised: one unexpected observation must not
        lose the rest of its batch. `price` is what events are valued by; it is stored with them. `foresee`
        is told each batch before it is concluded from, one by one.
        """
        self._tracker = tracker
        self._event_store = event_store
        self._question_queue = question_queue
        self._bus = bus
        self._clock = clock
        self._listeners = tuple(listeners)
        self._on_trouble = on_trouble
        self._on_storing = on_storing
        self._clock_steps = clock_steps
        self._run_guarded = run_guarded
        self._metrics = metrics
        self._price = price
        self._foresee = foresee
        self.events = 0

    async def take(
        self, observations: Iterable[Observation], arrived_at: float | None = None
    ) -> tuple[Event, ...]:
        """Run one batch of observations through the pipeline; return the published events.

        `arrived_at`: when the oldest of them came, in monotonic seconds.

        While the store fails (a full disk), this waits and the sources wait with it: nothing is
        published that is not stored.
        """
        began = self._clock.monotonic()
        batch = self._conclude(observations)
        events = await self._keep(batch)
        for event in events:
            self._bus.publish(event)
        for question in batch.questions:
            self._question_queue.ask(question)
        self._measure(events, began, arrived_at)
        if events:
            await asyncio.sleep(
                0
            )  # whoever waits for events goes first: a log line takes as long as a forecast
        for event in events:
            _note(event)
        return events

    def _measure(self, events: tuple[Event, ...], began: float, arrived_at: float | None) -> None:
        if self._metrics is None:
            return
        now = self._clock.monotonic()
        self._metrics.batch_done(now - began)
        if arrived_at is not None:
            for event in events:
                if event.type is EventType.DETECTED:
                    self._metrics.whale_published(now - arrived_at)

    def _conclude(self, observations: Iterable[Observation]) -> _Batch:
        batch, brought = _Batch(), tuple(observations)
        self._foresee(brought, self._clock.now())
        for observation in chain(self._clock_steps(), brought):
            at = self._clock.now()
            for listener in self._listeners:
                batch.happenings += (
                    self._run_guarded("listen", partial(listener.receive, observation, at)) or ()
                )
            drawn = self._run_guarded("track", partial(self._tracker.handle, observation, at))
            if drawn is None:
                batch.questions.append(AskMempool("an observation could not be followed"))
                continue
            if drawn.happenings or drawn.predictions:
                price = self._price(at)
                batch.happenings += (_priced_happening(one, price) for one in drawn.happenings)
                batch.predictions |= {key: _priced(one, price) for key, one in drawn.predictions.items()}
            batch.blocks += drawn.blocks
            batch.read += drawn.read
            batch.questions += drawn.questions
        return batch

    async def _keep(self, batch: _Batch) -> tuple[Event, ...]:
        if not (batch.happenings or batch.predictions or batch.blocks or batch.read):
            return ()
        self._on_storing(True)  # noqa: FBT003 - it begins
        events = await self._append(batch)
        self._on_storing(False)  # noqa: FBT003 - it is done
        self.events += len(events)
        return events

    async def _append(self, batch: _Batch) -> tuple[Event, ...]:
        attempt = 0
        while True:
            try:
                events = await self._event_store.append(
                    batch.happenings, tuple(batch.predictions.values()), batch.blocks, batch.read
                )
            except StoreError as error:
                attempt += 1
                self._on_trouble(error)
                await self._clock.sleep(backoff_seconds(attempt, 0.0, longest=LONGEST_WAIT_SECONDS))
            else:
                if attempt:
                    self._on_trouble(None)
                return events


def _priced_happening(happening: Happening, price: Price | None) -> Happening:
    if happening.prediction is None or happening.prediction.price == price:
        return happening
    return replace(happening, prediction=_priced(happening.prediction, price))


def _priced(prediction: Prediction, price: Price | None) -> Prediction:
    """One that was read back from the store still has the price of then."""
    return prediction if prediction.price == price else replace(prediction, price=price)


def _note(event: Event) -> None:
    """Log one event; all lines of one whale carry its prediction id, whatever its current txid."""
    # Every block revises the forecasts of all pending whales: too many lines for level INFO.
    level = logging.DEBUG if event.type is EventType.UPDATED else logging.INFO
    if not logging.getLogger(__name__).isEnabledFor(level):
        return
    if event.prediction_id is None:
        _log.log(level, event.type.value, sequence=event.sequence)
        return
    fields = {name: event.body[name] for name in ("txid", "status", "reason") if event.body.get(name)}
    with logs.about(event.prediction_id):
        _log.log(level, event.type.value, sequence=event.sequence, **fields)
