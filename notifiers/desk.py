"""What the API and the command line ask of endpoints and deliveries."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.api.models import (
    DeliveryPage,
    Endpoint,
    EndpointChange,
    EndpointKind,
    EndpointPreview,
    EndpointTest,
    NewEndpoint,
    Preview,
    WhaleAlerts,
)
from app.clock import Clock
from app.core.alerts import DueRate, Policy, Style, Watch, report_start
from app.core.events import Event
from app.errors import StoreError
from app.store import MOST_EVENTS
from app.views import DeliveryQuery
from notifiers import intake, previewing, states, trying
from notifiers.called_hosts import CalledHost
from notifiers.delivery_history import DeliveryHistory
from notifiers.dialler import Dialler
from notifiers.directory import Directory, Stored
from notifiers.event_log import EventLog
from notifiers.lanes import Lanes
from notifiers.messages import a_test, message_of
from notifiers.model import AttemptOutcome, Target
from notifiers.outbox import Outbox
from notifiers.policies import policy_of, style_of, watch_of
from notifiers.postroom import Postroom
from notifiers.roster import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskParts:
    """What it works with; `zone` is the operator's time zone now, `explorer` the operator's own."""

    directory: Directory
    dialler: Dialler
    clock: Clock
    postroom: Postroom
    zone: Callable[[], ZoneInfo]
    explorer: str | None


class Desk:
    """Adds, changes, tests and removes endpoints, for API and command line.

    `Alerts` gives it the running outbox; in a command there is none, so figures and deliveries stay empty.
    """

    def __init__(self, parts: DeskParts, lanes: Lanes) -> None:
        self._directory = parts.directory
        self._dialler = parts.dialler
        self._clock = parts.clock
        self._postroom = parts.postroom
        self._explorer = parts.explorer
        self._lanes = lanes
        self._roster = Roster(parts.directory, lanes, parts.zone)
        self._outbox: Outbox | None = None
        self._log: EventLog | None = None

    async def listed(self) -> list[Endpoint]:
        await self._roster.reload()
        found = await self._figures()
        return [self._shown(stored, found) for stored in self._roster.endpoints]

    async def one(self, endpoint_id: str) -> Endpoint | None:
        await self._roster.reload()
        return await self._reported(self._roster.find(endpoint_id))

    async def add(self, new: NewEndpoint) -> Endpoint:
        """Keep an endpoint; a webhook's secret stands in the answer, once.

        An Apprise URL with several targets becomes an endpoint for each; the first one is returned.

        Raises:
            EndpointError, TargetRefusedError: saying what is wrong with it.
        """
        settings = intake.settings_of(new)
        targets = await trying.targets_of(new, self._dialler)
        kept = await self._directory.add(targets, settings, enabled=new.enabled, at=self._clock.now())
        await self._roster.reload()
        secret = targets[0].signing[0].text if targets[0].signing else None
        return self._shown(kept[0], {}, secret)

    async def change(self, endpoint_id: str, change: EndpointChange) -> Endpoint | None:
        """Change what is named; None if there is no such endpoint.

        Raises:
            EndpointError, TargetRefusedError: saying what is wrong with it.
        """
        before = await self._directory.one(endpoint_id)
        if before is None or before.id != endpoint_id:
            return None
        after = intake.changed(before, change)
        if after.target is not None and after.target != before.target:
            await trying.check(after.target, self._dialler)
        stored = await self._directory.change(endpoint_id, lambda stored: intake.changed(stored, change))
        await self._roster.reload()
        leads_elsewhere = before.target and after.target and not after.target.is_same_place(before.target)
        if change.enabled or leads_elsewhere:
            await self._begin_anew(endpoint_id)
        return await self._reported(stored)

    async def rotate(self, endpoint_id: str, overlap_seconds: int) -> Endpoint | None:
        """Give a webhook a new secret; it stands in the answer, once.

        Raises:
            EndpointError: if it is none.
        """
        overlap, now = timedelta(seconds=overlap_seconds), self._clock.now()
        stored = await self._directory.change(
            endpoint_id, lambda stored: intake.rotated(stored, overlap, now)
        )
        if stored is None or stored.target is None:
            return None
        await self._roster.reload()
        return self._shown(stored, await self._figures(), stored.target.signing[0].text)

    async def remove(self, endpoint_id: str) -> str | None:
        """Remove an endpoint and drop what waits for it; return its name, None if there is no such one."""
        removed = await self._directory.remove(endpoint_id)
        await self._roster.reload()
        if removed is not None and self._outbox is not None:
            await self._outbox.drop_strangers(self._roster.ids)
        return removed

    async def test(self, endpoint_id: str) -> EndpointTest | None:
        """Send a test to an endpoint now, disabled or not; None if there is none."""
        await self._roster.reload()
        stored = self._roster.find(endpoint_id)
        if stored is None:
            return None
        if stored.target is None:
            return EndpointTest(delivered=False, status_code=None, ms=None, error=stored.disabled_because)
        if self._log is None or self._outbox is None or stored.kind is EndpointKind.HEARTBEAT:
            return trying.tested(await self._try(stored.target))
        return trying.tested(await self._try_numbered(stored, stored.target, self._log, self._outbox))

    async def find(self, id_or_name: str) -> str | None:
        """The id of the endpoint that has this id or name."""
        found = await self._directory.one(id_or_name)
        return found.id if found else None

    async def test_named(self, id_or_name: str) -> EndpointTest | None:
        """As `test`, for a command line."""
        found = await self.find(id_or_name)
        return await self.test(found) if found else None

    async def test_new(self, new: NewEndpoint) -> EndpointTest:
        """Send a test to an endpoint that is not kept.

        Raises:
            EndpointError, TargetRefusedError: saying what is wrong with it.
        """
        return trying.tested(await self._try((await trying.targets_of(new, self._dialler))[0]))

    async def preview(self, draft: EndpointPreview) -> Preview:
        """Say what an endpoint of these rules would have sent in the last 7 and 30 days."""
        settings, zone, now = intake.previewed(draft), self._roster.zone(), self._clock.now()
        # A mute is no part of what rules would have sent: it ends by itself.
        policy = replace(policy_of(draft.kind, settings, zone), muted_until=None)
        watch = watch_of(settings)
        drafted = previewing.Draft(
            policy=policy,
            style=self._style(settings),
            leaving=self._roster.router.routes.leaving,
            watch=watch,
            rates=await self._last_rate(policy, watch, now),
        )
        events = await self._previewed(drafted, now - previewing.READ)
        return await asyncio.get_running_loop().run_in_executor(
            None, previewing.preview, drafted, events, now
        )

    async def deliveries(self, query: DeliveryQuery) -> DeliveryPage:
        return await self._open_history().page(query)

    async def redeliver(self, delivery_id: str) -> tuple[str, int] | None:
        return await self._open_history().redeliver(delivery_id)

    async def redeliver_since(self, endpoint_id: str, since: datetime) -> int:
        return await self._open_history().redeliver_since(endpoint_id, since)

    async def why(self, txid: str) -> WhaleAlerts | None:
        return await self._open_history().why(txid)

    async def called_by_mqtt(self, host: str) -> None:
        """Keep that MQTT calls a host: it counts as called, like an alert's."""
        await self._keep_called((host,), "mqtt")

    async def hosts(self) -> list[tuple[str, str, datetime]]:
        """Every host that was ever called; empty before the first."""
        if self._outbox is not None:
            await self._outbox.hosts()
        await self._roster.read_called()
        return list(self.called())

    def called(self) -> tuple[CalledHost, ...]:
        """The same, as far as this run has read it."""
        running = self._outbox.called_hosts if self._outbox is not None else ()
        first: dict[tuple[str, str], datetime] = {}
        for host, used_for, at in (*running, *self._roster.called_beside):
            first[host, used_for] = min(at, first.get((host, used_for), at))
        return tuple((host, used_for, at) for (host, used_for), at in sorted(first.items()))

    def _open_outbox(self) -> Outbox:
        if self._outbox is None:
            raise StoreError("there are no deliveries yet: a demo sends nothing")
        return self._outbox

    async def _begin_anew(self, endpoint_id: str) -> None:
        if self._outbox is not None:
            await self._outbox.forget_progress(endpoint_id)
        self._lanes.begin_anew(endpoint_id)

    def _open_history(self) -> DeliveryHistory:
        return DeliveryHistory(
            self._roster, self._lanes, self._clock, outbox=self._open_outbox(), log=self._open_log()
        )

    def _open_log(self) -> EventLog:
        if self._log is None:
            raise StoreError("there is no history of alerts yet: a demo sends nothing")
        return self._log

    async def _try(self, target: Target) -> AttemptOutcome:
        """Send a test of which nothing is kept but the host that was called."""
        latest = self._log.last_sequence if self._log is not None else 0
        outcome = await self._postroom.send(target, a_test(self._clock.now(), latest, self._roster.zone()))
        await self._keep_called(outcome.hosts, "alerts")
        return outcome

    async def _keep_called(self, hosts: tuple[str, ...], used_for: str) -> None:
        if self._outbox is not None:
            await self._outbox.called(hosts, self._clock.now(), used_for)
        else:
            await self._directory.keep_called(hosts, used_for, self._clock.now())

    async def _try_numbered(
        self, stored: Stored, target: Target, log: EventLog, outbox: Outbox
    ) -> AttemptOutcome:
        """Send a test that is an event like others, and stands among the deliveries."""
        (event,) = await log.append([trying.happening(stored.id, self._clock.now())], ())
        outcome = await self._postroom.send(target, message_of(event, self._style(stored.settings)))
        progress = self._lanes.progress_of(stored.id)
        await outbox.record(trying.attempted(event, stored.id, outcome, progress, self._clock.now()))
        return outcome

    async def _previewed(self, draft: previewing.Draft, start: datetime) -> tuple[Event, ...]:
        """The history that a draft is tried on; where revised forecasts are too many, what else there is."""
        if self._log is None:
            return ()  # the demo has no history of a node: it sends nothing, and would have sent nothing
        types, needed = previewing.types_of(draft)
        events = await self._log.events_since(start, types)
        if len(events) < MOST_EVENTS or types == needed:
            return events
        return await self._log.events_since(start, needed)

    async def _last_rate(self, policy: Policy, watch: Watch | None, now: datetime) -> dict[datetime, DueRate]:
        """How right forecasts were in the last report's period, if there would have been one."""
        end = previewing.last_report(policy, watch, now)
        if end is None or watch is None or watch.report is None or self._outbox is None:
            return {}
        figures = await self._outbox.figures(report_start(watch.report, policy.zone, end), end)
        return {end: DueRate(due=figures.n, hit_rate=figures.hit_rate)}

    async def _figures(self) -> dict[str, states.EndpointFigures]:
        if self._outbox is None:
            return {}
        now = self._clock.now()
        return await self._outbox.read(lambda connection: states.figures(connection, now))

    async def _reported(self, stored: Stored | None) -> Endpoint | None:
        return None if stored is None else self._shown(stored, await self._figures())

    def _shown(
        self, stored: Stored, found: dict[str, states.EndpointFigures], secret: str | None = None
    ) -> Endpoint:
        progress = self._lanes.progress_of(stored.id)
        state = states.state(
            found.get(stored.id, states.EndpointFigures()),
            progress,
            stored.disabled_because,
            self._clock.now(),
        )
        return intake.shown(stored, state, secret)

    def _style(self, settings: Mapping[str, Any]) -> Style:
        return style_of(settings, self._roster.zone(), self._explorer)
