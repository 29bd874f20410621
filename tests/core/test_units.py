"""Amounts and counts in words."""

from decimal import Decimal

import pytest

from app.core.units import MOST_BTC, believable, counted, sat_per_vb
from app.errors import ParseError


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 labels"), (1, "1 label"), (2, "2 labels"), (1_234, "1,234 labels")]
)
def test_one_is_not_many(number: int, words: str) -> None:
    assert counted(number, "label") == words


@pytest.mark.parametrize(("number", "words"), [(1, "1 delivery"), (3, "3 deliveries")])
def test_many_may_have_a_word_of_its_own(number: int, words: str) -> None:
    assert counted(number, "delivery", "deliveries") == words


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+400", "1E+999999999"])
def test_what_is_no_amount_is_no_feerate(text: str) -> None:
    with pytest.raises(ParseError, match="no amount"):
        sat_per_vb(Decimal(text))


@pytest.mark.parametrize(
    "amount", [Decimal(0), Decimal("-0.00000001"), Decimal(MOST_BTC), -Decimal(MOST_BTC)]
)
def test_an_amount_that_can_be_is_taken_as_it_is(amount: Decimal) -> None:
    assert believable(amount) == amount
