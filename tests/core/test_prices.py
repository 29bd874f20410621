"""What an amount is worth in the operator's currency, and when that is unknown."""

from datetime import datetime, timedelta

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
