"""The end of the chain as far as a forecast needs it: the tip, and how long the last blocks took."""

from enum import Enum, auto

from app.core.forecasting.pace import WINDOW_BLOCKS
from app.core.models import Block
from app.core.units import Height


class Place(Enum):
    """Where a block stands that was told."""

    KNOWN = auto()
    """Told before, below what we know, or the parent of one that stands: the tip stays."""
    FIRST = auto()
    NEXT = auto()
    """On top of the tip."""
    LATER = auto()
    """Above the tip, with a hole between them."""
    INSTEAD = auto()
    """A reorg: in the place of one that we knew, which is undone with all above it."""


class RecentBlocks:
    """The last blocks told, by height; enough for the mean interval. Which chain is best others decide."""

    def __init__(self) -> None:
        self._by_height: dict[Height, Block] = {}

    @property
    def tip(self) -> Block | None:
        return self._by_height[max(self._by_height)] if self._by_height else None

    @property
    def intervals_seconds(self) -> tuple[float, ...]:
        """Between neighbours, oldest first; miners' clocks differ, so one may be negative."""
        return tuple(
            (block.time - below.time).total_seconds()
            for height, block in sorted(self._by_height.items())
            if (below := self._by_height.get(Height(height - 1))) is not None
            and block.time is not None
            and below.time is not None
        )

    def connect(self, block: Block) -> Place:
        """Take up a block of the best chain, and say where it stands."""
        tip, known = self.tip, self._by_height.get(block.height)
        if tip is not None and block.height <= tip.height and (known is None or known.hash == block.hash):
            return Place.KNOWN
        above = self._by_height.get(Height(block.height + 1))
        if above is not None and above.previous == block.hash:
            self._by_height[block.height] = block  # of a reorg that was told from its end
            return Place.KNOWN
        for height in [height for height in self._by_height if height >= block.height]:
            del self._by_height[height]
        self._by_height[block.height] = block
        while len(self._by_height) > WINDOW_BLOCKS + 1:
            del self._by_height[min(self._by_height)]
        if tip is None:
            return Place.FIRST
        if block.height <= tip.height:
            return Place.INSTEAD
        return Place.NEXT if block.height == tip.height + 1 else Place.LATER
