"""Classifies one transaction by flow and moved value, with bounds and evidence."""

from app.core.classification import Classification, Flag, MovedIs, Party
from app.core.flow.direction import name_flow, split_by_flow
from app.core.flow.entities import Entities
from app.core.flow.evidence import explain
from app.core.flow.labels import Label
from app.core.flow.moved import suppressed, weigh
from app.core.flow.peel import PeelMemory
from app.core.flow.shape import is_coinjoin, shape_flags
from app.core.flow.sides import Sides, entities_by_value, read_sides
from app.core.models import Transaction
from app.core.units import Sats


def classify(tx: Transaction, entities: Entities, peels: PeelMemory | None = None) -> Classification:
    """Classify `tx` by what is known now; classify again when a missing script becomes known.

    `peels` is only read. The order of inputs and outputs makes no difference except for the output indexes
    in the evidence.
    """
    sides = read_sides(tx, entities)
    coinjoin = is_coinjoin(tx, sides)
    moved = suppressed(tx, sides) if coinjoin else weigh(tx, sides)
    split = split_by_flow(tx, sides, moved, entities)
    flags = shape_flags(tx, sides)
    return Classification(
        flow=name_flow(split, sides),
        gross=tx.gross,
        moved=moved.amount,
        moved_low=moved.low,
        moved_high=moved.high,
        moved_is=moved.certainty,
        internal=moved.internal,
        from_entities=_senders(tx, sides),
        to_entities=_receivers(tx, sides),
        split=split,
        flags=flags | {Flag.COINJOIN} if coinjoin else flags,
        evidence=explain(
            tx, sides, moved, coinjoin=coinjoin, root=peels.root_of(tx) if peels is not None else None
        ),
        missing_inputs=sides.sender.missing,
    )


def is_whale(classification: Classification, threshold: Sats) -> bool:
    """Return whether more than `threshold` moves, or may move.

    Only certain change is deducted; likely change is not, so that no real whale is missed.
    """
    certain = classification.moved_is is MovedIs.CERTAIN
    moved = classification.moved if certain else classification.moved_high
    return classification.gross > threshold and moved > threshold


def _senders(tx: Transaction, sides: Sides) -> tuple[Party, ...]:
    known = [spent for spent in tx.inputs if spent.script is not None]
    labelled = [
        (label, spent.value or 0)
        for spent, label in zip(known, sides.sender.labels, strict=True)
        if label is not None
    ]
    return _parties(labelled)


def _receivers(tx: Transaction, sides: Sides) -> tuple[Party, ...]:
    """Return the labelled receivers of the moved value; in an internal transfer the sender's own group."""
    leaves = sides.named or sides.unnamed or sides.burnt
    paid = sides.named if leaves else sides.stays
    return _parties([(sides.labels[index], tx.outputs[index].value) for index in paid])


def _parties(labelled: list[tuple[Label, int]]) -> tuple[Party, ...]:
    if not labelled:
        return ()
    return tuple(label.party for label in entities_by_value(labelled))
