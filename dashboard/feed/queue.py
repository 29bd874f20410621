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
LAST_OF_A_BLOCK = 0.999
NEARLY_FULL = 0.96
DRAWN_WHALES = 60
"""The largest; beyond it circles hide each other. The sentence and the table count all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlace:
    """Where a feerate waits: `depth` in blocks from the front, 0.0 the very first; None beyond the queue."""

    depth: float | None

    @property
    def block(self) -> int | None:
        """0 is the next block."""
        return None if self.depth is None else int(self.depth)


def place(
    rate: float,
    blocks: Sequence[ProjectedBlock],
    *,
    vsize: float | None = None,
    floor: float | None = None,
) -> QueuePlace:
    """Return where a package of `rate` sat/vB would wait.

    Between a block's feerate quantiles the depth is read off on a straight line; above the first
    block's best it is the front. In a block with room left there is a place for whatever the mempool
    takes: beyond it is only what pays less than `floor` (sat/vB, None: not known, so nothing). `vsize`
    is that of the transaction whose own rate it is: a backend's ranges are in quarters of weight,
    so a rate by whole vbytes counts as equal where it differs by that alone.
    """
    rounded = rate * _whole_vbytes(vsize)
    for index, block in enumerate(blocks):
        if block.fee_range and rounded >= block.fee_range[0]:
            return QueuePlace(depth=index + _fraction(rounded, block.fee_range))
    if blocks and has_room(blocks[-1]) and (floor is None or rounded >= floor):
        return QueuePlace(depth=len(blocks) - 1 + LAST_OF_A_BLOCK)
    return QueuePlace(depth=None)


def _whole_vbytes(vsize: float | None) -> float:
    """What a rate by whole vbytes is too low by at most: three quarters of a vbyte."""
    return 1.0 if not vsize or vsize <= 1 else vsize / (vsize - 0.75)


def has_room(block: ProjectedBlock) -> bool:
    return block.vsize < NEARLY_FULL * BLOCK_VBYTES


def price(block: ProjectedBlock, floor: float | None) -> float | None:
    """The least that buys a place in it, sat/vB: in a block that is not full the floor; None: not known."""
    if has_room(block):
        return floor
    return block.fee_range[0] if block.fee_range else None


def queue_part(
    queue: QueueProjected | None, pending: Iterable[Prediction], floor: float | None = None
) -> dict[str, object]:
    """What `queue_chart.js` draws; blocks None while nobody has said what waits.

    `floor`: the least feerate that the mempool takes, sat/vB.
    """
    waiting = [(whale, rate_of(whale)) for whale in pending]
    if queue is None:
        words = (
            "The queue is not known yet: it comes with the first projected blocks of your mempool backend."
        )
        return {"blocks": None, "whales": [], "words": words, "table": []}
    shown = [block for block in queue.blocks if block.count and block.fee_range and block.fee_range[-1] > 0]
    blocks = shown[:SHOWN_BLOCKS]
    if not blocks:
        return {"blocks": [], "whales": [], "words": "Nothing waits: the queue is empty.", "table": []}
    deeper = len(shown) > SHOWN_BLOCKS
    placed = [
        (
            whale,
            rate,
            place(rate, blocks, vsize=whale.tx.vsize if whale.package_feerate is None else None, floor=floor),
        )
        for whale, rate in waiting
        if rate is not None
    ]
    drawn = sorted(placed, key=lambda one: one[0].classification.moved, reverse=True)[:DRAWN_WHALES]
    return {
        "blocks": [_block(block, floor) for block in blocks],
        "deeper": deeper,
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
        "words": _words(blocks, placed, len(waiting) - len(placed), floor),
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


Placed = list[tuple[Prediction, float, QueuePlace]]


def _fraction(rate: float, ascending: Sequence[float]) -> float:
    """0.0 at the block's best feerate, just under 1.0 at its least."""
    if len(ascending) < 2 or rate >= ascending[-1]:
        return 0.0
    steps = quantiles(len(ascending))
    upper = next(at for at, bound in enumerate(ascending) if bound > rate)
    low, high = ascending[upper - 1], ascending[upper]
    within = (rate - low) / (high - low)
    return min(1 - steps[upper - 1] - within * (steps[upper] - steps[upper - 1]), LAST_OF_A_BLOCK)


def _block(block: ProjectedBlock, floor: float | None) -> dict[str, object]:
    least = price(block, floor)
    return {
        "price": None if least is None else round(least, 2),
        "vsize": round(block.vsize),
        "count": block.count,
        "fees": block.total_fees,
        "rates": [round(rate, 2) for rate in block.fee_range],
        "shares": list(quantiles(len(block.fee_range))),
    }


def _words(blocks: Sequence[ProjectedBlock], placed: Placed, unknown: int, floor: float | None) -> str:
    first = [whale for whale, _, where in placed if where.block == 0]
    beyond = sum(where.depth is None for _, _, where in placed)
    entry = price(blocks[0], floor)
    front = "No whale is in the next block"
    if first:
        moved = amount(sum(whale.classification.moved for whale in first))
        front = f"{count(len(first), 'whale').capitalize()}, {moved} BTC, {_are(first)} in the next block"
    costs = ""
    if entry is not None:
        why = ", the least that is taken," if has_room(blocks[0]) else ""
        costs = f"; {feerate(entry)} sat/vB{why} buys a place in it (the figure at the foot of each block)"
    rest = (
        f" {count(beyond, 'whale').capitalize()} wait{_s(beyond)} beyond the blocks drawn." if beyond else ""
    )
    rest += (
        f" {count(unknown, 'whale').capitalize()} with an unknown feerate cannot be placed."
        if unknown
        else ""
    )
    full = blocks[0].vsize / BLOCK_VBYTES
    room = f" The next block is {max(1, round(full * 100))} % full so far." if has_room(blocks[0]) else ""
    return f"{front}{costs}.{room}{rest}"


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
