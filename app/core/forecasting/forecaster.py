"""Follows the fee market and forecasts the confirmation of each pending whale."""

import operator
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from app.core.events import EventType, Happening
from app.core.forecasting.foresight import Foresight, waiting_of
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
from app.core.forecasting.model import ForecastModel, forecast_many, forecast_of
from app.core.forecasting.pace import TARGET_SECONDS, WINDOW_BLOCKS, Pace, pace_of
from app.core.forecasting.passagetable import PassageTable
from app.core.forecasting.projection import projected_place
from app.core.forecasting.queue import BLOCK_VBYTES
from app.core.forecasting.recalibration import Recalibration, no_recalibration
from app.core.forecasting.recentblocks import BlockPlace, RecentBlocks
from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    ChainListed,
    FeesRecommended,
    Gap,
    MempoolMeasured,
    Observation,
    ProjectedBlock,
    QueueProjected,
    SourceConnected,
    SourceSynced,
)
from app.core.prediction import Forecast, Prediction
from app.core.units import Height

MOVED_SECONDS = 10.0
"""Shortest interval between two checks for a moved market within one block."""
TEST_CHAIN_SECONDS = 120.0
"""A chain with a mean block interval below this is a test chain: its pace is not shrunk to the target."""
ENOUGH_INTERVALS = 6
SAME_FRAME_SECONDS = 1.0
"""The backend reports a block and the remaining queue in one frame; a later queue includes arrivals."""
_QUEUE_SOURCES = {SourceName.BITCOIND: QueueSource.BITCOIND, SourceName.ELECTRS: QueueSource.ELECTRS}


