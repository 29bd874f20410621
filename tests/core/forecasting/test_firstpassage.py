"""The queue's first passage, against simulation and closed forms."""

import numpy as np
import pytest

from app.core.forecasting.firstpassage import CELL, first_passage

EMPTY = 0.05


def simulated(ahead: float, rho: float, blocks: int, runs: int = 60_000) -> float:
    rng = np.random.default_rng(11)
    level, confirmed = np.full(runs, ahead), np.zeros(runs, dtype=bool)
    for _ in range(blocks):
        level += rho * rng.exponential(size=runs)
        empty = rng.random(runs) < EMPTY
        confirmed |= (level <= 1.0) & ~empty
        level -= ~empty
    return float(confirmed.mean())


@pytest.mark.parametrize(
    ("ahead", "rho", "blocks"),
    [(0.0, 0.5, 1), (0.9, 0.8, 2), (0.5, 1.1, 6), (2.3, 1.0, 6), (3.0, 1.5, 24), (10.0, 0.8, 144)],
)
def test_it_agrees_with_a_simulated_queue(ahead: float, rho: float, blocks: int) -> None:
    grid = first_passage(np.array([rho]), EMPTY, {blocks})[blocks]

    assert grid[0, round(ahead / CELL)] == pytest.approx(simulated(ahead, rho, blocks), abs=0.008)


def test_the_first_block_follows_its_closed_form() -> None:
    grid = first_passage(np.array([0.7]), EMPTY, {1})[1]
    ahead = np.arange(0, 10) * CELL

    assert grid[0, :10] == pytest.approx((1 - EMPTY) * (1 - np.exp(-(1 - ahead) / 0.7)), abs=1e-9)


def test_without_inflow_the_wait_is_counted_in_blocks() -> None:
    grid = first_passage(np.array([0.0]), 0.0, {2, 3})

    assert grid[2][0, round(2.5 / CELL)] == 0.0
    assert grid[3][0, round(2.5 / CELL)] == 1.0


def test_it_is_a_first_passage_and_not_an_end_point() -> None:
    """In a queue that grows without bound most are confirmed early or never: chances still only rise."""
    grids = first_passage(np.array([2.0]), EMPTY, {1, 6, 24, 144})
    chances = [float(grids[n][0, 0]) for n in (1, 6, 24, 144)]

    assert chances == sorted(chances)
    assert chances[-1] < 0.9
