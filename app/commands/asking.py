"""What Spout would ask about what is being recorded, asked: so that a replay finds its answers."""

import asyncio
from collections.abc import Sequence
from itertools import islice

from app.bus import Bus
from app.clock import Clock
from app.core.events import Event, Happening
from app.core.forecasting import Forecaster
from app.core.models import Block, SourceName
from app.core.observations import SourceConnected
from app.core.prediction import Prediction
from app.core.questions import AskMempool
from app.core.tracking import Tracker
from app.core.units import BlockHash
from app.engine import Inbox, LabelsInForce, Pipeline, make_whale_policy
from app.settings import Settings
from app.source import PIECE, Answering, FrameReader, Guard, MempoolRest, SeenTxids, Transport

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
        self._inbox = Inbox(clock)
        self._seen_txids = SeenTxids()
        self._reader = FrameReader()
        self._opened = 0
        guard = Guard("mempool REST", clock, lambda: 0.5)
        self._rest = MempoolRest(transport, guard, clock, self._seen_txids)
        self._answering = Answering([self._rest], self._inbox.emit_one, clock)
        self._pipeline = Pipeline(
            tracker=Tracker(make_whale_policy(settings, LabelsInForce(), Forecaster())),
            event_store=Forgetful(),
            question_queue=self._answering,
            bus=Bus(),
            clock=clock,
        )

    async def opened(self) -> None:
        self._reader = FrameReader()

    async def swept(self) -> None:
        self._opened += 1
        await self._inbox.emit_one(SourceConnected(source=SourceName.MEMPOOL_WS, again=self._opened > 1))

    async def received(self, frame: bytes) -> None:
        reported = self._seen_txids.noting(self._reader.feed(frame))
        while piece := tuple(islice(reported, PIECE)):
            await self._inbox.emit(piece)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            for part in (self._drive, self._answering.run, self._backlog, self._reconcile):
                group.create_task(part())

    async def _drive(self) -> None:
        while True:
            await self._pipeline.take(await self._inbox.next())

    async def _backlog(self) -> None:
        while True:
            async for reported in self._rest.backlog():
                await self._inbox.emit_one(reported)
            await self._clock.sleep(1.0)

    async def _reconcile(self) -> None:
        while True:
            await self._clock.sleep(RECONCILE_EVERY_SECONDS)
            self._answering.ask(AskMempool("every minute"))
