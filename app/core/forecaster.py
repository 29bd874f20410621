"""Watches the fee market and tells, for each waiting whale, when it will confirm."""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime

from app.core.events import EventType, Happening
from app.core.feerates import by_rung
from app.core.forecast import ForecastModel, Waiting, forecast_many
from app.core.inflow import no_inflow_seen
from app.core.market import Market, Queue, QueueSource, limit_vbytes, queue_of_projected_blocks
from app.core.marketfigures import SpikeWatch, UrgencyMetrics, has_moved, urgency_metrics
from app.core.models import Block, SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    ChainListed,
    FeesTold,
    MempoolMeasured,
    Observation,
    QueueProjected,
    SourceConnected,
    TransactionSeen,
)
from app.core.pace import TARGET_SECONDS, WINDOW_BLOCKS, Pace, pace_of
from app.core.passagetable import PassageTable
from app.core.prediction import Forecast, Prediction
from app.core.recalibration import Recalibration, no_recalibration
from app.core.units import Height

FLUSH_SECONDS = 10.0
"""Arrivals are counted together over at least so long."""
MOVED_SECONDS = 10.0
"""Between two blocks a moving market is looked at no more often than this."""
TEST_CHAIN_SECONDS = 120.0
"""A chain whose blocks come faster than this on average is a test chain: no target pulls its pace."""
ENOUGH_INTERVALS = 6
_QUEUE_SOURCES = {SourceName.BITCOIND: QueueSource.BITCOIND, SourceName.ELECTRS: QueueSource.ELECTRS}


