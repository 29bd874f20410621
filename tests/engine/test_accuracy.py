"""The monitor beside a real store: one event when accuracy falls, none while it stays down, one after it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from app.core.events import Event, EventType, Happening
from app.core.models import SourceName
from app.core.observations import BlockConnected, Observation
from app.core.prediction import Prediction
from app.engine.accuracy import AccuracyWatch
from app.store.accounts import AccountStore
from app.store.opening import Opened, open_database
from app.store.predictions import PredictionStore
from app.views import ComponentStatus
from tests.builders import a_block
from tests.core.scoring import naive
from tests.core.scoring.lives import lived, moment
from tests.core.story import Story
from tests.fakes import LeapingClock

LATE_AT, ON_TIME_AT = 3, 1
"""The height at which a forecast for the next block is late, and on time."""


@dataclass
class Watched:
    """A store, the monitor over it, and a tracker that turns what it emits into stored events."""

    opened: Opened
    clock: LeapingClock
    line: float = 0.70
    events: list[Event] = field(default_factory=list)
    whales: int = 0

    def __post_init__(self) -> None:
        self.store = PredictionStore(self.opened)
        self.tracker = Story().tracker
        self.watch = AccuracyWatch(
            AccountStore(self.opened.database), self._emit, lambda: self.line, self.clock
        )

    async def decided(self, count: int, *, confirmed_height: int) -> None:
        whales = [lived(_life(confirmed_height), self.whales + one) for one in range(count)]
        self.whales += count
        await self.store.append([], whales)

    async def spiked(self, at: datetime) -> None:
        facts = {"next_block_median": 90.0, "tip_height": 1}
        await self.store.append([Happening(type=EventType.FEES_SPIKED, at=at, facts=facts)], [])

    def said(self) -> list[tuple[EventType, str | None]]:
        return [(event.type, event.body["because"]) for event in self.events]

    async def _emit(self, observation: Observation) -> None:
        drawn = self.tracker.handle(observation, self.clock.now())
        self.events += await self.store.append(drawn.happenings, list[Prediction]())


def _life(confirmed_height: int) -> naive.Life:
    chances = dict.fromkeys((1, 2, 3, 6, 12, 24, 144), 0.9)
    version = naive.Version(seen_height=0, forecast_at=0, predicted=1, p=chances, projected=1, flow="inflow")
    return naive.Life(
        versions=[version],
        end="confirmed",
        confirmed_height=confirmed_height,
        lead=confirmed_height * 600.0,
        final_flow="inflow",
    )


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    at = moment(LATE_AT) + timedelta(minutes=1)
    opened = await open_database(folder, at=at)
    try:
        yield Watched(opened, LeapingClock(at))
    finally:
        await opened.database.close()


async def test_a_fall_is_told_once_and_so_is_the_recovery(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.decided(25, confirmed_height=LATE_AT)
        await it.watch.look()
        await it.watch.look()
        await it.decided(5, confirmed_height=LATE_AT)
        await it.watch.look()
        await it.decided(200, confirmed_height=ON_TIME_AT)
        await it.watch.look()
        await it.watch.look()

        assert [kind for kind, _ in it.said()] == [EventType.ACCURACY_DEGRADED, EventType.ACCURACY_RECOVERED]


async def test_health_says_how_far_it_fell_and_since_when(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.decided(25, confirmed_height=LATE_AT)
        await it.watch.look()
        shown = it.watch.component()

        assert (shown.status, shown.since) == (ComponentStatus.DEGRADED, it.clock.now())
        assert shown.error is not None
        assert "0 of 25 forecasts held within 1h" in shown.error


async def test_with_few_outcomes_health_is_well_and_says_so(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.decided(19, confirmed_height=LATE_AT)
        await it.watch.look()
        shown = it.watch.component()

        assert (shown.status, shown.detail) == (ComponentStatus.OK, "too few forecasts have come due to say")


async def test_a_fee_spike_while_they_waited_is_named(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.decided(25, confirmed_height=LATE_AT)
        await it.spiked(moment(0) + timedelta(minutes=2))
        await it.watch.look()

        assert it.said() == [(EventType.ACCURACY_DEGRADED, "fee_spike")]


async def test_empty_blocks_in_between_are_named(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.decided(25, confirmed_height=LATE_AT)
        for height in (1, 2):
            empty = BlockConnected(block=a_block(height), source=SourceName.BITCOIND)
            it.watch.receive(empty, moment(1) - timedelta(seconds=1))
        await it.watch.look()

        assert it.said() == [(EventType.ACCURACY_DEGRADED, "empty_blocks")]


async def test_a_restart_while_it_is_down_tells_nothing_anew(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.decided(25, confirmed_height=LATE_AT)
        await it.watch.look()
        before = it.watch.component()
    async with watched(tmp_path) as again:
        await again.watch.look()

        assert again.said() == []
        assert again.watch.component() == before


async def test_a_line_that_the_operator_moves_counts_at_once(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.decided(20, confirmed_height=LATE_AT)
        await it.decided(20, confirmed_height=ON_TIME_AT)
        it.line = 0.30
        await it.watch.look()
        quiet = it.said()
        it.line = 0.90
        await it.watch.look()

        assert (quiet, [kind for kind, _ in it.said()]) == ([], [EventType.ACCURACY_DEGRADED])


async def test_what_the_state_rests_on_is_not_forgotten(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        await it.decided(25, confirmed_height=LATE_AT)
        await it.watch.look()
        await it.spiked(it.clock.now())
        await it.store.prune(it.clock.now() + timedelta(days=400))
        last = await AccountStore(it.opened.database).last_change()

        assert last is not None
        assert last.type is EventType.ACCURACY_DEGRADED
