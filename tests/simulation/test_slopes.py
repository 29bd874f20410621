"""The estimator tells a leak from what only wavers: otherwise a soak that passes would say nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.simulation.slopes import slope_of

HOURS = [quarter / 4 for quarter in range(97)]
KIB = 1_024
BOUND = 64 * KIB


def wavering(seed: int) -> list[float]:
    """Level on the whole: each sample is much like the one before, and a few lie far away."""
    chance = np.random.default_rng(seed)
    values, left = [], 0.0
    for _ in HOURS:
        left = 0.6 * left + chance.normal(0, 60 * KIB)
        far = 8 * KIB * KIB if chance.random() < 0.05 else 0
        values.append(200 * KIB * KIB + left + far)
    return values


@pytest.mark.parametrize("seed", range(6))
def test_what_wavers_around_a_level_is_found_level(seed: int) -> None:
    assert slope_of(HOURS, wavering(seed)).stays_below(BOUND)


def test_of_forty_level_series_nearly_all_may_be_level() -> None:
    level = [slope_of(HOURS, wavering(seed)).may_be_zero for seed in range(40)]

    assert sum(level) >= 34


@pytest.mark.parametrize("seed", range(6))
def test_a_leak_of_a_megabyte_in_ten_hours_is_found_in_the_same_noise(seed: int) -> None:
    leaking = [value + 100 * KIB * hours for hours, value in zip(HOURS, wavering(seed), strict=True)]

    slope = slope_of(HOURS, leaking)

    assert not slope.may_be_zero
    assert not slope.stays_below(BOUND)


def _at_once(hours: float) -> float:
    return 4 * KIB * KIB * (hours // 6)


def _late(hours: float) -> float:
    return 800 * KIB * max(0.0, hours - 12)


@pytest.mark.parametrize("leak", [_at_once, _late], ids=["in steps", "in the second half"])
def test_a_leak_in_steps_or_from_noon_on_is_found(leak: Callable[[float], float]) -> None:
    leaking = [value + leak(hours) for hours, value in zip(HOURS, wavering(1), strict=True)]

    assert not slope_of(HOURS, leaking).stays_below(BOUND)


def test_noise_in_which_nothing_could_be_found_does_not_pass() -> None:
    chance = np.random.default_rng(3)
    noise = [float(value) for value in chance.normal(0, 20 * KIB * KIB, len(HOURS))]

    assert not slope_of(HOURS, noise).stays_below(BOUND)


def test_a_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="say nothing"):
        slope_of(HOURS[:8], [1.0] * 8)
