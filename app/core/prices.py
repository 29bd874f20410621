"""The price of bitcoin in the operator's currency, as the operator's own backend reports it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.core.units import SATS_PER_BTC, Sats

LONGEST_PRICE_AGE: Final = timedelta(hours=2)
"""The backend asks for prices once an hour at the least: one update may be missed, not two."""
_FARTHEST_AHEAD: Final = timedelta(minutes=10)
"""How far the backend's clock may be ahead of ours."""
_HIGHEST: Final = 1e12
"""Per BTC; no currency that a backend lists comes near it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """`per_btc` in `currency` (ISO 4217) at `at`, the backend's own time of it."""

    currency: str
    per_btc: float
    at: datetime

    def value_of(self, amount: Sats) -> float:
        """Return what `amount` is worth, rounded to hundredths."""
        return round(amount / SATS_PER_BTC * self.per_btc, 2)


def plausible(per_btc: float) -> bool:
    """Return whether this can be a price; the backend says -1 where it knows none."""
    return math.isfinite(per_btc) and 0 < per_btc <= _HIGHEST


def price_in(
    currency: str | None, rates: Mapping[str, float], reported: datetime | None, now: datetime
) -> Price | None:
    """Return the price to use at `now`; None if off, not reported, implausible, too old or of the future."""
    per_btc = None if currency is None else rates.get(currency)
    if currency is None or per_btc is None or reported is None or not plausible(per_btc):
        return None
    if not -_FARTHEST_AHEAD <= now - reported <= LONGEST_PRICE_AGE:
        return None
    return Price(currency=currency, per_btc=per_btc, at=reported)
