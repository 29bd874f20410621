"""The market by feerate buckets: many runs side by side, only the whales one by one. For the statistics."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from app.core.forecasting.feerates import BUCKETS, Floats, bucket_of, feerate_of_bucket
from tests.simulation import model
from tests.simulation.model import Blocks, Quotes, Regime

STEP_SECONDS: Final = 10.0
WARM_UP_SECONDS: Final = 6 * 3600.0
WINDOWS: Final = np.array([600.0, 7_200.0, 28_800.0])
WAITING, CONFIRMED, DROPPED, REPLACED = range(4)

_YOUNG_STEPS: Final = 6
_REPLACED_A_BLOCK: Final = 0.015
_LIFTED_A_BLOCK: Final = 0.007
_CROWD_MOVED_A_BLOCK: Final = 0.004


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One market: a regime and a seed."""

    regime: Regime
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """Each whale as first seen, and what became of it. `blocks`: until its fate, or observed in all."""

    run: np.ndarray
    time: Floats
    feerate: Floats
    vsize: Floats
    ahead: Floats
    inflow: Floats  # [whale, window], vbytes a second above it
    mempool_vbytes: Floats
    tiers: Floats
    mean_interval: Floats
    fate: np.ndarray
    blocks: np.ndarray


@dataclass(slots=True, eq=False)
class _Whales:
    """Growing columns; `rung`, `fate` and `blocks` change while the run goes on."""

    run: list[int] = field(default_factory=list)
    time: list[float] = field(default_factory=list)
    feerate: list[float] = field(default_factory=list)
    vsize: list[float] = field(default_factory=list)
    level: list[int] = field(default_factory=list)
    luck: list[float] = field(default_factory=list)
    ahead: list[float] = field(default_factory=list)
    inflow: list[Floats] = field(default_factory=list)
    mempool: list[float] = field(default_factory=list)
    tiers: list[Floats] = field(default_factory=list)
    interval: list[float] = field(default_factory=list)
    height: list[int] = field(default_factory=list)
    fate: list[int] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)


