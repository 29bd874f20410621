"""The composition root: builds all parts from the settings, runs them, and closes them in reverse order."""

import asyncio
import gc
import logging
import random
from collections.abc import Callable
from datetime import datetime
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import structlog

import notifiers
from app import logs
from app.bus import Bus
from app.clock import Clock
from app.core.classification import Party
from app.core.events import Event
from app.core.prediction import Prediction
from app.core.units import Script
from app.core.visibility import Visibility
from app.engine import Engine, Safekeeping, give_back, restored_words
from app.errors import StoreError
from app.front_door import not_installed
from app.keyring import Keyring
from app.local import commands_served
from app.metrics import Metrics
from app.on_request import OnRequest
from app.redaction import Redactor
from app.server import Server
from app.settings import SHORTEST_PASSWORD, Settings, SettingsInForce, Source
from app.source import Emit, SeenTxids, Sources, Surroundings, answers_at, demo_sources, sources_of
from app.store import (
    BACKUP_PURPOSE,
    AuditLog,
    KeyStore,
    LabelStore,
    OpenedOperator,
    Prepared,
    SettingStore,
    open_operator,
)
from app.views import DayFlow, History, LiveSnapshot, PredictionPage, PredictionQuery, Snapshot
from app.web import LoginRequiredWebSocket, PagesBundle
from dashboard import LogTail
from notifiers import Alerts, drop_open, make_alerts

