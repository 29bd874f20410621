"""One node watched, or one demo played: its sources, its tracker and its store, from open to close."""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from app.bus import Bus
from app.clock import Clock
from app.core.events import Event
from app.core.forecasting.forecaster import Forecaster
from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from app.core.ladder import Transition
from app.core.models import SourceName
from app.core.observations import ChainListed
from app.core.questions import AskMempool
from app.core.tracker import Tracker
from app.errors import StoreError
from app.inbox import Inbox
from app.judging import Labels, judgement
from app.learning import Learner
from app.memory import MemoryWatch, rss_mb
from app.pipeline import Pipeline
from app.present import Present
from app.settings import Settings
from app.source.examined import Examined
from app.source.inquire import Inquirer
from app.source.mempool_ws import Tell
from app.source.sight import Sight
from app.source.sources import Sources, off
from app.store.labels import LabelStore
from app.store.opening import Opened, open_database
from app.store.predictions import PredictionStore
from app.store.pulse import Pulse
from app.store.recall import Recall
from app.store.transitions import TransitionStore
from app.supervisor import Supervisor
from app.views import Component, ComponentStatus, Live, Notice

RECONCILE_EVERY_SECONDS = 300.0
LABELS_EVERY_SECONDS = 1.0
RETAIN_EVERY_SECONDS = 6 * 3600.0
_log = structlog.get_logger(__name__)


