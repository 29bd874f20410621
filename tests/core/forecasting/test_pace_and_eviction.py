"""The pace of the chain, and the chance to be evicted."""

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
