"""Outcomes added up by day and group, as arrays: every figure is a sum, so that groups and days add. Pure.

A SQL statement with these sums takes DuckDB longer to plan than a day's rows take to read: so the rows are
read once, as columns, and added up here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.core.prediction import HORIZONS, Outcome
from app.core.scoring import BINS, BRIER_HORIZONS, HorizonSums, LeadTimes, Sums
from app.store.accounts.leads import GROUP, PLACES, SHAPE, Run, Together, merged

Columns = Mapping[str, NDArray[Any]]
RESULTS: Final = (Outcome.ON_TIME, Outcome.LATE, Outcome.DROPPED, Outcome.REPLACED, Outcome.CENSORED)
FORECAST_COUNTS: Final = (*(one.value for one in RESULTS), "baseline_n", "baseline_on_time")
WHALE_COUNTS: Final = (
    *("excused", "ended", "confirmed", "flow_judged", "flow_right", "false_positives", "false_negatives"),
)
HORIZON_SUMS: Final = ("count", "seen", "squares", "compared", "compared_squares", "baseline_squares")
"""In the order of `HorizonSums`, for each of BRIER_HORIZONS."""
_FORECASTS: Final = len(FORECAST_COUNTS) + len(BRIER_HORIZONS) * len(HORIZON_SUMS)
_MEASURES: Final = _FORECASTS + len(WHALE_COUNTS)
_DUE: Final = 3
"""Of RESULTS the first so many came due."""


def _no_sums() -> NDArray[np.float64]:
    return np.zeros((_MEASURES, *SHAPE))


def _no_calibration() -> NDArray[np.float64]:
    return np.zeros((len(HORIZONS), BINS, 3))


@dataclass(frozen=True, slots=True)
class Added:
    """Sums by measure, flow, urgency and source; `calibration` by horizon and bin: n, sum stated, sum seen.

    `leads`: the lead times, none, or in one or two runs as `merged` returns them.
    """

    sums: NDArray[np.float64] = field(default_factory=_no_sums)
    calibration: NDArray[np.float64] = field(default_factory=_no_calibration)
    leads: tuple[Run, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.sums.any()

    @property
    def lead_count(self) -> int:
        return sum(map(len, self.leads))

    def total(self) -> Sums:
        return sums_of_row(self.sums.sum(axis=(1, 2, 3)))

    def lead_times(self) -> LeadTimes:
        return Together(self.leads).quantiles() if self.leads else LeadTimes()

    def by(self, dimension: int) -> dict[str, tuple[Sums, LeadTimes]]:
        """Return the sums by the names of one dimension, alphabetically; "none" where there is none."""
        others = tuple(1 + other for other in range(len(SHAPE)) if other != dimension)
        rows = self.sums.sum(axis=others)
        leads = Together(self.leads).by(dimension) if self.leads else [LeadTimes()] * SHAPE[dimension]
        names = ("none", *(str(one) for one in tuple(GROUP.values())[dimension]))
        return {
            name: (sums_of_row(rows[:, place]), leads[place])
            for place, name in sorted(enumerate(names), key=lambda one: one[1])
            if rows[:, place].any()
        }

    def groups(self) -> list[tuple[tuple[str | None, ...], Sums]]:
        """Return each group that holds anything, by flow, urgency and source."""
        dimensions = [(None, *(str(one) for one in values)) for values in GROUP.values()]
        return [
            (
                tuple(names[place] for names, place in zip(dimensions, at, strict=True)),
                sums_of_row(self.sums[:, at[0], at[1], at[2]]),
            )
            for at in np.argwhere(self.sums.any(axis=0)).tolist()
        ]


def added(parts: Iterable[Added]) -> Added:
    each = list(parts)
    if not each:
        return Added()
    return Added(
        sum((one.sums for one in each), start=_no_sums()),
        sum((one.calibration for one in each), start=_no_calibration()),
        merged([run for one in each for run in one.leads]),
    )


def of_forecasts(rows: Columns) -> Added:
    """Add up rows of `statements.forecasts`."""
    place = rows["place"].astype(np.intp)
    true, evaluable = _judge(rows)
    measures = [*_counts(rows, true, evaluable)]
    for n in BRIER_HORIZONS:
        measures += _at_horizon(rows, n, true(n), evaluable(n))
    sums = _no_sums()
    for number, measure in enumerate(measures):
        sums[number] = np.bincount(place, weights=measure, minlength=PLACES).reshape(SHAPE)
    calibration = np.stack([_calibration(rows, n, true(n), evaluable(n)) for n in HORIZONS])
    return Added(sums, calibration)


def of_whales(rows: Columns) -> Added:
    """Add up rows of `statements.whales`."""
    place = rows["place"].astype(np.intp)
    confirmed, announced, right = rows["confirmed"], rows["announced"], rows["is_right"]
    wrong = rows["is_judged"] & ~right
    measures = (
        rows["excused"],
        announced,
        confirmed,
        rows["is_judged"],
        right,
        announced & (~confirmed | wrong),
        confirmed & ~announced & ~rows["excused"],
    )
    sums = _no_sums()
    for number, measure in enumerate(measures, _FORECASTS):
        sums[number] = np.bincount(place, weights=measure, minlength=PLACES).reshape(SHAPE)
    has_lead = rows["has_lead"]
    leads = rows["lead"][has_lead].astype(np.float64)
    order = np.argsort(leads)
    return Added(sums=sums, leads=(Run(leads[order], rows["place"][has_lead][order]),) if len(leads) else ())


def by_day(rows: Columns) -> dict[int, dict[str, NDArray[Any]]]:
    """Split columns by their `day`."""
    days = rows["day"]
    order = np.argsort(days, kind="stable")
    found, starts = np.unique(days[order], return_index=True)
    ends = [*starts[1:].tolist(), len(days)][: len(found)]
    return {
        int(day): {name: column[order[start:end]] for name, column in rows.items()}
        for day, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True)
    }


def sums_of_row(row: NDArray[np.float64]) -> Sums:
    """Return the measures of one group as sums."""
    counts = len(FORECAST_COUNTS)
    width = len(HORIZON_SUMS)
    horizons = {}
    for place, n in enumerate(BRIER_HORIZONS):
        count, seen, squares, compared, compared_squares, baseline_squares = row[
            counts + place * width : counts + (place + 1) * width
        ].tolist()
        horizons[n] = HorizonSums(
            count=round(count),
            seen=seen,
            squares=squares,
            compared=round(compared),
            compared_squares=compared_squares,
            baseline_squares=baseline_squares,
        )
    names = (*FORECAST_COUNTS, *WHALE_COUNTS)
    values = (*row[:counts].tolist(), *row[_FORECASTS:].tolist())
    return Sums(**{name: round(one) for name, one in zip(names, values, strict=True)}, horizons=horizons)


def calibration_rows(calibration: NDArray[np.float64]) -> list[tuple[int, int, int, float, float]]:
    """Return rows of (horizon, bin, n, sum stated, sum seen) where there is any."""
    rows = []
    for horizon, place in np.argwhere(calibration[:, :, 0]).tolist():
        n, stated, seen = calibration[horizon, place].tolist()
        rows.append((HORIZONS[horizon], place, round(n), stated, seen))
    return rows


def _judge(rows: Columns) -> tuple[Any, Any]:
    """Return whether each forecast came true, and can be judged, within a number of blocks."""
    passed, is_in, is_final = rows["passed"], rows["is_in"], rows["is_final"]
    return lambda n: is_in & (passed <= n), lambda n: is_final | (passed >= n)


def _counts(rows: Columns, true: Any, evaluable: Any) -> Sequence[NDArray[np.bool_]]:  # noqa: ANN401 - functions of numpy
    result, projected = rows["result"], rows["projected"]
    due = (result >= 1) & (result <= _DUE) & (projected > 0)
    by_result = [result == number for number in range(1, 1 + len(RESULTS))]
    return *by_result, due & evaluable(projected), due & true(projected)


def _at_horizon(
    rows: Columns, n: int, true: NDArray[np.bool_], known: NDArray[np.bool_]
) -> list[NDArray[Any]]:
    both = known & (rows["projected"] > 0)
    square = (rows[f"p{n}"] / 10_000.0 - true) ** 2
    naive_is_wrong = (rows["projected"] <= n) != true
    return [known, true, square * known, both, square * both, both & naive_is_wrong]


def _calibration(
    rows: Columns, n: int, true: NDArray[np.bool_], known: NDArray[np.bool_]
) -> NDArray[np.float64]:
    stated = rows[f"p{n}"][known]
    places = np.minimum(BINS - 1, stated // (10_000 // BINS)).astype(np.intp)
    columns = (np.ones(len(stated)), stated / 10_000.0, true[known])
    return np.stack([np.bincount(places, weights=one, minlength=BINS) for one in columns], axis=1)
