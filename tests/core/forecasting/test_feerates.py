"""Package feerates and the ladder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.forecasting.feerates import (
    RUNGS,
    Member,
    ahead_of_each_rung,
    by_rung,
    feerate_of_rung,
    mining_feerate,
    package_feerate,
    rung_of,
    spread,
)


def test_a_child_lifts_its_parent_to_the_package_feerate() -> None:
    parent, child = Member(fee_sat=100, vsize=100), Member(fee_sat=9_900, vsize=100)

    assert package_feerate([parent, child]) == 50.0
    assert mining_feerate(parent, descendants=[child]) == 50.0


def test_a_poor_parent_drags_its_child_down() -> None:
    parent, child = Member(fee_sat=100, vsize=100), Member(fee_sat=9_900, vsize=100)

    assert mining_feerate(child, ancestors=[parent]) == 50.0


def test_a_rich_parent_does_not_lift_its_child() -> None:
    parent, child = Member(fee_sat=9_900, vsize=100), Member(fee_sat=100, vsize=100)

    assert mining_feerate(child, ancestors=[parent]) == 1.0


def test_a_poor_child_does_not_drag_its_parent_down() -> None:
    parent, child = Member(fee_sat=9_900, vsize=100), Member(fee_sat=100, vsize=100)

    assert mining_feerate(parent, descendants=[child]) == 99.0


def test_nothing_has_no_feerate() -> None:
    assert package_feerate([]) is None


@given(st.integers(0, RUNGS - 1))
def test_a_rungs_lowest_feerate_stands_on_it(rung: int) -> None:
    assert int(rung_of(feerate_of_rung(rung))) == rung


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_rungs_keep_the_order_of_feerates(a: float, b: float) -> None:
    low, high = sorted((a, b))

    assert int(rung_of(low)) <= int(rung_of(high))


def test_half_of_the_own_rung_is_ahead() -> None:
    ahead = ahead_of_each_rung(by_rung([5.0, 10.0], [100.0, 40.0]))

    assert ahead[int(rung_of(10.0))] == 20.0
    assert ahead[int(rung_of(7.0))] == 40.0
    assert ahead[int(rung_of(5.0))] == 90.0


def test_spreading_loses_nothing() -> None:
    laid = spread([1.0, 5.0, 9_999_999.0], [4.0, 5.0, 1e9], [300.0, 20.0, 7.0])

    assert laid.sum() == pytest.approx(327.0)
    assert laid[int(rung_of(5.0))] == pytest.approx(20.0)
    assert np.all(laid >= 0)
