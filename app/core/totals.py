"""Sums over predictions, as widgets, metrics and MQTT show them; satoshi."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from app.core.classification import Flow
from app.core.prediction import Prediction, Status
from app.core.units import Sats

_COUNTED = frozenset({Status.PENDING, Status.CONFIRMED})


def moved_by_flow(prediction: Prediction) -> Mapping[Flow, int]:
    """Return what moves, by flow: the split where one transaction is several."""
    seen = prediction.classification
    return seen.split or {seen.flow: seen.moved}


def moved_in_all(predictions: Iterable[Prediction]) -> Sats:
    """Return what leaves the senders, in all; internal transfers do not count."""
    return Sats(
        sum(one.classification.moved for one in predictions if one.classification.flow is not Flow.INTERNAL)
    )


def net_to_exchanges(predictions: Iterable[Prediction], since: datetime) -> Sats:
    """Return what goes to exchanges less what leaves them, of whales first seen at `since` or later.

    Pending and confirmed ones count; negative: more left than went in.
    """
    net = 0
    for one in predictions:
        if one.detected_at >= since and one.status in _COUNTED:
            moved = moved_by_flow(one)
            net += moved.get(Flow.INFLOW, 0) - moved.get(Flow.OUTFLOW, 0)
    return Sats(net)
