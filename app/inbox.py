"""Where all that is told waits for the pipeline: bounded, so that whoever tells too fast has to wait."""

import asyncio
from collections.abc import Sequence

from app.core.observations import Observation

MOST_BATCHES = 64
MOST_AT_ONCE = 2_000


class Inbox:
    def __init__(self) -> None:
        self._batches: asyncio.Queue[Sequence[Observation]] = asyncio.Queue(MOST_BATCHES)

    async def tell(self, observations: Sequence[Observation]) -> None:
        """Put them in line; waits while the line is full."""
        if observations:
            await self._batches.put(observations)

    async def tell_one(self, observation: Observation) -> None:
        await self.tell((observation,))

    async def next(self) -> list[Observation]:
        """Return what waits, one batch at least, so that it is kept in one transaction."""
        taken = list(await self._batches.get())
        while len(taken) < MOST_AT_ONCE and not self._batches.empty():
            taken += self._batches.get_nowait()
        return taken
