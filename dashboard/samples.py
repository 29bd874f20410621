"""What the System page remembers since the start: figures over time, and every change of health."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.views import ComponentStatus, Live, Rung, Snapshot
from dashboard.format import RUNG_WORDS
from dashboard.states import STATUS_WORDS, component_words

EVERY_SECONDS = 10.0
KEPT_SAMPLES = 2_160
"""Six hours."""
KEPT_CHANGES = 100


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


class SystemMemory:
    """Watches `live` for changes of health, and samples it every ten seconds; bounded."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._statuses: dict[str, ComponentStatus] = {}
        self._rung: Rung | None = None
        self._components: object = None
        self._counted: tuple[datetime, int] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unwatch: Callable[[], None] | None = None
        self.samples: deque[Sample] = deque(maxlen=KEPT_SAMPLES)
        self.changes: deque[Change] = deque(maxlen=KEPT_CHANGES)

    def open(self) -> None:
        self.see(self._live.snapshot)
        self._unwatch = self._live.watch(self.see)
        self._tick()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._unwatch is not None:
            self._unwatch()

    def see(self, snapshot: Snapshot) -> None:
        """Write down what changed in health since the Snapshot before."""
        if self._rung is not None and snapshot.rung is not self._rung:
            self._changed_rung(snapshot)
        self._rung = snapshot.rung
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

    def sample(self, snapshot: Snapshot, at: datetime) -> None:
        counted = snapshot.counters.transactions
        rate = None
        if self._counted is not None and (seconds := (at - self._counted[0]).total_seconds()) > 0:
            rate = max(0, counted - self._counted[1]) / seconds
        self._counted = (at, counted)
        self.samples.append(Sample(at, snapshot.rss_mb, rate, snapshot.loop_lag_ms))

    def _changed_rung(self, snapshot: Snapshot) -> None:
        rungs = list(Rung)
        self.changes.appendleft(
            Change(
                at=snapshot.rung_since or snapshot.made_at,
                what="What can be seen",
                before=RUNG_WORDS[self._rung or snapshot.rung].lower(),
                after=RUNG_WORDS[snapshot.rung].lower(),
                better=rungs.index(snapshot.rung) < rungs.index(self._rung or snapshot.rung),
                why=snapshot.rung_reason,
            )
        )

    def _tick(self) -> None:
        self.sample(self._live.snapshot, datetime.now().astimezone())
        self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self._tick)
