"""Recalibrates the forecaster every few hours from the outcomes of its own forecasts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.core.forecasting import (
    TRUSTED_OUTCOMES,
    Recalibration,
    learned_from,
)
from app.core.models import Block
from app.core.prediction import Prediction
from app.core.scoring import ScoredForecast, headline_outcomes
from app.errors import StoreError

EVERY_SECONDS = 3 * 3600.0
UNTIL_TRUSTED_SECONDS = 1800.0
"""Interval while there are fewer outcomes than TRUSTED_OUTCOMES."""
SLICE = timedelta(hours=6)
"""The history is read backwards in slices, so that the store can write new events in between."""
OLDEST = timedelta(days=30)
ENOUGH = 5_000
"""Number of latest outcomes to fit; older ones reflect another fee market."""
OfDetected = Callable[
    [datetime, datetime, Callable[[Prediction], Iterable[ScoredForecast]]], Awaitable[list[ScoredForecast]]
]
"""Takes a time and a function; returns what that makes of each whale that was first seen in the time."""
_log = structlog.get_logger(__name__)


class Recalibrator:
    """Reads outcomes from the store, fits a Recalibration off the event loop, and passes it to `adopt`."""

    def __init__(
        self,
        *,
        of_detected: OfDetected,
        first_detected: Callable[[], Awaitable[datetime | None]],
        tip: Callable[[], Block | None],
        adopt: Callable[[Recalibration], None],
        clock: Clock,
    ) -> None:
        self._of_detected = of_detected
        self._first_detected = first_detected
        self._tip = tip
        self._adopt = adopt
        self._clock = clock

    async def run(self) -> None:
        """Recalibrate at once and then periodically."""
        while True:
            try:
                few = (await self.learn()).outcomes < TRUSTED_OUTCOMES
            except StoreError as error:  # a full disk, say: nothing is learned until it answers again
                _log.warning("outcomes not read", reason=str(error))
                few = True
            await self._clock.sleep(UNTIL_TRUSTED_SECONDS if few else EVERY_SECONDS)

    async def learn(self) -> Recalibration:
        """Fit to the latest outcomes and adopt the result.

        Raises:
            StoreError: if the store cannot be read.
        """
        now = self._clock.now()
        scored = await self._latest_outcomes(now)
        learned = await asyncio.get_running_loop().run_in_executor(None, learned_from, scored, now)
        self._adopt(learned)
        _log.info("learned from outcomes", outcomes=learned.outcomes, changes=not learned.changes_nothing)
        return learned

    async def _latest_outcomes(self, now: datetime) -> list[ScoredForecast]:
        block = self._tip()
        tip = None if block is None else block.height
        scored: list[ScoredForecast] = []
        end = now + timedelta(seconds=1)
        first = await self._first_detected()
        if first is None:
            return scored
        while len(scored) < ENOUGH and end > max(first, now - OLDEST):
            scored += await self._of_detected(
                end - SLICE, end, lambda whale: tuple(headline_outcomes(whale, tip))
            )
            end -= SLICE
        return scored
