"""Which of two outputs is taken for change, rule by rule, at each rule's edge."""

from dataclasses import replace

import pytest

from app.core.flow.change import RATIO, ROUND, TYPE, UNNECESSARY, votes
from app.core.models import Transaction
from app.core.units import Sats
from tests.builders import a_coin, a_script, a_transaction, pays, spends

ODD = 123_456_789


def of(
    *values: int, inputs: tuple[int | None, ...] = (10_000_000_001,), kinds: tuple[str, ...] = ("p2wpkh",) * 2
) -> Transaction:
    """Pays these amounts, in satoshi, to strangers with scripts of these kinds."""
    tx = a_transaction(
        spends=[spends(a_script(n), 1, outpoint=a_coin(n)) for n in range(len(inputs))],
        pays=[pays(a_script(("to", n), kind), 1) for n, kind in enumerate(kinds)],
        fee=1,
        vsize=100,
    )
    return replace(
        tx,
        inputs=tuple(
            replace(spent, value=None if value is None else Sats(value))
            for spent, value in zip(tx.inputs, inputs, strict=True)
        ),
        outputs=tuple(
            replace(output, value=Sats(value)) for output, value in zip(tx.outputs, values, strict=True)
        ),
    )


def reasons(tx: Transaction) -> dict[int, tuple[str, ...]]:
    return votes(tx, (0, 1))


@pytest.mark.parametrize(("zeros", "change"), [(1, None), (2, None), (3, 0), (4, 0)])
def test_an_amount_with_three_zeros_more_is_the_payment(zeros: int, change: int | None) -> None:
    round_one = int("123456789"[: 9 - zeros]) * 10**zeros
    found = reasons(of(ODD, round_one))

    assert {index for index, why in found.items() if ROUND in why} == (set() if change is None else {change})


def test_the_less_round_one_is_change_wherever_it_stands() -> None:
    assert reasons(of(ODD, 123_000_000)) == {0: (ROUND,)}
    assert reasons(of(123_000_000, ODD)) == {1: (ROUND,)}


def test_two_round_amounts_are_not_told_apart_by_their_zeros() -> None:
    assert reasons(of(120_000_000, 130_000_000)) == {}


def test_the_type_of_all_inputs_is_that_of_change() -> None:
    assert reasons(of(ODD, ODD + 2, kinds=("p2tr", "p2wpkh"))) == {1: (TYPE,)}
    assert reasons(of(ODD, ODD + 2, kinds=("p2wpkh", "p2tr"))) == {0: (TYPE,)}


def test_two_types_that_no_input_has_say_nothing_of_change() -> None:
    assert reasons(of(ODD, ODD + 2, kinds=("p2tr", "p2pkh"))) == {}


def test_inputs_of_two_types_or_of_one_unknown_say_nothing_of_change() -> None:
    tx = of(ODD, ODD + 2, inputs=(1, 10_000_000_000), kinds=("p2tr", "p2wpkh"))
    first, second = tx.inputs

    assert reasons(tx) == {1: (TYPE,)}
    assert reasons(replace(tx, inputs=(replace(first, script=a_script("x", "p2pkh")), second))) == {}
    assert reasons(replace(tx, inputs=(replace(first, script=None), second))) == {}
    assert reasons(replace(tx, inputs=(replace(first, script=None), replace(second, script=None)))) == {}


@pytest.mark.parametrize(("first", "change"), [(11_111_099, {}), (11_111_100, {0: (RATIO,)})])
def test_a_hundred_times_the_other_is_change(first: int, change: dict[int, tuple[str, ...]]) -> None:
    assert reasons(of(first, 111_111)) == change
    assert reasons(of(111_111, first)) == {1 - index: why for index, why in change.items()}


@pytest.mark.parametrize(
    ("inputs", "change"),
    [
        ((31, 50), {}),  # the larger one would not have needed it either
        ((32, 50), {0: (UNNECESSARY,)}),
        ((71, 72), {0: (UNNECESSARY,)}),
        ((72, 73), {}),  # the smaller one would have needed both of them
        ((31,), {}),
        ((31, None), {}),
    ],
)
def test_an_output_for_which_an_input_was_not_needed_is_change(
    inputs: tuple[int | None, ...], change: dict[int, tuple[str, ...]]
) -> None:
    """31 and 71 are paid; what is left without the smallest input decides which of them needed it."""
    assert reasons(of(31, 71, inputs=inputs)) == change


def test_of_two_equal_outputs_none_needed_less() -> None:
    assert reasons(of(51, 51, inputs=(51, 60))) == {}
