"""The latest blocks of the best chain, and which of them a reorg disconnects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.core.models import Block
from app.core.recent import Recent
from app.core.units import BlockHash, Height


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The effect of one block on the chain. `disconnected` is ordered from the old tip down.

    `parent` is set instead where the block cannot be connected until its parent is known.
    """

    connected: Block | None = None
    disconnected: tuple[Block, ...] = ()
    parent: BlockHash | None = None
    within: bool = False
    """Whether what was disconnected is below blocks that stay."""
    hole: bool = False
    """Whether blocks between it and the previous tip are unknown."""


def down_from_the_tip(kept: Sequence[Block], at_most: int) -> tuple[Block, ...]:
    """Return the chain that these headers make, in the order in which they were connected; ascending.

    The last one is the tip. Below a hole it goes on with what was connected last of the next lower height,
    but for one in whose place a block above names another.
    """
    at: dict[Height, Block] = {}
    for block in kept:
        before = at.get(block.height)
        if before is not None and (before.hash, before.previous) == (block.hash, block.previous):
            # The tip, kept once more: what was above it was undone.
            at = {height: one for height, one in at.items() if height <= block.height}
        at[block.height] = block
    known = {block.hash: block for block in kept}
    heights = sorted(height for height, block in at.items() if known[block.hash] is block)
    walk = list(kept[-1:])
    while walk and len(walk) < at_most:
        lowest = walk[-1]
        below = None if lowest.previous is None else known.get(lowest.previous)
        if below is None or below.height != lowest.height - 1:
            highest = lowest.height - (1 if lowest.previous is None else 2)
            while heights and heights[-1] > highest:
                heights.pop()
            below = at[heights[-1]] if heights else None
        if below is None:
            break
        walk.append(below)
    return tuple(reversed(walk))


