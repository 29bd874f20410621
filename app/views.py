"""What API and pages read: an immutable Snapshot of now, replaced as a whole, and a History of the past."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from app.core import visibility
from app.core.classification import Flow
from app.core.events import Event, EventType
from app.core.firsts import Lead
from app.core.flow import Label
from app.core.forecasting import UrgencyMetrics
from app.core.models import Block
from app.core.observations import FeesRecommended, MempoolMeasured, QueueProjected
from app.core.prediction import Prediction, Status, Urgency
from app.core.prices import Price
from app.core.scoring import AccuracyCause, CalibrationBin, Figures, Period
from app.core.units import Sats, Script

Level = visibility.Level
"""The visibility level, best first."""


class ComponentStatus(StrEnum):
    OK = "ok"
    STARTING = "starting"
    SYNCING = "syncing"
    """Working but not ready: initial block download, indexing, loading. Not a failure."""
    DEGRADED = "degraded"
    FAILED = "failed"
    OFF = "off"
    """Not configured."""


class BreakerState(StrEnum):
    """The state of a source's circuit breaker."""

    CLOSED = "closed"
    """Calls are made."""
    OPEN = "open"
    """No call is made for some seconds: the last ones failed."""
    HALF_OPEN = "half_open"
    """The next call decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconnects:
    """Attempts to connect again since the start; one that goes on is neither success nor failure."""

    attempts: int = 0
    successes: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component's health. `error` has the fault and its remedy; None if there is none."""

    name: str
    status: ComponentStatus
    since: datetime
    latency_ms: float | None = None
    error: str | None = None
    required: bool = False
    detail: str | None = None
    """Details when nothing is wrong: a version, a state, a count."""
    reconnects: Reconnects | None = None
    """None for what keeps no connection."""
    breaker: BreakerState | None = None
    """None for what has no circuit breaker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice for the operator, who may have to act on it; shown as long as it applies."""

    code: str
    words: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Counted since the process started."""

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
    unloaded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HitCount:
    """Forecasts that came due within `window` ("1h", "24h", "7d"), and how many of them held."""

    window: str
    n: int
    on_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state at `made_at`. Pending: newest first; ended: the latest 500, most recently ended first.

    `version` grows with every change, so that an unchanged one can be skipped.
    """

    version: int
    made_at: datetime
    started_at: datetime
    demo: bool = False
    level: Level = Level.BLIND
    level_since: datetime | None = None
    level_reason: str | None = None
    components: tuple[Component, ...] = ()
    notices: tuple[Notice, ...] = ()
    tip: Block | None = None
    tip_seen_at: datetime | None = None
    fees: FeesRecommended | None = None
    queue: QueueProjected | None = None
    figures: UrgencyMetrics | None = None
    mempool: MempoolMeasured | None = None
    pending: tuple[Prediction, ...] = ()
    ended: tuple[Prediction, ...] = ()
    last_sequence: int = 0
    counters: Counters = Counters()
    rss_mb: float | None = None
    memory_limit_mb: int | None = None
    threshold_sat: int | None = None
    """A whale moves more than this; the operator may change it at any time."""
    database_bytes: int | None = None
    unloaded: int = 0
    """Pending whales that memory has no room for; the store has them."""
    leads: tuple[Lead, ...] = ()
    """Which source saw transactions first, and by how much."""
    loop_lag_ms: float | None = None
    accuracy: HitCount | None = None
    """Of the shortest window with enough forecasts, else of the longest; None before it was read."""
    price: Price | None = None
    """In the operator's currency; None if off, unknown or too old."""


class ComesFrom(StrEnum):
    """Where a setting's value comes from; the operator's own wins over the environment's."""

    OPERATOR = "operator"
    ENVIRONMENT = "environment"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingShown:
    """A starred setting as it is in force; `without` is what would hold without the operator's own."""

    name: str
    value: str | float | Decimal
    comes_from: ComesFrom
    without: str | float | Decimal
    words: str
    changed_at: datetime | None


class LiveSnapshot:
    """Holds the Snapshot. `watch` registers a callback for changes (on the loop; fast, must not raise)."""

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


class SortKey(StrEnum):
    DETECTED = "detected_at"
    MOVED = "moved_sat"
    GROSS = "gross_sat"
    URGENCY = "urgency"
    STATUS = "status"
    FLOW = "flow_type"
    CONFIRMED = "confirmed_height"
    """0 while there is none."""


