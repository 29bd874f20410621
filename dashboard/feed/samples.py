"""What the System page remembers: figures over time since the start, and every change of health.

What could be seen is read back from the store, so a loss of the day before is there after a restart too.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from app.errors import SpoutError
from app.views import ComponentStatus, Level, LiveSnapshot, Snapshot
from dashboard.feed.states import STATUS_WORDS, component_words
from dashboard.format import LEVEL_WORDS

EVERY_SECONDS = 10.0
KEPT_SAMPLES = 2_160
"""Six hours."""
KEPT_CHANGES = 100
LOOKS_BACK = timedelta(days=30)
RETRIED_AFTER_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Sample:
    """`rate`: transactions a second since the sample before; None for what nobody measured."""

    at: datetime
    rss_mb: float | None
    rate: float | None
    lag_ms: float | None


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    what: str
    before: str
    after: str
    better: bool
    why: str | None


class VisibilityRecord(Protocol):
    """What could be seen from `since` on, as the store keeps it."""

    @property
    def since(self) -> datetime: ...
    @property
    def level(self) -> Level: ...
    @property
    def reason(self) -> str | None: ...


VisibilityBetween = Callable[[datetime, datetime], Awaitable[Sequence[VisibilityRecord]]]


async def nothing_kept(_start: datetime, _end: datetime) -> Sequence[VisibilityRecord]:
    return ()


class SystemMemory:
    """Watches `live` for changes of health, and samples it every ten seconds; bounded.

    `visibility_between`: what the store kept of how much could be seen, ascending.
    """

    def __init__(self, live: LiveSnapshot, visibility_between: VisibilityBetween = nothing_kept) -> None:
        self._live = live
        self._visibility_between = visibility_between
        self._recalling: asyncio.Task[None] | None = None
        self._statuses: dict[str, ComponentStatus] = {}
        self._level: Level | None = None
        self._demo = live.snapshot.demo
        self._components: object = None
        self._counted: tuple[datetime, int] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unwatch: Callable[[], None] | None = None
        self.samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self.changes: deque[Change] = deque(maxlen=KEPT_CHANGES)

    def open(self) -> None:
        self.see(self._live.snapshot)
        self._unwatch = self._live.watch(self.see)
        self._recalling = asyncio.get_running_loop().create_task(self._recall())
        self._tick()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._unwatch is not None:
            self._unwatch()
        if self._recalling is not None:
            self._recalling.cancel()

    async def recall(self) -> None:
        """Put what the store kept of the time before this start behind what was seen since.

        Raises:
            SpoutError: if the store cannot be read.
        """
        started = self._live.snapshot.started_at
        kept = await self._visibility_between(started - LOOKS_BACK, started)
        changes = [_visibility_change(before, after) for before, after in pairwise(kept)]
        room = KEPT_CHANGES - len(self.changes)
        self.changes.extend(changes[::-1][:room])

    async def _recall(self) -> None:
        while True:
            try:
                return await self.recall()
            except SpoutError:  # said on the store's own line of health
                await asyncio.sleep(RETRIED_AFTER_SECONDS)

    def see(self, snapshot: Snapshot) -> None:
        """Write down what changed in health since the Snapshot before."""
        if snapshot.demo is not self._demo:
            self._begin_anew(demo=snapshot.demo)
        if self._level is not None and snapshot.level is not self._level:
            self._changed_level(snapshot)
        self._level = snapshot.level
        if snapshot.components is self._components:
            return
        self._components = snapshot.components
        for component in snapshot.components:
            before = self._statuses.get(component.name)
            self._statuses[component.name] = component.status
            if before is not None and before is not component.status:
                self.changes.appendleft(
                    Change(
                        at=component.since,
                        what=component_words(component.name),
                        before=STATUS_WORDS[before],
                        after=STATUS_WORDS[component.status],
                        better=component.status is ComponentStatus.OK,
                        why=component.error,
                    )
                )

    def _begin_anew(self, *, demo: bool) -> None:
        """What befell the demo is none of the node's, which has a store of its own."""
        self._demo, self._level, self._components = demo, None, None
        self._statuses.clear()
        self.changes.clear()
        if self._recalling is not None:
            self._recalling.cancel()
            self._recalling = asyncio.get_running_loop().create_task(self._recall())

    def sample(self, snapshot: Snapshot, at: datetime) -> None:
        counted = snapshot.counters.transactions
        rate = None
        if self._counted is not None and (seconds := (at - self._counted[0]).total_seconds()) > 0:
            rate = max(0, counted - self._counted[1]) / seconds
        self._counted = (at, counted)
        self.samples.append(Sample(at, snapshot.rss_mb, rate, snapshot.loop_lag_ms))

    def _changed_level(self, snapshot: Snapshot) -> None:
        since = snapshot.level_since or snapshot.made_at
        before = self._level or snapshot.level
        self.changes.appendleft(_level_change(since, before, snapshot.level, snapshot.level_reason))

    def _tick(self) -> None:
        self.sample(self._live.snapshot, datetime.now().astimezone())
        self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self._tick)


def _visibility_change(before: VisibilityRecord, after: VisibilityRecord) -> Change:
    return _level_change(after.since, before.level, after.level, after.reason)


def _level_change(since: datetime, before: Level, after: Level, why: str | None) -> Change:
    levels = list(Level)
    return Change(
        at=since,
        what="What can be seen",
        before=LEVEL_WORDS[before].lower(),
        after=LEVEL_WORDS[after].lower(),
        better=levels.index(after) < levels.index(before),
        why=why,
    )
