"""What an amount is worth in the operator's currency, and when that is unknown."""

from datetime import datetime, timedelta
from typing import cast

import pytest

from app.core.prices import LONGEST_PRICE_AGE, Price, price_in
from app.core.units import Sats
from tests.fakes import NOON

RATES = {"EUR": 90_000.0, "USD": 100_000.0}


def test_an_amount_is_worth_its_bitcoin_times_the_price() -> None:
    assert Price(currency="EUR", per_btc=90_000.5, at=NOON).value_of(Sats(150_000_000)) == 135_000.75


@pytest.mark.parametrize("per_btc", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_a_price_that_cannot_be_one_is_unknown(per_btc: float) -> None:
    assert price_in("EUR", {"EUR": per_btc}, NOON, NOON) is None


@pytest.mark.parametrize(
    ("currency", "reported", "known"),
    [
        ("EUR", NOON, True),
        ("EUR", NOON - LONGEST_PRICE_AGE, True),
        ("EUR", NOON - LONGEST_PRICE_AGE - timedelta(seconds=1), False),
        ("EUR", NOON + timedelta(minutes=11), False),
        ("EUR", None, False),
        ("CHF", NOON, False),
        (None, NOON, False),
    ],
)
def test_a_price_is_known_while_it_is_asked_for_and_fresh(
    currency: str | None, reported: datetime | None, *, known: bool
) -> None:
    assert (price_in(currency, RATES, reported, NOON) is not None) is known


@pytest.mark.parametrize("per_btc", [0.0001, 1.0, 1e12])
def test_a_price_that_is_used_is_told_whole(per_btc: float) -> None:
    ahead = NOON + timedelta(minutes=10)

    assert price_in("EUR", {"EUR": per_btc}, ahead, NOON) == Price(currency="EUR", per_btc=per_btc, at=ahead)
    assert price_in("EUR", {"EUR": per_btc * 1.0001 + 1e12}, NOON, NOON) is None


def test_an_amount_is_worth_so_much_to_the_hundredth() -> None:
    assert Price(currency="EUR", per_btc=1.0, at=NOON).value_of(Sats(12_345_678)) == 0.12


def test_where_no_currency_is_asked_for_there_is_no_price_even_of_a_nameless_one() -> None:
    assert price_in(None, cast("dict[str, float]", {None: 5.0}), NOON, NOON) is None
