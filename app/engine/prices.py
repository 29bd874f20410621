"""Holds the backend's last reported prices, and answers with the one in the operator's currency."""

from collections.abc import Callable, Iterable
from datetime import datetime

from app.core.events import Happening
from app.core.observations import Observation, PricesReported
from app.core.prices import Price, price_in


class PriceHolder:
    """A listener of the pipeline; the only place that holds a price."""

    def __init__(self, currency: Callable[[], str | None]) -> None:
        """`currency` returns the one in force, None while it is off."""
        self._currency = currency
        self._reported: PricesReported | None = None

    def receive(self, observation: Observation, at: datetime) -> Iterable[Happening]:  # noqa: ARG002 - the protocol
        """Keep the latest report, whatever it lacks: what it does not say is unknown now."""
        if isinstance(observation, PricesReported):
            self._reported = observation
        return ()

    def price(self, now: datetime) -> Price | None:
        """Return the price in the operator's currency; None if off, unknown or too old."""
        if self._reported is None:
            return None
        return price_in(self._currency(), self._reported.per_btc, self._reported.at, now)
