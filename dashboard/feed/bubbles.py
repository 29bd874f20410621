"""Time against feerate: the sentence beside the bubbles, which the page draws from its own rows. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.core.prediction import Prediction, Status
from dashboard.feed.queue import rate_of
from dashboard.format import amount, count, feerate

WINDOW = timedelta(hours=6)


def bubble_words(whales: Iterable[Prediction], now: datetime) -> dict[str, str]:
    seen = [
        one
        for one in whales
        if now - one.detected_at <= WINDOW and one.status in {Status.PENDING, Status.CONFIRMED}
    ]
    rated = [(rate, one) for one in seen if (rate := rate_of(one)) is not None]
    if not rated:
        return {"words": "No whale with a known feerate was seen in the last 6 hours."}
    low, high = min(rate for rate, _ in rated), max(rate for rate, _ in rated)
    rate, largest = max(rated, key=lambda one: one[1].classification.moved)
    span = f"{feerate(low)} sat/vB" if low == high else f"{feerate(low)} to {feerate(high)} sat/vB"
    unknown = len(seen) - len(rated)
    shown = (
        f"{count(len(rated), 'whale').capitalize()} of the last 6 hours paid {span}; the largest, "
        f"{amount(largest.classification.moved)} BTC, paid {feerate(rate)}."
    )
    if unknown:
        shown += f" {count(unknown, 'whale').capitalize()} with an unknown feerate cannot be drawn."
    return {"words": shown}
