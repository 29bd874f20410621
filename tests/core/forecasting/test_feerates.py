"""The ladder of feerates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.forecasting.feerates import (
    BUCKETS,
    ahead_of_each_bucket,
    bucket_of,
    by_bucket,
    feerate_of_bucket,
    spread,
)


@given(st.integers(0, BUCKETS - 1))
def test_a_rungs_lowest_feerate_stands_on_it(bucket: int) -> None:
    assert int(bucket_of(feerate_of_bucket(bucket))) == bucket


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_rungs_keep_the_order_of_feerates(a: float, b: float) -> None:
    low, high = sorted((a, b))

    assert int(bucket_of(low)) <= int(bucket_of(high))


def test_half_of_the_own_rung_is_ahead() -> None:
    ahead = ahead_of_each_bucket(by_bucket([5.0, 10.0], [100.0, 40.0]))

    assert ahead[int(bucket_of(10.0))] == 20.0
    assert ahead[int(bucket_of(7.0))] == 40.0
    assert ahead[int(bucket_of(5.0))] == 90.0


def test_spreading_loses_nothing() -> None:
    laid = spread([1.0, 5.0, 9_999_999.0], [4.0, 5.0, 1e9], [300.0, 20.0, 7.0])

    assert laid.sum() == pytest.approx(327.0)
    assert laid[int(bucket_of(5.0))] == pytest.approx(20.0)
    assert np.all(laid >= 0)
