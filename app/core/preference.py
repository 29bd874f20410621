"""Whose word on the market counts: the best source that is fresh; the others would only contradict it."""

from collections.abc import Callable, Sequence

from app.core.models import SourceName
from app.core.observations import FeesTold, MempoolMeasured, Observation, QueueProjected

BEST_FIRST = (SourceName.MEMPOOL_WS, SourceName.MEMPOOL_REST, SourceName.BITCOIND, SourceName.ELECTRS)
"""The backend projects the whole queue, by stream or asked; the node only the next block, mostly."""


class Preference:
    """`is_fresh` says whether a source is connected and in step now."""

    def __init__(
        self, is_fresh: Callable[[SourceName], bool], best_first: Sequence[SourceName] = BEST_FIRST
    ) -> None:
        self._is_fresh = is_fresh
        self._best_first = tuple(best_first)
        self._told: set[tuple[type, SourceName]] = set()

    def admits(self, observation: Observation) -> bool:
        """Whether it is to be believed; always, unless it is about the market and a better one tells that."""
        if not isinstance(observation, FeesTold | QueueProjected | MempoolMeasured):
            return True
        kind, source = type(observation), observation.source
        self._told.add((kind, source))
        better = self._best_first[: self._best_first.index(source)]
        for one in better:
            if (kind, one) in self._told:
                if self._is_fresh(one):
                    return False
                self._told.discard((kind, one))
        return True
