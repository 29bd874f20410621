"""Replays recordings through the same pipeline, at full speed or recorded pace."""

import resource
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from app.bus import Bus
from app.clock import SystemClock
from app.core.classification import Flow
from app.core.events import Event, Happening
from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    Observation,
    ProjectedTransaction,
    SourceConnected,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
    TransactionsSeen,
)
from app.core.prediction import Outcome, Prediction, Status
from app.core.questions import AskMempool
from app.core.tracking import Tracker
from app.core.units import BlockHash, Sats
from app.engine.pipeline import EventStore, ObservationListener, Pipeline
from app.source import (
    Answering,
    FrameReader,
    Guard,
    MempoolRest,
    Patience,
    RecordedTransport,
    SeenTxids,
    moments,
    zero_of,
)

RECONCILE_EVERY_SECONDS = 300.0


class ReplayClock:
    """A clock set to the time of the recorded line being read; `sleep` returns at once."""

    def __init__(self, zero: datetime) -> None:
        self._zero = zero
        self.t = 0.0

    def now(self) -> datetime:
        return self._zero + timedelta(seconds=self.t)

    def monotonic(self) -> float:
        return self.t

    async def sleep(self, seconds: float) -> None:
        pass


@dataclass(slots=True, kw_only=True)
class Summary:
    """The summary of a replay, as the contract defines it."""

    transactions: int = 0
    blocks: int = 0
    whales: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    by_flow: dict[str, int] = field(default_factory=dict)
    replacements: int = 0
    reorgs: int = 0
    conflicts: int = 0
    gaps: int = 0
    skipped_messages: int = 0
    events: int = 0
    elapsed_s: float = 0.0
    transactions_per_s: float = 0.0
    peak_rss_mb: float = 0.0
    accuracy: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Remembering:
    """An event store that also keeps in memory the last version of each prediction and every event."""

    def __init__(self, event_store: EventStore) -> None:
        self._event_store = event_store
        self.predictions: dict[str, Prediction] = {}
        self.events: list[Event] = []

    async def append(
        self,
        happenings: Sequence[Happening],
        predictions: Sequence[Prediction],
        blocks: Sequence[Block] = (),
        read: Sequence[BlockHash] = (),
    ) -> tuple[Event, ...]:
        events = await self._event_store.append(happenings, predictions, blocks, read)
        self.predictions |= {one.prediction_id: one for one in predictions}
        self.events += events
        return events


