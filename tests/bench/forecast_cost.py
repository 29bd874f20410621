"""What forecasts cost."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np

from app.core.forecasting.feerates import by_bucket
from app.core.forecasting.inflow import no_inflow_seen
from app.core.forecasting.market import Market, QueueSource
from app.core.forecasting.model import ForecastModel, Standings, Waiting, forecast_many
from app.core.forecasting.passagetable import MinerBeliefs, PassageTable
from app.core.forecasting.recalibration import Recalibration
from app.core.units import Height, Txid
from tests.bench.rows import BenchRow, at_most, shown
from tests.core.fee_markets import forecast_one, queue_of_transactions
from tests.simulation.model import draw_vsizes

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_BENT = Recalibration(lines=((0.1, 0.9, 0.9, 1.1, 1.1, 0.9),) * 7, outcomes=1_000, fitted_at=_AT)


def rows() -> Iterator[BenchRow]:
    """Yield the cost of one, of a thousand together, and of forecasting 2,000 again with all around it."""
    model = ForecastModel(table=PassageTable(MinerBeliefs()))
    rng = np.random.default_rng(1)
    learned = ForecastModel(table=model.table, recalibration=_BENT)
    many = 1_000
    standings = Standings(
        ahead=rng.exponential(1.0, many),
        inflow=rng.exponential(1.0, many),
        fresh=rng.random(many) < 0.5,
        below_one=rng.random(many) < 0.1,
    )
    each = fastest(lambda: learned.probabilities(standings)) / many
    yield at_most("forecast.cost.each_of_1000", each * 1e6, 2.0, "us")
    pairs = list(zip(1.0 + rng.exponential(5.0, 20_000), draw_vsizes(rng, 20_000), strict=True))
    queue = queue_of_transactions(pairs, QueueSource.BITCOIND)
    market = Market(tip_height=Height(900_000), queue=queue, mempool_limit_vbytes=150e6)
    arrived = by_bucket([rate for rate, _ in pairs[:4_000]], [size for _, size in pairs[:4_000]])
    inflow = no_inflow_seen().observed(arrived, 3_000.0)
    one = Waiting(txid=Txid("00"), feerate=5.0, vsize=250.0, age_seconds=3.0)
    single = fastest(lambda: forecast_one(one, market, inflow, learned, _AT))
    yield at_most("forecast.cost.single", single * 1e3, 1.0, "ms")
    pending = [
        Waiting(txid=Txid("00"), feerate=float(rate), vsize=float(size), age_seconds=100.0)
        for rate, size in pairs[:2_000]
    ]

    def everything() -> None:
        rates, sizes = np.array(pairs).T
        now = queue_of_transactions(zip(rates, sizes, strict=True), QueueSource.BITCOIND)
        seen = inflow.observed(by_bucket(rates[:50], sizes[:50]), 2.0)
        moment = Market(tip_height=Height(900_001), queue=now, mempool_limit_vbytes=150e6)
        forecast_many(pending, moment, seen, learned, _AT)

    yield at_most("forecast.cost.reforecast_2000", fastest(everything) * 1e3, 50.0, "ms")
    yield shown("forecast.cost.table", fastest(lambda: PassageTable(MinerBeliefs()), repeats=2), "s")


def fastest(work: Callable[[], object], repeats: int = 15) -> float:
    """Return the seconds of the fastest repeat: the machine is shared, and noise only adds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
