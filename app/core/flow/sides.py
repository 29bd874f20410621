"""Who stands on which side of a transaction: the sender by its inputs, and whom each output belongs to."""

from collections import Counter
from dataclasses import dataclass

from app.core.encoding.scripts import is_burnt
from app.core.entities import Entities
from app.core.labels import Label
from app.core.models import Transaction
from app.core.units import NO_TXID, Script

_TRIFLE = 1_000
"""Satoshi; such outputs, if all of them are worth a thousandth at most, say nothing about value."""


@dataclass(slots=True, kw_only=True)
class Sender:
    """All inputs are one actor (common input), unless they carry labels of two groups."""

    scripts: set[Script]
    labels: list[Label | None]
    """One for each input whose script is known, in input order."""
    groups: set[str]
    missing: int
    """Inputs whose script is not known yet."""
    coinbase: bool

    @property
    def group(self) -> str | None:
        """The one group that sends; None if nobody is named, or two are."""
        return next(iter(self.groups)) if len(self.groups) == 1 else None

    @property
    def mixed(self) -> bool:
        return len(self.groups) > 1

    @property
    def fully_named(self) -> bool:
        """Every input carries a label of the one group: nothing learnt later can change the sender."""
        return self.group is not None and not self.missing and None not in self.labels


@dataclass(slots=True, kw_only=True)
class Sides:
    """Outputs by index, each in one list; `named` goes to other groups, `burnt` to nobody."""

    sender: Sender
    labels: dict[int, Label]
    """Of the outputs in `stays` and `named`."""
    change: list[int]
    """Pays a script that is also spent: certain."""
    stays: list[int]
    """Pays another script of the sender's group."""
    named: list[int]
    unnamed: list[int]
    burnt: list[int]
    trifles: list[int]

    @property
    def rest(self) -> list[int]:
        """All that is neither change nor a trifle."""
        return self.stays + self.named + self.unnamed + self.burnt


def read_sides(tx: Transaction, entities: Entities) -> Sides:
    sender = _read_sender(tx, entities)
    sides = Sides(sender=sender, labels={}, change=[], stays=[], named=[], unnamed=[], burnt=[], trifles=[])
    trifle = min(_TRIFLE, tx.gross // (1000 * max(1, len(tx.outputs))))
    for index, output in enumerate(tx.outputs):
        script = output.script
        if output.value <= trifle:
            sides.trifles.append(index)
        elif script in sender.scripts:
            sides.change.append(index)
        elif is_burnt(script):
            sides.burnt.append(index)
        else:
            label = entities.find(script)
            if label is None:
                sides.unnamed.append(index)
                continue
            sides.labels[index] = label
            (sides.stays if label.group == sender.group else sides.named).append(index)
    return sides


def entities_by_value(labels: list[tuple[Label, int]]) -> list[Label]:
    """One label for each entity, the one with most value first; the order given does not matter."""
    value: Counter[str] = Counter()
    first: dict[str, Label] = {}
    for label, sats in labels:
        value[label.entity] += sats
        known = first.setdefault(label.entity, label)
        if _rank(label) < _rank(known):
            first[label.entity] = label
    return [first[name] for name in sorted(first, key=lambda name: (-value[name], name))]


def _rank(label: Label) -> tuple[bool, str]:
    """Own labels speak for their entity before others; then any fixed order."""
    return (not label.own, label.script)


def _read_sender(tx: Transaction, entities: Entities) -> Sender:
    scripts: set[Script] = set()
    labels: list[Label | None] = []
    groups: set[str] = set()
    missing = 0
    coinbase = False
    for spent in tx.inputs:
        if spent.script is not None:
            scripts.add(spent.script)
            label = entities.find(spent.script)
            labels.append(label)
            if label is not None:
                groups.add(label.group)
        elif spent.outpoint.txid == NO_TXID:
            coinbase = True
        else:
            missing += 1
    return Sender(scripts=scripts, labels=labels, groups=groups, missing=missing, coinbase=coinbase)
