"""The moved value, that is how much leaves the sender, with bounds and certainty.

The bounds: `high` counts everything that is not certainly kept; `low` allows for one more output
(or one more labelled group) that may turn out to be the sender's, since wallets make one change
output. CERTAIN is used only where no label added later can make the amount wrong.
"""

from dataclasses import dataclass, field

from app.core.classification import MovedIs
from app.core.flow.change import LikelyChange, votes
from app.core.flow.sides import Sides
from app.core.models import Transaction
from app.core.units import Sats


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    amount: Sats
    low: Sats
    high: Sats
    certainty: MovedIs
    outputs: list[int]
    """The outputs that `amount` counts."""
    internal: Sats
    likely_change: LikelyChange | None = None
    disagreement: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Outputs that different rules take for change."""


def weigh(tx: Transaction, sides: Sides) -> Moved:
    """Measure what moved in a transaction that is not a coinjoin."""
    stays = sides.stays
    leaves = sides.named + sides.unnamed + sides.burnt
    if stays and not leaves:
        return _counted(tx, sides, stays, _internal_certainty(sides))
    if _is_certain(sides):
        return _counted(tx, sides, leaves, MovedIs.CERTAIN, internal=_value(tx, stays))
    if sides.sender.mixed:
        return _counted(tx, sides, leaves, MovedIs.UP_TO)
    if sides.sender.group is None and not sides.change:
        return _without_a_name(tx, sides)
    seen = sides.change or stays or not sides.unnamed
    certainty = MovedIs.LIKELY if seen else MovedIs.UP_TO
    return _counted(tx, sides, leaves, certainty, internal=_value(tx, stays))


def suppressed(tx: Transaction, sides: Sides) -> Moved:
    """Return no moved value for a coinjoin, whose inputs and outputs cannot be linked; all may have moved."""
    high = _value(tx, sides.rest)
    return Moved(
        amount=Sats(0), low=Sats(0), high=high, certainty=MovedIs.UP_TO, outputs=[], internal=Sats(0)
    )


def _is_certain(sides: Sides) -> bool:
    """Return whether no script and no label that becomes known later can change the moved value."""
    rest, sender = sides.rest, sides.sender
    if sender.missing or sender.mixed or len(rest) <= 1:
        return not rest or bool(
            not sender.missing and not sender.mixed and (sides.change or not sides.unnamed)
        )
    if sides.unnamed or sender.group is not None:
        return not sides.unnamed and sender.fully_named
    return not sides.burnt and len({sides.labels[index].group for index in sides.named}) == 1


def _internal_certainty(sides: Sides) -> MovedIs:
    decided = sides.sender.fully_named or (len(sides.stays) == 1 and not sides.sender.missing)
    return MovedIs.CERTAIN if decided else MovedIs.LIKELY


def _without_a_name(tx: Transaction, sides: Sides) -> Moved:
    """Measure where no input is labelled and no output pays back to an input's script."""
    rest, unnamed = sides.rest, sides.unnamed
    known = sides.named + sides.burnt
    if known and len(unnamed) == 1:
        change = LikelyChange(unnamed[0], ("the other outputs are attributed",))
        return _counted(tx, sides, known, MovedIs.LIKELY, change=change)
    if known and not unnamed:
        return _counted(tx, sides, rest, MovedIs.LIKELY)
    if known or len(unnamed) != 2:
        return _counted(tx, sides, rest, MovedIs.UP_TO)
    found = votes(tx, (unnamed[0], unnamed[1]))
    if len(found) != 1:
        return _counted(tx, sides, rest, MovedIs.UP_TO, disagreement=found)
    [(index, reasons)] = found.items()
    payment = [other for other in rest if other != index]
    return _counted(tx, sides, payment, MovedIs.LIKELY, change=LikelyChange(index, reasons))


def _counted(
    tx: Transaction,
    sides: Sides,
    outputs: list[int],
    certainty: MovedIs,
    *,
    internal: int = 0,
    change: LikelyChange | None = None,
    disagreement: dict[int, tuple[str, ...]] | None = None,
) -> Moved:
    amount = _value(tx, outputs)
    possible = [*outputs, change.index] if change else outputs
    high = _value(tx, possible)
    return Moved(
        amount=amount,
        low=amount if certainty is MovedIs.CERTAIN else Sats(high - _largest_unit(tx, sides, possible)),
        high=high,
        certainty=certainty,
        outputs=outputs,
        internal=Sats(internal),
        likely_change=change,
        disagreement=disagreement or {},
    )


def _largest_unit(tx: Transaction, sides: Sides, possible: list[int]) -> int:
    """Return the most that could turn out to stay: one unlabelled output, or all that goes to one group.

    A group can only turn out to be the sender's while the sender is not fully labelled; with two sending
    groups everything may stay. Burnt outputs never stay.
    """
    if sides.sender.mixed:
        return _value(tx, possible)
    units: dict[int | str, int] = {}
    for index in possible:
        label = sides.labels.get(index)
        if label is None and index not in sides.burnt:
            units[index] = tx.outputs[index].value
        elif label is not None and not sides.sender.fully_named:
            units[label.group] = units.get(label.group, 0) + tx.outputs[index].value
    return max(units.values(), default=0)


def _value(tx: Transaction, indexes: list[int]) -> Sats:
    return Sats(sum(tx.outputs[index].value for index in indexes))
