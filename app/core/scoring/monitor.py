"""Whether the hit rate is degraded, and why, with one event per change of state.

Accuracy is degraded when the upper bound of the hit rate is below the threshold, and recovers only when the
rate itself is clearly above it; in between nothing is published (hysteresis).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.core.prediction import Outcome
from app.core.scoring.figures import ENOUGH, wilson
from app.core.scoring.outcomes import Fate, ForecastOutcome

WINDOWS: Final = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
"""The shortest window with enough outcomes decides."""
CLEAR_BY: Final = 0.05
"""Distance above the threshold for recovery (half the way to 1, where that is less)."""


class AccuracyCause(StrEnum):
    FEE_SPIKE = "fee_spike"
    EMPTY_BLOCKS = "empty_blocks"
    SOURCE_DEGRADED = "source_degraded"
    MODEL = "model"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCount:
    """Forecasts that came due within one of WINDOWS; `baseline_*`: those with a projected block."""

    window: str
    n: int
    on_time: int
    baseline_n: int = 0
    baseline_on_time: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Events around the misses of a window, ascending; `degraded`: spans below full visibility."""

    misses: Sequence[ForecastOutcome] = ()
    spikes: Sequence[datetime] = ()
    empty_blocks: Sequence[datetime] = ()
    degraded: Sequence[tuple[datetime, datetime]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyChange:
    """The content of accuracy.degraded and accuracy.recovered; `because` is None for the latter."""

    degraded: bool
    window: str
    n: int
    on_time: int
    threshold: float
    because: AccuracyCause | None
    message: str

    @property
    def hit_rate(self) -> float:
        return self.on_time / self.n

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.on_time, self.n)


def deciding(windows: Sequence[WindowCount]) -> WindowCount | None:
    """Return the first window with enough outcomes, given shortest first; None if there is none."""
    return next((one for one in windows if one.n >= ENOUGH), None)


def changed(windows: Sequence[WindowCount], *, degraded: bool, threshold: float) -> bool | None:
    """Return the new state, True for degraded; None while the state does not change."""
    window = deciding(windows)
    if window is None:
        return None
    if not degraded:
        return True if wilson(window.on_time, window.n)[1] < threshold else None
    clear = min(threshold + CLEAR_BY, (1 + threshold) / 2)
    return False if window.on_time / window.n >= clear else None


def change_of(
    window: WindowCount, *, degraded: bool, threshold: float, circumstances: Circumstances
) -> AccuracyChange:
    """Describe the change of state, with the cause if accuracy degraded."""
    because = explain(window, circumstances) if degraded else None
    low, high = wilson(window.on_time, window.n)
    rate = f"{window.on_time} of {window.n} forecasts held within {window.window}: "
    rate += f"{window.on_time / window.n:.0%} ({low:.0%} to {high:.0%})"
    line = f"{'under' if degraded else 'clear above'} the line of {threshold:.0%}"
    why = f"; {_WORDS[because]}" if because else ""
    return AccuracyChange(
        degraded=degraded,
        window=window.window,
        n=window.n,
        on_time=window.on_time,
        threshold=threshold,
        because=because,
        message=f"{rate}, {line}{why}",
    )


def explain(window: WindowCount, circumstances: Circumstances) -> AccuracyCause:
    """Return the cause that affected most of the misses, if it affected at least half of them.

    Else MODEL, where the baseline did significantly better on the same chain; else UNKNOWN.
    """
    misses = circumstances.misses
    touched = dict.fromkeys(
        (AccuracyCause.FEE_SPIKE, AccuracyCause.EMPTY_BLOCKS, AccuracyCause.SOURCE_DEGRADED), 0
    )
    for miss in misses:
        for cause in touching(miss, circumstances):
            touched[cause] += 1
    cause = max(touched, key=lambda one: touched[one])
    if misses and touched[cause] * 2 >= len(misses):
        return cause
    ours = wilson(window.on_time, window.n)[1]
    theirs = wilson(window.baseline_on_time, window.baseline_n)[0]
    return AccuracyCause.MODEL if theirs > ours else AccuracyCause.UNKNOWN


def touching(miss: ForecastOutcome, circumstances: Circumstances) -> tuple[AccuracyCause, ...]:
    """Return every cause that this miss may be laid to; empty if nothing stands out."""
    found = {
        AccuracyCause.FEE_SPIKE: _saw_any(miss, circumstances.spikes),
        AccuracyCause.EMPTY_BLOCKS: _lost_to_empty(miss, circumstances.empty_blocks),
        AccuracyCause.SOURCE_DEGRADED: _saw_span(miss, circumstances.degraded),
    }
    return tuple(cause for cause, holds in found.items() if holds)


def _saw_any(miss: ForecastOutcome, moments: Sequence[datetime]) -> bool:
    return any(miss.made_at <= one <= miss.at for one in moments)


def _saw_span(miss: ForecastOutcome, spans: Sequence[tuple[datetime, datetime]]) -> bool:
    return any(start <= miss.at and miss.made_at <= end for start, end in spans)


def _lost_to_empty(miss: ForecastOutcome, empty: Sequence[datetime]) -> bool:
    """Return whether the forecast would have held if the empty blocks meanwhile had been full."""
    if miss.result is not Outcome.LATE:
        return False
    among = sum(miss.made_at <= one <= miss.at for one in empty)
    if miss.fate is Fate.CONFIRMED and miss.blocks is not None:
        return among > 0 and miss.at_height + miss.blocks - miss.due_height <= among
    return among > 0


_WORDS: Final = {
    AccuracyCause.FEE_SPIKE: "most of the misses waited while fees spiked",
    AccuracyCause.EMPTY_BLOCKS: "most of the misses would have held, had empty blocks not come in between",
    AccuracyCause.SOURCE_DEGRADED: "most of the misses fell into a time when the mempool was not wholly seen",
    AccuracyCause.MODEL: "the naive forecast, projected block + 1, did better: the model misfits this market",
    AccuracyCause.UNKNOWN: "no cause stands out",
}
