"""Accuracy figures as sums over outcomes and the rates of those. Sums add, so old days keep only sums."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from math import sqrt
from typing import Final

from app.core.prediction import HORIZONS, Outcome
from app.core.scoring.outcomes import Fate, ForecastOutcome, WhaleOutcome
from app.core.units import Height

BRIER_HORIZONS: Final = (1, 3, 6, 12)
"""Horizons, in blocks, whose stated probabilities are scored."""
ENOUGH: Final = 20
"""Fewest outcomes for a rate; below, only counts are published."""
BINS: Final = 10
"""Number of bins of the calibration table, equally wide."""
_Z95: Final = 1.959963984540054


class Period(StrEnum):
    """UTC; weeks begin on Monday."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonSums:
    """Sums over the forecasts that are evaluable at one horizon; `squares` is of (stated - seen) squared."""

    count: int = 0
    seen: float = 0.0
    squares: float = 0.0
    compared: int = 0
    """Number of these forecasts with a projected block, comparable to the baseline."""
    compared_squares: float = 0.0
    baseline_squares: float = 0.0

    def __add__(self, other: "HorizonSums") -> "HorizonSums":
        return HorizonSums(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Counts of forecasts (by when they were decided) and of whales (by when they ended)."""

    on_time: int = 0
    late: int = 0
    dropped: int = 0
    replaced: int = 0
    censored: int = 0
    baseline_n: int = 0
    baseline_on_time: int = 0
    horizons: Mapping[int, HorizonSums] = field(
        default_factory=lambda: dict.fromkeys(BRIER_HORIZONS, HorizonSums())
    )
    excused: int = 0
    ended: int = 0
    """Number of whales that were announced and then confirmed or dropped."""
    confirmed: int = 0
    flow_judged: int = 0
    flow_right: int = 0
    false_positives: int = 0
    false_negatives: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        counts = {
            one.name: getattr(self, one.name) + getattr(other, one.name)
            for one in fields(self)
            if one.name != "horizons"
        }
        return Sums(**counts, horizons={n: self.horizons[n] + other.horizons[n] for n in BRIER_HORIZONS})


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTimes:
    """Quantiles of the seconds from first seen to confirmed, interpolated; None without any."""

    p10: float | None = None
    p50: float | None = None
    p90: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The contract's accuracy figures; rates are None below ENOUGH (20) outcomes."""

    n: int
    on_time: int
    late: int
    dropped: int
    replaced: int
    censored: int
    excused: int
    hit_rate: float | None
    hit_rate_low: float | None
    hit_rate_high: float | None
    baseline_n: int
    baseline_hit_rate: float | None
    brier: Mapping[str, float | None]
    baseline_brier: Mapping[str, float | None]
    skill_to_baseline: float | None
    """Brier skill score: 1 - our squares / the baseline's, over all four horizons, where both exist."""
    skill_to_base_rate: float | None
    """The same against always stating the observed frequency of each horizon."""
    lead_times: LeadTimes
    replaced_share: float | None
    flow_judged: int
    flow_right: int
    false_positives: int
    false_positive_rate: float | None
    false_negatives: int
    false_negative_rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Stated probabilities from `low` up to `high`; `stated` and `seen` are means, None if `n` is 0."""

    low: float
    high: float
    n: int
    stated: float | None
    seen: float | None


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share; (0, 1) if `n` is 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    """
    if n == 0:
        return 0.0, 1.0
    share, square = hits / n, _Z95 * _Z95
    middle = share + square / (2 * n)
    half = _Z95 * sqrt(share * (1 - share) / n + square / (4 * n * n))
    scale = 1 + square / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def sums_of(forecasts: Iterable[ForecastOutcome], whales: Iterable[WhaleOutcome], tip: Height | None) -> Sums:
    """Return the sums over all outcomes."""
    total = Sums()
    for forecast in forecasts:
        total += _of_forecast(forecast, tip)
    for whale in whales:
        total += _of_whale(whale)
    return total


def figures_of(sums: Sums, lead_times: LeadTimes) -> Figures:
    n = sums.on_time + sums.late + sums.dropped
    low, high = wilson(sums.on_time, n)
    horizons = sums.horizons
    return Figures(
        n=n,
        on_time=sums.on_time,
        late=sums.late,
        dropped=sums.dropped,
        replaced=sums.replaced,
        censored=sums.censored,
        excused=sums.excused,
        hit_rate=_rate(sums.on_time, n),
        hit_rate_low=low if n >= ENOUGH else None,
        hit_rate_high=high if n >= ENOUGH else None,
        baseline_n=sums.baseline_n,
        baseline_hit_rate=_rate(sums.baseline_on_time, sums.baseline_n),
        brier={str(h): _rate(horizons[h].squares, horizons[h].count) for h in BRIER_HORIZONS},
        baseline_brier={
            str(h): _rate(horizons[h].baseline_squares, horizons[h].compared) for h in BRIER_HORIZONS
        },
        skill_to_baseline=_skill(
            sum(one.compared_squares for one in horizons.values()),
            sum(one.baseline_squares for one in horizons.values()),
            min(one.compared for one in horizons.values()),
        ),
        skill_to_base_rate=_skill(
            sum(one.squares for one in horizons.values()),
            sum(_spread(one) for one in horizons.values()),
            min(one.count for one in horizons.values()),
        ),
        lead_times=lead_times,
        replaced_share=_rate(sums.replaced, n + sums.replaced),
        flow_judged=sums.flow_judged,
        flow_right=sums.flow_right,
        false_positives=sums.false_positives,
        false_positive_rate=_rate(sums.false_positives, sums.ended),
        false_negatives=sums.false_negatives,
        false_negative_rate=_rate(sums.false_negatives, sums.confirmed),
    )


def calibration_of(
    rows: Iterable[tuple[int, int, int, float, float]],
) -> dict[str, tuple[CalibrationBin, ...]]:
    """Return all bins of all horizons, from rows of (horizon, bin, n, sum stated, sum seen) in any order."""
    found = {(horizon, place): (n, stated, seen) for horizon, place, n, stated, seen in rows}
    return {
        str(horizon): tuple(_bin(place, *found.get((horizon, place), (0, 0.0, 0.0))) for place in range(BINS))
        for horizon in HORIZONS
    }


def quantile(ascending: Sequence[float], share: float) -> float | None:
    """Return the quantile at `share`, interpolated linearly; None of an empty sequence."""
    if len(ascending) == 0:
        return None
    place = share * (len(ascending) - 1)
    below = int(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (place - below)


def is_evaluable(outcome: ForecastOutcome, horizon: int, tip: Height | None) -> bool:
    """Return whether it is known if it confirmed within `horizon` blocks; always so for dropped ones."""
    if outcome.fate in (Fate.CONFIRMED, Fate.DROPPED):
        return True
    return blocks_seen(outcome, tip) >= horizon


def blocks_seen(outcome: ForecastOutcome, tip: Height | None) -> int:
    if outcome.blocks is not None:
        return outcome.blocks
    return 0 if tip is None else max(0, tip - outcome.at_height)


def came_true(outcome: ForecastOutcome, horizon: int) -> bool:
    return outcome.fate is Fate.CONFIRMED and (outcome.blocks or 0) <= horizon


def _of_forecast(outcome: ForecastOutcome, tip: Height | None) -> Sums:
    counts = {outcome.result.value: 1}
    projected = outcome.projected_block
    if projected is not None and outcome.result in (Outcome.ON_TIME, Outcome.LATE, Outcome.DROPPED):
        counts["baseline_n"] = int(is_evaluable(outcome, projected, tip))
        counts["baseline_on_time"] = int(came_true(outcome, projected))
    return Sums(**counts, horizons={n: _at_horizon(outcome, n, tip) for n in BRIER_HORIZONS})


def _at_horizon(outcome: ForecastOutcome, horizon: int, tip: Height | None) -> HorizonSums:
    if not is_evaluable(outcome, horizon, tip):
        return HorizonSums()
    seen = float(came_true(outcome, horizon))
    square = (outcome.stated[HORIZONS.index(horizon)] - seen) ** 2
    if outcome.projected_block is None:
        return HorizonSums(count=1, seen=seen, squares=square)
    naive = float(outcome.projected_block <= horizon)
    return HorizonSums(
        count=1,
        seen=seen,
        squares=square,
        compared=1,
        compared_squares=square,
        baseline_squares=(naive - seen) ** 2,
    )


def _of_whale(whale: WhaleOutcome) -> Sums:
    return Sums(
        excused=int(whale.excused),
        ended=int(whale.announced),
        confirmed=int(whale.confirmed),
        flow_judged=int(whale.flow_right is not None),
        flow_right=int(whale.flow_right is True),
        false_positives=int(whale.is_false_positive),
        false_negatives=int(whale.is_false_negative),
    )


def _rate(part: float, whole: int) -> float | None:
    return part / whole if whole >= ENOUGH else None


def _spread(one: HorizonSums) -> float:
    """Return the squares of always stating the observed frequency."""
    return one.seen * (1 - one.seen / one.count) if one.count else 0.0


def _skill(ours: float, theirs: float, count: int) -> float | None:
    """Return the skill score; None below ENOUGH outcomes, or where the reference is never wrong."""
    return 1 - ours / theirs if count >= ENOUGH and theirs > 0 else None


def _bin(place: int, n: int, stated: float, seen: float) -> CalibrationBin:
    return CalibrationBin(
        low=place / BINS,
        high=(place + 1) / BINS,
        n=n,
        stated=stated / n if n else None,
        seen=seen / n if n else None,
    )
