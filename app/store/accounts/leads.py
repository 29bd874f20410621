"""Lead times of many whales by group, from which quantiles are picked: neither added up nor copied. Pure."""

from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from app.core.classification import Flow
from app.core.models import SourceName
from app.core.prediction import Urgency
from app.core.scoring import LeadTimes, quantile

GROUP: Final = {"flow": tuple(Flow), "urgency": tuple(Urgency), "first_seen_by": tuple(SourceName)}
"""The values of each dimension; the place before the first is that of none."""
SHAPE: Final = tuple(1 + len(values) for values in GROUP.values())
PLACES: Final = SHAPE[0] * SHAPE[1] * SHAPE[2]
_AT: Final = tuple(one.astype(np.uint8) for one in np.unravel_index(np.arange(PLACES), SHAPE))
"""Of each place where it stands in each dimension."""
_NOWHERE: Final = np.zeros(0, dtype=np.uint32)


class Run:
    """Lead times in seconds, ascending, with the place of each; neither changes.

    Which of them have a value of a dimension is found when it is first asked, and remembered: of a quarter
    they are some 400,000, of which an answer needs three for each value.
    """

    def __init__(self, seconds: NDArray[np.float64], places: NDArray[np.uint16]) -> None:
        self.seconds = seconds
        self.places = places
        self._by: dict[int, list[NDArray[np.uint32]]] = {}

    def __len__(self) -> int:
        return len(self.seconds)

    def of(self, dimension: int) -> list[NDArray[np.uint32]]:
        """Return where the lead times of each value stand, ascending."""
        known = self._by.get(dimension)
        if known is None:
            values = _AT[dimension].take(self.places)
            known = self._by[dimension] = [
                np.flatnonzero(values == value).astype(np.uint32) for value in range(SHAPE[dimension])
            ]
        return known


def merged(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return the longest as it is, with what it remembers, and the others as one."""
    if len(runs) < 2:
        return tuple(runs)
    longest = max(runs, key=len)
    others = [one for one in runs if one is not longest]
    seconds = np.concatenate([one.seconds for one in others])
    order = np.argsort(seconds)
    return longest, Run(seconds[order], np.concatenate([one.places for one in others])[order])


class Together:
    """One or two runs as if they were one."""

    def __init__(self, runs: Sequence[Run]) -> None:
        """`runs`: as `merged` returns them."""
        self._most = runs[0]
        self._few = runs[1] if len(runs) > 1 else None
        # Of each of the few, how many of the most come before it.
        self._before = (
            _NOWHERE
            if self._few is None
            else self._most.seconds.searchsorted(self._few.seconds).astype(np.uint32)
        )

    def quantiles(self) -> LeadTimes:
        few = np.zeros(0) if self._few is None else self._few.seconds
        return _quantiles(_Merged(self._most.seconds, None, few, self._before))

    def by(self, dimension: int) -> list[LeadTimes]:
        """Return the quantiles of each value of a dimension."""
        most = self._most.of(dimension)
        few = [_NOWHERE] * len(most) if self._few is None else self._few.of(dimension)
        seconds = np.zeros(0) if self._few is None else self._few.seconds
        return [
            _quantiles(
                _Merged(
                    self._most.seconds, of_most, seconds[of_few], of_most.searchsorted(self._before[of_few])
                )
            )
            for of_most, of_few in zip(most, few, strict=True)
        ]


class _Merged:
    """Two ascending arrays as one, of which single elements are looked up."""

    def __init__(
        self,
        most: NDArray[np.float64],
        only: NDArray[np.uint32] | None,
        few: NDArray[np.float64],
        before: NDArray[Any],
    ) -> None:
        """`only`: where those of `most` stand that count; `before`: how many of these before each of `few`.

        Without `only` all of them count.
        """
        self._most, self._only, self._few = most, only, few
        self._ranks = before + np.arange(len(few))
        self._length = len(few) + len(most if only is None else only)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int) -> float:
        smaller = int(self._ranks.searchsorted(place))
        if smaller < len(self._few) and self._ranks[smaller] == place:
            return float(self._few[smaller])
        at = place - smaller
        return float(self._most[at if self._only is None else self._only[at]])


def _quantiles(merged: _Merged) -> LeadTimes:
    if not len(merged):
        return LeadTimes()
    ascending = cast("Sequence[float]", merged)
    p10, p50, p90 = (float(quantile(ascending, share) or 0.0) for share in (0.1, 0.5, 0.9))
    return LeadTimes(p10=p10, p50=p50, p90=p90)
