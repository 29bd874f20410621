"""Transactions as they are signed."""

from dataclasses import replace

import pytest

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
