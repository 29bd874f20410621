"""Builders for markets and what waits in them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache

import numpy as np

from app.core.forecasting.feerates import by_bucket
from app.core.forecasting.inflow import Inflow, no_inflow_seen
from app.core.forecasting.market import Market, Queue, QueueSource
from app.core.forecasting.model import ForecastModel, Waiting, forecast_many
from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from app.core.models import SourceName
from app.core.observations import FeesRecommended, ProjectedBlock
from app.core.prediction import Forecast
from app.core.units import Height, SatPerVb, Sats, Txid, VBytes

AT = datetime(2026, 1, 1, tzinfo=UTC)
Pairs = Sequence[tuple[float, float]]


@cache
def a_table() -> PassageTable:
    return PassageTable(MinerBeliefs())


def a_model() -> ForecastModel:
    return ForecastModel(table=a_table())


def queue_of_transactions(pairs: Iterable[tuple[float, float]], source: QueueSource) -> Queue:
    """The queue of what waits: (package feerate, vsize) each, in any order."""
    rates, sizes = np.array(list(pairs), dtype=np.float64).reshape(-1, 2).T
    return Queue(by_bucket(rates, sizes), source)


def forecast_one(
    waiting: Waiting, market: Market, inflow: Inflow, model: ForecastModel, at: datetime
) -> Forecast | None:
    """None if its fee is not known."""
    (made,) = forecast_many([waiting], market, inflow, model, at)
    return made


def a_market(
    pairs: Iterable[tuple[float, float]] = (),
    *,
    limit_vbytes: float | None = 150e6,
    floor: float | None = 1.0,
    tiers: Sequence[float] | None = None,
    height: int = 900_000,
) -> Market:
    return Market(
        tip_height=Height(height),
        queue=queue_of_transactions(pairs, QueueSource.BITCOIND),
        mempool_limit_vbytes=limit_vbytes,
        floor=floor,
        recommended=None if tiers is None else fees(*tiers),
    )


def fees(fastest: float, half_hour: float, hour: float, economy: float, minimum: float) -> FeesRecommended:
    return FeesRecommended(
        fastest=fastest,
        half_hour=half_hour,
        hour=hour,
        economy=economy,
        minimum=minimum,
        source=SourceName.MEMPOOL_WS,
    )


def an_inflow(pairs: Pairs = (), seconds: float = 7_200.0) -> Inflow:
    """Arrivals of `pairs` (feerate, vbytes a second), watched for a while."""
    rates = [rate for rate, _ in pairs]
    return no_inflow_seen().observed(by_bucket(rates, [size * seconds for _, size in pairs]), seconds)


def waiting(feerate: float | None = 5.0, vsize: float = 250.0, age_seconds: float = 600.0) -> Waiting:
    return Waiting(txid=Txid("ab" * 32), feerate=feerate, vsize=vsize, age_seconds=age_seconds)


def a_projected_block(
    fee_range: Sequence[float], *, vsize: float = 998_000.0, median: float = 0.0, count: int = 4_000
) -> ProjectedBlock:
    return ProjectedBlock(
        vsize=VBytes(vsize),
        count=count,
        total_fees=Sats(int(vsize * 3)),
        median=SatPerVb(median),
        fee_range=tuple(fee_range),
    )