class Chain:
    """The headers of the last `depth` blocks; a reorg deeper than that starts a new chain."""

    def __init__(self, depth: int = 150) -> None:
        self._depth = depth
        self._by_height: dict[Height, Block] = {}
        self._heights: dict[BlockHash, Height] = {}
        self._undone: Recent[BlockHash, datetime | None] = Recent(depth)
        self.tip: Block | None = None

    def __contains__(self, block_hash: BlockHash) -> bool:
        return block_hash in self._heights

    def find(self, block_hash: BlockHash) -> Block | None:
        height = self._heights.get(block_hash)
        return None if height is None else self._by_height[height]

    def has_undone(self, block_hash: BlockHash) -> bool:
        """Return whether this block was undone, lately, and is not connected again."""
        return block_hash in self._undone

    def undone_at(self, block_hash: BlockHash) -> datetime | None:
        """Return when it was undone, if it was lately, and is not connected again."""
        return self._undone.get(block_hash)

    def date_undone(self, blocks: Iterable[Block], at: datetime) -> None:
        """Say when these, which were disconnected just now, were undone."""
        for block in blocks:
            if block.hash in self._undone:
                self._undone.put(block.hash, at)

    def at(self, height: Height) -> Block | None:
        return self._by_height.get(height)

    def blocks(self) -> tuple[Block, ...]:
        """All known blocks, ascending."""
        return tuple(self._by_height[height] for height in sorted(self._by_height))

    @property
    def lowest(self) -> Height:
        """The lowest height kept; 0 while there is no block."""
        return min(self._by_height, default=Height(0))

    def missing(self) -> tuple[tuple[BlockHash, Height], ...]:
        """Hash and height of the missing parents of known blocks, ascending."""
        return tuple(
            (block.previous, Height(block.height - 1))
            for block in self.blocks()
            if block.previous is not None and self.lacks_below(block)
        )

    def parentless(self) -> tuple[Block, ...]:
        """Return the blocks whose parents are not known, and what is below them is not either; ascending."""
        return tuple(block for block in self.blocks() if block.previous is None and self.lacks_below(block))

    def lacks_below(self, block: Block) -> bool:
        """Return whether a block of our chain, if it is there, is the upper end of a hole in it."""
        return block.height > self.lowest and Height(block.height - 1) not in self._by_height

    def names_another_below(self, block: Block) -> bool:
        """Return whether nothing is at this block's height, and the block above has another parent."""
        above = self._by_height.get(Height(block.height + 1))
        if above is None or block.height in self._by_height:
            return False
        return above.previous not in {None, block.hash}

    def restore(self, blocks: Iterable[Block]) -> None:
        """Add blocks without checks, at the start."""
        for block in sorted(blocks, key=lambda one: one.height):
            self._put(block)

    def place(self, block: Block, *, orphaned: bool = False) -> Step:
        """Connect a new block, disconnecting the blocks that conflict with it.

        `orphaned`: its parent could not be fetched, so it is connected with a gap before it.
        """
        if self.tip is None:
            self._put(block)
            return Step(connected=block)
        if block.height < self.lowest:
            return Step()  # below the lowest block kept: no tracked transaction depends on it
        below = self._by_height.get(Height(block.height - 1))
        fits = below is not None and block.previous in (None, below.hash)
        above = self._by_height.get(Height(block.height + 1))
        # Of a block that nobody could read the parent is not known: what comes below it is no contradiction.
        leads = above is not None and above.previous in {None, block.hash}
        fills = leads and block.height not in self._by_height
        if fills and (fits or below is None):
            self._put(block)  # its child is on our chain already
            return Step(connected=block)
        if fills and above is not None and above.previous == block.hash:
            disconnected = self._contradicted_by(block)
            self._put(block)
            return Step(connected=block, disconnected=disconnected, within=True)
        if not fits and not orphaned and not self._beyond_memory(block):
            return Step(parent=block.previous)
        disconnected = self._cut(
            block.height if fits else min(block.height, self._first_contradiction(block))
        )
        self._put(block)
        return Step(connected=block, disconnected=disconnected, hole=not fits)

    def learn_parent(self, block: Block) -> tuple[Block, ...]:
        """Take the parent of a block that was connected without one; return what that disconnects."""
        known = self.find(block.hash)
        if known is None or known.previous is not None or block.previous is None:
            return ()
        self._put(replace(known, previous=block.previous))
        return self._contradicted_by(block)

    def disconnect(self, block_hash: BlockHash, *, moved: bool = False) -> tuple[Block, ...]:
        """Remove a block and all above it; return them from the old tip down.

        `moved`: the block itself is not undone; it only stood at a wrong height.
        """
        height = self._heights.get(block_hash)
        gone = () if height is None else self._cut(height)
        if moved:
            self._undone.pop(block_hash)
        return gone

    def _beyond_memory(self, block: Block) -> bool:
        """Return whether fetching its ancestors down to a known block would take too many questions."""
        known = self._by_height
        return (
            block.height > max(known) + self._depth or block.height == self.lowest or block.previous is None
        )

    def _first_contradiction(self, block: Block) -> Height:
        """Return its height, or the one below where the block at that height is not its parent."""
        below = Height(block.height - 1)
        return below if below in self._by_height and block.previous is not None else block.height

    def _contradicted_by(self, block: Block) -> tuple[Block, ...]:
        """Remove the block below, if it is not the parent of this one, which stays."""
        below = self._by_height.get(Height(block.height - 1))
        if below is None or below.hash == block.previous:
            return ()
        del self._by_height[below.height], self._heights[below.hash]
        self._undone.put(below.hash, None)
        return (below,)

    def _put(self, block: Block) -> None:
        self._by_height[block.height] = block.header()
        self._heights[block.hash] = block.height
        self._undone.pop(block.hash)
        if self.tip is None or block.height >= self.tip.height:
            self.tip = self._by_height[block.height]
        old = min(self._by_height)
        while len(self._by_height) > self._depth:
            del self._heights[self._by_height.pop(Height(old)).hash]
            old = min(self._by_height)

    def _cut(self, height: Height) -> tuple[Block, ...]:
        gone = tuple(
            self._by_height.pop(one) for one in sorted(self._by_height, reverse=True) if one >= height
        )
        for block in gone:
            del self._heights[block.hash]
            self._undone.put(block.hash, None)
        self.tip = self._by_height[max(self._by_height)] if self._by_height else None
        return gone
