"""Learning from outcomes."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.forecasting.learning import learned_from
from app.core.forecasting.recalibration import (
    IDENTITY_LINE,
    Line,
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


def cut(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def pull(stated: np.ndarray, came_true: np.ndarray, line: Line) -> list[float]:
    """How the penalised loss rises with each value of the line: nothing pulls where it is smallest."""
    kept = [cut(float(one), 1e-4, 1 - 1e-4) for one in stated]
    logits = [math.log(one / (1 - one)) for one in kept]
    parts = np.array(
        [
            [
                1,
                min(x + 3, 0),
                min(max(x, -3), -1) + 1,
                min(max(x, -1), 1),
                min(max(x, 1), 3) - 1,
                max(x - 3, 0),
            ]
            for x in logits
        ]
    )
    chances = 1 / (1 + np.exp(-parts @ np.array(line)))
    pulled = parts.T @ (chances - came_true) + 5.0 * (np.array(line) - np.array(IDENTITY_LINE))
    return [float(one) for one in pulled]


def some(low: float, high: float, *, power: float = 1.0, number: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    stated = rng.uniform(low, high, number)
    return stated, rng.random(number) < stated**power


FAR_OFF = np.full(5_000, 0.9999)
ASTRAY = {
    "honest": some(0.001, 0.999),
    "overconfident": some(0.001, 0.999, power=4.0),
    "too low at the bottom": some(0.0001, 0.1, power=0.1),
    "too high at the top": some(0.9, 0.99999, power=30.0),
    "the wrong way round": (some(0.001, 0.999)[0], ~some(0.001, 0.999)[1]),
    "sure and always right": (np.full(500, 0.999), np.ones(500, dtype=bool)),
    "sure and always wrong": (np.full(500, 0.9999), np.zeros(500, dtype=bool)),
    "sure and nearly always wrong": (FAR_OFF, np.arange(5_000) < 2),
    "sure of both and always wrong": (np.array([0.9999, 0.0001] * 2_000), np.array([False, True] * 2_000)),
    "a handful": some(0.3, 0.7, number=4),
}


@pytest.mark.parametrize("kind", ASTRAY)
def test_nothing_pulls_at_a_fitted_line_but_what_would_have_it_fall(kind: str) -> None:
    stated, came_true = ASTRAY[kind]
    line = fit_line(stated, came_true)

    assert min(line[1:]) >= 0.02
    for value, pulled in zip(line, pull(stated, came_true, line), strict=True):
        assert pulled == pytest.approx(0.0, abs=1e-4) or (value == 0.02 and pulled > 0)


def fitted(number: int) -> tuple[Recalibration, tuple[Line, ...]]:
    """What is made of so many outcomes, and the lines that they alone would make."""
    stated, came_true, evaluable = outcomes(number, 2.0)
    lines = tuple(fit_line(stated[:, column], came_true[:, column]) for column in range(len(HORIZONS)))
    return fit_recalibration(stated, came_true, evaluable, AT), lines


@pytest.mark.parametrize(("number", "trust"), [(300, 0.3), (600, 0.6), (1_000, 1.0), (1_500, 1.0)])
def test_a_line_is_believed_by_the_number_of_outcomes_and_the_longest_horizon_stays_straight(
    number: int, trust: float
) -> None:
    learned, alone = fitted(number)
    expected = [
        [1.0 * (index > 0) + trust * (value - 1.0 * (index > 0)) for index, value in enumerate(line)]
        for line in alone
    ]

    assert (learned.outcomes, learned.fitted_at) == (number, AT)
    assert [list(line) for line in learned.lines[:-1]] == [pytest.approx(line) for line in expected[:-1]]
    assert learned.lines[-1] == IDENTITY_LINE


def test_too_few_outcomes_are_counted_and_dated_all_the_same() -> None:
    assert fit_recalibration(*outcomes(299), AT) == replace(no_recalibration(), outcomes=299, fitted_at=AT)


def test_before_anything_was_learned_there_are_no_outcomes() -> None:
    assert (no_recalibration().outcomes, no_recalibration().fitted_at) == (0, None)


def test_a_horizon_whose_line_is_straight_keeps_its_chances_to_the_last_bit() -> None:
    """Near 0 and 1 too, where a line would have to begin somewhere."""
    lines = ((0.0, 1.0, 1.0, 1.0, 1.0, 1.5), *(IDENTITY_LINE,) * 6)
    stated = np.array([[0.00001, 0.00002, 0.1, 0.3, 0.7, 0.99999, 1.0]])
    bent = Recalibration(lines=lines, outcomes=1_000, fitted_at=AT).recalibrated(stated)

    assert bent[0, 3:].tolist() == stated[0, 3:].tolist()
    assert bent[0, 1] == bent[0, 0] == pytest.approx(1e-4)
