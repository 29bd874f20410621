"""Volume by flow, and the one flow that names the whole transaction."""

from collections import Counter
from collections.abc import Mapping

from app.core.classification import Flow
from app.core.flow.entities import Entities
from app.core.flow.moved import Moved
from app.core.flow.sides import Sides
from app.core.models import Transaction
from app.core.units import Sats


def split_by_flow(tx: Transaction, sides: Sides, moved: Moved, entities: Entities) -> dict[Flow, Sats]:
    """Return volume by flow, which sums to the moved value; two senders share outputs by input value."""
    received: dict[str | None, int] = {}
    for index in moved.outputs:
        label = sides.labels.get(index)
        group = label.group if label else None
        received[group] = received.get(group, 0) + tx.outputs[index].value
    if sides.sender.mixed:
        return _shared(tx, sides, received, moved.amount, entities)
    split: dict[Flow, Sats] = {}
    for group, sats in received.items():
        flow = _flow(sides.sender.group, group, entities)
        split[flow] = Sats(split.get(flow, 0) + sats)
    return split


def name_flow(split: Mapping[Flow, Sats], sides: Sides) -> Flow:
    """Return the largest known flow; UNKNOWN only if there is no other.

    Two senders and more than one flow: UNKNOWN.
    """
    if len(split) == 1:
        return next(iter(split))
    if split:
        known = [flow for flow in split if flow is not Flow.UNKNOWN]
        return Flow.UNKNOWN if sides.sender.mixed else max(known, key=lambda flow: (split[flow], flow))
    nothing_leaves = sides.change and not sides.rest and not sides.sender.mixed
    return Flow.INTERNAL if nothing_leaves else Flow.UNKNOWN


def _flow(sender: str | None, receiver: str | None, entities: Entities) -> Flow:
    if sender is not None and sender == receiver:
        return Flow.INTERNAL
    from_exchange = sender is not None and entities.is_exchange(sender)
    to_exchange = receiver is not None and entities.is_exchange(receiver)
    if from_exchange:
        return Flow.INTER_EXCHANGE if to_exchange else Flow.OUTFLOW
    return Flow.INFLOW if to_exchange else Flow.UNKNOWN


def _shared(
    tx: Transaction,
    sides: Sides,
    received: Mapping[str | None, int],
    amount: Sats,
    entities: Entities,
) -> dict[Flow, Sats]:
    """Split in proportion to each sender's input value; all UNKNOWN where an input value is unknown.

    The satoshi lost to rounding are added to the largest part.
    """
    shares = _shares(tx, sides)
    total = sum(shares.values())
    if not amount or not total:
        return {Flow.UNKNOWN: amount} if amount else {}
    parts: Counter[Flow] = Counter()
    for sender, share in shares.items():
        for receiver, sats in received.items():
            parts[_flow(sender, receiver, entities)] += share * sats
    split = {flow: Sats(sats // total) for flow, sats in parts.items()}
    largest = max(split, key=lambda flow: (split[flow], flow))
    split[largest] = Sats(split[largest] + amount - sum(split.values()))
    return {flow: sats for flow, sats in split.items() if sats}


def _shares(tx: Transaction, sides: Sides) -> dict[str | None, int]:
    known = [spent for spent in tx.inputs if spent.script is not None]
    shares: Counter[str | None] = Counter()
    for spent, label in zip(known, sides.sender.labels, strict=True):
        if spent.value is None:
            return {}
        shares[label.group if label else None] += spent.value
    return {} if sides.sender.missing else shares
