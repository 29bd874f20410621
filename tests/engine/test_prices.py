"""The one place that holds a price."""

from app.core.models import SourceName
from app.core.observations import PricesReported
from app.core.prices import Price
from app.engine.prices import PriceHolder
from tests.fakes import NOON

WS = SourceName.MEMPOOL_WS


def test_another_currency_is_in_force_at_once() -> None:
    currency = ["EUR"]
    holder = PriceHolder(lambda: currency[0])
    holder.receive(PricesReported(per_btc={"EUR": 90_000.0, "USD": 99_000.0}, at=NOON, source=WS), NOON)
    currency[0] = "USD"

    assert holder.price(NOON) == Price(currency="USD", per_btc=99_000.0, at=NOON)


def test_a_price_that_is_reported_no_more_is_unknown() -> None:
    holder = PriceHolder(lambda: "EUR")
    holder.receive(PricesReported(per_btc={"EUR": 90_000.0}, at=NOON, source=WS), NOON)
    holder.receive(PricesReported(per_btc={}, at=NOON, source=WS), NOON)

    assert holder.price(NOON) is None
