"""The tip and the latest block intervals, as a forecast needs them."""

from enum import Enum, auto

from app.core.forecasting.pace import WINDOW_BLOCKS
from app.core.models import Block
from app.core.units import Height


class BlockPlace(Enum):
    """The position of a reported block relative to the known ones."""

    KNOWN = auto()
    """Reported before, below the known blocks, or the parent of a known one: the tip does not change."""
    FIRST = auto()
    NEXT = auto()
    """One above the tip."""
    LATER = auto()
    """Above the tip, with a gap between them."""
    INSTEAD = auto()
    """A reorg: replaces a known block, which is removed with all above it."""


class RecentBlocks:
    """The headers of the last reported blocks by height, enough for the mean interval; no best chain."""

    def __init__(self) -> None:
        self._by_height: dict[Height, Block] = {}

    @property
    def tip(self) -> Block | None:
        return self._by_height[max(self._by_height)] if self._by_height else None

    @property
    def intervals_seconds(self) -> tuple[float, ...]:
        """Intervals between consecutive blocks, oldest first; miners' clocks differ: may be negative."""
        return tuple(
            (block.time - below.time).total_seconds()
            for height, block in sorted(self._by_height.items())
            if (below := self._by_height.get(Height(height - 1))) is not None
            and block.time is not None
            and below.time is not None
        )

    def connect(self, block: Block) -> BlockPlace:
        """Add a block of the best chain; return its position."""
        tip, known = self.tip, self._by_height.get(block.height)
        if tip is not None and block.height <= tip.height and (known is None or known.hash == block.hash):
            return BlockPlace.KNOWN
        above = self._by_height.get(Height(block.height + 1))
        if above is not None and above.previous == block.hash:
            # Part of a reorg that was reported from its tip down.
            self._by_height[block.height] = block.header()
            return BlockPlace.KNOWN
        for height in [height for height in self._by_height if height >= block.height]:
            del self._by_height[height]
        self._by_height[block.height] = block.header()
        while len(self._by_height) > WINDOW_BLOCKS + 1:
            del self._by_height[min(self._by_height)]
        if tip is None:
            return BlockPlace.FIRST
        if block.height <= tip.height:
            return BlockPlace.INSTEAD
        return BlockPlace.NEXT if block.height == tip.height + 1 else BlockPlace.LATER
