"""The forecaster's school: every few hours it is told what came of its own forecasts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.core.forecasting.outcomes import ScoredForecast, headline_outcomes, learned_from
from app.core.forecasting.recalibration import TRUSTED_OUTCOMES, Recalibration
from app.core.models import Block
from app.core.prediction import Prediction

EVERY_SECONDS = 3 * 3600.0
UNTIL_TRUSTED_SECONDS = 1800.0
"""While there are fewer outcomes than are wholly trusted, it is learned this often."""
SLICE = timedelta(hours=6)
"""The history is read backward in pieces, so that the store can keep what comes in between."""
OLDEST = timedelta(days=30)
ENOUGH = 5_000
"""The latest outcomes; older ones are of another market."""
_log = structlog.get_logger(__name__)


class Learner:
    """Reads outcomes from the store, fits off the loop, and hands on what they teach."""

    def __init__(
        self,
        *,
        detected_between: Callable[[datetime, datetime], Awaitable[tuple[Prediction, ...]]],
        tip: Callable[[], Block | None],
        take_up: Callable[[Recalibration], None],
        clock: Clock,
    ) -> None:
        self._detected_between = detected_between
        self._tip = tip
        self._take_up = take_up
        self._clock = clock

    async def run(self) -> None:
        """Learn at once, and for ever."""
        while True:
            learned = await self.learn()
            few = learned.outcomes < TRUSTED_OUTCOMES
            await self._clock.sleep(UNTIL_TRUSTED_SECONDS if few else EVERY_SECONDS)

    async def learn(self) -> Recalibration:
        """Raise StoreError if the store cannot be read."""
        now = self._clock.now()
        scored = await self._latest_outcomes(now)
        learned = await asyncio.get_running_loop().run_in_executor(None, learned_from, scored, now)
        self._take_up(learned)
        _log.info("learned from outcomes", outcomes=learned.outcomes, changes=not learned.changes_nothing)
        return learned

    async def _latest_outcomes(self, now: datetime) -> list[ScoredForecast]:
        block = self._tip()
        tip = None if block is None else block.height
        scored: list[ScoredForecast] = []
        end = now + timedelta(seconds=1)
        while len(scored) < ENOUGH and end > now - OLDEST:
            for whale in await self._detected_between(end - SLICE, end):
                scored.extend(headline_outcomes(whale, tip))
            end -= SLICE
        return scored
