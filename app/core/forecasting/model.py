"""Confirmation probabilities from the vbytes ahead and the inflow above."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.core.forecasting.eviction import chance_of_eviction
from app.core.forecasting.feerates import Floats, clipped
from app.core.forecasting.inflow import Inflow
from app.core.forecasting.market import Market
from app.core.forecasting.pace import Pace
from app.core.forecasting.passagetable import PassageTable
from app.core.forecasting.recalibration import Recalibration, no_recalibration
from app.core.forecasting.urgency import urgency_of, urgency_scores
from app.core.prediction import HORIZONS, Forecast
from app.core.units import Height, SatPerVb, Txid

PREDICTED_AT: Final = 0.80
"""`predicted_block` is the first height with at least this probability."""
FRESH_SECONDS: Final = 60.0
"""A transaction younger than this may be missing from the block templates miners work on."""
SETTLED_SECONDS: Final = 1_800.0
"""The forecast is widened while the arrivals have been observed for less than this."""

_SHORT_SHARE: Final = 0.9
_PRIOR_SECONDS: Final = 120.0  # weight of the prior inflow, in seconds of observed inflow
_PRIOR_INFLOW_BLOCKS: Final = 0.9
_WIDEST: Final = 0.56
_NODES: Final = np.array([[-(3.0**0.5)], [0.0], [3.0**0.5]])
_WEIGHTS: Final = (1 / 6, 2 / 3, 1 / 6)
_LOG_HORIZONS: Final = np.log(np.array(HORIZONS, dtype=np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A transaction to be forecast: its package's feerate (None: unknown), its own vsize, its age."""

    txid: Txid
    feerate: float | None
    vsize: float
    age_seconds: float

    @property
    def pays(self) -> bool:
        """Whether its feerate is known and above zero: else nothing is forecast."""
        return self.feerate is not None and self.feerate > 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standings:
    """The queue positions of transactions, one array entry each; amounts in blocks' worth of vbytes."""

    ahead: Floats
    inflow: Floats
    fresh: NDArray[np.bool_]
    below_one: NDArray[np.bool_]
    widening: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForecastModel:
    """The passage table, the pace of the chain, and the recalibration from the node's own outcomes."""

    table: PassageTable
    pace: Pace = field(default_factory=Pace)
    recalibration: Recalibration = field(default_factory=no_recalibration)

    def probabilities(self, standings: Standings) -> Floats:
        """Return P(confirmed within n) as [transaction, horizon]."""
        return self.recalibration.recalibrated(self.raw_probabilities(standings))

    def raw_probabilities(self, standings: Standings) -> Floats:
        """Return the same before recalibration."""
        widened = standings.widening > 0
        chances = self.table.chances(
            standings.ahead,
            standings.inflow,
            fresh=standings.fresh,
            below_one=standings.below_one,
            log_shift=standings.widening * _NODES if widened else 0.0,
        )
        if not widened:
            return chances
        return np.asarray(sum(weight * each for weight, each in zip(_WEIGHTS, chances, strict=True)))


class ForecastFigures(NamedTuple):
    """What the market makes of a feerate, a size and an age; `block` is 0 if there is none within 144."""

    chances: list[float]
    raw: list[float]
    p_dropped: float | None
    block: int
    confidence: float
    urgency: float


def forecast_many(
    waiting: Sequence[Waiting], market: Market, inflow: Inflow, model: ForecastModel, at: datetime
) -> list[Forecast | None]:
    """Forecast each, in order; None for those whose fee is not known or is zero.

    `confidence_score` is the probability to be confirmed by `predicted_block`, or within 144 blocks where
    there is none.
    """
    figures = iter(figures_of([one for one in waiting if one.pays], market, inflow, model))
    return [
        forecast_of(one, next(figures), market, inflow, model, at) if one.pays else None for one in waiting
    ]


def figures_of(
    waiting: Sequence[Waiting], market: Market, inflow: Inflow, model: ForecastModel
) -> list[ForecastFigures]:
    """Return the figures of each, in order; all must pay. A thousand cost as much as a few dozen alone."""
    if not waiting:
        return []
    feerates = np.array([one.feerate for one in waiting], dtype=np.float64)
    vsizes = np.array([one.vsize for one in waiting], dtype=np.float64)
    ages = np.array([one.age_seconds for one in waiting], dtype=np.float64)
    standings = standings_of(feerates, vsizes, ages, market, inflow, model.pace)
    raw = model.raw_probabilities(standings)
    chances = model.recalibration.recalibrated(raw)
    blocks = predicted_blocks(chances)
    confidence = chance_within(chances, np.where(blocks > 0, blocks, HORIZONS[-1]))
    rows = zip(
        chances.tolist(),
        raw.tolist(),
        _dropped(feerates, standings.ahead, chances, market, inflow, model.pace),
        blocks.tolist(),
        confidence.tolist(),
        urgency_scores(chances, feerates, market.queue).tolist(),
        strict=True,
    )
    return [ForecastFigures(*row) for row in rows]


