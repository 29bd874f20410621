"""What Spout would ask about what is being recorded, asked: so that a replay finds its answers."""

import asyncio
from collections.abc import Sequence
from itertools import islice

from app.bus import Bus
from app.clock import Clock
from app.core.events import Event, Happening
from app.core.forecasting.forecaster import Forecaster
from app.core.models import Block, SourceName
from app.core.observations import SourceConnected
from app.core.prediction import Prediction
from app.core.questions import AskMempool
from app.core.tracker import Tracker
from app.core.units import BlockHash
from app.inbox import Inbox
from app.judging import Labels, judgement
from app.pipeline import Pipeline
from app.settings import Settings
from app.source.breaker import Guard
from app.source.examined import Examined
from app.source.frames import FrameReader
from app.source.inquire import Inquirer
from app.source.mempool_rest import MempoolRest
from app.source.mempool_ws import PIECE
from app.source.transport import Transport

RECONCILE_EVERY_SECONDS = 60.0


class Forgetful:
    """A keeper that keeps nothing: what is concluded here only leads to questions."""

    async def append(
        self,
        _happenings: Sequence[Happening],
        _predictions: Sequence[Prediction],
        _blocks: Sequence[Block] = (),
        _read: Sequence[BlockHash] = (),
    ) -> tuple[Event, ...]:
        return ()


class Asking:
    """A recorder's listener: the journey without an end, for the questions on its way."""

    def __init__(self, settings: Settings, transport: Transport, clock: Clock) -> None:
        self._clock = clock
        self._inbox = Inbox()
        self._examined = Examined()
        self._reader = FrameReader()
        self._opened = 0
        guard = Guard("mempool REST", clock, lambda: 0.5)
        self._rest = MempoolRest(transport, guard, clock, self._examined)
        self._inquirer = Inquirer([self._rest], self._inbox.tell_one, clock)
        self._pipeline = Pipeline(
            tracker=Tracker(judgement(settings, Labels(), Forecaster())),
            keeper=Forgetful(),
            asker=self._inquirer,
            bus=Bus(),
            clock=clock,
        )

    async def opened(self) -> None:
        self._reader = FrameReader()

    async def swept(self) -> None:
        self._opened += 1
        await self._inbox.tell_one(SourceConnected(source=SourceName.MEMPOOL_WS, again=self._opened > 1))

    async def heard(self, frame: bytes) -> None:
        told = self._examined.noting(self._reader.feed(frame))
        while piece := tuple(islice(told, PIECE)):
            await self._inbox.tell(piece)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            for part in (self._drive, self._inquirer.run, self._leftovers, self._reconcile):
                group.create_task(part())

    async def _drive(self) -> None:
        while True:
            await self._pipeline.take(await self._inbox.next())

    async def _leftovers(self) -> None:
        while True:
            async for told in self._rest.leftovers():
                await self._inbox.tell_one(told)
            await self._clock.sleep(1.0)

    async def _reconcile(self) -> None:
        while True:
            await self._clock.sleep(RECONCILE_EVERY_SECONDS)
            self._inquirer.ask(AskMempool("every minute"))
