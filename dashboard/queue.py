"""The queue: the projected blocks as depth by feerate, with each waiting whale where it floats. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.core.observations import ProjectedBlock, QueueProjected
from app.core.prediction import Prediction
from dashboard.format import amount, count, feerate

SHOWN_BLOCKS = 8
QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""What the backend's seven `feeRange` numbers are, counted from a block's least feerate."""
BLOCK_VBYTES = 1_000_000
NEARLY_FULL = 0.96
DRAWN_WHALES = 60
"""The largest; beyond it circles hide each other. The sentence and the table count all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a feerate waits: `depth` in blocks from the front, 0.0 the very first; None beyond the queue."""

    depth: float | None

    @property
    def block(self) -> int | None:
        """0 is the next block."""
        return None if self.depth is None else int(self.depth)


def place(rate: float, blocks: Sequence[ProjectedBlock]) -> Place:
    """Return where a package of `rate` sat/vB would wait.

    Between a block's feerate quantiles the depth is read off on a straight line; above the first
    block's best it is the front; below the last block's least it is beyond.
    """
    for index, block in enumerate(blocks):
        if not block.fee_range:
            continue
        if rate >= block.fee_range[0]:
            return Place(depth=index + _fraction(rate, block.fee_range))
    return Place(depth=None)


def queue_part(queue: QueueProjected | None, pending: Iterable[Prediction]) -> dict[str, object]:
    """What `static/queue.js` draws; blocks None while nobody has told the queue."""
    waiting = [(whale, rate_of(whale)) for whale in pending]
    if queue is None:
        words = (
            "The queue is not known yet: it comes with the first projected blocks of your mempool backend."
        )
        return {"blocks": None, "whales": [], "words": words, "table": []}
    told = [block for block in queue.blocks if block.count and block.fee_range and block.fee_range[-1] > 0]
    blocks = told[:SHOWN_BLOCKS]
    if not blocks:
        return {"blocks": [], "whales": [], "words": "Nothing waits: the queue is empty.", "table": []}
    placed = [(whale, rate, place(rate, blocks)) for whale, rate in waiting if rate is not None]
    drawn = sorted(placed, key=lambda one: one[0].classification.moved, reverse=True)[:DRAWN_WHALES]
    return {
        "blocks": [_block(block) for block in blocks],
        "deeper": len(told) > SHOWN_BLOCKS,
        "whales": [
            {
                "id": whale.prediction_id,
                "flow": whale.classification.flow.value,
                "moved": whale.classification.moved,
                "rate": round(rate, 2),
                "depth": None if where.depth is None else round(where.depth, 3),
            }
            for whale, rate, where in drawn
        ],
        "words": _words(blocks, placed, len(waiting) - len(placed)),
        "table": _table(blocks, placed),
    }


def rate_of(whale: Prediction) -> float | None:
    """What a miner earns by it: its package's feerate if known, else its own."""
    return whale.tx.feerate if whale.package_feerate is None else whale.package_feerate


def quantiles(length: int) -> tuple[float, ...]:
    """The shares of a block, from its least feerate on, that `length` numbers of a fee range stand for."""
    if length == len(QUANTILES):
        return QUANTILES
    return tuple(step / (length - 1) for step in range(length)) if length > 1 else (0.0,)


Placed = list[tuple[Prediction, float, Place]]


def _fraction(rate: float, ascending: Sequence[float]) -> float:
    """0.0 at the block's best feerate, just under 1.0 at its least."""
    if len(ascending) < 2 or rate >= ascending[-1]:
        return 0.0
    steps = quantiles(len(ascending))
    upper = next(at for at, bound in enumerate(ascending) if bound > rate)
    low, high = ascending[upper - 1], ascending[upper]
    within = (rate - low) / (high - low)
    return min(1 - steps[upper - 1] - within * (steps[upper] - steps[upper - 1]), 0.999)


def _block(block: ProjectedBlock) -> dict[str, object]:
    return {
        "vsize": round(block.vsize),
        "count": block.count,
        "fees": block.total_fees,
        "rates": [round(rate, 2) for rate in block.fee_range],
        "shares": list(quantiles(len(block.fee_range))),
    }


def _words(blocks: Sequence[ProjectedBlock], placed: Placed, unknown: int) -> str:
    first = [whale for whale, _, where in placed if where.block == 0]
    beyond = sum(where.depth is None for _, _, where in placed)
    entry = blocks[0].fee_range[0] if blocks[0].fee_range else None
    front = "No whale is in the next block"
    if first:
        moved = amount(sum(whale.classification.moved for whale in first))
        front = f"{count(len(first), 'whale').capitalize()}, {moved} BTC, {_are(first)} in the next block"
    price = (
        ""
        if entry is None
        else f"; {feerate(entry)} sat/vB buys a place in it (the figure at the foot of each block)"
    )
    rest = (
        f" {count(beyond, 'whale').capitalize()} wait{_s(beyond)} beyond the blocks drawn." if beyond else ""
    )
    rest += (
        f" {count(unknown, 'whale').capitalize()} with an unknown feerate cannot be placed."
        if unknown
        else ""
    )
    full = blocks[0].vsize / BLOCK_VBYTES
    room = f" The next block is {max(1, round(full * 100))} % full so far." if full < NEARLY_FULL else ""
    return f"{front}{price}.{room}{rest}"


def _table(blocks: Sequence[ProjectedBlock], placed: Placed) -> list[list[str]]:
    rows = []
    for index, block in enumerate(blocks):
        here = [whale for whale, _, where in placed if where.block == index]
        low, high = (block.fee_range[0], block.fee_range[-1]) if block.fee_range else (None, None)
        rows.append(
            [
                "next" if index == 0 else f"+{index + 1}",
                "unknown" if low is None or high is None else f"{feerate(low)} to {feerate(high)}",
                "unknown" if block.count is None else f"{block.count:,}",
                str(len(here)),
                f"{amount(sum(whale.classification.moved for whale in here))}" if here else "0",
            ]
        )
    beyond = [whale for whale, _, where in placed if where.depth is None]
    if beyond:
        moved = amount(sum(whale.classification.moved for whale in beyond))
        rows.append(["beyond", "lower", "unknown", str(len(beyond)), moved])
    return rows


def _are(whales: Sequence[Prediction]) -> str:
    return "is" if len(whales) == 1 else "are"


def _s(number: int) -> str:
    return "s" if number == 1 else ""
