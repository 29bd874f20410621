"""Alerts of a running Spout: the rider in the store's transaction, dispatcher, watches, heartbeats."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from app.api.models import EndpointKind
from app.bus import Bus
from app.clock import Clock
from app.core.alerts import silent
from app.core.events import Event
from app.core.units import counted
from app.errors import StoreError
from app.store import Connection, Database
from app.views import Component, ComponentStatus, Notice
from notifiers.attempts import CountAttempt
from notifiers.desk import Desk, DeskParts
from notifiers.dialler import Dialler
from notifiers.directory import Directory, Stored
from notifiers.dispatcher import is_late
from notifiers.event_log import EventLog
from notifiers.lanes import LaneParts, Lanes
from notifiers.messages import compose
from notifiers.model import Message
from notifiers.outbox import KEPT, Outbox
from notifiers.policies import policy_of
from notifiers.postroom import Postroom
from notifiers.timekeeper import Timekeeper
from notifiers.waiting import WaitingDelivery
from notifiers.watcher import Watcher

FOLLOW_SECONDS: Final = 1.0
"""How soon a change by the command line holds."""
NOTICE_STANDS: Final = timedelta(days=1)
_UTC: Final = ZoneInfo("UTC")
_log = structlog.get_logger(__name__)


class Alerts(Desk):
    """Endpoints, deliveries and the lanes that send them. While a demo plays nothing is written or sent."""

    def __init__(
        self,
        *,
        directory: Directory,
        dialler: Dialler,
        clock: Clock,
        bus: Bus[Event],
        jitter: Callable[[], float],
        working: Callable[[], bool] = lambda: True,
        disabled: Callable[[str, str, str], Awaitable[None]] | None = None,
        attempted: CountAttempt | None = None,
        zone: Callable[[], ZoneInfo] = lambda: _UTC,
        explorer: str | None = None,
        fee: Callable[[], float | None] = lambda: None,
        note: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """`working`: whether detection does, for heartbeats; `disabled` tells of an endpoint given up.

        `note` writes what was changed without the operator into the audit log.

        `zone` is the operator's time zone now; `explorer` the address of the operator's own; `fee` that of
        the next block, sat/vB.
        """
        self._bus = bus
        self._disabled = disabled
        self._attempted = attempted
        self._fee = fee
        self._note = note
        self._migrated: dict[str, Notice] = {}
        postroom = Postroom(dialler, clock)
        lanes = Lanes(
            LaneParts(
                postroom=postroom,
                clock=clock,
                jitter=jitter,
                compose=self._compose,
                disable=self._disable,
                migrate=self._migrate,
                working=working,
            )
        )
        parts = DeskParts(
            directory=directory,
            dialler=dialler,
            clock=clock,
            postroom=postroom,
            zone=zone,
            explorer=explorer,
        )
        super().__init__(parts, lanes)
        self._began = self._since = clock.now()
        self._status = ComponentStatus.OFF

    # What the engine and the composition use.

    async def open(self) -> None:
        """Read the endpoints; before the first event."""
        await self._roster.reload()

    def ride(self, events: tuple[Event, ...]) -> Callable[[Connection], None] | None:
        """Return what writes the deliveries of these events, in their transaction; on DuckDB's thread."""
        return self._roster.router.ride(events)

    def attach(self, database: Database, log: EventLog) -> None:
        """The node's database is open; `log` numbers events and has those of before."""
        self._outbox, self._log = Outbox(database, self._attempted), log
        self._roster.start_anew()

    @property
    def keep(self) -> timedelta:
        """How long what was sent is kept."""
        return KEPT

    async def oldest(self) -> datetime | None:
        return await self._open_outbox().oldest()

    async def prune(self, before: datetime) -> int:
        """Forget what was sent; whoever calls knows that the clock is right (`app.engine`)."""
        return await self._open_outbox().prune(before)

    def notices(self) -> tuple[Notice, ...]:
        """What was changed without the operator in the last day."""
        now = self._clock.now()
        return tuple(one for one in self._migrated.values() if now - one.since < NOTICE_STANDS)

    async def run(self) -> None:
        """Send what waits and what comes, until cancelled."""
        outbox, log = self._open_outbox(), self._open_log()
        await outbox.forget_tests()
        await outbox.write(lambda connection: self._roster.router.postpone_losses(connection, self._began))
        await outbox.hosts()
        self._lanes.begin(await outbox.progress())
        self._roster.forget()
        watcher = Watcher(
            self._roster.router,
            outbox,
            log,
            self._clock,
            self._fee,
            self._lanes.ring,
            self._roster.watch_changes,
        )
        timekeeper = Timekeeper(self._roster.router, outbox, log, self._clock, self._lanes.ring)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ring())
                group.create_task(self._follow(group))
                group.create_task(timekeeper.run())
                group.create_task(watcher.run())
        finally:
            await outbox.settle()
            self._lanes.clear()

    def close(self) -> None:
        self._postroom.close()
        self._dialler.close()

    def component(self) -> Component:
        """The line of health named notifiers."""
        troubles = [words for stored in self._roster.endpoints if (words := self._trouble(stored))]
        active = sum(stored.active for stored in self._roster.endpoints)
        status = ComponentStatus.OK if active else ComponentStatus.OFF
        if troubles:
            status = ComponentStatus.DEGRADED
        if status is not self._status:
            self._status, self._since = status, self._clock.now()
        return Component(
            name="notifiers",
            status=status,
            since=self._since,
            error="; ".join(troubles[:3]) or None,
            detail=_senders(active, len(self._roster.endpoints)),
        )

    # Inside.

    async def _ring(self) -> None:
        with self._bus.subscribe(capacity=1) as bell:
            async for _ in bell:
                self._lanes.ring()

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        """Keep a lane for each endpoint; what waits for one that is gone is dropped, whoever removed it."""
        outbox = self._open_outbox()
        swept: frozenset[str] | None = None
        while True:
            try:
                await self._roster.reload()
                self._lanes.arrange(self._roster.endpoints, outbox, group)
                known = self._roster.ids()
                if known != swept:
                    await outbox.drop_strangers(self._roster.ids)
                    swept = known
            except StoreError as error:
                _log.warning("endpoints cannot be followed", error=str(error))
            await self._clock.sleep(FOLLOW_SECONDS)

    def _compose(self, stored: Stored, delivery: WaitingDelivery) -> Message:
        style, leaving = self._style(stored.settings), self._roster.router.routes.leaving
        return compose(delivery, style, leaving, silent=self._silent(stored, delivery))

    def _silent(self, stored: Stored, delivery: WaitingDelivery) -> bool:
        """What was decided before a mute or quiet hours, and is sent within them; Telegram can be told so."""
        if stored.kind is not EndpointKind.TELEGRAM:
            return False
        policy = policy_of(stored.kind, stored.settings, self._roster.zone())
        return silent(policy, delivery.event_type, self._clock.now())

    async def _disable(self, endpoint_id: str, because: str) -> None:
        stored = await self._directory.disable(endpoint_id, because)
        await self._roster.reload()
        if stored is None:
            return
        _log.warning("endpoint disabled", endpoint=stored.name, because=because)
        if self._disabled is not None:
            await self._disabled(stored.id, stored.name, because)

    async def _migrate(self, endpoint_id: str, chat_id: str) -> None:
        """A Telegram group became a supergroup: its new chat is kept."""

        def moved(stored: Stored) -> Stored:
            target = stored.target
            if target is None or target.telegram is None:
                return stored
            return replace(stored, target=replace(target, telegram=replace(target.telegram, chat_id=chat_id)))

        stored = await self._directory.change(endpoint_id, moved)
        await self._roster.reload()
        if stored is None:
            return
        _log.warning("a telegram group became a supergroup: its new chat is kept", endpoint=stored.name)
        words = (
            f"The Telegram group of {stored.name} became a supergroup: "
            "its new chat is kept, and alerts go there"
        )
        self._migrated[endpoint_id] = Notice(code="telegram_moved", words=words, since=self._clock.now())
        if self._note is not None:
            await self._note(words)

    def _trouble(self, stored: Stored) -> str | None:
        if stored.disabled_because is not None:
            return f"{stored.name} is disabled: {stored.disabled_because}"
        progress = self._lanes.progress_of(stored.id)
        if stored.active and is_late(progress, self._clock.now()):
            since = progress.failing_since
            return f"{stored.name} has been failing since {since:%Y-%m-%d %H:%M} UTC" if since else None
        return None


def _senders(active: int, stored: int) -> str:
    if not stored:
        return "no endpoint yet"
    return f"{active} of {counted(stored, 'endpoint')} {'sends' if active == 1 else 'send'}"