class Forecaster:
    """A ForecastSource that learns the fee market as a listener of the pipeline."""

    def __init__(self, table: PassageTable | None = None) -> None:
        """Without `table`, which takes a second to build, nothing is forecast until `set_table`."""
        self._table = table
        self._recalibration = no_recalibration()
        self._queue: Queue | None = None
        self._queue_source: QueueSource | None = None
        self._projected: Sequence[ProjectedBlock] = ()
        self._fees: FeesRecommended | None = None
        self._mempool: MempoolMeasured | None = None
        self._blocks = RecentBlocks()
        self._watch = InflowWatch()
        self._foresight = Foresight()
        self._waiting_vbytes: float | None = None
        self._before_block: tuple[float, datetime] | None = None
        self._known_vbytes: deque[float] = deque(maxlen=WINDOW_BLOCKS)
        self._spikes = SpikeWatch()
        self._spiking = False
        self._published_at: datetime | None = None
        self._reported: Market | None = None
        self._all_anew = False
        self._model_in_force: ForecastModel | None = None
        """Table, pace and recalibration, until one of them changes: blocks are far fewer than forecasts."""
        self._figures: tuple[tuple[object, ...], UrgencyMetrics] | None = None
        """What the latest figures are of, and they: they are looked at far more often than that changes."""

    @property
    def spiking(self) -> bool:
        return self._spiking

    @property
    def measured_blocks(self) -> tuple[float, ...]:
        """Vbytes that each of the last blocks removed from our own mempool, where that could be measured."""
        return tuple(self._known_vbytes)

    def set_table(self, table: PassageTable) -> None:
        """Set the passage table; forecasting starts, for whales that are already pending too."""
        self._table = table
        self._all_anew = True
        self._model_in_force = None

    def recalibrate(self, recalibration: Recalibration) -> None:
        """Adopt a recalibration fitted to the node's own outcomes; all pending whales are forecast again."""
        self._recalibration = recalibration
        self._all_anew = True
        self._model_in_force = None

    def foresee(self, observations: Iterable[Observation], at: datetime) -> None:
        """Note the transactions of a batch, so that their forecasts are worked out in one call."""
        if self._table is not None:
            self._foresight.expect(observations, at)

    def receive(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """Update the market from an observation; return FEES_SPIKED if a fee spike begins."""
        self._watch.receive(observation, at)
        if _breaks_off(observation, self._queue_source):
            self._spikes = self._spikes.forgotten()
        match observation:
            case QueueProjected():
                return self._receive_queue(observation, at)
            case FeesRecommended():
                self._fees = observation
            case MempoolMeasured():
                self._mempool = observation
            case BlockConnected(block=block):
                self._receive_block(block, at)
            case ChainListed(blocks=blocks) if self._is_news(blocks):
                for block in blocks:
                    self._receive_block(block, at)
        return ()

    def moved(self, at: datetime) -> bool:
        """Return whether a block, a material shift of the queue or a spike came since `mark_published`."""
        market, before = self._market(), self._reported
        if market is None or self._table is None:
            return False
        return before is None or self._all_anew or self._shifted(before, market, at)

    def mark_published(self, at: datetime) -> None:
        """Record that all pending whales have been forecast with the current market."""
        self._reported, self._published_at, self._all_anew = self._market(), at, False

    def forecast(self, whales: Sequence[Prediction], at: datetime) -> Sequence[Forecast | None]:
        """Forecast each, in order; None for an unknown fee, and while queue, tip or table are unknown."""
        market, model = self._market(), self._model()
        if market is None or model is None:
            return [None] * len(whales)
        self._watch.flush(at)
        inflow, waiting = self._watch.inflow, [waiting_of(whale, at) for whale in whales]
        forecasts: Sequence[Forecast | None]
        if len(waiting) == 1 and waiting[0].pays:
            figures = self._foresight.figures(waiting[0], market, inflow, model, at)
            forecasts = [forecast_of(waiting[0], figures, market, inflow, model, at)]
        else:
            forecasts = forecast_many(waiting, market, inflow, model, at)
        return [
            self._opened(one, market) if one is not None and whale.first_forecast is None else one
            for one, whale in zip(forecasts, whales, strict=True)
        ]

    def figures(self, at: datetime) -> UrgencyMetrics | None:
        """Return the figures of the fee market; None until queue, tip and table are known."""
        market, model, inflow = self._market(), self._model(), self._watch.inflow
        if market is None or model is None:
            return None
        of = (self._queue, self._blocks.tip, self._mempool, self._fees, inflow, model, self._spiking)
        if self._figures is None or not all(map(operator.is_, of, self._figures[0])):
            figures = urgency_metrics(market, inflow, model, fee_spike=self._spiking, at=at)
            self._figures = (of, figures)
        age = model.recalibration.age_seconds(at)
        return replace(self._figures[1], updated_at=at, recalibration_age_seconds=age)

    def _opened(self, forecast: Forecast, market: Market) -> Forecast:
        """Add the baseline, the projected block, to a forecast that will be scored."""
        place = projected_place(forecast.feerate, self._projected, market.queue)
        return replace(forecast, projected_block=place)

    def _model(self) -> ForecastModel | None:
        if self._table is None:
            return None
        if self._model_in_force is None:
            self._model_in_force = ForecastModel(
                table=self._table, pace=self._pace(), recalibration=self._recalibration
            )
        return self._model_in_force

    def _pace(self) -> Pace:
        intervals = self._blocks.intervals_seconds
        fast = len(intervals) >= ENOUGH_INTERVALS and sum(intervals) / len(intervals) < TEST_CHAIN_SECONDS
        return pace_of(intervals, self.measured_blocks, target_seconds=None if fast else TARGET_SECONDS)

    def _shifted(self, before: Market, now: Market, at: datetime) -> bool:
        # After a backward clock step the elapsed time is not known.
        soon = (
            self._published_at is not None
            and 0.0 <= (at - self._published_at).total_seconds() < MOVED_SECONDS
        )
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

    def _receive_queue(self, reported: QueueProjected, at: datetime) -> Iterable[Happening]:
        self._queue = self._queue_of(reported)
        median = _median_of(reported.blocks)
        source = _queue_source(reported.source)
        if self._queue_source not in (None, source) or self._was_emptied(reported):
            self._spikes = self._spikes.forgotten()
        self._queue_source = source
        self._projected = reported.blocks
        self._measure_block(reported, at)
        self._watch.pictured(self._queue, at)
        self._watch.flush(at)
        self._spikes = self._spikes.observed(at, median)
        before, self._spiking = self._spiking, self._spikes.is_spike(at)
        if self._spiking and not before:
            self._all_anew = True
            facts = {"next_block_median": median, "tip_height": self._tip_height()}
            return (Happening(type=EventType.FEES_SPIKED, at=at, facts=facts),)
        return ()

    def _queue_of(self, reported: QueueProjected) -> Queue:
        mempool = self._mempool
        source = _queue_source(reported.source)
        vbytes = float(mempool.vbytes) if mempool else None
        floor = mempool.minimum_feerate if mempool else None
        if reported.bins:
            return queue_of_bins(reported.bins, source, mempool_vbytes=vbytes, floor=floor)
        return queue_of_projected_blocks(reported.blocks, mempool_vbytes=vbytes, floor=floor, source=source)

    def _was_emptied(self, reported: QueueProjected) -> bool:
        """Return whether more than half of what was projected is gone: more than the blocks since took."""
        before, now = (sum(block.vsize for block in blocks) for blocks in (self._projected, reported.blocks))
        return now < before / 2 and before >= BLOCK_VBYTES / 2

    def _is_news(self, blocks: Sequence[Block]) -> bool:
        """Return whether a list reaches above our tip; else it may be stale, right after a start."""
        tip = self._blocks.tip
        return tip is None or any(block.height > tip.height for block in blocks)

    def _receive_block(self, block: Block, at: datetime) -> None:
        self._model_in_force = None
        place = self._blocks.connect(block)
        if place is BlockPlace.KNOWN:
            return
        # Until the queue is reported again, its size is not known and the next block cannot be measured.
        waiting, self._waiting_vbytes = self._waiting_vbytes, None
        self._before_block = None
        if self._queue is None or place in (BlockPlace.FIRST, BlockPlace.INSTEAD):
            return
        if place is BlockPlace.NEXT and waiting is not None:
            self._before_block = (waiting, at)
        # Until the next report of the queue, remove one block's capacity from its top.
        capacity = self._pace().capacity_vbytes
        self._queue = self._queue.without_top(capacity)
        self._projected = self._projected[1:]
        self._watch.mined(capacity)

    def _measure_block(self, reported: QueueProjected, at: datetime) -> None:
        """Measure the vbytes that the last block removed from our own mempool, by the queue of its frame.

        Exact for the backend's frames (a frame with a block adds no transactions); unknown for other sources.
        """
        before, self._before_block = self._before_block, None
        of_backend = reported.source is SourceName.MEMPOOL_WS
        waiting = sum(block.vsize for block in reported.blocks)
        if of_backend and before is not None and (at - before[1]).total_seconds() <= SAME_FRAME_SECONDS:
            self._known_vbytes.append(max(0.0, before[0] - waiting))
            self._model_in_force = None
        self._waiting_vbytes = waiting if of_backend else None

    def _tip_height(self) -> Height | None:
        return self._blocks.tip.height if self._blocks.tip else None


def _queue_source(source: SourceName) -> QueueSource:
    return _QUEUE_SOURCES.get(source, QueueSource.PROJECTED_BLOCKS)


def _median_of(blocks: Sequence[ProjectedBlock]) -> float | None:
    """Return the median of the next block; None if it is less than half full, and so says nothing of fees."""
    return blocks[0].median if blocks and blocks[0].vsize >= BLOCK_VBYTES / 2 else None


def _breaks_off(observation: Observation, watched: QueueSource | None) -> bool:
    """Return whether the source of the queue restarted, or something that it sent was missed."""
    match observation:
        case Gap() | SourceConnected(again=True):
            return _queue_source(observation.source) is watched
        case SourceSynced(percent=percent):
            return percent < 100 and _queue_source(observation.source) is watched
        case MempoolMeasured(loaded=False):
            return _queue_source(observation.source) is watched
    return False