class Forecaster:
    """A Foreteller, and a listener of the pipeline that hears what the market says."""

    def __init__(self, table: PassageTable | None = None) -> None:
        """Without `table`, which takes a second to build, nothing is forecast until `equip`."""
        self._table = table
        self._recalibration = no_recalibration()
        self._queue: Queue | None = None
        self._fees: FeesTold | None = None
        self._mempool: MempoolMeasured | None = None
        self._tip: Block | None = None
        self._intervals: deque[float] = deque(maxlen=WINDOW_BLOCKS)
        self._inflow = no_inflow_seen()
        self._arrived: list[tuple[float, float]] = []
        self._counted_at: datetime | None = None
        self._spikes = SpikeWatch()
        self._spiking = False
        self._told_at: datetime | None = None
        self._told: Market | None = None

    @property
    def spiking(self) -> bool:
        return self._spiking

    def equip(self, table: PassageTable) -> None:
        """From now on there are forecasts, for those that wait already too."""
        self._table = table
        self._told = None

    def recalibrate(self, recalibration: Recalibration) -> None:
        """Take up what the node's own outcomes have taught."""
        self._recalibration = recalibration

    def hear(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """Learn from what a source tells; return what is to be told of it."""
        match observation:
            case TransactionSeen(tx=tx, late=False):
                self._hear_arrival(tx, at)
            case QueueProjected():
                return self._hear_queue(observation, at)
            case FeesTold():
                self._fees = observation
            case MempoolMeasured():
                self._mempool = observation
            case BlockConnected(block=block):
                self._hear_block(block)
            case ChainListed(blocks=blocks):
                for block in blocks:
                    self._hear_block(block)
            case SourceConnected(again=True):
                self._missed_some(at)
        return ()

    def moved(self, at: datetime) -> bool:
        """Whether a block or a real shift of the queue came since this was last True."""
        market, before = self._market(), self._told
        if market is None or self._table is None:
            return False
        soon = self._told_at is not None and (at - self._told_at).total_seconds() < MOVED_SECONDS
        if before is not None and before.tip_height == market.tip_height and soon:
            return False
        if before is not None and not has_moved(before, market):
            return False
        self._told, self._told_at = market, at
        return True

    def foretell(self, whales: Sequence[Prediction], at: datetime) -> Sequence[Forecast | None]:
        """Forecast each; None for those whose fee is unknown, and while queue or tip are."""
        market, model = self._market(), self._model()
        if market is None or model is None:
            return [None] * len(whales)
        self._flush(at)
        waiting = [_waiting(whale, at) for whale in whales]
        return forecast_many(waiting, market, self._inflow, model, at)

    def figures(self, at: datetime) -> UrgencyMetrics | None:
        """The market in a few numbers; None until queue and tip are known."""
        market, model = self._market(), self._model()
        if market is None or model is None:
            return None
        return urgency_metrics(market, self._inflow, model, fee_spike=self._spiking, at=at)

    def _model(self) -> ForecastModel | None:
        if self._table is None:
            return None
        return ForecastModel(table=self._table, pace=self._pace(), recalibration=self._recalibration)

    def _pace(self) -> Pace:
        intervals = tuple(self._intervals)
        fast = len(intervals) >= ENOUGH_INTERVALS and sum(intervals) / len(intervals) < TEST_CHAIN_SECONDS
        return pace_of(intervals, target_seconds=None if fast else TARGET_SECONDS)

    def _market(self) -> Market | None:
        if self._queue is None or self._tip is None:
            return None
        mempool = self._mempool
        return Market(
            tip_height=self._tip.height,
            queue=self._queue,
            mempool_vbytes=float(mempool.vbytes) if mempool else None,
            mempool_limit_vbytes=limit_vbytes(mempool) if mempool else None,
            floor=mempool.minimum_feerate if mempool else None,
            recommended=self._fees,
        )

    def _hear_queue(self, told: QueueProjected, at: datetime) -> Iterable[Happening]:
        mempool = self._mempool
        self._queue = queue_of_projected_blocks(
            told.blocks,
            mempool_vbytes=float(mempool.vbytes) if mempool else None,
            floor=mempool.minimum_feerate if mempool else None,
            source=_QUEUE_SOURCES.get(told.source, QueueSource.PROJECTED_BLOCKS),
        )
        median = told.blocks[0].median if told.blocks else None
        self._flush(at)
        self._spikes = self._spikes.observed(at, median)
        before, self._spiking = self._spiking, self._spikes.is_spike(at)
        if self._spiking and not before:
            facts = {"next_block_median": median, "tip_height": self._tip_height()}
            return (Happening(type=EventType.FEES_SPIKED, at=at, facts=facts),)
        return ()

    def _hear_block(self, block: Block) -> None:
        old = self._tip
        if old is not None and block.height <= old.height:
            return
        if (
            old is not None
            and block.height == old.height + 1
            and block.time is not None
            and old.time is not None
        ):
            self._intervals.append(max(1.0, (block.time - old.time).total_seconds()))
        self._tip = block
        if self._queue is not None and old is not None:
            # Until the next picture of the queue comes, take off its top what the block took.
            self._queue = self._queue.without_top(self._pace().capacity_vbytes)

    def _hear_arrival(self, tx: Transaction, at: datetime) -> None:
        feerate = tx.effective_feerate
        if feerate is not None and tx.vsize is not None:
            self._arrived.append((feerate, tx.vsize))
        if self._counted_at is None:
            self._counted_at = at

    def _flush(self, at: datetime) -> None:
        """Count what arrived; silence counts too, once anything has been seen."""
        if self._counted_at is None:
            self._counted_at = at
            return
        elapsed = (at - self._counted_at).total_seconds()
        if elapsed < FLUSH_SECONDS:
            return
        rates, sizes = zip(*self._arrived, strict=True) if self._arrived else ((), ())
        self._inflow = self._inflow.observed(by_rung(rates, sizes), elapsed)
        self._arrived.clear()
        self._counted_at = at

    def _missed_some(self, at: datetime) -> None:
        """Nothing was heard since the last count: what was known is worth less."""
        if self._counted_at is not None:
            elapsed = (at - self._counted_at).total_seconds()
            if elapsed > 0:
                self._inflow = self._inflow.unobserved(elapsed)
        self._arrived.clear()
        self._counted_at = at

    def _tip_height(self) -> Height | None:
        return self._tip.height if self._tip else None


def _waiting(whale: Prediction, at: datetime) -> Waiting:
    vsize = whale.tx.vsize
    return Waiting(
        txid=whale.txid,
        feerate=None if vsize is None else whale.effective_feerate,
        vsize=vsize or 0.0,
        age_seconds=(at - whale.detected_at).total_seconds(),
    )
