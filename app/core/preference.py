"""Selects market data of the best fresh source. Data mixed from several sources would contradict itself."""

from collections.abc import Callable, Sequence

from app.core.models import SourceName
from app.core.observations import FeesRecommended, MempoolMeasured, Observation, QueueProjected

BEST_FIRST = (SourceName.MEMPOOL_WS, SourceName.MEMPOOL_REST, SourceName.BITCOIND, SourceName.ELECTRS)
"""The backend projects the whole queue, by stream or by REST; the node mostly just the next block."""

_MARKET = (FeesRecommended, QueueProjected, MempoolMeasured)


class Preference:
    """Filters market observations by source; `is_fresh` says whether a source is connected and in sync."""

    def __init__(
        self, is_fresh: Callable[[SourceName], bool], best_first: Sequence[SourceName] = BEST_FIRST
    ) -> None:
        self._is_fresh = is_fresh
        self._best_first = tuple(best_first)
        self._reported: set[tuple[type, SourceName]] = set()

    def admits(self, observation: Observation) -> bool:
        """Return whether to use it: not if it is market data that a better, fresh source reports too."""
        if not isinstance(observation, _MARKET):
            return True
        kind, source = type(observation), observation.source
        self._reported.add((kind, source))
        better = self._best_first[: self._best_first.index(source)]
        for one in better:
            if (kind, one) in self._reported:
                if self._is_fresh(one):
                    return False
                self._reported.discard((kind, one))
        return True
