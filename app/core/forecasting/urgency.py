"""Urgency of a transaction, and congestion of the mempool."""

from enum import StrEnum
from typing import Final

import numpy as np

from app.core.forecasting.feerates import Floats, clipped, feerate_of_bucket
from app.core.forecasting.market import Market, Queue
from app.core.prediction import HORIZONS, Urgency

PERCENTILES: Final = (10, 25, 50, 75, 90)
HIGH_FROM: Final = 0.75
MEDIUM_FROM: Final = 0.40

_SPEED_SHARE: Final = 0.75  # 0.75 * 0.8 > MEDIUM_FROM: a forecast of the next block is never of low urgency
_SPEED_COLUMNS: Final = [HORIZONS.index(n) for n in (1, 3, 6)]


class Congestion(StrEnum):
    """Congestion, by the blocks' worth of waiting vbytes that pay at least twice the floor."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    EXTREME = "extreme"


def urgency_scores(chances: Floats, feerates: Floats, queue: Queue) -> Floats:
    """Return scores of 0..1 that rise with the package feerate and agree with the forecast.

    Three quarters is speed, the mean probability to confirm within 1, 3 and 6 blocks; one quarter is rank,
    the share of the waiting vbytes that pay less. `chances` is [transaction, horizon].
    """
    speed = chances[:, _SPEED_COLUMNS].mean(axis=1)
    return np.asarray(_SPEED_SHARE * speed + (1.0 - _SPEED_SHARE) * _rank(feerates, queue))


def urgency_of(score: float) -> Urgency:
    """Return HIGH from 0.75, MEDIUM from 0.40, else LOW."""
    if score >= HIGH_FROM:
        return Urgency.HIGH
    return Urgency.MEDIUM if score >= MEDIUM_FROM else Urgency.LOW


def feerate_percentiles(queue: Queue) -> dict[int, float] | None:
    """Return the feerates that 10, 25, 50, 75 and 90 % of the waiting vbytes do not exceed; None if none."""
    found = {percent: queue.percentile(percent / 100.0) for percent in PERCENTILES}
    known = {percent: rate for percent, rate in found.items() if rate is not None}
    return known if len(known) == len(PERCENTILES) else None


def congestion_of(market: Market, capacity_vbytes: float) -> Congestion:
    """Return low below 1 block of vbytes paying twice the floor, medium below 4, high below 12.

    Transactions at the floor itself delay no others. An unknown floor is taken as 1 sat/vB.
    """
    twice = 2.0 * (market.floor if market.floor is not None else 1.0)
    waiting = market.queue.waiting[feerate_of_bucket(np.arange(len(market.queue.waiting))) >= twice]
    blocks = float(waiting.sum()) / capacity_vbytes
    if blocks < 1.0:
        return Congestion.LOW
    if blocks < 4.0:
        return Congestion.MEDIUM
    return Congestion.HIGH if blocks < 12.0 else Congestion.EXTREME


def _rank(feerates: Floats, queue: Queue) -> Floats:
    """Return the share of the waiting vbytes behind each feerate; 1 if the queue is empty."""
    if queue.total <= 0:
        return np.ones(len(feerates))
    return np.asarray(clipped(1.0 - queue.vbytes_ahead(feerates) / queue.total, 0.0, 1.0))