def forecast_of(
    waiting: Waiting,
    figures: ForecastFigures,
    market: Market,
    inflow: Inflow,
    model: ForecastModel,
    at: datetime,
) -> Forecast:
    """Return the forecast that these figures make at `at`."""
    learned = model.recalibration
    as_they_are = learned.changes_nothing
    block, height = figures.block, market.tip_height
    return Forecast(
        made_at=at,
        at_height=height,
        txid=waiting.txid,
        feerate=SatPerVb(waiting.feerate or 0.0),
        probabilities=tuple(figures.chances),
        p_dropped=figures.p_dropped,
        predicted_block=Height(height + block) if block else None,
        eta_seconds=round(block * model.pace.interval_seconds) if block else None,
        confidence_score=figures.confidence,
        urgency_score=figures.urgency,
        urgency=urgency_of(figures.urgency),
        inputs=market.queue.source,
        widened=_widening(inflow) > 0,
        inflow_seconds=inflow.observed_seconds,
        recalibration_outcomes=0 if as_they_are else learned.outcomes,
        recalibration_age_seconds=None if as_they_are else learned.age_seconds(at),
        raw=() if as_they_are else tuple(figures.raw),
    )


def standings_of(
    feerates: Floats, vsizes: Floats, ages_seconds: Floats, market: Market, inflow: Inflow, pace: Pace
) -> Standings:
    """Place transactions in the queue: the vbytes ahead, half of their own included, and the inflow above."""
    ahead = (market.queue.vbytes_ahead(feerates) + vsizes / 2.0) / pace.capacity_vbytes
    rates = inflow.above(feerates)
    vbytes_a_second = _SHORT_SHARE * rates.short + (1.0 - _SHORT_SHARE) * rates.long
    seen = vbytes_a_second * pace.interval_seconds / pace.capacity_vbytes
    # No arrivals observed yet is no evidence of none: start from a prior of a market in balance.
    guess = _PRIOR_INFLOW_BLOCKS * np.minimum(1.0, ahead)
    weight = inflow.observed_seconds / (inflow.observed_seconds + _PRIOR_SECONDS)
    settled = inflow.observed_seconds >= SETTLED_SECONDS
    return Standings(
        ahead=ahead,
        inflow=seen if settled else weight * seen + (1.0 - weight) * guess,
        fresh=ages_seconds < FRESH_SECONDS,
        below_one=feerates < 1.0,
        widening=_widening(inflow),
    )


def _widening(inflow: Inflow) -> float:
    """Return 0 once the arrivals have been observed for long enough."""
    return _WIDEST * max(0.0, 1.0 - inflow.observed_seconds / SETTLED_SECONDS)


def predicted_blocks(chances: Floats) -> NDArray[np.intp]:
    """Return the first n with P >= 0.8 for each row, 0 if there is none within 144.

    Between the horizons P is linear in ln n; see `chance_within`.
    """
    return blocks_at(chances, PREDICTED_AT)


def blocks_at(chances: Floats, share: float) -> NDArray[np.intp]:
    """Return the first n with P >= `share` for each row, 0 if there is none within 144."""
    reached = chances >= share
    column = np.argmax(reached, axis=1)
    rows = np.arange(len(chances))
    before = np.maximum(column - 1, 0)
    low, high = chances[rows, before], chances[rows, column]
    part = np.maximum((share - low) / np.maximum(high - low, 1e-12), 0.0)
    logs = _LOG_HORIZONS[before] + part * (_LOG_HORIZONS[column] - _LOG_HORIZONS[before])
    blocks = np.ceil(np.exp(logs) - 1e-9).astype(np.intp)
    return np.where(reached.any(axis=1), blocks, 0)


def chance_within(chances: Floats, blocks: NDArray[np.intp]) -> Floats:
    """Return P(confirmed within n) for each row's own n in 0..144, linear in ln n between horizons."""
    logs = np.log(np.maximum(blocks, 1))
    column = np.minimum(np.maximum(_LOG_HORIZONS.searchsorted(logs), 1), len(HORIZONS) - 1)
    rows = np.arange(len(chances))
    span = _LOG_HORIZONS[column] - _LOG_HORIZONS[column - 1]
    part = clipped((logs - _LOG_HORIZONS[column - 1]) / span, 0.0, 1.0)
    within = chances[rows, column - 1] * (1.0 - part) + chances[rows, column] * part
    return np.asarray(np.where(blocks > 0, within, 0.0))


def _dropped(
    feerates: Floats, ahead: Floats, chances: Floats, market: Market, inflow: Inflow, pace: Pace
) -> Sequence[float | None]:
    limit = market.mempool_limit_vbytes
    if limit is None:
        return [None] * len(ahead)
    rates = inflow.above(feerates)
    to_blocks = pace.interval_seconds / pace.capacity_vbytes
    room = limit / pace.capacity_vbytes - ahead
    chance = chance_of_eviction(ahead, room, rates.middle * to_blocks, rates.long * to_blocks)
    dropped: list[float | None] = np.minimum(chance, 1.0 - chances[:, -1]).tolist()
    return dropped
