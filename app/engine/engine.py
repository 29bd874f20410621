"""Sources, tracker and store of one watched node or demo, from open to close."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog

from app.bus import Bus
from app.clock import Clock
from app.core.events import Event
from app.core.forecasting import Forecaster, default_table
from app.core.models import SourceName
from app.core.observations import ChainListed, EndpointGivenUp
from app.core.questions import AskMempool
from app.core.tracking import Tracker
from app.core.visibility import Level, Transition
from app.engine.accuracy import AccuracyWatch
from app.engine.clock_steps import ClockSteps
from app.engine.disk import DiskWatch
from app.engine.inbox import Inbox
from app.engine.memory import MemoryWatch, ResidentMemory
from app.engine.pipeline import Pipeline
from app.engine.prices import PriceHolder
from app.engine.recalibrate import Recalibrator
from app.engine.retention import Kept, Retention
from app.engine.safekeeping import Safekeeping
from app.engine.snapshots import Snapshots
from app.engine.supervisor import Supervisor
from app.engine.whale_policy import LabelsInForce, make_whale_policy
from app.errors import StoreError
from app.metrics import Metrics
from app.settings import Settings, SettingsInForce
from app.source import ANNOUNCING, Answering, Emit, SeenTxids, Sources, VisibilityWatch, last_announced, off
from app.store import (
    AccountStore,
    Connection,
    Database,
    LabelStore,
    Opened,
    PredictionStore,
    Pulse,
    Recall,
    SettingStore,
    TransitionStore,
    backups_in,
    made_at,
    open_database,
)
from app.views import Component, ComponentStatus, LiveSnapshot, Notice

RECONCILE_EVERY_SECONDS = 300.0
OPERATOR_EVERY_SECONDS = 1.0
BACKFILL_EVERY_SECONDS = 0.1
ANNOUNCED_WITHIN = timedelta(days=30)
"""How long before a start a loss may have been announced of which the end is announced after it."""
_log = structlog.get_logger(__name__)


class Alerts(Protocol):
    """The alert outbox, written in the store's transactions, and its senders, run beside the pipeline."""

    async def open(self) -> None: ...

    def attach(self, database: Database, log: PredictionStore) -> None: ...

    def ride(self, events: tuple[Event, ...]) -> Callable[[Connection], None] | None: ...

    async def run(self) -> None: ...

    def component(self) -> Component: ...

    def notices(self) -> tuple[Notice, ...]: ...

    @property
    def keep(self) -> timedelta:
        """How long what was sent is kept."""
        ...

    async def oldest(self) -> datetime | None:
        """Return the time of the oldest row that `prune` could ever delete; None if there is none."""
        ...

    async def prune(self, before: datetime) -> int:
        """Delete what is settled and older; count the rows."""
        ...


class Beside(Protocol):
    """Runs beside the pipeline and tells somebody else: MQTT."""

    async def run(self) -> None: ...

    def notices(self) -> tuple[Notice, ...]: ...


