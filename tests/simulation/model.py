"""One fee market, rendered twice: by feerate rungs (bins.py) and transaction by transaction (traffic.py).

All chance comes from the generator passed in. Feerates are sat/vB, sizes vbytes, times seconds.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from app.core.forecasting.feerates import BUCKETS, Floats, by_bucket, feerate_of_bucket

BLOCK_VBYTES: Final = 998_000.0
TARGET_SECONDS: Final = 600.0
DAY_SECONDS: Final = 86_400.0
MEMPOOL_LIMIT_VBYTES: Final = 150e6
MEAN_VSIZE: Final = 240.0
REFUSING_SHARE: Final = 0.10
WHALES_A_DAY: Final = 2_500.0

AT_FASTEST, LAGGED, OVERPAYING, RELAXED, LOW, AT_THE_EDGE = range(6)
_CROWD: Final = np.array([0.35, 0.20, 0.10, 0.15, 0.20, 0.0])
_WHALES: Final = np.array([0.45, 0.15, 0.12, 0.10, 0.10, 0.08])


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A kind of market. `load` is demand over capacity, `backlog_vbytes` what waits at the start."""

    name: str
    load: tuple[float, float]
    backlog_vbytes: tuple[float, float] = (0.0, 2e6)
    spikes: bool = False
    floor: float = 1.0

    @property
    def increment(self) -> float:
        """The step of the recommended fees."""
        return 0.1 if self.floor < 1.0 else 1.0


