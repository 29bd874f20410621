"""Figures of the fee market for the API and pages, and detection of fee spikes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from app.core.forecasting.inflow import Inflow
from app.core.forecasting.market import Market
from app.core.forecasting.model import ForecastModel, predicted_blocks, standings_of
from app.core.forecasting.queue import BLOCK_VBYTES
from app.core.forecasting.urgency import Congestion, congestion_of, feerate_percentiles

SPIKE_FACTOR: Final = 5.0
SPIKE_LOOKBACK: Final = timedelta(minutes=10)

_REMEMBERED: Final = 2 * SPIKE_LOOKBACK
_USUAL_VSIZE: Final = 200.0
_REAL_SHIFT: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class UrgencyMetrics:
    """Figures of the fee market; None where a figure is not known.

    `percentiles` are feerates by percentile of the waiting vbytes; `blocks_to_confirm` the predicted blocks
    for a new transaction at each recommended fee, None for more than 144.
    """

    block_height: int
    percentiles: dict[int, float] | None
    blocks_to_confirm: dict[str, int | None] | None
    mempool_vbytes: float | None
    congestion: Congestion
    fee_spike: bool
    source: str
    updated_at: datetime
    recalibration_outcomes: int = 0
    """Number of the node's own outcomes to recalibrate from; below 300 they change nothing yet."""
    recalibration_age_seconds: float | None = None
    recalibrated: bool = False


def urgency_metrics(
    market: Market, inflow: Inflow, model: ForecastModel, *, fee_spike: bool, at: datetime
) -> UrgencyMetrics:
    return UrgencyMetrics(
        block_height=market.tip_height,
        percentiles=feerate_percentiles(market.queue),
        blocks_to_confirm=_blocks_to_confirm(market, inflow, model),
        mempool_vbytes=market.mempool_vbytes,
        congestion=congestion_of(market, model.pace.capacity_vbytes),
        fee_spike=fee_spike,
        source=market.queue.source,
        updated_at=at,
        recalibration_outcomes=model.recalibration.outcomes,
        recalibration_age_seconds=model.recalibration.age_seconds(at),
        recalibrated=not model.recalibration.changes_nothing,
    )


def has_moved(before: Market, after: Market) -> bool:
    """Return whether pending transactions should be forecast again: new tip, or a shifted queue.

    Shifted: at some feerate the vbytes ahead differ by over a tenth of a block and a tenth of themselves.
    """
    if before.tip_height != after.tip_height:
        return True
    old, new = before.queue.ahead, after.queue.ahead
    shift = np.abs(new - old)
    return bool(((shift > _REAL_SHIFT * BLOCK_VBYTES) & (shift > _REAL_SHIFT * np.maximum(old, new))).any())


@dataclass(frozen=True, slots=True)
class SpikeWatch:
    """Medians of the next projected block; a spike is over 5 times that of 10 minutes ago. Immutable.

    The block counts only if it is at least half full, and only while its source was watched without a break:
    a mempool that was lost and fills again shows what has arrived so far, not what fees were.
    """

    medians: tuple[tuple[datetime, float | None], ...] = ()

    def observed(self, at: datetime, next_block_median: float | None) -> "SpikeWatch":
        """Return the watch after one more reading; None or 0 is "unknown"."""
        recent = [(when, median) for when, median in self.medians if at - when <= _REMEMBERED]
        return SpikeWatch((*recent, (at, next_block_median)))

    def forgotten(self) -> "SpikeWatch":
        """Return the watch without a reading: the source restarted, or part of what it sent was missed."""
        return SpikeWatch()

    def is_spike(self, at: datetime) -> bool:
        """Return whether fees spike at `at`; no spike if a median is 0, unknown or over 10 minutes stale."""
        now, then = self._median_at(at), self._median_at(at - SPIKE_LOOKBACK)
        return now is not None and then is not None and now > SPIKE_FACTOR * then

    def _median_at(self, at: datetime) -> float | None:
        """Return the last median observed until `at`; None if it is unknown, 0 or too old."""
        for when, median in reversed(self.medians):
            if when <= at:
                return median or None if at - when <= SPIKE_LOOKBACK else None
        return None


def _blocks_to_confirm(market: Market, inflow: Inflow, model: ForecastModel) -> dict[str, int | None] | None:
    if market.recommended is None:
        return None
    tiers = market.recommended.by_tier
    feerates = np.array(list(tiers.values()))
    usual = np.full(len(feerates), _USUAL_VSIZE)
    standings = standings_of(feerates, usual, np.zeros(len(feerates)), market, inflow, model.pace)
    blocks = predicted_blocks(model.probabilities(standings)).tolist()
    return {tier: block or None for tier, block in zip(tiers, blocks, strict=True)}
