"""The journey: what is concluded is kept, then told, then asked about."""

from collections.abc import Iterable, Sequence

import pytest

from app.bus import Bus
from app.core.beliefs import Judgement
from app.core.classify import classify, is_whale
from app.core.entities import Entities
from app.core.events import Event, EventType, Happening
from app.core.foreteller import Silent
from app.core.models import Block
from app.core.observations import Observation, TransactionSeen
from app.core.prediction import Prediction
from app.core.questions import AskPrevouts, Question
from app.core.tracker import Tracker
from app.errors import StoreError
from app.pipeline import LONGEST_WAIT_SECONDS, Pipeline
from tests.core.story import NOON, THRESHOLD, WS, a_coin, a_whale
from tests.source.clocks import FakeClock


class FakeKeeper:
    """Numbers what it keeps; refuses as often as it is told."""

    def __init__(self, journal: list[str], refusals: int) -> None:
        self._journal = journal
        self._refusals = refusals
        self.predictions: dict[str, Prediction] = {}
        self.blocks: list[Block] = []
        self._sequence = 0

    async def append(
        self, happenings: Sequence[Happening], predictions: Sequence[Prediction], blocks: Sequence[Block] = ()
    ) -> tuple[Event, ...]:
        if self._refusals:
            self._refusals -= 1
            self._journal.append("refused")
            raise StoreError("the disk is full")
        self._journal.append("kept")
        self.predictions |= {one.prediction_id: one for one in predictions}
        self.blocks += blocks
        return tuple(self._numbered(one) for one in happenings)

    def _numbered(self, one: Happening) -> Event:
        self._sequence += 1
        name = f"evt_{self._sequence}"
        return Event(type=one.type, id=name, sequence=self._sequence, timestamp=one.at, body={})


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


class Journey:
    """A pipeline with its neighbours; `journal` is what happened, in order."""

    def __init__(self, refusals: int = 0, listeners: Sequence[Spiking] = ()) -> None:
        self.journal: list[str] = []
        self.keeper, self.asker = FakeKeeper(self.journal, refusals), FakeAsker(self.journal)
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
            keeper=self.keeper,
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

    async def published(self) -> list[int]:
        self.reader.close()
        return [event.sequence async for event in self.reader]


async def test_what_is_concluded_is_kept_and_published() -> None:
    journey = Journey()
    events = await journey.take("a")

    assert (await journey.published(), len(journey.keeper.predictions)) == ([events[0].sequence], 1)


async def test_observations_taken_together_are_kept_in_one_piece() -> None:
    journey = Journey()
    await journey.take("a", "b", "c")

    assert (journey.journal, await journey.published()) == (["kept"], [1, 2, 3])


async def test_what_concludes_nothing_is_not_kept() -> None:
    journey = Journey()
    await journey.pipeline.take([TransactionSeen(tx=a_whale(50), source=WS)])

    assert journey.journal == []


async def test_questions_are_asked_after_all_is_kept() -> None:
    journey = Journey()
    bare = a_whale(coins=("bare",), prevouts=False)
    await journey.pipeline.take(
        [TransactionSeen(tx=bare, source=WS), TransactionSeen(tx=a_whale(), source=WS)]
    )

    assert journey.journal == ["kept", "asked"]
    assert journey.asker.asked == [AskPrevouts(bare.txid, (a_coin("bare"),))]


async def test_while_the_store_refuses_nothing_is_published() -> None:
    journey = Journey(refusals=1)
    seen_by_then: list[int] = []
    journey.pipeline._on_trouble = lambda _error: seen_by_then.append(len(journey.reader._waiting))
    await journey.take("a")

    assert seen_by_then == [0, 0]


async def test_what_was_refused_is_published_once_when_the_store_takes_it() -> None:
    journey = Journey(refusals=3)
    await journey.take("a")

    assert (journey.journal, await journey.published()) == (["refused"] * 3 + ["kept"], [1])


async def test_waits_between_two_tries_grow_and_end() -> None:
    journey = Journey(refusals=7)
    await journey.take("a")

    assert journey.clock.slept == [1, 2, 4, 8, *[LONGEST_WAIT_SECONDS] * 3]


async def test_trouble_is_told_with_each_refusal_and_once_when_it_is_over() -> None:
    journey = Journey(refusals=2)
    await journey.take("a")

    assert journey.trouble == ["the disk is full", "the disk is full", None]


async def test_without_trouble_nothing_is_told_of_it() -> None:
    journey = Journey()
    await journey.take("a")

    assert journey.trouble == []


async def test_what_a_listener_tells_is_kept_before_the_trackers_own() -> None:
    events = await Journey(listeners=[Spiking()]).take("a")

    assert [one.type for one in events] == [EventType.FEES_SPIKED, EventType.DETECTED]


async def test_an_error_of_another_kind_is_not_swallowed() -> None:
    class Broken(FakeKeeper):
        async def append(self, *_args: object) -> tuple[Event, ...]:
            raise RuntimeError("a bug")

    journey = Journey()
    journey.pipeline._keeper = Broken([], 0)

    with pytest.raises(RuntimeError):
        await journey.take("a")


async def test_events_are_counted() -> None:
    journey = Journey()
    await journey.take("a", "b")

    assert journey.pipeline.events == 2
