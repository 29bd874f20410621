"""The figures equal those that a slow and obvious computation finds, on whatever happened."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.prediction import HORIZONS
from app.core.scoring import (
    BINS,
    CalibrationBin,
    Figures,
    LeadTimes,
    calibration_of,
    figures_of,
    forecast_outcomes,
    quantile,
    sums_of,
    whale_outcome,
    wilson,
)
from app.core.units import Height
from tests.core.scoring import naive
from tests.core.scoring.lives import TIP, lives, many


def worked_out(history: list[naive.Life]) -> Figures:
    whales = many(history)
    forecasts = [one for whale in whales for one in forecast_outcomes(whale)]
    ended = [one for whale in whales if (one := whale_outcome(whale)) is not None]
    leads = sorted(one.lead_time_seconds for one in ended if one.lead_time_seconds is not None)
    lead_times = LeadTimes(p10=quantile(leads, 0.1), p50=quantile(leads, 0.5), p90=quantile(leads, 0.9))
    return figures_of(sums_of(forecasts, ended, Height(TIP)), lead_times)


def about(expected: Any, rounding: float) -> Any:
    """What equals it to rounding, within dicts and tuples too; None is None."""
    if isinstance(expected, dict):
        return {name: about(one, rounding) for name, one in expected.items()}
    if isinstance(expected, tuple):
        return tuple(about(one, rounding) for one in expected)
    return None if expected is None else pytest.approx(expected, rel=rounding)


def check_equal(
    figures: Figures, history: list[naive.Life], tip: int = TIP, *, rounding: float = 1e-6
) -> None:
    """Every figure, to rounding."""
    expected = naive.figures(history, tip)
    for name in ("n", "on_time", "late", "dropped", "replaced", "censored", "excused", "baseline_n"):
        assert getattr(figures, name) == expected[name], name
    for name in ("flow_judged", "flow_right", "false_positives", "false_negatives"):
        assert getattr(figures, name) == expected[name], name
    for name in (
        "hit_rate",
        "baseline_hit_rate",
        "skill_to_baseline",
        "skill_to_base_rate",
        "replaced_share",
        "false_positive_rate",
        "false_negative_rate",
    ):
        assert getattr(figures, name) == about(expected[name], rounding), name
    assert dict(figures.brier) == about(expected["brier"], rounding)
    assert dict(figures.baseline_brier) == about(expected["baseline_brier"], rounding)
    assert (figures.hit_rate_low, figures.hit_rate_high) == about(expected["interval"], rounding)
    leads = figures.lead_times
    assert (leads.p10, leads.p50, leads.p90) == about(expected["leads"], rounding)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(lives(), max_size=70))
def test_they_equal_the_obvious_computation(history: list[naive.Life]) -> None:
    check_equal(worked_out(history), history)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_where_the_share_is_just_possible(counted: tuple[int, int]) -> None:
    hits, n = counted

    assert wilson(hits, n) == pytest.approx(naive.interval(hits, n), abs=1e-6)


def test_of_none_every_share_is_possible() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_below_twenty_there_is_a_count_and_no_rate() -> None:
    on_time = naive.Version(
        seen_height=0, forecast_at=0, predicted=1, p=dict.fromkeys((1, 2, 3, 6, 12, 24, 144), 0.9)
    )
    life = naive.Life(versions=[on_time], end="confirmed", confirmed_height=1, lead=600.0)
    few, enough = worked_out([life] * 19), worked_out([life] * 20)

    assert (few.n, few.hit_rate) == (19, None)
    assert (enough.n, enough.hit_rate) == (20, 1.0)


def test_each_horizon_has_all_its_bins_and_one_that_nobody_stated_has_no_share() -> None:
    found = calibration_of([(6, 9, 4, 3.8, 3.0), (1, 0, 2, 0.1, 0.0)])

    assert list(found) == [str(horizon) for horizon in HORIZONS]
    assert [len(bins) for bins in found.values()] == [BINS] * len(HORIZONS)
    assert found["6"][9] == CalibrationBin(low=0.9, high=1.0, n=4, stated=0.95, seen=0.75)
    assert found["1"][0] == CalibrationBin(low=0.0, high=0.1, n=2, stated=0.05, seen=0.0)
    assert {(one.n, one.stated, one.seen) for one in found["144"]} == {(0, None, None)}


def test_of_nothing_there_is_no_quantile() -> None:
    assert [quantile(values, 0.5) for values in ([], [3.0], [1.0, 2.0])] == [None, 3.0, 1.5]
