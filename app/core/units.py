"""Units and identifiers as types, such as Txid, Sats, VBytes, SatPerVb and Height."""

from decimal import Decimal
from typing import Final, NamedTuple, NewType

from app.errors import ParseError

Txid = NewType("Txid", str)
"""64 lower-case hex digits in display order (reversed bytes)."""
BlockHash = NewType("BlockHash", str)
"""64 lower-case hex digits in display order."""
Height = NewType("Height", int)
Sats = NewType("Sats", int)
"""Satoshi; 100,000,000 are one BTC."""
VBytes = NewType("VBytes", float)
"""Virtual bytes, weight / 4; fractional, as the backend's projected blocks count them."""
SatPerVb = NewType("SatPerVb", float)
Script = NewType("Script", str)
"""An output script (scriptPubKey), lower-case hex; network-independent, unlike an address."""

SATS_PER_BTC = 100_000_000
MAX_MONEY = Sats(21_000_000 * SATS_PER_BTC)
MOST_BTC: Final = 10**12
"""No amount and no feerate in BTC is larger; an operator's fee delta may be larger than all money."""


NO_TXID = Txid("00" * 32)
"""The prevout txid of a coinbase input; its output index differs between sources."""


class Outpoint(NamedTuple):
    """A reference to one output of one transaction."""

    txid: Txid
    vout: int


def sat_per_vb(btc_per_kvb: Decimal) -> SatPerVb:
    """Convert Bitcoin Core's feerate unit, BTC per 1,000 vbytes, to sat/vB.

    Raises:
        ParseError: if it is negative, or no amount.
    """
    rate = estimated_sat_per_vb(btc_per_kvb)
    if rate is None:
        raise ParseError(f"{btc_per_kvb} BTC is no feerate")
    return rate


def estimated_sat_per_vb(btc_per_kvb: Decimal) -> SatPerVb | None:
    """The same of an estimate; None if it is negative, as of a node that has none yet.

    Raises:
        ParseError: if no feerate is like it.
    """
    if believable(btc_per_kvb) < 0:
        return None
    return SatPerVb(float(btc_per_kvb * SATS_PER_BTC / 1000))


def believable(btc: Decimal) -> Decimal:
    """Return the amount: JSON's numbers have no end, and a string may say NaN or Infinity.

    Raises:
        ParseError: if it is not finite, or larger than any amount is.
    """
    if not btc.is_finite() or btc.copy_abs() > MOST_BTC:
        raise ParseError(f"{str(btc)[:40]} BTC is no amount")
    return btc


def counted(number: int, one: str, many: str = "") -> str:
    """`1 whale`, `3 whales`, `0 whales`; `many` where it is not `one` and an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def btc(sats: int) -> str:
    """`123456789` -> `1.23456789`; trailing zeros beyond two decimals are left out."""
    whole, part = divmod(abs(sats), SATS_PER_BTC)
    decimals = f"{part:08d}".rstrip("0").ljust(2, "0")
    return f"{'-' if sats < 0 else ''}{whole:,}.{decimals}"
