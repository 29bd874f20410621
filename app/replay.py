"""The same journey over recordings, as fast as it goes or at the pace it was recorded."""

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
    SourceConnected,
    TransactionGlimpsed,
    TransactionReplaced,
    TransactionSeen,
    TransactionTold,
)
from app.core.prediction import Outcome, Prediction, Status
from app.core.questions import AskMempool
from app.core.tracker import Tracker
from app.core.units import BlockHash
from app.pipeline import Keeper, Listener, Pipeline
from app.source.breaker import Guard, Patience
from app.source.examined import Examined
from app.source.frames import FrameReader
from app.source.inquire import Inquirer
from app.source.mempool_rest import MempoolRest
from app.source.recording import RecordedTransport, moments, zero_of

RECONCILE_EVERY_SECONDS = 300.0


class ReplayClock:
    """Stands at the moment of the line that is read; waiting costs nothing."""

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
    """The contract's summary of a replay."""

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
    """A keeper that also holds on to all of it: the last version of each prediction, every event."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.predictions: dict[str, Prediction] = {}
        self.events: list[Event] = []

    async def append(
        self,
        happenings: Sequence[Happening],
        predictions: Sequence[Prediction],
        blocks: Sequence[Block] = (),
        read: Sequence[BlockHash] = (),
    ) -> tuple[Event, ...]:
        events = await self._keeper.append(happenings, predictions, blocks, read)
        self.predictions |= {one.prediction_id: one for one in predictions}
        self.events += events
        return events


class Replay:
    """One pass over recordings; `kept` holds what came out."""

    def __init__(
        self,
        *,
        tracker: Tracker,
        keeper: Keeper,
        recordings: Sequence[Path],
        rest: Sequence[Path],
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._tracker = tracker
        self._recordings = recordings
        self._clock = ReplayClock(zero_of(recordings[0]))
        self._transport = RecordedTransport(rest, self._clock.now())
        self._examined = Examined()
        never = Patience(attempts=1, trips_after=1_000_000_000)
        self._rest = MempoolRest(
            self._transport, Guard("recorded", self._clock, lambda: 0.0, never), self._clock, self._examined
        )
        self.kept = Remembering(keeper)
        self._inquirer = Inquirer([self._rest], self._tell, self._clock)
        self._pipeline = Pipeline(
            tracker=tracker,
            keeper=self.kept,
            asker=self._inquirer,
            bus=Bus(),
            clock=self._clock,
            listeners=listeners,
        )
        self._txids: set[int] = set()
        self._reconciled_at = 0.0

    async def run(self, pace: Callable[[float], Awaitable[None]], progress: Callable[[int], None]) -> Summary:
        """Play all of it. `pace` hears each moment's second before it counts, `progress` each frame's bytes.

        Raises:
            RecordingError: if a file cannot be read.
        """
        started = SystemClock().monotonic()
        reader, opened = FrameReader(), 0
        for recording in self._recordings:
            for moment in moments(recording):
                await pace(moment.t)
                self._clock.t = self._transport.t = moment.t
                if moment.meta == "open":
                    reader, opened = FrameReader(), opened + 1
                    await self._take([SourceConnected(source=SourceName.MEMPOOL_WS, again=opened > 1)])
                elif moment.frame is not None:
                    progress(len(moment.frame))
                    await self._take(reader.feed(moment.frame))
                await self._settle()
                self._reconcile_if_due()
        self._inquirer.ask(AskMempool("end of the recording"))
        await self._settle()
        return self._summary(SystemClock().monotonic() - started)

    async def _take(self, observations: Iterable[Observation]) -> None:
        await self._pipeline.take(self._counting(self._examined.noting(observations)))

    async def _tell(self, observation: Observation) -> None:
        await self._take([observation])

    async def _settle(self) -> None:
        """Have everything answered before time goes on."""
        await self._inquirer.drain()
        async for leftover in self._rest.leftovers():
            await self._take([leftover])
            await self._inquirer.drain()

    def _reconcile_if_due(self) -> None:
        if self._clock.t - self._reconciled_at >= RECONCILE_EVERY_SECONDS:
            self._reconciled_at = self._clock.t
            self._inquirer.ask(AskMempool("every few minutes"))

    def _counting(self, observations: Iterable[Observation]) -> Iterator[Observation]:
        for observation in observations:
            match observation:
                case TransactionSeen(tx=tx) | TransactionTold(tx=tx) | TransactionReplaced(by=tx):
                    self._txids.add(int(tx.txid[:16], 16))
                case TransactionGlimpsed(txid=txid):
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
    """How the first forecasts ended; what had none is counted apart."""
    scored = [one for one in predictions if one.first_forecast is not None]
    outcomes = Counter(one.outcome for one in scored if one.outcome is not None)
    ended = outcomes[Outcome.ON_TIME] + outcomes[Outcome.LATE]
    return {
        "forecasts": len(scored),
        **{outcome.value: outcomes[outcome] for outcome in Outcome},
        "on_time_share": round(outcomes[Outcome.ON_TIME] / ended, 4) if ended else None,
        "first_seen_in_block": sum(one.first_seen_in_block for one in predictions),
    }