REGIMES: Final = {
    regime.name: regime
    for regime in (
        Regime(name="quiet", load=(0.45, 0.68)),
        Regime(name="steady", load=(1.0, 1.15), backlog_vbytes=(5e6, 30e6)),
        Regime(name="congested", load=(1.15, 1.40), backlog_vbytes=(100e6, 149e6)),
        Regime(name="spike", load=(0.80, 0.95), backlog_vbytes=(2e6, 15e6), spikes=True),
        Regime(name="draining", load=(0.70, 0.90), backlog_vbytes=(15e6, 45e6)),
        Regime(name="sub1", load=(0.90, 1.12), backlog_vbytes=(2e6, 20e6), floor=0.1),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """Every block of a run, in order: when, how old its template, what it takes, what it refuses.

    The first 144 lie before time zero, so that a mean interval is known from the start.
    """

    times: Floats
    template_ages: Floats
    capacities: Floats
    refuses_below_one: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quotes:
    """What bidders look at, one entry a run: the five tiers, the lagged estimate, the edge of block 1."""

    tiers: Floats  # [run, fastest..minimum]
    lagged: Floats
    edge: Floats


def draw_blocks(rng: Generator, seconds: float) -> Blocks:
    """Draw exponential intervals around the epoch's mean; a few are empty, more so soon after another."""
    mean = TARGET_SECONDS * rng.uniform(0.9, 1.1)
    intervals = rng.exponential(mean, int(seconds / mean * 1.5) + 400)
    times = np.cumsum(intervals)
    times -= times[143] + rng.exponential(mean)
    kept = times < seconds
    number = int(kept.sum())
    empty = rng.random(number) < rng.uniform(0.003, 0.02)
    empty |= (intervals[:number] < 20.0) & (rng.random(number) < 0.30)
    shares = 1.0 - rng.uniform(0.02, 0.05, number)
    return Blocks(
        times=times[kept],
        template_ages=rng.uniform(10.0, 60.0, number),
        capacities=np.where(empty, 0.0, BLOCK_VBYTES * shares),
        refuses_below_one=rng.random(number) < REFUSING_SHARE,
    )


def draw_demand(rng: Generator, regime: Regime, seconds: float, step: float) -> Floats:
    """Return transactions a second for each step: load, hour of the day, slow noise, spikes."""
    steps = int(seconds / step)
    time = np.arange(steps) * step
    at_load_one = BLOCK_VBYTES * 0.965 / TARGET_SECONDS / MEAN_VSIZE
    day = 1.0 + 0.25 * np.sin(2 * np.pi * (time / DAY_SECONDS + rng.random()))
    rate = at_load_one * rng.uniform(*regime.load) * day * np.exp(_slow_noise(rng, steps, step))
    if regime.spikes:
        start = rng.exponential(5 * 3600.0)
        while start < seconds:
            length = rng.uniform(600.0, 3600.0)
            rate[(time >= start) & (time < start + length)] *= 5.0
            start += length + rng.exponential(10 * 3600.0)
    return np.asarray(rate)


def _slow_noise(rng: Generator, steps: int, step: float, deviation: float = 0.15) -> Floats:
    """Ornstein-Uhlenbeck noise with a memory of two hours."""
    keep = float(np.exp(-step / 7_200.0))
    shocks = rng.normal(0.0, deviation * (1 - keep**2) ** 0.5, steps)
    noise = np.empty(steps)
    level = rng.normal(0.0, deviation)
    for index in range(steps):
        level = keep * level + shocks[index]
        noise[index] = level
    return noise


def draw_vsizes(rng: Generator, number: int) -> Floats:
    sizes = 110.0 + rng.lognormal(np.log(65.0), 1.0, number)
    bulky = rng.random(number) < 0.002
    sizes[bulky] = np.minimum(4_000.0 * (1.0 + rng.pareto(1.3, int(bulky.sum()))), 90_000.0)
    return np.asarray(sizes)


def draw_feerates(
    rng: Generator, runs: np.ndarray, quotes: Quotes, floors: Floats, increments: Floats, *, whales: bool
) -> Floats:
    """Return a bid for each transaction of `runs`; 0 for one that finds the price too high and stays away."""
    number = len(runs)
    habit = rng.choice(6, size=number, p=_WHALES if whales else _CROWD)
    tiers, floor = quotes.tiers[runs], floors[runs]
    fastest = tiers[:, 0]
    relaxed = np.where(rng.random(number) < 0.5, tiers[:, 1], tiers[:, 2])
    jitter = np.exp(rng.normal(0.0, 0.12, number))
    tail = floor * (1.0 + rng.exponential(0.6, number))
    bids = np.select(
        [habit == AT_FASTEST, habit == LAGGED, habit == OVERPAYING, habit == RELAXED, habit == LOW],
        [
            fastest * jitter,
            quotes.lagged[runs] * jitter,
            fastest * (1.0 + rng.exponential(1.0, number)),
            relaxed * jitter,
            tail,
        ],
        default=quotes.edge[runs] * np.exp(rng.uniform(-np.log(2), np.log(2), number)),
    )
    exact = rng.random(number)
    bids = np.where((habit <= LAGGED) & (exact < 0.4), np.where(habit == LAGGED, bids, fastest), bids)
    whole = (exact > 0.65) & (bids >= 1.0)
    bids = np.where(whole, np.round(bids), bids)
    # Most wallets still refuse to go below 1 sat/vB.
    bids = np.where((increments[runs] < 1.0) & (rng.random(number) < 0.2), np.maximum(bids, 1.0), bids)
    bids = np.maximum(bids, floor)
    ceiling = rng.lognormal(np.log(40.0 if whales else 12.0), 1.2, number)
    return np.where(bids > ceiling, np.where(ceiling >= floor, np.minimum(bids, tail), 0.0), bids)


def draw_backlog(rng: Generator, regime: Regime) -> Floats:
    """Return vbytes by rung that wait when the run begins: mostly just over the floor."""
    amount = rng.uniform(*regime.backlog_vbytes)
    feerates = regime.floor * (1.0 + rng.exponential(0.8, 4_000))
    return by_bucket(feerates, np.full(4_000, amount / 4_000))


def recommended_fees(waiting: Floats, floors: Floats, increments: Floats) -> tuple[Floats, Floats]:
    """Return the five tiers, and the feerate at the edge of the first projected block; one row a run.

    As the backend does: a tier is what is paid half a projected block from its top, smoothed with the tier
    above it, and the minimum where less than half a block is waiting.
    """
    above = np.cumsum(waiting[:, ::-1], axis=1)
    total = above[:, -1]
    ascending = feerate_of_bucket(np.arange(BUCKETS))
    minimum = np.ceil(floors / increments - 1e-9) * increments
    medians = []
    previous: Floats | None = None
    for block in range(3):
        begins = block * BLOCK_VBYTES
        level = BUCKETS - 1 - (above >= begins + BLOCK_VBYTES / 2).argmax(axis=1)
        median = ascending[level]
        size = np.clip(total - begins, 0.0, BLOCK_VBYTES)
        use = median if previous is None else (median + previous) / 2
        partial = np.where(total - begins <= 0.95 * BLOCK_VBYTES, np.clip((size - 5e5) / 5e5, 0, 1), 1.0)
        tier = np.maximum(np.ceil(use * partial / increments - 1e-9) * increments, minimum)
        previous = np.where(size <= 5e5, minimum, tier)
        medians.append(previous)
    fastest, half_hour, hour = medians
    economy = np.maximum(minimum, np.minimum(2 * minimum, hour))
    hour = np.maximum(hour, economy)
    half_hour = np.maximum(half_hour, hour)
    fastest = np.maximum(fastest, half_hour)
    edge_bucket = BUCKETS - 1 - (above >= BLOCK_VBYTES).argmax(axis=1)
    edge = np.where(total >= BLOCK_VBYTES, ascending[edge_bucket], floors)
    return np.stack([fastest, half_hour, hour, economy, minimum], axis=1), np.asarray(edge)