class Replay:
    """One pass over recordings; `kept` holds the resulting predictions and events."""

    def __init__(
        self,
        *,
        tracker: Tracker,
        event_store: EventStore,
        recordings: Sequence[Path],
        rest: Sequence[Path],
        listeners: Sequence[ObservationListener] = (),
        zero: datetime | None = None,
    ) -> None:
        """`zero`: the wall time of second 0, for recordings cut out of a longer one; theirs if not given."""
        self._tracker = tracker
        self._recordings = recordings
        self._clock = ReplayClock(zero or zero_of(recordings[0]))
        self._transport = RecordedTransport(rest, self._clock.now())
        self._seen_txids = SeenTxids()
        never = Patience(attempts=1, trips_after=1_000_000_000)
        self._rest = MempoolRest(
            self._transport, Guard("recorded", self._clock, lambda: 0.0, never), self._clock, self._seen_txids
        )
        self.kept = Remembering(event_store)
        self._answering = Answering([self._rest], self._emit, self._clock)
        self._pipeline = Pipeline(
            tracker=tracker,
            event_store=self.kept,
            question_queue=self._answering,
            bus=Bus(),
            clock=self._clock,
            listeners=listeners,
        )
        self._txids: set[int] = set()
        self._reconciled_at = 0.0

    async def run(self, pace: Callable[[float], Awaitable[None]], progress: Callable[[int], None]) -> Summary:
        """Play all recordings. `pace` is awaited with each line's second, `progress` gets each frame's bytes.

        Raises:
            RecordingError: if a file cannot be read.
        """

        def threshold() -> Sats:
            return self._tracker.threshold

        started = SystemClock().monotonic()
        reader, opened = FrameReader(threshold), 0
        for recording in self._recordings:
            for moment in moments(recording):
                await pace(moment.t)
                self._clock.t = self._transport.t = moment.t
                if moment.meta == "open":
                    reader, opened = FrameReader(threshold), opened + 1
                    await self._take([SourceConnected(source=SourceName.MEMPOOL_WS, again=opened > 1)])
                elif moment.frame is not None:
                    progress(len(moment.frame))
                    await self._take(reader.feed(moment.frame))
                await self._settle()
                self._reconcile_if_due()
        self._answering.ask(AskMempool("end of the recording"))
        await self._settle()
        await self._answer_the_rest()
        return self._summary(SystemClock().monotonic() - started)

    async def _take(self, observations: Iterable[Observation]) -> None:
        await self._pipeline.take(self._counting(self._seen_txids.noting(observations)))

    async def _emit(self, observation: Observation) -> None:
        await self._take([observation])

    async def _settle(self) -> None:
        """Answer all open questions before the clock advances."""
        await self._answering.drain()
        async for transaction in self._rest.backlog():
            await self._take([transaction])
            await self._answering.drain()

    async def _answer_the_rest(self) -> None:
        """Advance the clock past the last frame, for questions that are due later."""
        while (due := self._answering.next_due) is not None:
            self._clock.t = max(self._clock.t, due)
            await self._settle()

    def _reconcile_if_due(self) -> None:
        if self._clock.t - self._reconciled_at >= RECONCILE_EVERY_SECONDS:
            self._reconciled_at = self._clock.t
            self._answering.ask(AskMempool("every few minutes"))

    def _counting(self, observations: Iterable[Observation]) -> Iterator[Observation]:
        for observation in observations:
            match observation:
                case TransactionSeen(tx=tx) | TransactionReply(tx=tx) | TransactionReplaced(by=tx):
                    self._txids.add(int(tx.txid[:16], 16))
                case TransactionsSeen(batch=batch):
                    self._txids.update(int(txid[:16], 16) for txid in batch.txids)
                case ProjectedTransaction(txid=txid):
                    self._txids.add(int(txid[:16], 16))
                case BlockConnected(block=block) if block.txids:
                    self._txids.update(int(txid[:16], 16) for txid in block.txids)
            yield observation

    def _summary(self, elapsed: float) -> Summary:
        tally, predictions = self._tracker.tally, self.kept.predictions.values()
        return Summary(
            transactions=len(self._txids),
            blocks=tally.blocks,
            whales=len(predictions),
            by_status=_count(Status, (one.status for one in predictions)),
            by_flow=_count(Flow, (one.classification.flow for one in predictions)),
            replacements=tally.replacements,
            reorgs=tally.reorgs,
            conflicts=tally.conflicts,
            gaps=tally.gaps + tally.reconnects,
            skipped_messages=tally.skipped,
            events=len(self.kept.events),
            elapsed_s=round(elapsed, 3),
            transactions_per_s=round(len(self._txids) / elapsed, 1) if elapsed else 0.0,
            peak_rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            accuracy=_accuracy(predictions),
        )


def _count(names: type[StrEnum], found: Iterable[StrEnum]) -> dict[str, int]:
    counted = Counter(found)
    return {name.value: counted[name] for name in names}


def _accuracy(predictions: Iterable[Prediction]) -> dict[str, Any]:
    """Count the outcomes of first forecasts; predictions first seen in a block are counted apart."""
    scored = [one for one in predictions if one.first_forecast is not None]
    outcomes = Counter(one.outcome for one in scored if one.outcome is not None)
    ended = outcomes[Outcome.ON_TIME] + outcomes[Outcome.LATE]
    return {
        "forecasts": len(scored),
        **{outcome.value: outcomes[outcome] for outcome in Outcome},
        "on_time_share": round(outcomes[Outcome.ON_TIME] / ended, 4) if ended else None,
        "first_seen_in_block": sum(one.first_seen_in_block for one in predictions),
    }
