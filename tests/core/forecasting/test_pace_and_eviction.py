"""The pace of the chain, and the chance to be evicted."""

import math

import numpy as np
import pytest

from app.core.forecasting.eviction import chance_of_eviction
from app.core.forecasting.pace import USUAL_CAPACITY_VBYTES, pace_of


def test_half_of_a_deviation_over_144_blocks_is_believed() -> None:
    assert pace_of([540.0] * 144).interval_seconds == pytest.approx(570.0)


def test_a_few_blocks_tell_little() -> None:
    assert pace_of([60.0]).interval_seconds == pytest.approx(600.0, abs=3.0)


def test_only_the_last_144_count() -> None:
    assert pace_of([5.0] * 500 + [600.0] * 144).interval_seconds == pytest.approx(600.0)


def test_without_a_target_the_mean_is_taken_as_it_is() -> None:
    assert pace_of([20.0, 40.0], target_seconds=None).interval_seconds == 30.0


def test_empty_blocks_say_nothing_of_the_capacity() -> None:
    assert pace_of([600.0], [0.0, 150.0]).capacity_vbytes == USUAL_CAPACITY_VBYTES


def test_full_blocks_tell_the_capacity() -> None:
    assert pace_of([600.0], [930_000.0] * 144).capacity_vbytes == pytest.approx(932_500.0, rel=0.002)


def chance(ahead: float, limit: float, growth: float = 1.3) -> float:
    one = np.array([growth])
    return float(chance_of_eviction(np.array([ahead]), np.array([limit - ahead]), one, one)[0])


def test_with_room_to_spare_next_to_nobody_is_evicted() -> None:
    assert chance(2.0, 155.0) < 0.001


def test_at_the_bottom_of_a_full_mempool_most_are() -> None:
    assert chance(154.8, 155.0) > 0.5


def test_nearer_the_limit_is_more_likely_evicted() -> None:
    chances = [chance(ahead, 155.0) for ahead in (60.0, 100.0, 140.0, 150.0, 154.0)]

    assert chances == sorted(chances)


def plainly(ahead: float, room: float, two_hours: float, eight_hours: float) -> float:
    """The formula for one transaction, in plain numbers."""
    room = max(room, 0.05)
    short, long = (min(max(inflow - 1.0, -1.0), 1.0) for inflow in (two_hours, eight_hours))
    logit = -5.32 - 1.22 * math.log(room) - 0.54 * min(room, 60.0) / 30.0 - 1.42 * long + 1.82 * short
    logit += 0.23 * long * math.log(room) + 1.95 * math.log(ahead + 0.2)
    return 1.0 / (1.0 + math.exp(-logit))


@pytest.mark.parametrize("ahead", [0.0, 3.0, 150.0, 1e9])
@pytest.mark.parametrize("room", [-1.0, 0.5, 20.0, 60.5, 300.0])
@pytest.mark.parametrize("two_hours", [0.0, 0.7, 1.4, 2.5])
@pytest.mark.parametrize("eight_hours", [0.0, 0.8, 1.6, 2.5])
def test_the_chance_is_that_of_the_formula(
    ahead: float, room: float, two_hours: float, eight_hours: float
) -> None:
    given = (np.array([value]) for value in (ahead, room, two_hours, eight_hours))

    assert chance_of_eviction(*given)[0] == pytest.approx(
        plainly(ahead, room, two_hours, eight_hours), rel=1e-12
    )


def test_a_target_is_believed_by_the_share_of_the_window_that_is_known() -> None:
    assert pace_of([300.0] * 36, target_seconds=400.0).interval_seconds == pytest.approx(
        400.0 * (1 + 0.125 * (300.0 / 400.0 - 1))
    )


def test_without_any_block_the_target_is_the_pace() -> None:
    assert pace_of([]).interval_seconds == 600.0
    assert pace_of([], target_seconds=None).interval_seconds == 600.0
    assert pace_of([], target_seconds=30.0).interval_seconds == 30.0


def test_no_pace_is_faster_than_a_second() -> None:
    assert pace_of([0.1], target_seconds=None).interval_seconds == 1.0


def test_twelve_full_blocks_are_believed_by_half() -> None:
    known = [950_000.0, *[900_000.0] * 12, *[899_999.0] * 132]

    assert pace_of([600.0], known).capacity_vbytes == pytest.approx((900_000 + 0.965 * 998_000) / 2)
