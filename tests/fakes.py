"""Stand-ins at the outside's border that several rooms' tests share: time, and a market that says nothing."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app.core.prediction import Forecast, Prediction

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until it is advanced; who sleeps wakes when their time has come."""

    def __init__(self, at: datetime = NOON) -> None:
        self._now = at
        self._elapsed = 0.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        bell: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleepers.append((self._elapsed + seconds, bell))
        await bell

    def step(self, by: timedelta) -> None:
        """Somebody sets the wall clock."""
        self._now += by

    async def advance(self, seconds: float) -> None:
        """Move on in one step, then let everybody who woke do their work."""
        self._elapsed += seconds
        self._now += timedelta(seconds=seconds)
        due = [sleeper for sleeper in self.sleepers if sleeper[0] <= self._elapsed]
        self.sleepers = [sleeper for sleeper in self.sleepers if sleeper[0] > self._elapsed]
        for _, bell in due:
            if not bell.done():
                bell.set_result(None)
        for _ in range(20):
            await asyncio.sleep(0)


class LeapingClock:
    """Nobody waits: sleeping passes at once, moves the time on, and is written down in `slept`."""

    def __init__(self, at: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self.slept: list[float] = []
        self._began = at
        self._passed = 0.0

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    def step(self, by: timedelta) -> None:
        """Somebody sets the wall clock."""
        self._began += by

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._passed += seconds


class NoForecasts:
    """A forecast source that says nothing: for tests of everything else."""

    spiking = False

    def moved(self, _at: datetime) -> bool:
        return False

    def mark_published(self, _at: datetime) -> None:
        pass

    def forecast(self, whales: Sequence[Prediction], _at: datetime) -> Sequence[Forecast | None]:
        return [None] * len(whales)
