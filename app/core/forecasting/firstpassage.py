"""First-passage probabilities of a random walk, the blocks' worth of vbytes ahead.

There are `a` blocks' worth of vbytes ahead of a transaction. Before each block an exponential amount with
mean `rho` arrives above it; each block that is not empty takes 1. The transaction is confirmed by the first
block that finds at most 1 ahead. The probability of that within n blocks is a first passage, not an end
point: a confirmed transaction stays confirmed when the queue grows again.
"""

from collections.abc import Collection
from typing import Final

import numpy as np

from app.core.forecasting.feerates import Floats

CELL: Final = 0.1  # blocks; finer cells move no probability by more than 0.003
_CELLS_PER_BLOCK: Final = 10
_NOTHING: Final = 1e-14  # a weight below it adds nothing to a probability
_DEEPEST: Final = 160  # blocks ahead beyond which 144 blocks cannot be enough


def first_passage(rhos: Floats, empty_share: float, horizons: Collection[int]) -> dict[int, Floats]:
    """Return P(confirmed within n) for each n of `horizons`, as [rho, a on a grid of CELL].

    `rhos` is the inflow above in blocks per block, rising; `empty_share` the share of blocks that take
    nothing.
    """
    cells = _DEEPEST * _CELLS_PER_BLOCK + 1
    weights = _cell_weights(rhos)
    within = np.zeros((len(rhos), cells))
    wanted = {0: within}
    for n in range(1, max(horizons) + 1):
        reach = min(n * _CELLS_PER_BLOCK + 1, cells)  # n blocks take no more than n: beyond it is 0
        before = within[:, :reach]
        right = np.ones_like(before)  # just right of each grid point; a block takes 1, so a <= 1 is in
        right[:, _CELLS_PER_BLOCK:] = before[:, :-_CELLS_PER_BLOCK]
        left = right.copy()
        left[:, _CELLS_PER_BLOCK] = 1.0
        right = empty_share * before + (1.0 - empty_share) * right
        left = empty_share * before + (1.0 - empty_share) * left
        within = np.zeros_like(within)
        within[:, :reach] = _expected_after_inflow(right, left, *weights)
        wanted[n] = within
        if n - 1 not in horizons and n > 1:
            del wanted[n - 1]
    return {n: grid for n, grid in wanted.items() if n in horizons}


def _cell_weights(rhos: Floats) -> tuple[Floats, Floats, Floats]:
    """Return, by rho, the probability to jump over one cell, and the weights of a cell's two ends.

    Exact for a function that is linear within each cell.
    """
    scale = np.maximum(rhos, 1e-9)[:, None]
    decay = np.exp(-CELL / scale)
    far = scale / CELL * (1.0 - decay * (1.0 + CELL / scale))
    return decay, 1.0 - decay - far, far


def _expected_after_inflow(right: Floats, left: Floats, decay: Floats, near: Floats, far: Floats) -> Floats:
    """Return E[w(a + rho X)], X exponential, on the grid: G_i = decay G_(i+1) + cell i, by doubling."""
    total = near * right
    total[:, :-1] += far * left[:, 1:]
    step, factor = 1, decay
    while step < total.shape[1]:
        first = int(np.searchsorted(factor[:, 0], _NOTHING))  # the inflows above it: the last rows
        if first == len(factor):
            break
        total[first:, :-step] += factor[first:] * total[first:, step:]
        step, factor = step * 2, factor * factor
    return total
