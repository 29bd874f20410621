"""Amounts and counts in words."""

from decimal import Decimal

import pytest

from app.core.units import MOST_BTC, believable, btc, counted, sat_per_vb
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


@pytest.mark.parametrize(("text", "rate"), [("0.00001", 1.0), ("0.00012345", 12.345), ("0", 0.0), ("1", 1e5)])
def test_bitcoin_cores_unit_is_a_thousandth_of_a_hundred_million(text: str, rate: float) -> None:
    assert sat_per_vb(Decimal(text)) == rate


def test_a_negative_feerate_is_refused() -> None:
    with pytest.raises(ParseError, match=r"^-0.00001 BTC is no feerate$"):
        sat_per_vb(Decimal("-0.00001"))


def test_what_is_no_amount_is_named_by_its_first_forty_digits() -> None:
    with pytest.raises(ParseError, match=r"^1234567890123456789012345678901234567890 BTC is no amount$"):
        believable(Decimal("1234567890" * 6))
    with pytest.raises(ParseError, match=r"^NaN BTC is no amount$"):
        believable(Decimal("NaN"))


@pytest.mark.parametrize(
    ("sats", "said"),
    [
        (123_456_789, "1.23456789"),
        (100_000_000, "1.00"),
        (150_000_000, "1.50"),
        (1, "0.00000001"),
        (10_000_000, "0.10"),
        (0, "0.00"),
        (-1, "-0.00000001"),
        (-250_000_000_000_000, "-2,500,000.00"),
    ],
)
def test_satoshi_are_shown_in_bitcoin_with_two_decimals_or_all_that_tell_something(
    sats: int, said: str
) -> None:
    assert btc(sats) == said
