"""The chain tip of each source, and how many blocks a source is behind."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from app.core.models import Block, SourceName
from app.core.observations import BlockConnected, ChainListed, Observation
from app.core.recent import Recent
from app.core.units import BlockHash, Height

SPREADS_WITHIN: Final = timedelta(seconds=10)
"""A new block reaches every source in a few seconds; the backend polls its node every 2 s."""
READS_WITHIN: Final = timedelta(seconds=60)
"""A backend has read its node's new block by then, on a small computer too. If its stream has not told of
it, it told nobody: a block that is read between two connections is never sent."""
REMEMBERED: Final = 100
"""So many blocks by the sources together that told of them: a reorg is a few blocks deep."""
_OF_BACKEND: Final = (SourceName.MEMPOOL_WS, SourceName.MEMPOOL_REST)


class Tips:
    """The highest block reported by each source.

    Best chains do not get shorter, so neither do these by single blocks, which may be older ones that were
    asked for; what the backend's stream sends is its newest. But a node that crashed may have lost its latest
    blocks: the chain that a source lists counts.
    """

    def __init__(self) -> None:
        self._tips: dict[SourceName, Block] = {}
        self._best: Block | None = None
        self._best_at: datetime | None = None
        self._unclaimed_since: datetime | None = None
        """Since when no source has a tip as high as the best block: one crashed, or told what is not so."""
        self._asked: tuple[Height, datetime] | None = None
        """The height that the backend's REST API named last, and since when it may be reading that block."""
        self._now: datetime | None = None
        self._reported_at: dict[SourceName, datetime] = {}
        self._blocks: Recent[tuple[SourceName, BlockHash], datetime | None] = Recent(REMEMBERED)
        """Who told of which blocks, and when by itself; None if it was asked for them."""

    @property
    def best(self) -> Block | None:
        """The highest block that any source reported; with its time, if one reported that."""
        return self._best

    def listen(self, observation: Observation, at: datetime) -> None:
        """Update the source's tip from an observation that carries blocks."""
        self._now = at
        if isinstance(observation, BlockConnected):
            named = (observation.source, observation.block.hash)
            self._blocks.put(named, at if observation.as_of is None else self._blocks.get(named))
            if observation.as_of is None:
                self._reported_at[observation.source] = at
        elif isinstance(observation, ChainListed):
            for block in observation.blocks:
                self._blocks.put((observation.source, block.hash), at)
            self._reported_at[observation.source] = at
        match observation:
            case BlockConnected(block=block, source=SourceName.MEMPOOL_WS as source):
                self._tips[source] = block
                self._take(block, source, at)
            case BlockConnected(block=block, source=source):
                self._take(block, source, at)
            case ChainListed(blocks=blocks, source=source) if blocks:
                before = self._tips.get(source)
                self._tips[source] = blocks[-1]
                self._take(blocks[-1], source, at)
                if self._asked is not None and before is not None and blocks[-1].height < before.height:
                    self._asked = (self._asked[0], at)  # it reads the block anew

    def has_reported(self, source: SourceName, block_hash: BlockHash) -> bool:
        """Return whether it has told of this block by itself, lately; of a backend either of its sources.

        What it lists when it begins counts, too.
        """
        return any(self._blocks.get((one, block_hash)) is not None for one in _same_as(source))

    def is_vouched_for(self, block_hash: BlockHash) -> bool:
        """Return whether any source has told of this block lately, when asked for it too."""
        return any(named == block_hash for _, named in self._blocks)

    def reported_at(self, source: SourceName) -> datetime | None:
        """Return when it last reported blocks of itself, a backend by its stream or its REST API."""
        known = [self._reported_at[one] for one in _same_as(source) if one in self._reported_at]
        return max(known, default=None)

    def reported(self, source: SourceName) -> Height | None:
        """Return the height of the tip that its reports are of; None while it has reported no block."""
        tip = self.reported_block(source)
        return None if tip is None else tip.height

    def reported_block(self, source: SourceName) -> Block | None:
        """Return the tip that its reports are of.

        A backend's are of the block that its stream told of last: its REST API names its node's tip before
        the backend itself has read that block, and however far it is stuck below.
        """
        if source not in _OF_BACKEND:
            return self._tips.get(source)
        streamed, asked = (self._tips.get(one) for one in _OF_BACKEND)
        return asked if streamed is None else streamed

    def of(self, source: SourceName) -> Height | None:
        """Return the tip that it may be asked at: a backend has read by now what its REST API told of."""
        reported, asked = self.reported(source), self._height(SourceName.MEMPOOL_REST)
        if source not in _OF_BACKEND or reported is None or asked is None:
            return reported
        return reported if asked - reported == 1 and self._may_be_reading else max(reported, asked)

    def reach(self, height: Height) -> bool:
        """Return whether some source has reported a block as high; True while none has reported any.

        An Electrum server, which may be anybody's, counts only where there is no other.
        """
        reported = {source: tip.height for source, tip in self._tips.items()}
        others = [one for source, one in reported.items() if source is not SourceName.ELECTRS]
        return height <= max(others or reported.values(), default=height)

    def _height(self, source: SourceName) -> Height | None:
        tip = self._tips.get(source)
        return None if tip is None else tip.height

    @property
    def _may_be_reading(self) -> bool:
        return self._asked is None or self._now is None or self._now - self._asked[1] < READS_WITHIN

    def behind(self, source: SourceName, at: datetime) -> int:
        """Return how many blocks it is behind the best known tip; 0 while a new block propagates."""
        self._now = at
        self._review(at)
        known = self.of(source)
        if known is None or self._best is None or self._best_at is None:
            return 0
        missing = self._best.height - known
        return 0 if missing == 1 and at - self._best_at < SPREADS_WITHIN else max(0, missing)

    def ahead_of(self, source: SourceName) -> tuple[SourceName, ...]:
        """Return the sources that reported the best block, without this one."""
        best = self._best
        if best is None:
            return ()
        return tuple(one for one, tip in self._tips.items() if tip.height == best.height and one != source)

    def forget(self, sources: Iterable[SourceName]) -> None:
        """Drop the tips of these sources, which follow another chain."""
        gone = set(sources) & set(self._tips)
        for source in gone:
            del self._tips[source]
        if gone and not self._is_claimed:
            self._best = self._best_at = None

    @property
    def _is_claimed(self) -> bool:
        best = self._best
        return best is not None and any(tip.height == best.height for tip in self._tips.values())

    def _review(self, at: datetime) -> None:
        """Forget a best block that no source has had for a while: it would make all of them lag."""
        if self._best is None or self._is_claimed:
            self._unclaimed_since = None
        elif self._unclaimed_since is None:
            self._unclaimed_since = at
        elif at - self._unclaimed_since >= READS_WITHIN and self._tips:
            self._best = max(self._tips.values(), key=lambda one: one.height)
            self._best_at, self._unclaimed_since = at, None

    def _take(self, block: Block, source: SourceName, at: datetime) -> None:
        known = self._tips.get(source)
        if known is None or block.height > known.height:
            self._tips[source] = block
        height = self._tips[source].height
        if source is SourceName.MEMPOOL_REST and (self._asked is None or self._asked[0] != height):
            self._asked = (height, at)
        self._review(at)
        best = self._best
        if best is None or block.height > best.height:
            self._best, self._best_at = block, at
        elif block.height == best.height and best.time is None:
            self._best = block


def _same_as(source: SourceName) -> tuple[SourceName, ...]:
    return _OF_BACKEND if source in _OF_BACKEND else (source,)
