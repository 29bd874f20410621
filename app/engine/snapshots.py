"""Builds the Snapshot of the current state that the API and the pages show."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock
from app.core.events import Happening
from app.core.firsts import Lead
from app.core.forecasting import UrgencyMetrics
from app.core.models import Block
from app.core.observations import (
    BlockConnected,
    FeesRecommended,
    MempoolMeasured,
    Observation,
    QueueProjected,
)
from app.core.prediction import Prediction
from app.core.prices import Price
from app.core.tracking import Tracker
from app.views import Component, Counters, HitCount, Level, LiveSnapshot, Notice, Snapshot

AT_MOST_EVERY_SECONDS = 0.2
AT_LEAST_EVERY_SECONDS = 2.0
MOST_ENDED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Believed:
    """The tracker's state at the last moment when all of it was stored."""

    tip: Block | None = None
    pending: tuple[Prediction, ...] = ()
    ended: tuple[Prediction, ...] = ()
    unloaded: int = 0


class Snapshots:
    """A listener of the pipeline that keeps the latest market data and publishes a Snapshot on changes."""

    def __init__(
        self,
        *,
        live: LiveSnapshot,
        tracker: Tracker,
        clock: Clock,
        components: Callable[[], tuple[Component, ...]],
        level: Callable[[], tuple[Level, datetime, str | None]],
        rss_mb: Callable[[], float],
        memory_limit_mb: int,
        database_bytes: Callable[[], int | None],
        sequence: Callable[[], int],
        figures: Callable[[datetime], UrgencyMetrics | None],
        demo: bool,
        leads: Callable[[], tuple[Lead, ...]] = tuple,
        standing: Callable[[], tuple[Notice, ...]] = tuple,
        accuracy: Callable[[], HitCount | None] = lambda: None,
        price: Callable[[datetime], Price | None] = lambda _at: None,
    ) -> None:
        """`standing` returns the notices that are current; the others stand until `settle`."""
        self._live = live
        self._tracker = tracker
        self._clock = clock
        self._components = components
        self._level = level
        self._memory_limit_mb = memory_limit_mb
        self._database_bytes = database_bytes
        self._sequence = sequence
        self._figures = figures
        self._demo = demo
        self._leads = leads
        self._standing = standing
        self._accuracy = accuracy
        self._price = price
        self._rss_mb = rss_mb
        self._started_at = live.snapshot.started_at
        self._fees: FeesRecommended | None = None
        self._queue: QueueProjected | None = None
        self._mempool: MempoolMeasured | None = None
        self._tip: Block | None = None
        self._tip_seen_at: datetime | None = None
        self._notices: dict[str, Notice] = {}
        self._lag_ms: float | None = None
        self._changed = True
        self._storing = False
        self._believed: _Believed | None = None
        self._believed_at = 0.0

    def storing(self, begins: bool) -> None:  # noqa: FBT001 - a callback of the pipeline
        """Note that a batch is being stored; until it is, the Snapshot shows the state stored before."""
        self._storing = begins
        self._changed = True
        if not begins and self._clock.monotonic() - self._believed_at >= AT_MOST_EVERY_SECONDS:
            self._believe()

    def receive(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """Keep the latest fees, queue and mempool size; publishes no event."""
        match observation:
            case FeesRecommended():
                self._fees = observation
            case QueueProjected():
                self._queue = observation
            case MempoolMeasured():
                self._mempool = observation
            case BlockConnected(block=block):
                self._receive_tip(block, at)
        self._changed = True
        return ()

    def _receive_tip(self, block: Block, at: datetime) -> None:
        if self._tip is None or block.hash != self._tip.hash:
            self._tip_seen_at = at

    @property
    def queue(self) -> QueueProjected | None:
        """The latest projected queue; None before the first."""
        return self._queue

    def notice(self, notice: Notice) -> None:
        """Show a notice to the operator until `settle` is called with the same code."""
        self._notices.setdefault(notice.code, notice)
        self._changed = True

    def settle(self, code: str) -> None:
        self._changed = self._notices.pop(code, None) is not None or self._changed

    async def run(self) -> None:
        """Publish changes at most five times a second, and a fresh Snapshot at least every two seconds."""
        quiet = 0.0
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(AT_MOST_EVERY_SECONDS)
            waited = self._clock.monotonic() - before
            self._lag_ms = max(0.0, (waited - AT_MOST_EVERY_SECONDS) * 1000)
            quiet += waited
            if self._changed or quiet >= AT_LEAST_EVERY_SECONDS:
                quiet = 0.0
                self._changed = False
                self._live.show(self.snapshot())

    def snapshot(self) -> Snapshot:
        level, since, reason = self._level()
        if not self._storing or self._believed is None:
            self._believe()
        believed = self._believed or _Believed()
        return Snapshot(
            version=0,
            made_at=self._clock.now(),
            started_at=self._started_at,
            demo=self._demo,
            level=level,
            level_since=since,
            level_reason=reason,
            components=self._components(),
            notices=(*self._notices.values(), *self._standing()),
            tip=believed.tip,
            tip_seen_at=self._tip_seen_at,
            fees=self._fees,
            queue=self._queue,
            figures=self._figures(self._clock.now()),
            mempool=self._mempool,
            pending=believed.pending,
            ended=believed.ended,
            last_sequence=self._sequence(),
            counters=self._counters(),
            rss_mb=self._rss_mb(),
            memory_limit_mb=self._memory_limit_mb,
            threshold_sat=self._tracker.threshold,
            database_bytes=self._database_bytes(),
            unloaded=believed.unloaded,
            leads=self._leads(),
            loop_lag_ms=self._lag_ms,
            accuracy=self._accuracy(),
            price=self._price(self._clock.now()),
        )

    def _believe(self) -> None:
        """Copy the tracker's state; only call while all of it is stored."""
        tracker = self._tracker
        self._tip = tracker.chain.tip
        ended = sorted(tracker.whales.ended(), key=lambda one: one.ended_at or one.updated_at, reverse=True)
        self._believed_at = self._clock.monotonic()
        self._believed = _Believed(
            tip=tracker.chain.tip,
            pending=tuple(sorted(tracker.whales.pending(), key=lambda one: one.detected_at, reverse=True)),
            ended=tuple(ended[:MOST_ENDED]),
            unloaded=tracker.unloaded,
        )

    def _counters(self) -> Counters:
        tally = self._tracker.tally
        return Counters(
            transactions=tally.transactions,
            blocks=tally.blocks,
            whales=tally.whales,
            events=self._sequence(),
            replacements=tally.replacements,
            reorgs=tally.reorgs,
            conflicts=tally.conflicts,
            gaps=tally.gaps,
            reconnects=tally.reconnects,
            skipped_messages=tally.skipped,
            unanswered=tally.unanswered,
            unloaded=tally.unloaded,
        )