DEMO_AFTER_SECONDS = 3.0
"""Without a configured node, the default address has this long to answer before the demo begins."""
LOOK_FOR_NODE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class Composition:
    """Starts the parts one after the other, while the port already answers."""

    def __init__(self, settings: Settings, server: Server, clock: Clock, keyring: Keyring) -> None:
        self._settings = settings
        self._in_force = SettingsInForce(settings)
        self._server = server
        self._clock = clock
        self._keyring = keyring
        self._bus: Bus[Event] = Bus()
        self._metrics = Metrics()
        self._live = LiveSnapshot(
            Snapshot(
                version=0,
                made_at=clock.now(),
                started_at=clock.now(),
                demo=settings.source is Source.DEMO,
                memory_limit_mb=settings.memory_limit_mb,
            )
        )
        self._redactor = Redactor(settings.revealed())
        self._log_tail = LogTail(redactor=self._redactor)
        self._operator: OpenedOperator | None = None
        self._alerts: Alerts | None = None
        self._safekeeping: Safekeeping | None = None
        self._engine: Engine | None = None
        self._opened: Engine | None = None
        """The engine whose database is open; None for a moment between the demo and the node."""

    async def live(self) -> None:
        """Start everything, then run until cancelled.

        Raises:
            StoreError: if the data directory cannot be used.
        """
        logs.configure(self._settings.log_level, self._settings.log_format, redactor=self._redactor)
        logging.getLogger().addHandler(self._log_tail)
        if (password := self._settings.password) and len(password.reveal()) < SHORTEST_PASSWORD:
            _log.warning("SPOUT_PASSWORD is soon guessed", shorter_than=SHORTEST_PASSWORD)
        await self._server.mount_api(live=self._live, bus=self._bus, metrics=self._metrics)
        self._operator = await open_operator(self._settings.data_dir, at=self._clock.now(), owner=True)
        self._alerts = make_alerts(
            self._settings,
            self._keyring,
            self._operator.file,
            clock=self._clock,
            bus=self._bus,
            working=lambda: self._opened is not None and self._opened.working(),
            disabled=self._endpoint_given_up,
            zone=lambda: self._in_force.current.timezone,
            fee=self._next_block_fee,
            attempted=self._metrics.attempted,
        )
        self._safekeeping = Safekeeping(
            self._settings.data_dir,
            self._operator.file,
            key=self._keyring.derive(BACKUP_PURPOSE),
            finish=drop_open,
            clock=self._clock,
        )
        await asyncio.to_thread(self._safekeeping.clear)
        on_request = OnRequest(
            self._open_engine, self._safekeeping, self._put_in_place, self._alerts.test_named
        )
        async with commands_served(self._settings.data_dir, on_request.handlers()):
            await self._run()

    async def _run(self) -> None:
        demo = await self._plays_demo()
        await self._watch(demo=demo)
        # The first whale waits for its forecast: beside the imports of the pages the table takes far longer.
        await self._open_engine().forecasts()
        await self._server.mount_pages(self._load_pages)
        _log.info("pages ready", url=self._server.url, demo=demo)
        if demo and self._settings.source is Source.AUTO:
            await self._node_appears()
            await self._watch(demo=False)
        await asyncio.Event().wait()

    @property
    def snapshot(self) -> Snapshot:
        return self._live.snapshot

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.close()
        if self._alerts is not None:
            self._alerts.close()
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
        """Start with a node or with the demo; each has a store of its own."""
        if self._operator is None:
            raise RuntimeError("the operator's file comes first")
        if self._engine is not None:
            await self._engine.close()
        own_settings = SettingStore(self._operator.file, self._in_force, self._clock.now)
        engine = Engine(
            settings=self._in_force,
            live=self._live,
            bus=self._bus,
            clock=self._clock,
            labels=LabelStore(self._operator.file),
            own_settings=own_settings,
            demo=demo,
            alerts=None if demo else self._alerts,
            beside=None if demo else self._mqtt(),
            metrics=self._metrics,
            safekeeping=None if demo else self._safekeeping,
        )
        self._engine, self._opened = engine, None
        store = await engine.open()
        self._opened = engine
        file = self._operator.file
        self._server.attach(
            store,
            KeyStore(file),
            LabelStore(file),
            own_settings,
            self._alerts,
            engine.accounts,
            AuditLog(file),
            engine,
        )
        engine.start(self._demo if demo else self._node, self._operator.notices)

    async def _put_in_place(self, prepared: Prepared, trust: bool) -> dict[str, Any]:  # noqa: FBT001 - a callback
        """Stop the engine, put a restored database in place of its own, and start again."""
        engine, safekeeping = self._open_engine(), self._safekeeping
        if safekeeping is None:
            raise StoreError("the database is not open yet")
        self._opened = self._engine = None
        await engine.close()
        try:
            done, kept_out = await safekeeping.install(
                prepared, floor=engine.store.last_sequence, trust=trust
            )
        finally:
            await self._watch(demo=False)
        return {"words": restored_words(done, kept_out)}

    def _next_block_fee(self) -> float | None:
        fees = self._live.snapshot.fees
        return None if fees is None else fees.fastest

    def _mqtt(self) -> "notifiers.Mqtt | None":
        url, alerts = self._settings.mqtt_url, self._alerts
        if url is None or alerts is None:
            return None
        # By its full name: the client is loaded for those who have a broker, not at every start.
        return notifiers.Mqtt(
            notifiers.Broker.parse(url, self._settings.ca_file),
            name=self._keyring.derive("mqtt")[:4].hex(),
            version=metadata.version("spout"),
            live=self._live,
            bus=self._bus,
            clock=self._clock,
            jitter=random.random,
            called=alerts.called_by_mqtt,
        )

    async def _endpoint_given_up(self, endpoint_id: str, name: str, because: str) -> None:
        if self._opened is not None:
            await self._opened.endpoint_given_up(endpoint_id, name, because)

    def _node(self, emit: Emit, seen_txids: SeenTxids) -> Sources:
        return sources_of(self._in_force.current, self._around(emit, seen_txids))

    def _demo(self, emit: Emit, seen_txids: SeenTxids) -> Sources:
        room = Path(str(resources.files("app.data")))
        return demo_sources(room, self._settings, self._around(emit, seen_txids))

    def _around(self, emit: Emit, seen_txids: SeenTxids) -> Surroundings:
        return Surroundings(
            emit=emit,
            seen_txids=seen_txids,
            clock=self._clock,
            jitter=random.random,
            metrics=self._metrics,
        )

    @not_installed("tqdm")  # Panel has a widget for it, which no page shows
    def _load_pages(self) -> Callable[[], PagesBundle]:
        """Import the pages (off the event loop); the returned function builds them (on it)."""
        from dashboard import PageOptions, build_pages  # noqa: PLC0415 - Panel takes a second to import

        # What was imported stays: 200,000 objects that every full collection walked, with all else waiting.
        gc.freeze()
        options = PageOptions(
            version=metadata.version("spout"),
            explorer_url=self._settings.mempool_app_url,
            threshold_sat=self._in_force.current.whale_threshold_sat,
            door=LoginRequiredWebSocket,
            label_of=self._label_of,
            visibility_between=self._visibility_between,
            log=self._log_tail,
            hosts=lambda: self._alerts.called() if self._alerts is not None else (),
            accounts=lambda: self._open_engine().accounts,
            accuracy_line=lambda: self._in_force.current.accuracy_alert_below,
            prepared=give_back,
        )
        return lambda: build_pages(self._live, CurrentHistory(self._store), options)

    def _store(self) -> History:
        return self._open_engine().store

    async def _visibility_between(self, start: datetime, end: datetime) -> tuple[Visibility, ...]:
        return await self._open_engine().transitions.between(start, end)

    def _open_engine(self) -> Engine:
        if self._opened is None:
            raise StoreError("the database is not open yet")
        return self._opened

    def _label_of(self, script: str) -> Party | None:
        label = self._engine.labels.entities.find(Script(script)) if self._engine else None
        return None if label is None else label.party


class CurrentHistory:
    """The history of the current engine: the demo's first, a node's once one answers."""

    def __init__(self, current: Callable[[], History]) -> None:
        self._current = current

    async def page(self, query: PredictionQuery) -> PredictionPage:
        return await self._current().page(query)

    async def flows(self, query: PredictionQuery) -> tuple[DayFlow, ...]:
        return await self._current().flows(query)

    async def one(self, txid: str) -> Prediction | None:
        return await self._current().one(txid)

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        return await self._current().events_after(sequence, limit)

    async def events_of(self, prediction_id: str) -> tuple[Event, ...]:
        return await self._current().events_of(prediction_id)
