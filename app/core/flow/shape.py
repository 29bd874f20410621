"""What the mere shape of a transaction says: flags that need neither labels nor history."""

from collections import Counter

from app.core.classification import Flag
from app.core.flow.peel import remainder_index
from app.core.flow.sides import Sides
from app.core.models import Transaction

_MANY = 5
_EQUAL_AT_LEAST = 10_000
"""Satoshi; smaller equal outputs are carriers of data, not coins being mixed."""


def shape_flags(tx: Transaction, sides: Sides) -> frozenset[Flag]:
    """Return all flags but coinjoin. Trifles and OP_RETURN do not count as outputs."""
    ins, outs = len(tx.inputs), len(tx.outputs) - len(sides.trifles) - len(sides.burnt)
    flags = set()
    if outs and ins >= 2 and (outs == 1 or ins >= _MANY * outs):
        flags.add(Flag.CONSOLIDATION)
    if outs >= _MANY * ins:
        flags.add(Flag.BATCH)
    if ins == 1 and outs == 1 and not sides.sender.coinbase:
        flags.add(Flag.SWEEP)
    if is_peel_hop(tx, sides):
        flags.add(Flag.PEEL)
    if tx.is_of_package(tx.package_feerate):
        flags.add(Flag.CPFP)
    return frozenset(flags)


def is_peel_hop(tx: Transaction, sides: Sides) -> bool:
    """One input, two outputs, one of them the coin that goes on: not one that is known to leave."""
    index = remainder_index(tx)
    if index is None or sides.trifles or sides.burnt:
        return False
    return index not in sides.named and (1 - index) not in sides.change


def is_coinjoin(tx: Transaction, sides: Sides) -> bool:
    """Strict, since the value of a coinjoin is suppressed.

    At least five equal outputs and five distinct input scripts, no more equal ones than inputs,
    no known entity on either side, no output back to a script that is spent, and at least half of
    the outputs with an equal beside it.
    """
    if len(tx.inputs) < _MANY or len(tx.outputs) < _MANY:
        return False
    if sides.sender.groups or sides.labels or sides.change or len(sides.sender.scripts) < _MANY:
        return False
    values = [tx.outputs[index].value for index in sides.unnamed]
    alike = {value: n for value, n in Counter(values).items() if n > 1 and value >= _EQUAL_AT_LEAST}
    most = max(alike.values(), default=0)
    return _MANY <= most <= len(sides.sender.scripts) and 2 * sum(alike.values()) >= len(values)