class Engine:
    """Everything between the sources and the faces. `open`, then `start`, then `close`."""

    def __init__(
        self, *, settings: Settings, live: Live, bus: Bus[Event], clock: Clock, labels: LabelStore, demo: bool
    ) -> None:
        self._settings = settings
        self._live = live
        self._bus = bus
        self._clock = clock
        self._label_store = labels
        self._demo = demo
        self._data_dir = settings.data_dir / "demo" if demo else settings.data_dir
        self._supervisor = Supervisor(clock, random.random)
        self._inbox = Inbox()
        self._examined = Examined()
        self.labels = Labels(demo=demo)
        self._store_error: str | None = None
        self._opened: Opened | None = None
        self._sources: Sources | None = None

    async def open(self) -> PredictionStore:
        """Open the database and take up what it remembers.

        Raises:
            StoreError: if the data directory cannot be used.
        """
        self._opened = await open_database(self._data_dir, at=self._clock.now())
        self.store = PredictionStore(self._opened)
        self.transitions = TransitionStore(self._opened.database)
        restored = await self.store.restore(self._clock.now())
        self._forecaster = Forecaster()
        if restored.blocks:
            self._forecaster.hear(
                ChainListed(blocks=restored.blocks, source=SourceName.BLOCK), self._clock.now()
            )
        await self.labels.refresh(self._label_store)
        self.tracker = Tracker(judgement(self._settings, self.labels, self._forecaster), demo=self._demo)
        self.tracker.restore(restored.predictions, restored.blocks, restored.unread)
        _log.info("store open", pending=len(self.tracker.whales), last_sequence=restored.last_sequence)
        return self.store

    def start(self, sources_of: Callable[[Tell, Examined], Sources], notices: Sequence[Notice] = ()) -> None:
        """Begin to watch; after `open`."""
        if self._opened is None:
            raise RuntimeError("open comes first")
        sources = self._sources = sources_of(self._inbox.tell, self._examined)
        self._memory = MemoryWatch(
            rss_mb, self._inbox.tell_one, self._clock, limit_mb=self._settings.memory_limit_mb
        )
        self._pulse = Pulse(self._opened.database, self._clock)
        self._sight = Sight(sources.reading, self._inbox.tell, self._keep_transition, self._clock)
        self._present = Present(
            live=self._live,
            tracker=self.tracker,
            clock=self._clock,
            components=self._components,
            rung=self._sight.rung,
            leads=sources.leads,
            standing=self._standing,
            memory_limit_mb=self._settings.memory_limit_mb,
            database_bytes=self._opened.database.size_bytes,
            sequence=lambda: self.store.last_sequence,
            figures=self._forecaster.figures,
            demo=self._demo,
        )
        for notice in (*self._opened.notices, *notices):
            self._present.notice(notice)
        answerers = (Recall(self.store), *sources.answerers)
        self._inquirer = Inquirer(answerers, self._inbox.tell_one, self._clock)
        self._pipeline = Pipeline(
            tracker=self.tracker,
            keeper=self.store,
            asker=self._inquirer,
            bus=self._bus,
            clock=self._clock,
            listeners=(sources, self._forecaster, self._present),
            on_trouble=self._on_store_trouble,
            spare=self._supervisor.spare,
        )
        self._live.show(self._present.snapshot())
        for name, part in (
            ("pipeline", self._drive),
            ("inquirer", self._inquirer.run),
            ("present", self._present.run),
            ("sight", self._sight.run),
            ("pulse", self._pulse.run),
            ("memory", self._memory.run),
            ("reconcile", self._reconcile),
            ("labels", self._follow_labels),
            ("forecast table", self._equip_forecaster),
            ("learning", self._learner().run),
            ("retention", self._retain),
            *sources.parts,
        ):
            self._supervisor.start(name, part)

    async def close(self) -> None:
        """Stop the parts, then the store; what was taken in is kept."""
        await self._supervisor.stop()
        if self._sources is not None:
            await self._sources.close()
        if self._opened is not None:
            await self._opened.database.close()

    async def _drive(self) -> None:
        while True:
            await self._pipeline.take(await self._inbox.next())

    async def _reconcile(self) -> None:
        while True:
            await self._clock.sleep(RECONCILE_EVERY_SECONDS)
            self._inquirer.ask(AskMempool("every few minutes"))

    async def _follow_labels(self) -> None:
        while True:
            await self._clock.sleep(LABELS_EVERY_SECONDS)
            await self.labels.refresh(self._label_store)

    async def _equip_forecaster(self) -> None:
        """Takes a second of computing, so the pages come first."""
        loop = asyncio.get_running_loop()
        self._forecaster.equip(await loop.run_in_executor(None, lambda: PassageTable(MinerBeliefs())))

    def _learner(self) -> Learner:
        return Learner(
            detected_between=self.store.detected_between,
            tip=lambda: self.tracker.chain.tip,
            take_up=self._forecaster.recalibrate,
            clock=self._clock,
        )

    async def _retain(self) -> None:
        while True:
            before = self._clock.now() - timedelta(days=self._settings.retention_days)
            await self.store.prune(before)
            await self._clock.sleep(RETAIN_EVERY_SECONDS)

    async def _keep_transition(self, transition: Transition) -> None:
        now = transition.now
        _log.info("sight changed", rung=now.rung.value, since=now.since.isoformat(), reason=now.reason)
        try:
            await self.transitions.append(now)
        except StoreError as error:
            _log.warning("a transition could not be kept", error=str(error))

    def _on_store_trouble(self, error: StoreError | None) -> None:
        self._store_error = None if error is None else str(error)
        if error is None:
            self._present.settle("store")
            _log.info("store works again")
            return
        words = f"Nothing can be stored, so nothing new is told: {error}"
        self._present.notice(Notice(code="store", words=words, since=self._clock.now()))
        _log.error("store refuses", error=str(error))

    def _standing(self) -> tuple[Notice, ...]:
        return (
            *self._sight.notices(),
            *self._memory.notices(self.tracker.set_aside),
            *self._supervisor.notices(),
        )

    def _components(self) -> tuple[Component, ...]:
        since = self._live.snapshot.started_at
        error = self._store_error or self._pulse.error
        database = Component(
            name="database",
            status=ComponentStatus.FAILED if error else ComponentStatus.OK,
            since=self._pulse.since,
            latency_ms=self._pulse.latency_ms,
            error=error,
            required=True,
        )
        memory = self._memory.component(self.tracker.set_aside)
        told = self._sources.components() if self._sources is not None else ()
        named = {one.name for one in told}
        rest = off([name for name in ("electrs", "bitcoind") if name not in named], since)
        return (database, *told, *rest, memory, *off(("notifiers",), since))
