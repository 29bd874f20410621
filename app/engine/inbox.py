"""The bounded queue of observations in front of the pipeline; a source that is too fast has to wait."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from app.clock import Clock
from app.core.observations import Observation
from app.engine.joining import joined
from app.metrics import frame_arrived

MOST_BATCHES = 64
MOST_AT_ONCE = 2_000
FLOOD_COMMITS: Final = 4
FLOOD_SECONDS: Final = 0.15
"""So many commits in so little time, twenty a second: whales come faster than they are worth one each."""
GATHER_SECONDS: Final = 0.02
"""How long what waits is left to gather then: so much later a whale in a flood may be told."""


class Inbox:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._batches: asyncio.Queue[tuple[float, Sequence[Observation]]] = asyncio.Queue(MOST_BATCHES)
        self._committed: deque[float] = deque(maxlen=FLOOD_COMMITS)
        self.arrived_at = 0.0
        """When the oldest of what `next` returned last came, in monotonic seconds."""

    async def emit(self, observations: Sequence[Observation]) -> None:
        """Enqueue one batch; waits while the queue is full."""
        if observations:
            arrived = frame_arrived.get()
            at = self._clock.monotonic() if arrived is None else arrived
            await self._batches.put((at, observations))

    async def emit_one(self, observation: Observation) -> None:
        await self.emit((observation,))

    async def committed(self) -> None:
        """Note that what `next` returned led to a commit; in a flood of whales, wait until more have come."""
        now = self._clock.monotonic()
        self._committed.append(now)
        is_flood = len(self._committed) == FLOOD_COMMITS and now - self._committed[0] < FLOOD_SECONDS
        if is_flood and not (self._batches.empty() or self._batches.full()):
            await self._clock.sleep(GATHER_SECONDS)

    async def next(self) -> Sequence[Observation]:
        """Return the waiting observations, at least one batch; they are stored in one transaction."""
        self.arrived_at, first = await self._batches.get()
        if self._batches.empty():
            return first
        taken = list(first)
        while len(taken) < MOST_AT_ONCE and not self._batches.empty():
            taken += self._batches.get_nowait()[1]
        return tuple(joined(taken))
