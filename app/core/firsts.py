"""Which source reports transactions first, and its lead over the next one."""

from collections import deque
from dataclasses import dataclass
from statistics import median

from app.core.models import SourceName
from app.core.recent import Recent
from app.core.units import Txid

REMEMBERED = 2_000
MEASURED = 500
"""The median is taken over this many of the latest leads of a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """How often a source was first, and its median lead over the second, where a second source reported."""

    source: SourceName
    first: int
    median_lead_ms: float | None


class Firsts:
    """Counts first reports by source, fed by `saw`; remembers a bounded number of txids."""

    def __init__(self) -> None:
        self._seen: Recent[Txid, tuple[SourceName, float, bool]] = Recent(REMEMBERED)
        self._first: dict[SourceName, int] = {}
        self._leads: dict[SourceName, deque[float]] = {}

    def saw(self, source: SourceName, txid: Txid, seconds: float) -> None:
        """Record that `source` reported `txid` at `seconds` of a monotonic clock."""
        known = self._seen.get(txid)
        if known is None:
            self._seen.put(txid, (source, seconds, False))
            self._first[source] = self._first.get(source, 0) + 1
            return
        first, at, measured = known
        if source is not first and not measured:
            self._seen.put(txid, (first, at, True))
            self._leads.setdefault(first, deque(maxlen=MEASURED)).append((seconds - at) * 1000)

    def leads(self) -> tuple[Lead, ...]:
        """Return every source that was ever first, in descending order of how often."""
        counted = sorted(self._first.items(), key=lambda one: -one[1])
        return tuple(
            Lead(source=source, first=first, median_lead_ms=self._median(source)) for source, first in counted
        )

    def _median(self, source: SourceName) -> float | None:
        leads = self._leads.get(source)
        return median(leads) if leads else None
