"""Watches the fee market and tells, for each waiting whale, when it will confirm."""

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime

from app.core.events import EventType, Happening
from app.core.forecast import ForecastModel, Waiting, forecast_many
from app.core.forecasting.inflowwatch import InflowWatch
from app.core.forecasting.market import (
    Market,
    Queue,
    QueueSource,
    limit_vbytes,
    queue_of_bins,
    queue_of_projected_blocks,
)
from app.core.forecasting.marketfigures import SpikeWatch, UrgencyMetrics, has_moved, urgency_metrics
from app.core.forecasting.pace import TARGET_SECONDS, WINDOW_BLOCKS, Pace, pace_of
from app.core.forecasting.passagetable import PassageTable
from app.core.forecasting.recalibration import Recalibration, no_recalibration
from app.core.forecasting.recentblocks import Place, RecentBlocks
from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    ChainListed,
    FeesTold,
    MempoolMeasured,
    Observation,
    QueueProjected,
)
from app.core.prediction import Forecast, Prediction
from app.core.units import Height

MOVED_SECONDS = 10.0
"""Between two blocks a moving market is looked at no more often than this."""
TEST_CHAIN_SECONDS = 120.0
"""A chain whose blocks come faster than this on average is a test chain: no target pulls its pace."""
ENOUGH_INTERVALS = 6
SAME_FRAME_SECONDS = 1.0
"""The backend tells a block and the queue it left in one frame; what comes later has arrivals in it."""
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
        self._blocks = RecentBlocks()
        self._watch = InflowWatch()
        self._waiting_vbytes: float | None = None
        self._before_block: tuple[float, datetime] | None = None
        self._known_vbytes: deque[float] = deque(maxlen=WINDOW_BLOCKS)
        self._spikes = SpikeWatch()
        self._spiking = False
        self._told_at: datetime | None = None
        self._told: Market | None = None
        self._all_anew = False

    @property
    def spiking(self) -> bool:
        return self._spiking

    @property
    def measured_blocks(self) -> tuple[float, ...]:
        """Vbytes that each of the last blocks took of our own mempool, where that could be measured."""
        return tuple(self._known_vbytes)

    def equip(self, table: PassageTable) -> None:
        """From now on there are forecasts, for those that wait already too."""
        self._table = table
        self._all_anew = True

    def recalibrate(self, recalibration: Recalibration) -> None:
        """Take up what the node's own outcomes have taught; those that wait are told anew."""
        self._recalibration = recalibration
        self._all_anew = True

    def hear(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """Learn from what a source tells; return what is to be told of it."""
        self._watch.hear(observation, at)
        match observation:
            case QueueProjected():
                return self._hear_queue(observation, at)
            case FeesTold():
                self._fees = observation
            case MempoolMeasured():
                self._mempool = observation
            case BlockConnected(block=block):
                self._hear_block(block, at)
            case ChainListed(blocks=blocks) if self._is_news(blocks):
                for block in blocks:
                    self._hear_block(block, at)
        return ()

    def moved(self, at: datetime) -> bool:
        """Whether a block, a real shift of the queue or a fee spike came since `mark_told`."""
        market, before = self._market(), self._told
        if market is None or self._table is None:
            return False
        return before is None or self._all_anew or self._shifted(before, market, at)

    def mark_told(self, at: datetime) -> None:
        """All that wait are forecast by the market as it is now."""
        self._told, self._told_at, self._all_anew = self._market(), at, False

    def foretell(self, whales: Sequence[Prediction], at: datetime) -> Sequence[Forecast | None]:
        """Forecast each; None for those whose fee is unknown, and while queue or tip are."""
        market, model = self._market(), self._model()
        if market is None or model is None:
            return [None] * len(whales)
        self._watch.flush(at)
        waiting = [_waiting(whale, at) for whale in whales]
        return forecast_many(waiting, market, self._watch.inflow, model, at)

    def figures(self, at: datetime) -> UrgencyMetrics | None:
        """The market in a few numbers; None until queue and tip are known."""
        market, model = self._market(), self._model()
        if market is None or model is None:
            return None
        return urgency_metrics(market, self._watch.inflow, model, fee_spike=self._spiking, at=at)

    def _model(self) -> ForecastModel | None:
        if self._table is None:
            return None
        return ForecastModel(table=self._table, pace=self._pace(), recalibration=self._recalibration)

    def _pace(self) -> Pace:
        intervals = self._blocks.intervals_seconds
        fast = len(intervals) >= ENOUGH_INTERVALS and sum(intervals) / len(intervals) < TEST_CHAIN_SECONDS
        return pace_of(intervals, self.measured_blocks, target_seconds=None if fast else TARGET_SECONDS)

    def _shifted(self, before: Market, now: Market, at: datetime) -> bool:
        # A clock that was set back says nothing of how long ago that was.
        soon = self._told_at is not None and 0.0 <= (at - self._told_at).total_seconds() < MOVED_SECONDS
        if soon and before.tip_height == now.tip_height:
            return False
        return has_moved(before, now)

    def _market(self) -> Market | None:
        tip, mempool = self._blocks.tip, self._mempool
        if self._queue is None or tip is None:
            return None
        return Market(
            tip_height=tip.height,
            queue=self._queue,
            mempool_vbytes=float(mempool.vbytes) if mempool else None,
            mempool_limit_vbytes=limit_vbytes(mempool) if mempool else None,
            floor=mempool.minimum_feerate if mempool else None,
            recommended=self._fees,
        )

    def _hear_queue(self, told: QueueProjected, at: datetime) -> Iterable[Happening]:
        self._queue = self._queue_of(told)
        median = told.blocks[0].median if told.blocks else None
        self._measure_block(told, at)
        self._watch.pictured(self._queue, at)
        self._watch.flush(at)
        self._spikes = self._spikes.observed(at, median)
        before, self._spiking = self._spiking, self._spikes.is_spike(at)
        if self._spiking and not before:
            self._all_anew = True
            facts = {"next_block_median": median, "tip_height": self._tip_height()}
            return (Happening(type=EventType.FEES_SPIKED, at=at, facts=facts),)
        return ()

    def _queue_of(self, told: QueueProjected) -> Queue:
        mempool = self._mempool
        source = _QUEUE_SOURCES.get(told.source, QueueSource.PROJECTED_BLOCKS)
        vbytes = float(mempool.vbytes) if mempool else None
        floor = mempool.minimum_feerate if mempool else None
        if told.bins:
            return queue_of_bins(told.bins, source, mempool_vbytes=vbytes, floor=floor)
        return queue_of_projected_blocks(told.blocks, mempool_vbytes=vbytes, floor=floor, source=source)

    def _is_news(self, blocks: Sequence[Block]) -> bool:
        """A list that does not end above our tip may be an old view of the chain, right after a start."""
        tip = self._blocks.tip
        return tip is None or any(block.height > tip.height for block in blocks)

    def _hear_block(self, block: Block, at: datetime) -> None:
        place = self._blocks.connect(block)
        if place is Place.KNOWN:
            return
        # Until the queue is told again, how much waits is not known: the next block cannot be measured.
        waiting, self._waiting_vbytes = self._waiting_vbytes, None
        self._before_block = None
        if self._queue is None or place in (Place.FIRST, Place.INSTEAD):
            return
        if place is Place.NEXT and waiting is not None:
            self._before_block = (waiting, at)
        # Until the next picture of the queue comes, take off its top what the block took.
        capacity = self._pace().capacity_vbytes
        self._queue = self._queue.without_top(capacity)
        self._watch.mined(capacity)

    def _measure_block(self, told: QueueProjected, at: datetime) -> None:
        """Learn what the last block took of our own mempool: how much shorter the queue of its frame is.

        Exact on the backend's frames (nothing is added in one that brings a block); elsewhere unknown.
        """
        before, self._before_block = self._before_block, None
        of_backend = told.source is SourceName.MEMPOOL_WS
        waiting = sum(block.vsize for block in told.blocks)
        if of_backend and before is not None and (at - before[1]).total_seconds() <= SAME_FRAME_SECONDS:
            self._known_vbytes.append(max(0.0, before[0] - waiting))
        self._waiting_vbytes = waiting if of_backend else None

    def _tip_height(self) -> Height | None:
        return self._blocks.tip.height if self._blocks.tip else None


def _waiting(whale: Prediction, at: datetime) -> Waiting:
    vsize = whale.tx.vsize
    return Waiting(
        txid=whale.txid,
        feerate=None if vsize is None else whale.effective_feerate,
        vsize=vsize or 0.0,
        age_seconds=_age_seconds(whale, at),
    )


def _age_seconds(whale: Prediction, at: datetime) -> float:
    """Of the present transaction: one that took another's place came with its own first forecast."""
    if not whale.replaces:
        return (at - whale.detected_at).total_seconds()
    first = whale.first_forecast
    return 0.0 if first is None else (at - first.made_at).total_seconds()
