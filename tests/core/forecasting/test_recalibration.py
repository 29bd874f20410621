"""Learning from outcomes."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.forecasting.learning import learned_from
from app.core.forecasting.recalibration import (
    IDENTITY_LINE,
    Recalibration,
    fit_line,
    fit_recalibration,
    no_recalibration,
)
from app.core.prediction import HORIZONS
from app.core.scoring import Fate, ScoredForecast

AT = datetime(2026, 1, 1, tzinfo=UTC)


def outcomes(number: int, true_power: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecasts whose true chance is the stated one to a power."""
    rng = np.random.default_rng(3)
    stated = np.sort(rng.uniform(0.02, 0.98, (number, len(HORIZONS))), axis=1)
    return stated, rng.random(stated.shape) < stated**true_power, np.ones(stated.shape, dtype=bool)


def test_too_few_outcomes_change_nothing() -> None:
    learned = fit_recalibration(*outcomes(299, 3.0), AT)

    assert learned.changes_nothing
    assert learned.outcomes == 299


def test_honest_forecasts_are_left_nearly_alone() -> None:
    stated, true, counted = outcomes(20_000)
    bent = fit_recalibration(stated, true, counted, AT).recalibrated(stated)

    assert np.abs(bent - stated)[:, :6].mean() < 0.015


def test_overconfident_forecasts_are_brought_down() -> None:
    stated, true, counted = outcomes(5_000, 2.0)
    bent = fit_recalibration(stated, true, counted, AT).recalibrated(stated)

    for column in range(6):
        assert abs(bent[:, column].mean() - true[:, column].mean()) < abs(
            stated[:, column].mean() - true[:, column].mean()
        )


def test_a_few_hundred_outcomes_are_believed_in_part() -> None:
    some = fit_recalibration(*outcomes(400, 3.0), AT).lines[0][0]
    more = fit_recalibration(*outcomes(4_000, 3.0), AT).lines[0][0]

    assert more < some < 0.0


def test_the_longest_horizon_is_left_alone() -> None:
    assert fit_recalibration(*outcomes(3_000, 3.0), AT).lines[-1] == IDENTITY_LINE


@pytest.mark.parametrize("seed", range(5))
def test_a_fitted_line_never_falls(seed: int) -> None:
    rng = np.random.default_rng(seed)
    line = fit_line(rng.random(400), rng.random(400) < 0.5)

    assert min(line[1:]) > 0.0


def test_one_sided_outcomes_do_not_break_the_fit() -> None:
    line = fit_line(np.full(500, 0.999), np.ones(500, dtype=bool))

    assert np.isfinite(line).all()


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(-2, 2), *[st.floats(0.02, 3.0)] * 5), min_size=7, max_size=7),
    st.lists(st.floats(0, 1), min_size=7, max_size=7),
)
def test_straightened_chances_still_rise_with_the_horizon(
    lines: list[tuple[float, ...]], chances: list[float]
) -> None:
    bent = Recalibration(lines=tuple(lines), outcomes=1_000, fitted_at=AT).recalibrated(
        np.sort(np.array([chances]))
    )

    assert np.all(np.diff(bent, axis=1) >= 0)
    assert np.all((bent >= 0) & (bent <= 1))


def test_without_outcomes_nothing_is_changed() -> None:
    stated, _, _ = outcomes(10)

    assert np.array_equal(no_recalibration().recalibrated(stated), stated)


def test_a_line_fitted_to_nothing_is_the_identity() -> None:
    assert fit_line(np.empty(0), np.empty(0, dtype=bool)) == IDENTITY_LINE


def test_what_is_learned_of_headline_forecasts_counts_a_horizon_only_where_its_end_is_known() -> None:
    """Those that were replaced within a block say nothing of the longer horizons, whatever they claimed."""
    sure = (0.9, 0.92, 0.94, 0.95, 0.97, 0.98, 0.99)
    late = [ScoredForecast(stated=sure, fate=Fate.CONFIRMED, blocks=2) for _ in range(400)]
    gone = [ScoredForecast(stated=sure, fate=Fate.REPLACED, blocks=1) for _ in range(400)]

    learned = learned_from([*late, *gone], AT)
    (bent,) = learned.recalibrated(np.array([sure]))

    assert (learned.fitted_at, learned.outcomes) == (AT, 800)
    assert bent[0] < 0.5
    assert bent[1] > 0.9


def test_of_no_outcomes_nothing_is_learned() -> None:
    learned = learned_from((), AT)

    assert (learned.changes_nothing, learned.outcomes) == (True, 0)