class Engine:
    """Everything between the sources and the API and pages. Call `open`, then `start`, then `close`."""

    def __init__(
        self,
        *,
        settings: SettingsInForce,
        live: LiveSnapshot,
        bus: Bus[Event],
        clock: Clock,
        labels: LabelStore,
        own_settings: SettingStore,
        demo: bool,
        alerts: Alerts | None = None,
        metrics: Metrics | None = None,
        safekeeping: Safekeeping | None = None,
        beside: Beside | None = None,
    ) -> None:
        """`alerts` and `beside` are None while the demo is played: it tells nobody."""
        self._in_force = settings
        self._settings = settings.base
        self._own_settings = own_settings
        self._unsubscribe: Callable[[], None] = lambda: None
        self._live = live
        self._bus = bus
        self._clock = clock
        self._label_store = labels
        self._alerts = alerts
        self._safekeeping = safekeeping
        self._beside = beside
        self._demo = demo
        self._data_dir = self._settings.data_dir / "demo" if demo else self._settings.data_dir
        self._supervisor = Supervisor(clock, random.random)
        self._inbox = Inbox(clock)
        self._metrics = metrics or Metrics()
        self._prices = PriceHolder(lambda: settings.current.currency.code)
        self._seen_txids = SeenTxids()
        self.labels = LabelsInForce(demo=demo)
        self._store_error: str | None = None
        self._opened: Opened | None = None
        self._sources: Sources | None = None
        self._table_tried = asyncio.Event()
        self._announced = Level.LIVE

    async def open(self) -> PredictionStore:
        """Open the database and restore the tracker from it.

        Raises:
            StoreError: if the data directory cannot be used.
        """
        self._opened = await self._open_database()
        riders = (self._alerts.ride,) if self._alerts is not None else ()
        self.store = PredictionStore(self._opened, riders)
        if self._alerts is not None:
            await self._alerts.open()
            self._alerts.attach(self._opened.database, self.store)
        self.accounts = AccountStore(self._opened.database, self.store.touched)
        self.transitions = TransitionStore(self._opened.database)
        now = self._clock.now()
        self._announced = last_announced(await self.store.events_since(now - ANNOUNCED_WITHIN, ANNOUNCING))
        restored = await self.store.restore(now)
        self._forecaster = Forecaster()
        if restored.blocks:
            self._forecaster.receive(
                ChainListed(blocks=restored.blocks, source=SourceName.BLOCK), self._clock.now()
            )
        await self.labels.refresh(self._label_store)
        await self._own_settings.refresh()
        self.tracker = Tracker(
            make_whale_policy(self._in_force.current, self.labels, self._forecaster), demo=self._demo
        )
        self.tracker.restore(restored.predictions, restored.blocks, restored.unread, restored.unloaded)
        _log.info("store open", pending=len(self.tracker.whales), last_sequence=restored.last_sequence)
        return self.store

    @property
    def demo(self) -> bool:
        return self._demo

    @property
    def database(self) -> Database:
        """Of an engine that is open."""
        if self._opened is None:
            raise StoreError("the database is not open yet")
        return self._opened.database

    async def back_up(self) -> Path:
        """Make a backup in the data directory now, and return where it is: for the settings page.

        Raises:
            StoreError: if the disk has no room; of the demo.
        """
        if self._safekeeping is None:
            raise StoreError("the demo is running: it keeps nothing of yours")
        return await self._safekeeping.back_up(self.database)

    def backups(self) -> list[tuple[Path, datetime]]:
        """Return the backups in the data directory with when they were made, newest first. Blocking."""
        found = [(path, made_at(path)) for path in backups_in(self._data_dir)]
        return [(path, at) for path, at in found if at is not None]

    async def _open_database(self) -> Opened:
        """Open the database; where none could be read, restore the newest backup first."""
        opened = await open_database(self._data_dir, at=self._clock.now())
        if not opened.fresh or self._safekeeping is None or not backups_in(self._data_dir):
            return opened
        await opened.database.close()
        restored = await self._safekeeping.restore_newest(opened.last_sequence)
        again = await open_database(self._data_dir, at=self._clock.now())
        notices = (*opened.notices, *again.notices, *(() if restored is None else (restored,)))
        return replace(again, notices=tuple({one.code: one for one in notices}.values()))

    def start(self, sources_of: Callable[[Emit, SeenTxids], Sources], notices: Sequence[Notice] = ()) -> None:
        """Start all tasks; call `open` first."""
        if self._opened is None:
            raise RuntimeError("open comes first")
        sources = self._sources = sources_of(self._inbox.emit, self._seen_txids)
        rss_mb = ResidentMemory()
        self._memory = MemoryWatch(
            rss_mb, self._inbox.emit_one, self._clock, limit_mb=self._settings.memory_limit_mb
        )
        self._accuracy = AccuracyWatch(
            self.accounts,
            self._inbox.emit_one,
            lambda: self._in_force.current.accuracy_alert_below,
            self._clock,
        )
        self._pulse = Pulse(self._opened.database, self._clock)
        self._visibility = VisibilityWatch(
            sources.reading, self._inbox.emit, self._keep_transition, self._clock, self._announced
        )
        self._retention = Retention(*self._kept(), tip=lambda: self.tracker.chain.tip, clock=self._clock)
        self._disk = DiskWatch(self._data_dir, self.database.size_bytes, self._clock)
        self._snapshots = Snapshots(
            live=self._live,
            tracker=self.tracker,
            clock=self._clock,
            components=self._components,
            level=self._visibility.level,
            leads=sources.leads,
            standing=self._standing,
            rss_mb=rss_mb,
            memory_limit_mb=self._settings.memory_limit_mb,
            database_bytes=self._opened.database.size_bytes,
            sequence=lambda: self.store.last_sequence,
            figures=self._forecaster.figures,
            accuracy=lambda: self._accuracy.counted,
            price=self._prices.price,
            demo=self._demo,
        )
        for notice in (*self._opened.notices, *notices):
            self._snapshots.notice(notice)
        answerers = (Recall(self.store), *sources.answerers)
        self._answering = Answering(answerers, self._inbox.emit_one, self._clock)
        self._pipeline = Pipeline(
            tracker=self.tracker,
            event_store=self.store,
            question_queue=self._answering,
            bus=self._bus,
            clock=self._clock,
            listeners=(sources, self._forecaster, self._prices, self._snapshots, self._accuracy),
            on_trouble=self._on_store_trouble,
            on_storing=self._snapshots.storing,
            clock_steps=ClockSteps(self._clock),
            run_guarded=self._supervisor.run_guarded,
            metrics=self._metrics,
            price=self._prices.price,
            foresee=self._forecaster.foresee,
        )
        self._unsubscribe = self._in_force.subscribe(self._take_settings)
        self._live.show(self._snapshots.snapshot())
        for name, part in (
            ("pipeline", self._drive),
            ("inquirer", self._answering.run),
            ("present", self._snapshots.run),
            ("sight", self._visibility.run),
            ("pulse", self._pulse.run),
            ("memory", self._memory.run),
            ("accuracy", self._accuracy.run),
            ("reconcile", self._reconcile),
            ("operator", self._follow_operator),
            ("forecast table", self._set_forecast_table),
            ("learning", self._recalibrator().run),
            ("retention", self._retain),
            *self._nightly(),
            ("disk", self._disk.run),
            *((("alerts", self._alerts.run),) if self._alerts is not None else ()),
            *((("mqtt", self._beside.run),) if self._beside is not None else ()),
            *sources.parts,
        ):
            self._supervisor.start(name, part)

    async def forecasts(self) -> None:
        """Wait until forecasts can be made. Whatever loads the processor after `start` should wait for it."""
        await self._table_tried.wait()

    def _kept(self) -> list[Kept]:
        whales = Kept(
            name="whales",
            prune=self.store.prune,
            oldest=self.store.oldest,
            keep=lambda: timedelta(days=self._in_force.current.retention_days),
        )
        if (alerts := self._alerts) is None:
            return [whales]
        sent = Kept(name="alerts", prune=alerts.prune, oldest=alerts.oldest, keep=lambda: alerts.keep)
        return [whales, sent]

    async def _retain(self) -> None:
        """Bring what an older Spout wrote up to date first: what is forgotten must have been added up."""
        while True:
            try:
                while await self.store.backfill():
                    await self._clock.sleep(BACKFILL_EVERY_SECONDS)
                break
            except StoreError as error:
                _log.warning("an older history is not up to date yet", reason=str(error))
                await self._clock.sleep(RECONCILE_EVERY_SECONDS)
        await self._retention.run()

    async def endpoint_given_up(self, endpoint_id: str, name: str, because: str) -> None:
        """Emit an observation, so that the event is numbered, stored and published like any other."""
        await self._inbox.emit_one(EndpointGivenUp(endpoint_id=endpoint_id, name=name, because=because))

    def working(self) -> bool:
        """Return whether detection works: at least one source is visible and the store accepts writes."""
        return self._store_error is None and self._live.snapshot.level is not Level.BLIND

    async def close(self) -> None:
        """Stop the tasks, then close the store; a write already handed to the database is completed."""
        self._unsubscribe()
        await self._supervisor.stop()
        if self._sources is not None:
            await self._sources.close()
        if self._opened is not None:
            await self._opened.database.close()

    def _nightly(self) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
        if (safekeeping := self._safekeeping) is None:
            return ()
        return (("backup", lambda: safekeeping.nightly(self.database, lambda: self.store.last_sequence)),)

    async def _drive(self) -> None:
        while True:
            observations = await self._inbox.next()
            if await self._pipeline.take(observations, self._inbox.arrived_at):
                await self._inbox.committed()

    async def _reconcile(self) -> None:
        while True:
            await self._clock.sleep(RECONCILE_EVERY_SECONDS)
            self._answering.ask(AskMempool("every few minutes"))

    async def _follow_operator(self) -> None:
        """Apply what `spout labels` and `spout settings` change in another process, within a second."""
        while True:
            await self._clock.sleep(OPERATOR_EVERY_SECONDS)
            await self.labels.refresh(self._label_store)
            await self._own_settings.refresh()

    def _take_settings(self, settings: Settings) -> None:
        self._live.show(self._snapshots.snapshot())  # a changed currency is in force on return
        before, threshold = self.tracker.threshold, settings.whale_threshold_sat
        if threshold == before:
            return
        self.tracker.set_threshold(threshold)
        if self._sources is not None:
            self._sources.set_threshold(threshold)
        if threshold < before:
            self._seen_txids.clear()
            self._answering.ask(AskMempool("the threshold is lower"))
        _log.info("threshold changed", before=before, now=threshold)

    async def _set_forecast_table(self) -> None:
        """Build the passage table in a thread: it takes half a second of processor time."""
        loop = asyncio.get_running_loop()
        try:
            self._forecaster.set_table(await loop.run_in_executor(None, default_table))
        finally:
            self._table_tried.set()
        if (queue := self._snapshots.queue) is not None:
            await self._inbox.emit_one(queue)  # triggers forecasts at once; the next queue may take long

    def _recalibrator(self) -> Recalibrator:
        return Recalibrator(
            of_detected=self.store.of_detected,
            first_detected=self.store.first_detected,
            tip=lambda: self.tracker.chain.tip,
            adopt=self._forecaster.recalibrate,
            clock=self._clock,
        )

    async def _keep_transition(self, transition: Transition) -> None:
        now = transition.now
        _log.info(
            "visibility changed", visibility=now.level.value, since=now.since.isoformat(), reason=now.reason
        )
        try:
            await self.transitions.append(now)
        except StoreError as error:
            _log.warning("a transition could not be kept", error=str(error))

    def _on_store_trouble(self, error: StoreError | None) -> None:
        self._store_error = None if error is None else str(error)
        if error is None:
            self._snapshots.settle("store")
            _log.info("store works again")
            return
        words = f"Nothing can be stored, so nothing new is told: {error}"
        self._snapshots.notice(Notice(code="store", words=words, since=self._clock.now()))
        _log.error("store refuses", error=str(error))

    def _standing(self) -> tuple[Notice, ...]:
        return (
            *self._visibility.notices(),
            *self._memory.notices(self.tracker.unloaded),
            *self._supervisor.notices(),
            *self._retention.notices(),
            *self._disk.notices(),
            *(self._safekeeping.notices() if self._safekeeping is not None else ()),
            *(self._alerts.notices() if self._alerts is not None else ()),
            *(self._beside.notices() if self._beside is not None else ()),
            *(self._sources.notices(self._clock.now()) if self._sources is not None else ()),
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
        memory = self._memory.component(self.tracker.unloaded)
        reported = self._sources.components() if self._sources is not None else ()
        named = {one.name for one in reported}
        rest = off([name for name in ("electrs", "bitcoind") if name not in named], since)
        notifiers = (self._alerts.component(),) if self._alerts is not None else off(("notifiers",), since)
        return (database, *reported, *rest, memory, *notifiers, self._accuracy.component())
