"""The simulator against known facts: what it makes must look like the chain's market."""

from functools import cache

import numpy as np
import pytest

from app.core.forecasting.feerates import BUCKETS, by_bucket
from tests.simulation import model
from tests.simulation.bins import CONFIRMED, DROPPED, BinnedMarket, Run, Seen

KS_ONE_PERCENT = 1.63
HOURS = 3_600.0


@cache
def a_day() -> tuple[tuple[Run, ...], BinnedMarket, Seen]:
    runs = tuple(Run(regime=regime, seed=seed) for seed in (1, 2) for regime in model.REGIMES.values())
    market = BinnedMarket(list(runs), whale_seconds=8 * HOURS, watch_seconds=4 * HOURS)
    return runs, market, market.run()


def of_regime(name: str) -> np.ndarray:
    runs, _, seen = a_day()
    return np.isin(seen.run, [index for index, run in enumerate(runs) if run.regime.name == name])


@cache
def intervals() -> np.ndarray:
    """Intervals of 60 epochs, each over its own mean: U(.9, 1.1) times 600 s is known only by its draw."""
    rngs = [np.random.default_rng(seed) for seed in range(60)]
    found = []
    for rng in rngs:
        times = model.draw_blocks(rng, 40_000.0).times
        found.append(np.diff(times))
    return np.concatenate(found)


def test_block_intervals_are_exponential() -> None:
    steps = np.sort(intervals() / intervals().mean())
    theory = 1.0 - np.exp(-steps)
    number = len(steps)
    gap = np.max(np.abs(theory - (np.arange(number) + 0.5) / number))

    assert gap * number**0.5 < KS_ONE_PERCENT


def test_the_mean_interval_is_ten_minutes_and_the_median_seven() -> None:
    assert intervals().mean() == pytest.approx(600.0, rel=0.02)
    assert np.median(intervals()) == pytest.approx(416.0, rel=0.04)


def test_a_twentieth_of_intervals_is_over_half_an_hour() -> None:
    assert (intervals() > 1_800.0).mean() == pytest.approx(0.05, abs=0.01)


def test_some_blocks_are_empty_and_most_of_those_came_at_once() -> None:
    blocks = [model.draw_blocks(np.random.default_rng(seed), 200_000.0) for seed in range(40)]
    empty = np.concatenate([one.capacities[1:] == 0 for one in blocks])
    quick = np.concatenate([np.diff(one.times) < 20.0 for one in blocks])

    assert 0.01 < empty.mean() < 0.04
    assert empty[quick].mean() > 5 * empty[~quick].mean()


def test_seven_transactions_a_second_fill_the_blocks() -> None:
    rng = np.random.default_rng(3)
    sizes = model.draw_vsizes(rng, 400_000)
    demand = [model.draw_demand(rng, model.REGIMES["steady"], 86_400.0, 10.0).mean() for _ in range(20)]

    assert sizes.mean() == pytest.approx(model.MEAN_VSIZE, rel=0.06)
    assert np.mean(demand) == pytest.approx(7.0, abs=0.6)


@pytest.mark.parametrize(
    ("regime", "low", "high"),
    [("quiet", 0.40, 0.70), ("steady", 0.90, 1.0), ("congested", 0.90, 1.0), ("draining", 0.85, 1.0)],
)
def test_blocks_are_as_full_as_the_regime_says(regime: str, low: float, high: float) -> None:
    runs, market, _ = a_day()
    taken = [market.taken[index] for index, run in enumerate(runs) if run.regime.name == regime]

    assert low < np.mean([size for one in taken for size in one]) / (0.965 * model.BLOCK_VBYTES) < high


def test_three_of_four_in_the_first_projected_block_are_in_the_next() -> None:
    _, _, seen = a_day()
    first = seen.ahead < model.BLOCK_VBYTES

    assert 0.63 < ((seen.fate == CONFIRMED) & (seen.blocks == 1))[first].mean() < 0.83


def test_hardly_anybody_beyond_the_third_projected_block_is_in_the_next() -> None:
    _, _, seen = a_day()

    assert ((seen.fate == CONFIRMED) & (seen.blocks == 1))[seen.ahead > 3 * model.BLOCK_VBYTES].mean() < 0.005


def test_overpaying_reaches_the_ceiling_of_template_age_and_empty_blocks() -> None:
    _, _, seen = a_day()
    rich = seen.feerate > 1.8 * seen.tiers[:, 0]

    assert 0.86 < ((seen.fate == CONFIRMED) & (seen.blocks == 1))[rich].mean() < 0.96


def test_only_a_full_mempool_evicts() -> None:
    _, _, seen = a_day()

    assert not (seen.fate == DROPPED)[~of_regime("congested")].any()


def test_whales_come_at_the_mainnet_rate() -> None:
    runs, _, seen = a_day()

    assert 1_500 < len(seen.run) / len(runs) * 3 < 4_000  # eight hours of them


def test_the_same_seed_makes_the_same_market() -> None:
    runs = [Run(regime=model.REGIMES["steady"], seed=7)]
    one, two = (BinnedMarket(runs, whale_seconds=900.0, watch_seconds=600.0).run() for _ in range(2))

    assert np.array_equal(one.feerate, two.feerate)
    assert np.array_equal(one.blocks, two.blocks)


def test_tiers_are_equal_in_a_quiet_mempool_and_rise_with_the_queue() -> None:
    one = np.array([1.0])
    quiet, _ = model.recommended_fees(by_bucket([1.5], [100_000.0])[None, :], one, one)
    busy, edge = model.recommended_fees(by_bucket([9.0, 4.0, 2.0], [1e6, 1e6, 9e6])[None, :], one, one)

    assert quiet.tolist() == [[1.0] * 5]
    assert busy[0, 0] >= busy[0, 1] >= busy[0, 2] >= busy[0, 3] >= busy[0, 4]
    assert busy[0, 0] == pytest.approx(9.0, abs=1.0)
    assert 4.0 <= edge[0] * 1.01 <= 9.1


def test_an_empty_mempool_asks_for_the_floor() -> None:
    one = np.array([1.0])
    tiers, edge = model.recommended_fees(np.zeros((1, BUCKETS)), one, one)

    assert tiers.tolist() == [[1.0] * 5]
    assert edge.tolist() == [1.0]
