"""What is now: gathers the Snapshot that the faces show from everything that knows a part of it."""

from collections.abc import Callable, Iterable
from datetime import datetime

import psutil

from app.clock import Clock
from app.core.events import Happening
from app.core.firsts import Lead
from app.core.forecasting.marketfigures import UrgencyMetrics
from app.core.models import Block
from app.core.observations import BlockConnected, FeesTold, MempoolMeasured, Observation, QueueProjected
from app.core.tracker import Tracker
from app.views import Component, Counters, Live, Notice, Rung, Snapshot

AT_MOST_EVERY_SECONDS = 0.2
AT_LEAST_EVERY_SECONDS = 2.0
MOST_ENDED = 500


class Present:
    """A pipeline's listener that remembers the market, and shows a Snapshot when something changed."""

    def __init__(
        self,
        *,
        live: Live,
        tracker: Tracker,
        clock: Clock,
        components: Callable[[], tuple[Component, ...]],
        rung: Callable[[], tuple[Rung, datetime, str | None]],
        memory_limit_mb: int,
        database_bytes: Callable[[], int | None],
        sequence: Callable[[], int],
        figures: Callable[[datetime], UrgencyMetrics | None],
        demo: bool,
        leads: Callable[[], tuple[Lead, ...]] = tuple,
        standing: Callable[[], tuple[Notice, ...]] = tuple,
    ) -> None:
        """`standing`: notices that are so for as long as they are returned."""
        self._live = live
        self._tracker = tracker
        self._clock = clock
        self._components = components
        self._rung = rung
        self._memory_limit_mb = memory_limit_mb
        self._database_bytes = database_bytes
        self._sequence = sequence
        self._figures = figures
        self._demo = demo
        self._leads = leads
        self._standing = standing
        self._process = psutil.Process()
        self._started_at = live.snapshot.started_at
        self._fees: FeesTold | None = None
        self._queue: QueueProjected | None = None
        self._mempool: MempoolMeasured | None = None
        self._tip: Block | None = None
        self._tip_seen_at: datetime | None = None
        self._notices: dict[str, Notice] = {}
        self._lag_ms: float | None = None
        self._changed = True

    def hear(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """Remember what the market says; nothing is told of it here."""
        match observation:
            case FeesTold():
                self._fees = observation
            case QueueProjected():
                self._queue = observation
            case MempoolMeasured():
                self._mempool = observation
            case BlockConnected(block=block):
                self._hear_tip(block, at)
        self._changed = True
        return ()

    def _hear_tip(self, block: Block, at: datetime) -> None:
        if self._tip is None or block.hash != self._tip.hash:
            self._tip_seen_at = at

    def notice(self, notice: Notice) -> None:
        """Tell the operator until `settle` with the same code."""
        self._notices.setdefault(notice.code, notice)
        self._changed = True

    def settle(self, code: str) -> None:
        self._changed = self._notices.pop(code, None) is not None or self._changed

    async def run(self) -> None:
        """Show changes at most five times a second, and the passing of time every two seconds."""
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
        rung, since, reason = self._rung()
        tracker = self._tracker
        self._tip = tracker.chain.tip
        ended = sorted(tracker.whales.ended(), key=lambda one: one.ended_at or one.updated_at, reverse=True)
        return Snapshot(
            version=0,
            made_at=self._clock.now(),
            started_at=self._started_at,
            demo=self._demo,
            rung=rung,
            rung_since=since,
            rung_reason=reason,
            components=self._components(),
            notices=(*self._notices.values(), *self._standing()),
            tip=tracker.chain.tip,
            tip_seen_at=self._tip_seen_at,
            fees=self._fees,
            queue=self._queue,
            figures=self._figures(self._clock.now()),
            mempool=self._mempool,
            pending=tuple(sorted(tracker.whales.pending(), key=lambda one: one.detected_at, reverse=True)),
            ended=tuple(ended[:MOST_ENDED]),
            last_sequence=self._sequence(),
            counters=self._counters(),
            rss_mb=self._process.memory_info().rss / 1_048_576,
            memory_limit_mb=self._memory_limit_mb,
            database_bytes=self._database_bytes(),
            set_aside=tracker.set_aside,
            leads=self._leads(),
            loop_lag_ms=self._lag_ms,
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
            shed=tally.shed,
        )
