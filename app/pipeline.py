"""THE JOURNEY: source -> parse -> track -> detect -> classify -> forecast -> store -> publish -> ask.

Everything a source tells comes through `take`. The tracker draws the conclusions (detect, classify
and forecast are what it calls), the store keeps them, and only then are they told.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
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
from app.core.questions import AskMempool, Question
from app.core.tracker import Tracker
from app.core.units import BlockHash
from app.errors import StoreError

T = TypeVar("T")
LONGEST_WAIT_SECONDS = 15.0
"""Between two tries to keep something, while the store refuses."""
_log = structlog.get_logger(__name__)


class Keeper(Protocol):
    """Where conclusions are kept before they are told."""

    async def append(
        self,
        happenings: Sequence[Happening],
        predictions: Sequence[Prediction],
        blocks: Sequence[Block] = (),
        read: Sequence[BlockHash] = (),
    ) -> tuple[Event, ...]:
        """Number and keep all of it, or nothing.

        Raises:
            StoreError: nothing is kept; the same call may be made again.
        """
        ...


class Asker(Protocol):
    def ask(self, question: Question) -> None: ...


class Listener(Protocol):
    """Hears every observation before the tracker: the market, the sources' states."""

    def hear(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """Return what is to be told of it."""
        ...


class Spare(Protocol):
    def __call__(self, what: str, work: Callable[[], T]) -> T | None: ...


def _let_fall(what: str, work: Callable[[], T]) -> T | None:  # noqa: ARG001 - the protocol names it
    return work()


@dataclass(slots=True)
class _Batch:
    happenings: list[Happening] = field(default_factory=list)
    predictions: dict[str, Prediction] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    read: list[BlockHash] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


class Pipeline:
    """The pipe: plain calls, one at a time, so that back-pressure reaches the source."""

    def __init__(
        self,
        *,
        tracker: Tracker,
        keeper: Keeper,
        asker: Asker,
        bus: Bus[Event],
        clock: Clock,
        listeners: Sequence[Listener] = (),
        on_trouble: Callable[[StoreError | None], None] = lambda _error: None,
        spare: Spare = _let_fall,
    ) -> None:
        """`on_trouble` hears why nothing can be kept, and None once it can again.

        `spare` runs one step and returns None if it fell: one observation that nobody foresaw must not
        take with it all that came with it.
        """
        self._tracker = tracker
        self._keeper = keeper
        self._asker = asker
        self._bus = bus
        self._clock = clock
        self._listeners = tuple(listeners)
        self._on_trouble = on_trouble
        self._spare = spare
        self.events = 0

    async def take(self, observations: Iterable[Observation]) -> tuple[Event, ...]:
        """Follow the journey for some observations together; return what was told.

        While the store refuses (a full disk), this waits: nothing is told that is not kept, and the
        sources wait with it.
        """
        batch = self._conclude(observations)
        events = await self._keep(batch)
        for event in events:
            _note(event)
            self._bus.publish(event)
        for question in batch.questions:
            self._asker.ask(question)
        return events

    def _conclude(self, observations: Iterable[Observation]) -> _Batch:
        batch = _Batch()
        for observation in observations:
            at = self._clock.now()
            for listener in self._listeners:
                batch.happenings += self._spare("listen", partial(listener.hear, observation, at)) or ()
            drawn = self._spare("track", partial(self._tracker.handle, observation, at))
            if drawn is None:
                batch.questions.append(AskMempool("an observation could not be followed"))
                continue
            batch.happenings += drawn.happenings
            batch.predictions |= drawn.predictions
            batch.blocks += drawn.blocks
            batch.read += drawn.read
            batch.questions += drawn.questions
        return batch

    async def _keep(self, batch: _Batch) -> tuple[Event, ...]:
        if not (batch.happenings or batch.predictions or batch.blocks or batch.read):
            return ()
        events = await self._append(batch)
        self.events += len(events)
        return events

    async def _append(self, batch: _Batch) -> tuple[Event, ...]:
        attempt = 0
        while True:
            try:
                events = await self._keeper.append(
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


def _note(event: Event) -> None:
    """Log it; all lines of one whale carry its id, from first sight to its end, through every txid it has."""
    # Forecasts of all that waits are revised with every block: too many lines for every day.
    level = logging.DEBUG if event.type is EventType.UPDATED else logging.INFO
    if not logging.getLogger(__name__).isEnabledFor(level):
        return
    if event.prediction_id is None:
        _log.log(level, event.type.value, sequence=event.sequence)
        return
    told = {name: event.body[name] for name in ("txid", "status", "reason") if event.body.get(name)}
    with logs.about(event.prediction_id):
        _log.log(level, event.type.value, sequence=event.sequence, **told)
