"""The baseline for scoring, a transaction's place among the source's projected blocks."""

from collections.abc import Sequence

import numpy as np

from app.core.forecasting.market import Queue
from app.core.forecasting.queue import BLOCK_VBYTES
from app.core.observations import ProjectedBlock


def projected_place(feerate: float, blocks: Sequence[ProjectedBlock], queue: Queue) -> int | None:
    """Return the first block, counted from 1, whose lowest feerate it reaches; None if there are no blocks.

    The last block holds all the rest, many blocks' worth: from there on the depth in the queue counts.
    """
    if not blocks:
        return None
    for place, block in enumerate(blocks[:-1], 1):
        if block.fee_range and feerate >= block.fee_range[0]:
            return place
    ahead = float(queue.vbytes_ahead(np.array([feerate]))[0])
    return max(len(blocks), 1 + int(ahead / BLOCK_VBYTES))