@dataclass(frozen=True, slots=True)
class Order:
    """By which field predictions are listed, equal ones by first sight; as text `-detected_at`."""

    key: SortKey = SortKey.DETECTED
    descending: bool = True

    def __str__(self) -> str:
        return f"{'-' if self.descending else ''}{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionQuery:
    """The parameters of `GET /api/v1/predictions`; None for no filter."""

    status: Status | None = None
    flow: Flow | None = None
    txid: str | None = None
    """That it has or had; in lower case."""
    script: Script | None = None
    """That it pays from or to, in any of its transactions."""
    min_moved_sat: int | None = None
    min_urgency: Urgency | None = None
    entity: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    as_of: datetime | None = None
    """Search and return what was believed at this moment."""
    order: Order = Order()
    limit: int = 100
    cursor: str | None = None
    """The `next_cursor` of the previous page of the same order; opaque."""
    offset: int = 0
    """Left out after the cursor: for a table of numbered pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPage:
    predictions: tuple[Prediction, ...]
    total_count: int
    next_cursor: str | None
    digests: tuple[bytes, ...] = ()
    """Of each prediction one of its content: equal digests, equal predictions. Empty where none are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFlow:
    """What moved with one flow, of the whales first seen on one day (UTC)."""

    day: date
    flow: Flow
    count: int
    moved_sat: Sats


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelQuery:
    """The parameters of `GET /api/v1/labels`; by entity and address.

    `search`: text of the name or of the address, or a script in hex; None: all.
    """

    search: str | None = None
    limit: int = 1_000
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPage:
    """`total_count`: of all pages."""

    labels: tuple[Label, ...]
    total_count: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryQuery:
    """The parameters of `GET /api/v1/deliveries`; newest first."""

    endpoint_id: str | None = None
    status: str | None = None
    since: datetime | None = None
    limit: int = 100
    cursor: str | None = None


class History(Protocol):
    """The stored past; never read on the event loop's own thread."""

    async def page(self, query: PredictionQuery) -> PredictionPage:
        """Return one page.

        Raises:
            ParseError: if the cursor is invalid.
        """
        ...

    async def flows(self, query: PredictionQuery) -> tuple[DayFlow, ...]:
        """Return what moved on each day, by flow, of all that the filters let through; oldest first.

        Limit, order and cursor do not count.
        """
        ...

    async def one(self, txid: str) -> Prediction | None:
        """Return the prediction that has or had this txid, or has this id."""
        ...

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        """Stored events with a greater sequence, ascending."""
        ...

    async def events_of(self, prediction_id: str) -> tuple[Event, ...]:
        """Return all events about one whale, ascending."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFigures:
    """Of [start, end), whole days, weeks (from Monday), months or quarters, UTC."""

    start: datetime
    end: datetime
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Predictions against outcomes over [start, end); `calibration` by horizon, groups by name."""

    start: datetime
    end: datetime
    figures: Figures
    calibration: Mapping[str, tuple[CalibrationBin, ...]]
    by_flow: Mapping[str, Figures]
    by_urgency: Mapping[str, Figures]
    by_first_source: Mapping[str, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyState:
    """The last accuracy event: which of the two, since when, and its words."""

    type: EventType
    since: datetime
    words: str


class MissKind(StrEnum):
    LATE = "late"
    DROPPED = "dropped"
    FLOW_CHANGED = "flow_changed"
    """Confirmed with another flow than the one announced."""
    NEVER_ANNOUNCED = "never_announced"
    """A whale of a block that nobody was told of before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """What was missed of one whale. Heights are of its scored forecast, None where it is not about one.

    `flow` is what was announced.
    """

    kind: MissKind
    at: datetime
    """When it was decided."""
    prediction_id: str
    flow: Flow
    whale: Prediction | None
    """As it is believed now; None once it is forgotten."""
    due_height: int | None = None
    confirmed_height: int | None = None
    replaced: bool = False
    """Its transaction was replaced, only after the block it was due in."""
    because: tuple[AccuracyCause, ...] = ()
    """Possible causes of a late confirmation; empty if it was in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissPage:
    total: int
    misses: tuple[Miss, ...]


LEAD_TIME_EDGES = (0, 60, 180, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
"""Lower bounds of the lead-time histogram's bins, in seconds; the last one is open."""


class Accounts(Protocol):
    """How right Spout was, read from the store."""

    async def statistics(self, period: Period, start: datetime, end: datetime) -> tuple[PeriodFigures, ...]:
        """Whole periods that [start, end) touches and in which anything came due or ended, oldest first."""
        ...

    async def correlation(self, start: datetime, end: datetime) -> Correlation:
        """Everything that came due or ended in [start, end)."""
        ...

    async def lead_time_counts(self, start: datetime, end: datetime) -> tuple[int, ...]:
        """How many whales confirmed in [start, end) by lead time, in the bins of LEAD_TIME_EDGES."""
        ...

    async def misses(self, start: datetime, end: datetime, *, offset: int, limit: int) -> MissPage:
        """What was missed in [start, end), newest first."""
        ...
