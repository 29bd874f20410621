"""Which blocks are believed: one far above all others waits for a second one that shows a chain to it."""

from collections.abc import Sequence
from typing import Final

from app.core.models import Block, SourceName
from app.core.observations import BlockConnected, ChainListed, Observation
from app.core.units import Height

LEAP: Final = 150
"""More blocks than come in a day. Whoever missed that many connects anew, and is sent a list."""


class PlausibleHeights:
    """One wrong height would make every other source look far behind, and every whale overdue.

    A whole chain that is made up is not told from a true one: that takes a node's proof of work.
    """

    def __init__(self) -> None:
        self._best: Height | None = None
        self._doubted: dict[SourceName, Block] = {}

    def refuse(self, observation: Observation) -> str | None:
        """Return as text why this is not believed yet; None if it is, or carries no block."""
        match observation:
            case BlockConnected(block=block, source=source):
                return self._refuse((block,), source)
            case ChainListed(blocks=blocks, source=source) if blocks:
                return self._refuse(blocks, source)
        return None

    def _refuse(self, blocks: Sequence[Block], source: SourceName) -> str | None:
        tip, best = blocks[-1], self._best
        if best is not None and tip.height > best + LEAP and not self._is_proven(blocks, source):
            self._doubted[source] = tip
            return (
                f"block at height {tip.height}, {tip.height - best} above any other, and nothing leads there"
            )
        self._doubted.pop(source, None)
        self._best = tip.height if best is None else max(best, tip.height)
        return None

    def _is_proven(self, blocks: Sequence[Block], source: SourceName) -> bool:
        """Return whether two linked blocks were listed, its source moved on, or another one agrees."""
        tip = blocks[-1]
        if len(blocks) > 1 and tip.previous == blocks[-2].hash and tip.height == blocks[-2].height + 1:
            return True
        return any(
            abs(tip.height - doubted.height) <= LEAP and (name is not source or tip.height > doubted.height)
            for name, doubted in self._doubted.items()
        )
