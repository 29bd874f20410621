"""What the faces may see: an immutable Snapshot of now, replaced whole, and a History of the past."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.core import ladder
from app.core.classification import Flow
from app.core.events import Event
from app.core.firsts import Lead
from app.core.forecasting.marketfigures import UrgencyMetrics
from app.core.models import Block
from app.core.observations import FeesTold, MempoolMeasured, QueueProjected
from app.core.prediction import Prediction, Status, Urgency

Rung = ladder.Rung
"""How much we see, best first."""


class ComponentStatus(StrEnum):
    OK = "ok"
    STARTING = "starting"
    SYNCING = "syncing"
    """It works and is not ready: initial block download, indexing, loading. Not a failure."""
    DEGRADED = "degraded"
    FAILED = "failed"
    OFF = "off"
    """Not configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One line of health. `error` says what is wrong and how to mend it; None if nothing is."""

    name: str
    status: ComponentStatus
    since: datetime
    latency_ms: float | None = None
    error: str | None = None
    required: bool = False
    detail: str | None = None
    """What is worth knowing when nothing is wrong: a version, a state, a count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the operator should know and may have to act on; stays until it is no longer so."""

    code: str
    words: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Since the process started."""

    transactions: int = 0
    blocks: int = 0
    whales: int = 0
    events: int = 0
    replacements: int = 0
    reorgs: int = 0
    conflicts: int = 0
    gaps: int = 0
    reconnects: int = 0
    skipped_messages: int = 0
    unanswered: int = 0
    shed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that is believed at `made_at`. Pending: newest first; ended: the latest 500, newest end first.

    `version` grows with every change, so that an unchanged one can be skipped.
    """

    version: int
    made_at: datetime
    started_at: datetime
    demo: bool = False
    rung: Rung = Rung.BLIND
    rung_since: datetime | None = None
    rung_reason: str | None = None
    components: tuple[Component, ...] = ()
    notices: tuple[Notice, ...] = ()
    tip: Block | None = None
    tip_seen_at: datetime | None = None
    fees: FeesTold | None = None
    queue: QueueProjected | None = None
    figures: UrgencyMetrics | None = None
    mempool: MempoolMeasured | None = None
    pending: tuple[Prediction, ...] = ()
    ended: tuple[Prediction, ...] = ()
    last_sequence: int = 0
    counters: Counters = Counters()
    rss_mb: float | None = None
    memory_limit_mb: int | None = None
    database_bytes: int | None = None
    set_aside: int = 0
    """Pending whales that memory has no room for; the store has them."""
    leads: tuple[Lead, ...] = ()
    """Which source saw transactions first, and by how much."""
    loop_lag_ms: float | None = None


class Live:
    """Holds the Snapshot. `watch` calls back (on the loop, quickly, without raising) at each change."""

    def __init__(self, first: Snapshot) -> None:
        self._snapshot = first
        self._watchers: set[Callable[[Snapshot], None]] = set()

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    def show(self, snapshot: Snapshot) -> None:
        self._snapshot = replace(snapshot, version=self._snapshot.version + 1)
        for watcher in tuple(self._watchers):
            watcher(self._snapshot)

    def watch(self, watcher: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Return the function that ends the watching."""
        self._watchers.add(watcher)
        return lambda: self._watchers.discard(watcher)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionQuery:
    """What `GET /api/v1/predictions` can ask; None asks for nothing in particular. Newest first."""

    status: Status | None = None
    flow: Flow | None = None
    min_moved_sat: int | None = None
    min_urgency: Urgency | None = None
    entity: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    limit: int = 100
    cursor: str | None = None
    """The `next_cursor` of the page before; opaque."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPage:
    predictions: tuple[Prediction, ...]
    total_count: int
    next_cursor: str | None


class History(Protocol):
    """The past, read from the store; never on the event loop's own thread."""

    async def page(self, query: PredictionQuery) -> PredictionPage:
        """Return one page.

        Raises:
            ParseError: if the cursor is not one of ours.
        """
        ...

    async def one(self, txid: str) -> Prediction | None:
        """The prediction that has or had this txid, by its own id too."""
        ...

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        """Stored events with a greater sequence, ascending."""
        ...

    async def events_of(self, prediction_id: str) -> tuple[Event, ...]:
        """Everything that was told about one whale, ascending."""
        ...
