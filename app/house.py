"""The composition root: settings -> parts -> run -> close in reverse."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime
from importlib import metadata, resources
from pathlib import Path

import structlog

from app import logs
from app.bus import Bus
from app.clock import Clock
from app.core.classification import Party
from app.core.events import Event
from app.core.ladder import Footing
from app.core.prediction import Prediction
from app.core.units import Script
from app.engine import Engine
from app.errors import StoreError
from app.metrics import Metrics
from app.server import Server
from app.settings import Settings, Source
from app.source.choose import Surroundings, answers_at, demo_sources, sources_of
from app.source.examined import Examined
from app.source.mempool_ws import Tell
from app.source.sources import Sources
from app.store.keys import KeyStore
from app.store.labels import LabelStore
from app.store.operator_file import OpenedOperator, open_operator
from app.views import History, Live, PredictionPage, PredictionQuery, Snapshot
from app.web.bundle import PagesBundle
from app.web.sockets import LoginRequiredWebSocket
from dashboard.log_tail import LogTail

DEMO_AFTER_SECONDS = 3.0
"""With no node configured, the default address gets so long to answer before the demo begins."""
LOOK_FOR_NODE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class House:
    """Brings the parts up one after the other, while the port already answers."""

    def __init__(self, settings: Settings, server: Server, clock: Clock) -> None:
        self._settings = settings
        self._server = server
        self._clock = clock
        self._bus: Bus[Event] = Bus()
        self._live = Live(
            Snapshot(
                version=0,
                made_at=clock.now(),
                started_at=clock.now(),
                memory_limit_mb=settings.memory_limit_mb,
            )
        )
        self._log_tail = LogTail()
        self._operator: OpenedOperator | None = None
        self._engine: Engine | None = None
        self._opened: Engine | None = None
        """The engine whose database is open: between the demo and the node there is none for a moment."""

    async def live(self) -> None:
        """Come up, then watch until cancelled.

        Raises:
            StoreError: if the data directory cannot be used.
        """
        logs.configure(self._settings.log_level, self._settings.log_format)
        logging.getLogger().addHandler(self._log_tail)
        await self._server.mount_api(live=self._live, bus=self._bus, metrics=Metrics())
        self._operator = await open_operator(self._settings.data_dir, at=self._clock.now())
        demo = await self._plays_demo()
        await self._watch(demo=demo)
        await self._server.mount_pages(self._load_pages)
        _log.info("pages ready", url=self._server.url, demo=demo)
        if demo and self._settings.source is Source.AUTO:
            await self._node_appears()
            await self._watch(demo=False)
        await asyncio.Event().wait()

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.close()
        if self._operator is not None:
            await self._operator.file.close()

    async def _plays_demo(self) -> bool:
        settings = self._settings
        if settings.source is not Source.AUTO or settings.source_configured:
            return settings.source is Source.DEMO
        return not await answers_at(settings.mempool_url, DEMO_AFTER_SECONDS)

    async def _node_appears(self) -> None:
        while not await answers_at(self._settings.mempool_url, LOOK_FOR_NODE_SECONDS):
            await self._clock.sleep(LOOK_FOR_NODE_SECONDS)
        _log.info("a node answers, so the demo ends", url=self._settings.mempool_url.masked)

    async def _watch(self, *, demo: bool) -> None:
        """Begin with a node or with the demo; each has a store of its own."""
        if self._operator is None:
            raise RuntimeError("the operator's file comes first")
        if self._engine is not None:
            await self._engine.close()
        engine = Engine(
            settings=self._settings,
            live=self._live,
            bus=self._bus,
            clock=self._clock,
            labels=LabelStore(self._operator.file),
            demo=demo,
        )
        self._engine, self._opened = engine, None
        store = await engine.open()
        self._opened = engine
        self._server.attach(store, KeyStore(self._operator.file), LabelStore(self._operator.file))
        engine.start(self._demo if demo else self._node, self._operator.notices)

    def _node(self, tell: Tell, examined: Examined) -> Sources:
        return sources_of(self._settings, self._around(tell, examined))

    def _demo(self, tell: Tell, examined: Examined) -> Sources:
        room = Path(str(resources.files("app.data")))
        return demo_sources(room, self._settings, self._around(tell, examined))

    def _around(self, tell: Tell, examined: Examined) -> Surroundings:
        return Surroundings(tell=tell, examined=examined, clock=self._clock, jitter=random.random)

    def _load_pages(self) -> Callable[[], PagesBundle]:
        """Import them (off the loop); what is returned builds them (on it)."""
        from dashboard.pages import PageOptions, build  # noqa: PLC0415 - Panel takes a second to import

        options = PageOptions(
            version=metadata.version("spout"),
            explorer_url=self._settings.mempool_app_url,
            threshold_sat=self._settings.whale_threshold_sat,
            door=LoginRequiredWebSocket,
            label_of=self._label_of,
            sight_between=self._sight_between,
            log=self._log_tail,
        )
        return lambda: build(self._live, CurrentHistory(self._store), options)

    def _store(self) -> History:
        return self._open_engine().store

    async def _sight_between(self, start: datetime, end: datetime) -> tuple[Footing, ...]:
        return await self._open_engine().transitions.between(start, end)

    def _open_engine(self) -> Engine:
        if self._opened is None:
            raise StoreError("the database is not open yet")
        return self._opened

    def _label_of(self, script: str) -> Party | None:
        label = self._engine.labels.entities.find(Script(script)) if self._engine else None
        if label is None:
            return None
        return Party(
            name=label.entity,
            kind=label.kind,
            basis=label.basis,
            group=label.group,
            labelled_at=label.created_at,
        )


class CurrentHistory:
    """The history of what is watched now: the demo's first, a node's once one answers."""

    def __init__(self, current: Callable[[], History]) -> None:
        self._current = current

    async def page(self, query: PredictionQuery) -> PredictionPage:
        return await self._current().page(query)

    async def one(self, txid: str) -> Prediction | None:
        return await self._current().one(txid)

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        return await self._current().events_after(sequence, limit)

    async def events_of(self, prediction_id: str) -> tuple[Event, ...]:
        return await self._current().events_of(prediction_id)
