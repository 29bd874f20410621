"""Transactions as they are signed."""

from dataclasses import replace

import pytest

from app.core.units import SatPerVb, Sats, VBytes
from tests.builders import a_whale


@pytest.mark.parametrize(
    ("sequences", "signals"),
    [
        ((0xFFFFFFFF, 0xFFFFFFFF), False),
        ((0xFFFFFFFE, 0xFFFFFFFF), False),
        ((0xFFFFFFFF, 0xFFFFFFFD), True),
        ((0, 0xFFFFFFFF), True),
    ],
)
def test_one_input_that_is_not_final_says_that_all_may_be_replaced(
    sequences: tuple[int, int], *, signals: bool
) -> None:
    """BIP-125: a sequence below 0xfffffffe; that one is for a lock time alone."""
    tx = a_whale(150, coins=("one", "two"))
    inputs = tuple(replace(spent, sequence=n) for spent, n in zip(tx.inputs, sequences, strict=True))

    assert replace(tx, inputs=inputs).signals_rbf is signals


@pytest.mark.parametrize(
    ("own_fee", "package", "differs"),
    [
        (5_000, 51.0, False),  # a fiftieth
        (5_000, 51.006, True),
        (5_000, 51.004, False),  # and half a hundredth for what rounding takes
        (5_000, 49.0, False),
        (5_000, 48.99, True),
        (5_000, None, False),
        (None, 51.0, False),
    ],
)
def test_a_package_pays_otherwise_where_it_differs_by_more_than_a_fiftieth_and_a_rounding(
    own_fee: int | None, package: float | None, *, differs: bool
) -> None:
    fee = None if own_fee is None else Sats(own_fee)
    tx = replace(a_whale(150, prevouts=False), fee=fee, vsize=VBytes(100.0))

    assert tx.is_of_package(None if package is None else SatPerVb(package)) is differs