class BinnedMarket:
    """Steps all runs forward together."""

    def __init__(self, runs: list[Run], *, whale_seconds: float, watch_seconds: float = 90_000.0) -> None:
        self._runs = runs
        self._last_whale = WARM_UP_SECONDS + whale_seconds
        self._seconds = self._last_whale + watch_seconds
        rngs = [np.random.default_rng([run.seed, index_of(run.regime)]) for run in runs]
        self._rng = np.random.default_rng([run.seed for run in runs])
        self._demand = np.stack(
            [
                model.draw_demand(rng, run.regime, self._seconds, STEP_SECONDS)
                for rng, run in zip(rngs, runs, strict=True)
            ]
        )
        self.blocks: list[Blocks] = [model.draw_blocks(rng, self._seconds) for rng in rngs]
        self._next_block = np.array([int((blocks.times < 0).sum()) for blocks in self.blocks])
        self._waiting = np.stack(
            [model.draw_backlog(rng, run.regime) for rng, run in zip(rngs, runs, strict=True)]
        )
        number = len(runs)
        self._base_floor = np.array([run.regime.floor for run in runs])
        self._floor = self._base_floor.copy()
        self._increment = np.array([run.regime.increment for run in runs])
        self._young = np.zeros((_YOUNG_STEPS, number, BUCKETS))
        self._arrived = np.zeros((len(WINDOWS), number, BUCKETS))  # grows by exp(t / window): no decay pass
        self._lagged = self._base_floor.copy()
        self._whales = _Whales()
        self._live: list[list[int]] = [[] for _ in runs]
        self._heights = np.zeros(number, dtype=np.intp)
        self.taken: list[list[float]] = [[] for _ in runs]

    def run(self) -> Seen:
        """Step to the end and return what was seen."""
        for step in range(int(self._seconds / STEP_SECONDS)):
            time = step * STEP_SECONDS
            quotes = self._quotes()
            self._arrive(step, time, quotes)
            if WARM_UP_SECONDS <= time < self._last_whale:
                self._see_whales(step, time, quotes)
            self._mine(step, time + STEP_SECONDS, quotes)
            if step % 30 == 0:
                self._evict()
        return self._seen()

    def _quotes(self) -> Quotes:
        tiers, edge = model.recommended_fees(self._waiting, self._floor, self._increment)
        self._lagged += (tiers[:, 0] - self._lagged) * (STEP_SECONDS / 5_400.0)
        return Quotes(tiers=tiers, lagged=self._lagged, edge=edge)

    def _arrive(self, step: int, time: float, quotes: Quotes) -> None:
        counts = self._rng.poisson(self._demand[:, step] * STEP_SECONDS)
        runs = np.repeat(np.arange(len(counts)), counts)
        feerates = model.draw_feerates(self._rng, runs, quotes, self._floor, self._increment, whales=False)
        came = feerates > 0
        sizes = model.draw_vsizes(self._rng, len(runs))[came]
        flat = runs[came] * BUCKETS + bucket_of(feerates[came])
        added = np.bincount(flat, weights=sizes, minlength=self._waiting.size).reshape(self._waiting.shape)
        self._waiting += added
        self._young[step % _YOUNG_STEPS] = added
        self._count_inflow(flat, sizes, time)

    def _count_inflow(self, flat: np.ndarray, sizes: Floats, time: float) -> None:
        for window, arrived in zip(WINDOWS, self._arrived, strict=True):
            np.add.at(arrived.reshape(-1), flat, sizes * (np.exp(time / window) / window))

    def _see_whales(self, step: int, time: float, quotes: Quotes) -> None:
        counts = self._rng.poisson(model.WHALES_A_DAY / model.DAY_SECONDS * STEP_SECONDS, len(self._runs))
        runs = np.repeat(np.arange(len(counts)), counts)
        if not len(runs):
            return
        feerates = model.draw_feerates(self._rng, runs, quotes, self._floor, self._increment, whales=True)
        sizes = model.draw_vsizes(self._rng, len(runs))
        buckets = bucket_of(feerates)
        for run, feerate, vsize, level in zip(runs, feerates, sizes, buckets, strict=True):
            if feerate > 0:
                self._see(int(run), time, float(feerate), float(vsize), int(level), quotes)
                self._young[step % _YOUNG_STEPS, run, level] += vsize
                self._count_inflow(np.array([run * BUCKETS + level]), np.array([vsize]), time)

    def _see(self, run: int, time: float, feerate: float, vsize: float, level: int, quotes: Quotes) -> None:
        """Note the whale as it is first seen, before it stands in the queue itself."""
        row, seen = self._waiting[run], self._whales
        seen.run.append(run)
        seen.time.append(time)
        seen.feerate.append(feerate)
        seen.vsize.append(vsize)
        seen.level.append(level)
        seen.luck.append(float(self._rng.random()))
        seen.ahead.append(float(row[level + 1 :].sum() + row[level] / 2))
        rates = self._arrived[:, run, level + 1 :].sum(axis=1) + self._arrived[:, run, level] / 2
        start_up = 1.0 - np.exp(-(time + STEP_SECONDS) / WINDOWS)
        seen.inflow.append(rates * np.exp(-time / WINDOWS) / start_up)
        seen.mempool.append(float(row.sum()))
        seen.tiers.append(quotes.tiers[run])
        last = self.blocks[run].times[self._next_block[run] - 145 : self._next_block[run]]
        seen.interval.append(float(np.diff(last).mean()))
        seen.height.append(int(self._heights[run]))
        seen.fate.append(WAITING)
        seen.blocks.append(0)
        self._live[run].append(len(seen.run) - 1)
        row[level] += vsize

    def _mine(self, step: int, now: float, quotes: Quotes) -> None:
        for run, blocks in enumerate(self.blocks):
            while self._next_block[run] < len(blocks.times) and blocks.times[self._next_block[run]] < now:
                self._connect(run, int(self._next_block[run]), step, quotes)
                self._next_block[run] += 1

    def _connect(self, run: int, index: int, step: int, quotes: Quotes) -> None:
        blocks, row = self.blocks[run], self._waiting[run]
        steps = round(blocks.template_ages[index] / STEP_SECONDS)
        slots = [(step - back) % _YOUNG_STEPS for back in range(min(steps, _YOUNG_STEPS))]
        known = np.maximum(row - self._young[slots, run].sum(axis=0), 0.0)
        if blocks.refuses_below_one[index] and self._base_floor[run] < 1.0:
            known[: int(bucket_of(1.0))] = 0.0
        above = np.cumsum(known[::-1])[::-1] - known
        taken = np.clip(blocks.capacities[index] - above, 0.0, known)
        self._waiting[run] = np.maximum(row - taken, 0.0)
        self.taken[run].append(float(taken.sum()))
        self._heights[run] += 1
        share = np.divide(taken, known, out=np.zeros_like(taken), where=known > 0)
        oldest = blocks.times[index] - blocks.template_ages[index]
        self._confirm(run, share, oldest)
        self._change_minds(run, blocks.times[index], quotes)

    def _confirm(self, run: int, share: Floats, oldest: float) -> None:
        whales, left = self._whales, []
        for one in self._live[run]:
            if whales.time[one] <= oldest and whales.luck[one] < share[whales.level[one]]:
                self._end(run, one, CONFIRMED)
            else:
                left.append(one)
        self._live[run] = left

    def _end(self, run: int, one: int, fate: int) -> None:
        self._whales.fate[one] = fate
        self._whales.blocks[one] = int(self._heights[run]) - self._whales.height[one]

    def _change_minds(self, run: int, time: float, quotes: Quotes) -> None:
        """After a block, some below the market replace their transaction or pay for it with a child."""
        fastest = quotes.tiers[run, 0]
        market = int(bucket_of(fastest))
        row = self._waiting[run]
        low = int(bucket_of(fastest / 3))
        moved = row[low:market] * _CROWD_MOVED_A_BLOCK
        row[low:market] -= moved
        target = bucket_of(fastest * self._rng.uniform(1.0, 1.3, 8))
        amounts = np.full(8, moved.sum() / 8)
        np.add.at(row, target, amounts)
        self._count_inflow(run * BUCKETS + target, amounts, time)
        whales, left = self._whales, []
        for one in self._live[run]:
            chance = self._rng.random() if whales.level[one] < market else 1.0
            if chance < _REPLACED_A_BLOCK + _LIFTED_A_BLOCK:
                level = int(bucket_of(fastest * self._rng.uniform(1.0, 1.3)))
                size = min(whales.vsize[one], float(row[whales.level[one]]))
                row[whales.level[one]] -= size
                row[level] += size
                self._count_inflow(np.array([run * BUCKETS + level]), np.array([size]), time)
                whales.level[one] = level
            if chance < _REPLACED_A_BLOCK:
                self._end(run, one, REPLACED)
            else:
                left.append(one)
        self._live[run] = left

    def _evict(self) -> None:
        over = self._waiting.sum(axis=1) - model.MEMPOOL_LIMIT_VBYTES
        self._floor = np.maximum(self._base_floor, self._floor * np.exp(-300.0 / 43_200.0))
        for run in np.flatnonzero(over > 0):
            row = self._waiting[run]
            level = int(np.searchsorted(np.cumsum(row), over[run]))
            row[: level + 1] = 0.0
            self._floor[run] = max(float(feerate_of_bucket(level + 1)), float(self._floor[run]))
            gone = [one for one in self._live[run] if self._whales.level[one] <= level]
            for one in gone:
                self._end(int(run), one, DROPPED)
            self._live[run] = [one for one in self._live[run] if self._whales.level[one] > level]

    def _seen(self) -> Seen:
        whales = self._whales
        for run, live in enumerate(self._live):
            for one in live:
                whales.blocks[one] = int(self._heights[run]) - whales.height[one]
        return Seen(
            run=np.array(whales.run),
            time=np.array(whales.time),
            feerate=np.array(whales.feerate),
            vsize=np.array(whales.vsize),
            ahead=np.array(whales.ahead),
            inflow=np.array(whales.inflow),
            mempool_vbytes=np.array(whales.mempool),
            tiers=np.array(whales.tiers),
            mean_interval=np.array(whales.interval),
            fate=np.array(whales.fate),
            blocks=np.array(whales.blocks),
        )


def index_of(regime: Regime) -> int:
    return list(model.REGIMES).index(regime.name)
