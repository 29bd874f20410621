"""A lane for each endpoint, kept as the endpoints are; rung when something may wait."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from app.api.models import EndpointKind
from app.clock import Clock
from app.core.alerts import EndpointProgress, resumed
from app.errors import SpoutError
from notifiers.directory import Stored
from notifiers.dispatcher import Compose, Lane
from notifiers.heartbeat import beat
from notifiers.model import Target
from notifiers.outbox import Outbox
from notifiers.postroom import Postroom

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneParts:
    """What every lane is made with."""

    postroom: Postroom
    clock: Clock
    jitter: Callable[[], float]
    compose: Compose
    disable: Callable[[str, str], Awaitable[None]]
    migrate: Callable[[str, str], Awaitable[None]]
    working: Callable[[], bool]


class Lanes:
    def __init__(self, parts: LaneParts) -> None:
        self._parts = parts
        self._lanes: dict[str, Lane] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, EndpointProgress] = {}

    def begin(self, progress: dict[str, EndpointProgress]) -> None:
        """`progress`: how each endpoint fared when Spout stopped."""
        now = self._parts.clock.now()
        self._progress = {one: resumed(kept, now) for one, kept in progress.items()}

    def clear(self) -> None:
        self._lanes.clear()
        self._tasks.clear()

    def ring(self) -> None:
        for lane in tuple(self._lanes.values()):
            lane.ring()

    def look_again(self, endpoint_id: str | None) -> None:
        """An older delivery waits again."""
        if (lane := self._lanes.get(endpoint_id or "")) is not None:
            lane.change()

    def begin_anew(self, endpoint_id: str) -> None:
        """Its schedule begins anew, as when it is enabled again."""
        if (lane := self._lanes.get(endpoint_id)) is not None:
            lane.progress = EndpointProgress()
            lane.change()

    def changed(self, endpoints: Sequence[Stored]) -> None:
        """Tell the lanes; one whose endpoint was removed sends nothing more."""
        for gone in self._lanes.keys() - {stored.id for stored in endpoints}:
            self._lanes[gone].change(replace(self._lanes[gone].stored, enabled=False))
        for stored in endpoints:
            lane = self._lanes.get(stored.id)
            if lane is not None and lane.stored != stored:
                lane.change(stored)

    def progress_of(self, endpoint_id: str) -> EndpointProgress:
        lane = self._lanes.get(endpoint_id)
        return lane.progress if lane else self._progress.get(endpoint_id, EndpointProgress())

    def next_attempts(self, now: datetime) -> dict[str, datetime]:
        """When the head of each active endpoint's queue is tried."""
        return {
            lane.stored.id: max(lane.progress.next_attempt_at or now, now)
            for lane in self._lanes.values()
            if lane.stored.active
        }

    def arrange(self, endpoints: Sequence[Stored], outbox: Outbox, group: asyncio.TaskGroup) -> None:
        """A lane for each endpoint, and none for those that are gone."""
        known = {stored.id for stored in endpoints}
        for gone in self._tasks.keys() - known:
            task, lane = self._tasks.pop(gone), self._lanes.pop(gone, None)
            if lane is None or lane.stored.kind is EndpointKind.HEARTBEAT:
                task.cancel()
            else:
                lane.retire()
        for stored in endpoints:
            if stored.id in self._tasks:
                continue
            if stored.active and stored.target is not None:
                group.create_task(self._prepare(stored.target))
            lane = self._lanes[stored.id] = self._lane(stored, outbox)
            beats = stored.kind is EndpointKind.HEARTBEAT
            self._tasks[stored.id] = group.create_task(self._beating(lane, outbox) if beats else lane.run())

    def _lane(self, stored: Stored, outbox: Outbox) -> Lane:
        parts = self._parts
        return Lane(
            stored,
            outbox=outbox,
            send=parts.postroom.send,
            compose=parts.compose,
            disable=parts.disable,
            migrate=parts.migrate,
            clock=parts.clock,
            jitter=parts.jitter,
            progress=self._progress.get(stored.id),
        )

    async def _prepare(self, target: Target) -> None:
        try:
            await self._parts.postroom.prepare(target)
        except (SpoutError, ImportError) as error:
            _log.warning("an endpoint cannot be sent to", endpoint=target.name, error=str(error))

    async def _beating(self, lane: Lane, outbox: Outbox) -> None:
        await beat(lane, self._parts.postroom.send, outbox, self._parts.working, self._parts.clock)
