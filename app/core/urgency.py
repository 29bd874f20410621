"""How urgent a transaction is, how busy the mempool is, and whether fees have just jumped."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import numpy as np

from app.core.feerates import Floats, feerate_of_rung
from app.core.firstpassage import HORIZONS
from app.core.forecast import Forecast, ForecastModel, predicted_blocks, standings_of
from app.core.inflow import Inflow
from app.core.market import Market, Queue, RecommendedFees

PERCENTILES: Final = (10, 25, 50, 75, 90)
SPIKE_FACTOR: Final = 5.0
SPIKE_LOOKBACK: Final = timedelta(minutes=10)

HIGH_FROM: Final = 0.75
MEDIUM_FROM: Final = 0.40

_SPEED_SHARE: Final = 0.75  # 0.75 * 0.8 > MEDIUM_FROM: a forecast of "next block" can never read low
_SPEED_HORIZONS: Final = (1, 3, 6)
_USUAL_VSIZE: Final = 200.0
_REMEMBERED: Final = 2 * SPIKE_LOOKBACK


class Urgency(StrEnum):
    """Low below 0.40, medium from 0.40, high from 0.75."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Congestion(StrEnum):
    """By the blocks' worth of vbytes that wait paying at least twice the floor."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    EXTREME = "extreme"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrgencyMetrics:
    """The market in a few figures; None where it cannot be known.

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


def urgency_score(forecast: Forecast, feerate: float, queue: Queue) -> float:
    """Return 0..1, rising with the package's feerate and agreeing with the forecast.

    Three quarters of it is speed, the mean chance to be in within 1, 3 and 6 blocks; one quarter is rank,
    the share of the waiting vbytes that pay less.
    """
    chances = forecast.confirmation_probability
    speed = sum(chances[n] for n in _SPEED_HORIZONS) / len(_SPEED_HORIZONS)
    return _SPEED_SHARE * speed + (1.0 - _SPEED_SHARE) * float(_rank(np.array([feerate]), queue)[0])


def urgency_scores(chances: Floats, feerates: Floats, queue: Queue) -> Floats:
    """Return `urgency_score` for many; `chances` is [transaction, horizon]."""
    columns = [HORIZONS.index(n) for n in _SPEED_HORIZONS]
    speed = chances[:, columns].mean(axis=1)
    return np.asarray(_SPEED_SHARE * speed + (1.0 - _SPEED_SHARE) * _rank(feerates, queue))


def urgency_of(score: float) -> Urgency:
    if score >= HIGH_FROM:
        return Urgency.HIGH
    return Urgency.MEDIUM if score >= MEDIUM_FROM else Urgency.LOW


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
    )


def feerate_percentiles(queue: Queue) -> dict[int, float] | None:
    """Return the feerates that 10, 25, 50, 75 and 90 % of the waiting vbytes do not exceed; None if none."""
    found = {percent: queue.percentile(percent / 100.0) for percent in PERCENTILES}
    known = {percent: rate for percent, rate in found.items() if rate is not None}
    return known if len(known) == len(PERCENTILES) else None


def congestion_of(market: Market, capacity_vbytes: float) -> Congestion:
    """Return low below 1 block of vbytes paying twice the floor, medium below 4, high below 12.

    What waits at the floor itself delays nobody. An unknown floor is taken as 1 sat/vB.
    """
    twice = 2.0 * (market.floor if market.floor is not None else 1.0)
    waiting = market.queue.waiting[feerate_of_rung(np.arange(len(market.queue.waiting))) >= twice]
    blocks = float(waiting.sum()) / capacity_vbytes
    if blocks < 1.0:
        return Congestion.LOW
    if blocks < 4.0:
        return Congestion.MEDIUM
    return Congestion.HIGH if blocks < 12.0 else Congestion.EXTREME


@dataclass(frozen=True, slots=True)
class SpikeWatch:
    """Remembers the median of the next block; a spike is over 5 times that of 10 minutes ago. Immutable."""

    medians: tuple[tuple[datetime, float | None], ...] = ()

    def observed(self, at: datetime, next_block_median: float | None) -> "SpikeWatch":
        """Return the watch after one more reading; None or 0 is "unknown"."""
        recent = [(when, median) for when, median in self.medians if at - when <= _REMEMBERED]
        return SpikeWatch((*recent, (at, next_block_median)))

    def is_spike(self, at: datetime) -> bool:
        """No spike while either median is 0 or unknown, or was read over 10 minutes before its moment."""
        now, then = self._median_at(at), self._median_at(at - SPIKE_LOOKBACK)
        return now is not None and then is not None and now > SPIKE_FACTOR * then

    def _median_at(self, at: datetime) -> float | None:
        """Return the last median read until then; None if that is unknown, 0 or too long ago."""
        for when, median in reversed(self.medians):
            if when <= at:
                return median or None if at - when <= SPIKE_LOOKBACK else None
        return None


def _rank(feerates: Floats, queue: Queue) -> Floats:
    """Return the share of the waiting vbytes behind each feerate; 1 if nothing waits."""
    if queue.total <= 0:
        return np.ones(len(feerates))
    return np.asarray(np.clip(1.0 - queue.vbytes_ahead(feerates) / queue.total, 0.0, 1.0))


def _blocks_to_confirm(market: Market, inflow: Inflow, model: ForecastModel) -> dict[str, int | None] | None:
    if market.recommended is None:
        return None
    tiers = _by_tier(market.recommended)
    feerates = np.array(list(tiers.values()))
    usual = np.full(len(feerates), _USUAL_VSIZE)
    standings = standings_of(feerates, usual, np.zeros(len(feerates)), market, inflow, model.pace)
    blocks = predicted_blocks(model.probabilities(standings)).tolist()
    return {tier: block or None for tier, block in zip(tiers, blocks, strict=True)}


def _by_tier(fees: RecommendedFees) -> dict[str, float]:
    return {
        "fastest": fees.fastest,
        "half_hour": fees.half_hour,
        "hour": fees.hour,
        "economy": fees.economy,
        "minimum": fees.minimum,
    }
