"""Looks after what endpoints watch besides whales; what crosses a limit is an event for that endpoint."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import structlog

from app.api.models import signal_of
from app.clock import Clock
from app.core.alerts import (
    Moving,
    Watch,
    Watched,
    asked_anew,
    fees_crossed,
    flow_crossed,
    masked,
    moving,
    net_flow_sat,
    report_due,
    report_facts,
    report_start,
)
from app.core.events import EventType, Happening
from app.errors import StoreError
from app.store import Connection
from notifiers.event_log import EventLog
from notifiers.outbox import Outbox
from notifiers.routes import RoutedEndpoint, Routes
from notifiers.routing import Router

LOOK_SECONDS: Final = 5.0
FLOW_SECONDS: Final = 60.0
SLICE: Final = timedelta(hours=6)
"""Of a report's time, read at once: of a week's whales one read may take too long."""
_log = structlog.get_logger(__name__)


class WatchChanges:
    """What the operator changed of what endpoints watch, until the watcher looks next."""

    def __init__(self) -> None:
        self._changes: dict[str, list[tuple[Watch | None, Watch | None]]] = {}

    def note(self, before: Routes, after: Routes) -> None:
        """Note each endpoint that watches something else from now on, or was not sent to before."""
        watched = {route.id: route.watch for route in before.each}
        for route in after.each:
            if route.watch != watched.get(route.id):
                self._changes.setdefault(route.id, []).append((watched.get(route.id), route.watch))

    def applied(self, endpoint_id: str, watched: Watched) -> Watched:
        """Return what is remembered of an endpoint after these changes, once."""
        for before, after in self._changes.pop(endpoint_id, ()):
            watched = asked_anew(watched, before, after)
        return watched


class Watcher:
    def __init__(
        self,
        router: Router,
        outbox: Outbox,
        log: EventLog,
        clock: Clock,
        fee: Callable[[], float | None],
        ring: Callable[[], None],
        changes: WatchChanges,
    ) -> None:
        """`fee`: of the next block now, sat/vB; None while it is unknown."""
        self._changes = changes
        self._router = router
        self._outbox = outbox
        self._log = log
        self._clock = clock
        self._fee = fee
        self._ring = ring
        self._known: dict[str, Watched] = {}
        self._flows_at: float | None = None

    async def run(self) -> None:
        """Until cancelled; what the store refuses is tried again."""
        self._known = await self._outbox.read(_kept)
        while True:
            try:
                await self.look()
            except StoreError as error:
                _log.warning("what is watched cannot be kept", error=str(error))
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once at everything that is watched."""
        watching = [route for route in self._router.routes.each if route.watch is not None]
        if not watching:
            return
        at = self._clock.monotonic()
        flows = self._flows_at is None or at - self._flows_at >= FLOW_SECONDS
        for route in watching:
            if route.watch is not None:
                await self._look_for(route, route.watch, flows=flows)
        if flows:
            self._flows_at = at

    async def _look_for(self, route: RoutedEndpoint, watch: Watch, *, flows: bool) -> None:
        before = self._known.get(route.id, Watched())
        after, found = self._changes.applied(route.id, before), list[tuple[EventType, dict[str, Any]]]()
        if (rate := self._fee()) is not None:
            crossed, facts = fees_crossed(watch, after.crossed, rate)
            after = replace(after, crossed=crossed)
            found += [(EventType.FEES_CROSSED, one) for one in facts]
        if flows:
            for flow in watch.net_flow:
                whales = await self._since(timedelta(hours=flow.hours))
                net = net_flow_sat(whales.values(), flow.entity)
                crossed, facts = flow_crossed(flow, after.crossed, net)
                after = replace(after, crossed=crossed)
                found += [(EventType.FLOW_CROSSED, one) for one in facts]
        after, reports = await self._reports(route, watch, after)
        await self._publish(route, [*found, *reports])
        if after != before:
            await self._outbox.write(lambda connection: _keep(connection, route.id, after))
            self._known[route.id] = after

    async def _reports(
        self, route: RoutedEndpoint, watch: Watch, known: Watched
    ) -> tuple[Watched, list[tuple[EventType, dict[str, Any]]]]:
        now, report = self._clock.now(), watch.report
        if report is None:
            return known, []
        if known.reported_until is None:
            return replace(known, reported_until=now), []  # the first period begins now
        end = report_due(report, route.policy.zone, known.reported_until, now)
        if end is None:
            return known, []
        start = report_start(report, route.policy.zone, end)
        whales = await self._moving(start, end)
        largest = max(whales, key=lambda one: whales[one].moved_sat, default=None)
        found = None if largest is None else await self._log.one(largest)
        routes = self._router.routes
        bodies = [] if found is None else [masked(signal_of(found).body(), routes.public, routes.own)]
        figures = await self._outbox.figures(start, end)
        facts = report_facts(
            tuple(whales.values()),
            bodies,
            start=start,
            end=end,
            zone=route.policy.zone,
            due=figures.n,
            hit_rate=figures.hit_rate,
        )
        return replace(known, reported_until=end), [(EventType.REPORT_PERIODIC, facts)]

    async def _since(self, span: timedelta) -> dict[str, Moving]:
        now = self._clock.now()
        return await self._moving(now - span, now + timedelta(seconds=1))

    async def _moving(self, start: datetime, end: datetime) -> dict[str, Moving]:
        """Return what each whale first seen in [start, end) counts for, by its id."""
        found: dict[str, Moving] = {}
        while start < end:
            until = min(start + SLICE, end)
            found |= await self._log.of_detected(
                start, until, lambda one: ((one.prediction_id, moving(one)),)
            )
            start = until
        return found

    async def _publish(
        self, route: RoutedEndpoint, found: Sequence[tuple[EventType, dict[str, Any]]]
    ) -> None:
        now: datetime = self._clock.now()
        happenings = [
            Happening(type=type_, at=now, facts={"endpoint_id": route.id, **facts}) for type_, facts in found
        ]
        if happenings:
            await self._log.append(happenings, ())
            self._ring()


def _kept(connection: Connection) -> dict[str, Watched]:
    rows = connection.execute("SELECT endpoint_id, state FROM alert_watch").fetchall()
    return {endpoint_id: msgspec.json.decode(state, type=Watched) for endpoint_id, state in rows}


def _keep(connection: Connection, endpoint_id: str, state: Watched) -> None:
    connection.execute("DELETE FROM alert_watch WHERE endpoint_id = ?", [endpoint_id])
    encoded = msgspec.json.encode(state).decode()
    connection.execute("INSERT INTO alert_watch VALUES (?, ?)", [endpoint_id, encoded])
