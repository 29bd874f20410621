"""The sender of a transaction by its inputs, and the labelled owners of its outputs."""

from collections import Counter
from dataclasses import dataclass

from app.core.encoding import ScriptType, is_burnt, owner_ids, script_type
from app.core.flow.entities import Entities
from app.core.flow.labels import Label
from app.core.models import Output, Transaction
from app.core.units import NO_TXID, Script

_TRIFLE = 1_000
"""Satoshi; smaller outputs, if all together are at most a thousandth of the total, are ignored."""


@dataclass(slots=True, kw_only=True)
class Sender:
    """The sender: all inputs are one actor's (common-input heuristic), unless labelled with two groups."""

    scripts: set[Script]
    owners: set[Script]
    """Ids of the keys and scripts that sign (`owner_ids`): one key is one owner, whatever the script type."""
    labels: list[Label | None]
    """One for each input whose script is known, in input order."""
    groups: set[str]
    missing: int
    """Inputs whose script is not known yet."""
    coinbase: bool

    @property
    def group(self) -> str | None:
        """The one group that sends; None if no input is labelled, or inputs of two groups are."""
        return next(iter(self.groups)) if len(self.groups) == 1 else None

    @property
    def mixed(self) -> bool:
        return len(self.groups) > 1

    @property
    def fully_named(self) -> bool:
        """Whether every input has a label of the same group, so that no later label changes the sender."""
        return self.group is not None and not self.missing and None not in self.labels


@dataclass(slots=True, kw_only=True)
class Sides:
    """Output indexes, each in one list; `named` pays other labelled groups, `burnt` is unspendable."""

    sender: Sender
    labels: dict[int, Label]
    """Labels of the outputs in `stays` and `named`, by index."""
    change: list[int]
    """Outputs that pay the script of an input, or its key in another type of script: certain change."""
    stays: list[int]
    """Outputs that pay another script of the sender's group."""
    named: list[int]
    unnamed: list[int]
    burnt: list[int]
    trifles: list[int]
    """Outputs too small to count, and anchors: bait for a child that pays the fee."""

    @property
    def rest(self) -> list[int]:
        """All outputs that are neither change nor a trifle."""
        return self.stays + self.named + self.unnamed + self.burnt


def read_sides(tx: Transaction, entities: Entities) -> Sides:
    sender = _read_sender(tx, entities)
    sides = Sides(sender=sender, labels={}, change=[], stays=[], named=[], unnamed=[], burnt=[], trifles=[])
    trifle = trifle_of(tx)
    for index, output in enumerate(tx.outputs):
        script = output.script
        if output.value <= trifle or _is_anchor(output, tx):
            sides.trifles.append(index)
        elif script in sender.scripts or not sender.owners.isdisjoint(owner_ids(script)):
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


def trifle_of(tx: Transaction) -> int:
    """Return the most that an output may be worth, in satoshi, to be left out."""
    return min(_TRIFLE, tx.gross // (1000 * max(1, len(tx.outputs))))


def _is_anchor(output: Output, tx: Transaction) -> bool:
    """Return whether it is an anchor and not worth a thousandth of the transaction: nobody is paid by it."""
    return script_type(output.script) is ScriptType.ANCHOR and 1000 * output.value <= tx.gross


def entities_by_value(labels: list[tuple[Label, int]]) -> list[Label]:
    """Return one label per entity, in descending order of value; the input order does not matter."""
    value: Counter[str] = Counter()
    first: dict[str, Label] = {}
    for label, sats in labels:
        value[label.entity] += sats
        known = first.setdefault(label.entity, label)
        if _rank(label) < _rank(known):
            first[label.entity] = label
    return [first[name] for name in sorted(first, key=lambda name: (-value[name], name))]


def _rank(label: Label) -> tuple[bool, str]:
    """Sort key: own labels represent their entity before others; then any fixed order."""
    return (not label.own, label.script)


def _read_sender(tx: Transaction, entities: Entities) -> Sender:
    scripts: set[Script] = set()
    owners: set[Script] = set()
    labels: list[Label | None] = []
    groups: set[str] = set()
    missing = 0
    coinbase = False
    for spent in tx.inputs:
        if spent.script is not None:
            if spent.script not in scripts:
                scripts.add(spent.script)
                owners.update(owner_ids(spent.script))
            label = entities.find(spent.script)
            labels.append(label)
            if label is not None:
                groups.add(label.group)
        elif spent.outpoint.txid == NO_TXID:
            coinbase = True
        else:
            missing += 1
    return Sender(
        scripts=scripts, owners=owners, labels=labels, groups=groups, missing=missing, coinbase=coinbase
    )
