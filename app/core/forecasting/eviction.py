"""The probability of eviction from a full mempool within 144 blocks.

A node evicts the lowest feerates when the mempool exceeds its limit, so a transaction is evicted when the
vbytes above it exceed the limit. That needs a queue near the limit: a mempool with room to spare evicts
next to nothing.
"""

from typing import Final

import numpy as np

from app.core.forecasting.feerates import Floats

_SHORTEST_ROOM_BLOCKS: Final = 0.05

# Fitted to simulated markets (docs/accuracy.md): ln room, room/30, growth over 8 h, over 2 h,
# growth over 8 h times ln room, ln (blocks ahead + 0.2).
_CONSTANT: Final = -5.32
_WEIGHTS: Final = (-1.22, -0.54, -1.42, 1.82, 0.23, 1.95)


def chance_of_eviction(
    ahead_blocks: Floats, room_blocks: Floats, inflow_middle_blocks: Floats, inflow_long_blocks: Floats
) -> Floats:
    """Return P(evicted within 144 blocks).

    `room_blocks` is the mempool's limit less the vbytes ahead; the inflows are those above the transaction,
    in blocks per block, on the 2 h and the 8 h window. All in blocks' worth of vbytes.
    """
    room = np.maximum(room_blocks, _SHORTEST_ROOM_BLOCKS)
    log_room = np.log(room)
    growth_2h = np.minimum(inflow_middle_blocks - 1.0, 1.0)
    growth_8h = np.minimum(inflow_long_blocks - 1.0, 1.0)
    terms = (
        log_room,
        np.minimum(room, 60.0) / 30.0,
        growth_8h,
        growth_2h,
        growth_8h * log_room,
        np.log(ahead_blocks + 0.2),
    )
    logit = _CONSTANT + sum(weight * term for weight, term in zip(_WEIGHTS, terms, strict=True))
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))
