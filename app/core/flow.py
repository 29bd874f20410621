"""Which way the coins go: volume by flow, and the one name for the whole."""

from collections import Counter
from collections.abc import Iterable

from app.core.classification import Flow
from app.core.entities import Entities
from app.core.models import Transaction
from app.core.moved import Moved
from app.core.sides import Sides
from app.core.units import Sats


def split_by_flow(tx: Transaction, sides: Sides, moved: Moved, entities: Entities) -> dict[Flow, Sats]:
    """Volume by flow; sums to what moved. Two senders share each output by what they put in."""
    received: Counter[str | None] = Counter()
    for index in moved.outputs:
        label = sides.labels.get(index)
        received[label.group if label else None] += tx.outputs[index].value
    shares = _shares(tx, sides)
    total = sum(shares.values())
    if sides.sender.mixed and not total:
        return {Flow.UNKNOWN: moved.amount} if moved.amount else {}
    parts: Counter[Flow] = Counter()
    for sender, share in shares.items():
        for receiver, sats in received.items():
            parts[_flow(sender, receiver, entities)] += share * sats
    return _divided(parts, total, moved.amount)


def name_flow(split: dict[Flow, Sats], sides: Sides) -> Flow:
    """Name the whole by its largest part; by what is unknown only if there is nothing else.

    Two senders and more than one flow: no direction.
    """
    known = {flow: sats for flow, sats in split.items() if flow is not Flow.UNKNOWN and sats}
    if sides.sender.mixed and len([sats for sats in split.values() if sats]) > 1:
        return Flow.UNKNOWN
    if known:
        return max(known, key=lambda flow: (known[flow], flow))
    nothing_leaves = sides.change and not sides.rest and not sides.sender.mixed
    return Flow.INTERNAL if nothing_leaves else Flow.UNKNOWN


def _shares(tx: Transaction, sides: Sides) -> dict[str | None, int]:
    """Return what each sender put in; one has all of it. Empty if two send and a value is unknown."""
    sender = sides.sender
    if not sender.mixed:
        return {sender.group: 1}
    known = [spent for spent in tx.inputs if spent.script is not None]
    shares: Counter[str | None] = Counter()
    for spent, label in zip(known, sender.labels, strict=True):
        if spent.value is None:
            return {}
        shares[label.group if label else None] += spent.value
    return {} if sender.missing else shares


def _flow(sender: str | None, receiver: str | None, entities: Entities) -> Flow:
    if sender is not None and sender == receiver:
        return Flow.INTERNAL
    from_exchange = sender is not None and entities.is_exchange(sender)
    to_exchange = receiver is not None and entities.is_exchange(receiver)
    if from_exchange:
        return Flow.INTER_EXCHANGE if to_exchange else Flow.OUTFLOW
    return Flow.INFLOW if to_exchange else Flow.UNKNOWN


def _divided(parts: Counter[Flow], total: int, amount: int) -> dict[Flow, Sats]:
    """Divide by `total`; the satoshi lost to rounding go to the largest part."""
    split = {flow: sats // total for flow, sats in parts.items() if sats}
    if split:
        split[_largest(split)] += amount - sum(split.values())
    return {flow: Sats(split[flow]) for flow in Flow if split.get(flow)}


def _largest(split: dict[Flow, int]) -> Flow:
    candidates: Iterable[Flow] = split
    return max(candidates, key=lambda flow: (split[flow], flow))
