"""The words for amounts, parties and forecasts of a whale, for one line on a phone. Unknown is left out."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.core.classification import Flow, counted_sat
from app.core.units import SATS_PER_BTC

_MOVED: Final = {"likely": "likely ", "up_to": "up to "}
_MOST_NAMES: Final = 3
_THREE_DIGITS: Final = 999.5
"""From here on three digits would be an exponent."""


def local(at: datetime, zone: ZoneInfo) -> str:
    """`2026-10-25 08:00 CET`."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def one_line(text: str, longest: int = 200) -> str:
    """Return text without control and format characters (bidirectional marks too), on one line."""
    shown = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text)
    kept = "".join(letter for letter in shown if unicodedata.category(letter) not in {"Cf", "Cs", "Co", "Cn"})
    words = " ".join(kept.split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def lines(text: str) -> str:
    """Return text line by line, each as `one_line`."""
    return "\n".join(one_line(line, 1_000) for line in text.splitlines())


def amount(sat: float) -> str:
    """Return satoshi in BTC, with as many decimals as tell something: 412.5, 1,204, 0.0123."""
    btc = sat / SATS_PER_BTC
    decimals = 1 if btc >= 100 else 2 if btc >= 1 else 8
    return f"{btc:,.{decimals}f}".rstrip("0").rstrip(".")


def moved(body: Mapping[str, Any]) -> str:
    """`likely 412.5 BTC`; empty where the amount is unknown."""
    if body.get("moved_sat") is None:
        return ""
    return f"{_MOVED.get(str(body.get('moved_is')), '')}{amount(counted_sat(body))} BTC"


def value(body: Mapping[str, Any]) -> str:
    """`up to 38,234,000 EUR`; empty where no price is known, or the value is of another amount than told."""
    found = body.get("value_fiat")
    if not found or body.get("moved_sat") is None or counted_sat(body) != body["moved_sat"]:
        return ""
    amount_ = float(found["amount"])
    prefix = _MOVED.get(str(body.get("moved_is")), "")
    return f"{prefix}{amount_:,.{2 if amount_ < 1000 else 0}f} {one_line(str(found['currency']), 3)}"


def route(body: Mapping[str, Any]) -> str:
    """Who pays whom: `to Binance`, `from Kraken`, `Kraken to Binance`, `within Binance`."""
    senders, receivers = names(body.get("from_entities")), names(body.get("to_entities"))
    if body.get("flow_type") == Flow.INTERNAL.value:
        return f"within {senders or receivers or 'one owner'}"
    if senders and receivers:
        return f"{senders} to {receivers}"
    if receivers:
        return f"to {receivers}"
    return f"from {senders}" if senders else "between unknown owners"


def names(parties: Sequence[Mapping[str, Any]] | None) -> str:
    found = list(dict.fromkeys(one_line(str(one.get("name")), 80) for one in parties or ()))
    more = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
    return ", ".join(found[:_MOST_NAMES]) + more


def urgency(body: Mapping[str, Any]) -> str:
    """`high urgency 0.87`."""
    word, score = body.get("urgency"), body.get("urgency_score")
    if word is None:
        return ""
    return f"{word} urgency" if score is None else f"{word} urgency {score:.2f}"


def forecast(body: Mapping[str, Any]) -> str:
    """`next block (900,123) 91 %`, `by block 900,125 (3 blocks) 84 %`."""
    block, height = body.get("predicted_block"), body.get("predicted_at_height")
    if block is None:
        return ""
    blocks = block - height if height is not None else None
    chance = (body.get("confirmation_probability") or {}).get(str(blocks), body.get("confidence_score"))
    likely = "" if chance is None else f" {min(round(chance * 100), 99) if chance < 1 else 100} %"
    if blocks == 1:
        return f"next block ({block:,}){likely}"
    within = f" ({blocks} blocks)" if blocks is not None else ""
    return f"by block {block:,}{within}{likely}"


def feerate(rate: float) -> str:
    """`0.25`, `12.3`, `1,805`: three digits, and never fewer than stand before the point."""
    return f"{rate:.3g}" if rate < _THREE_DIGITS else f"{rate:,.0f}"


def fee(body: Mapping[str, Any]) -> str:
    """`12.3 sat/vB, 15 with its package`."""
    rate, effective = body.get("fee_rate"), body.get("effective_fee_rate")
    if rate is None:
        return ""
    package = (
        ""
        if effective is None or abs(effective - rate) < 0.05
        else f", {feerate(effective)} with its package"
    )
    return f"{feerate(rate)} sat/vB{package}"


def replaced(body: Mapping[str, Any]) -> str:
    times = len(body.get("replaces") or ())
    if times:
        return "replaced once" if times == 1 else f"replaced {times} times"
    return "replaceable" if body.get("rbf_signaled") and body.get("status") == "pending" else ""
