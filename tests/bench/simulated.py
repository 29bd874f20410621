"""Our own simulator's whales as cases to be forecast."""

from typing import Final

import numpy as np

from app.core.forecasting.eviction import chance_of_eviction
from app.core.forecasting.model import Standings
from app.core.forecasting.pace import USUAL_CAPACITY_VBYTES
from tests.bench.reference import Cases
from tests.bench.scoring import CONFIRMED, DROPPED, PENDING, REPLACED, Outcomes
from tests.simulation import bins, model
from tests.simulation.bins import BinnedMarket, Run, Seen

TRAINING_SEEDS: Final = (1, 2, 3, 4)
HELD_OUT_SEEDS: Final = (101, 102, 103, 104, 105, 106, 107, 108)
WHALE_SECONDS: Final = 118_000.0  # for 3,000 whales and more a run
WATCH_SECONDS: Final = 36_000.0

_FATES: Final = {
    bins.WAITING: PENDING,
    bins.CONFIRMED: CONFIRMED,
    bins.DROPPED: DROPPED,
    bins.REPLACED: REPLACED,
}


def simulate_cases(seeds: tuple[int, ...]) -> Cases:
    """Run every regime with each seed, side by side."""
    runs = [Run(regime=regime, seed=seed) for seed in seeds for regime in model.REGIMES.values()]
    market = BinnedMarket(runs, whale_seconds=WHALE_SECONDS, watch_seconds=WATCH_SECONDS)
    return cases_of(runs, market.run())


def cases_of(runs: list[Run], seen: Seen) -> Cases:
    interval = 600.0 * (1.0 + 0.5 * (seen.mean_interval / 600.0 - 1.0))
    to_blocks = interval / USUAL_CAPACITY_VBYTES
    ahead = (seen.ahead + seen.vsize / 2.0) / USUAL_CAPACITY_VBYTES
    inflow = seen.inflow * to_blocks[:, None]
    room = model.MEMPOOL_LIMIT_VBYTES / USUAL_CAPACITY_VBYTES - ahead
    fate = np.array([_FATES[int(one)] for one in seen.fate], dtype=np.intp)
    return Cases(
        regime=np.array([run.regime.name for run in runs])[seen.run],
        seed=np.array([run.seed for run in runs], dtype=np.intp)[seen.run],
        standings=Standings(
            ahead=ahead,
            inflow=0.9 * inflow[:, 0] + 0.1 * inflow[:, 2],
            fresh=np.ones(len(ahead), dtype=bool),
            below_one=seen.feerate < 1.0,
        ),
        feerates=seen.feerate,
        tiers=seen.tiers,
        index=1 + (seen.ahead / model.BLOCK_VBYTES).astype(np.intp),
        outcomes=Outcomes(fate=fate, blocks=seen.blocks.astype(np.intp)),
        p_dropped=chance_of_eviction(ahead, room, inflow[:, 1], inflow[:, 2]),
    )
