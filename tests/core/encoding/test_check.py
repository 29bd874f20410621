"""What no transaction can be is refused; what is merely odd is taken."""

from dataclasses import replace

import pytest

from app.core.encoding.check import check_transaction
from app.core.flow.classifier import classify
from app.core.flow.entities import Entities
from app.core.models import Input, Output, Transaction
from app.core.units import MAX_MONEY, Outpoint, Sats, Script
from app.errors import ParseError
from tests.builders import a_script, a_transaction, a_txid, pays, spends

ANN, BOB = a_script("ann"), a_script("bob")


def a_payment(**changes: object) -> Transaction:
    return replace(a_transaction(spends=[spends(ANN, 500)], pays=[pays(BOB, 499)]), **changes)  # type: ignore[arg-type]


def outputs(*values: int) -> tuple[Output, ...]:
    return tuple(Output(value=Sats(value), script=BOB) for value in values)


def coin(value: int | None, vout: int = 0) -> Input:
    outpoint = Outpoint(a_txid("coin"), vout)
    return Input(outpoint=outpoint, script=ANN, value=None if value is None else Sats(value))


def to_script(script: str) -> Output:
    return Output(value=Sats(5), script=Script(script))


@pytest.mark.parametrize(
    ("tx", "words"),
    [
        (a_payment(outputs=outputs(MAX_MONEY + 1)), "output 0 is worth 2100000000000001 sat"),
        (a_payment(outputs=outputs(1, -1)), "output 1 is worth -1 sat"),
        (a_payment(inputs=(coin(None),), outputs=outputs(MAX_MONEY, 1)), "outputs sum to"),
        (a_payment(inputs=(coin(-1),)), "input 0 is worth -1 sat"),
        (a_payment(inputs=(coin(MAX_MONEY), coin(1, 1))), "inputs sum to"),
        (a_payment(inputs=(coin(5), coin(6))), "spends the same output twice"),
        (a_payment(inputs=(coin(5),)), "outputs are worth more than the inputs"),
        (a_payment(inputs=()), "has no inputs"),
        (a_payment(outputs=()), "has no outputs"),
        (a_payment(outputs=(to_script("0g"),)), "output 0 has a script that is not hex"),
        (a_payment(outputs=(to_script("001"),)), "not hex"),
        (a_payment(inputs=(replace(coin(10**12), script=Script("xyz")),)), "input 0 has a script"),
        (a_payment(inputs=(replace(coin(10**12), outpoint=Outpoint(a_txid(1), -1)),)), "names no output"),
        (a_payment(inputs=(replace(coin(10**12), outpoint=Outpoint(a_txid(1)[:9], 0)),)), "names no output"),  # type: ignore[arg-type]
        (a_payment(fee=-1), "a fee of -1 sat"),
    ],
)
def test_what_cannot_be_is_refused_in_words(tx: Transaction, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        check_transaction(tx)


@pytest.mark.parametrize(
    "tx",
    [
        a_payment(inputs=(coin(None),), outputs=outputs(MAX_MONEY)),
        a_payment(outputs=outputs(0, 499)),
        a_payment(outputs=outputs(0, 0)),
        a_payment(outputs=(to_script(""), to_script("ff" * 9), to_script("00" * 10_000))),
        a_payment(inputs=tuple(coin(10**9, vout) for vout in range(2_000))),
        a_payment(outputs=outputs(*[10**6] * 2_000)),
    ],
    ids=["all money", "zero beside", "all zero", "unknown scripts", "2,000 inputs", "2,000 outputs"],
)
def test_what_is_merely_odd_is_taken_and_classified(tx: Transaction) -> None:
    check_transaction(tx)
    seen = classify(tx, Entities())

    assert 0 <= seen.moved <= seen.gross
    assert len(seen.evidence) < 10


@pytest.mark.parametrize(
    "tx",
    [
        a_payment(fee=0),
        a_payment(fee=MAX_MONEY),
        a_payment(inputs=(coin(MAX_MONEY),)),
        a_payment(inputs=(coin(499),), outputs=outputs(499)),
        a_payment(inputs=(replace(coin(10**12), outpoint=Outpoint(a_txid(1), 0xFFFFFFFF)),)),
        a_payment(inputs=(coin(None), coin(1, 1)), outputs=outputs(499)),
    ],
    ids=["no fee", "all fee", "all money spent", "all of it paid", "the last output", "a value not known"],
)
def test_what_is_just_possible_is_taken(tx: Transaction) -> None:
    check_transaction(tx)


@pytest.mark.parametrize(
    ("tx", "words"),
    [
        (a_payment(fee=MAX_MONEY + 1), "a fee of 2100000000000001 sat"),
        (a_payment(inputs=(replace(coin(10**12), outpoint=Outpoint(a_txid(1), 2**32)),)), "names no output"),
        (a_payment(inputs=(coin(498),), outputs=outputs(499)), "outputs are worth more than the inputs"),
    ],
)
def test_what_is_just_not_possible_is_refused(tx: Transaction, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        check_transaction(tx)


def test_what_is_not_known_of_an_input_is_not_checked() -> None:
    check_transaction(a_payment(inputs=(replace(coin(None), script=None), coin(10**12, 1))))
