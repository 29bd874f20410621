"""Chains of one coin, spent hop by hop in small payments (peel) or whole (sweep), alerted only once."""

from typing import NamedTuple

from app.core.classification import Flag
from app.core.encoding import ScriptType, is_burnt, script_type
from app.core.flow.sides import trifle_of
from app.core.models import Transaction
from app.core.recent import Recent
from app.core.units import NO_TXID, Outpoint

PEEL_RATIO = 10
"""A hop's remainder is at least this many times its payment."""
_REMEMBERED = 10_000


class Hop(NamedTuple):
    """The output that continues a chain, and the kind of chain; a chain consists of hops of one kind."""

    kind: Flag
    output: int


def remainder_index(tx: Transaction) -> int | None:
    """Return the index of the output that a peel chain continues from; None if `tx` does not look like a hop.

    A hop has one input and two outputs, one at least PEEL_RATIO times the other. An output that is a trifle
    or an anchor is no payment, so it makes no hop.
    """
    if len(tx.inputs) != 1 or len(tx.outputs) != 2:
        return None
    first, second = tx.outputs[0].value, tx.outputs[1].value
    if min(first, second) <= trifle_of(tx):
        return None
    if any(script_type(output.script) is ScriptType.ANCHOR for output in tx.outputs):
        return None
    if first >= PEEL_RATIO * second:
        return 0
    return 1 if second >= PEEL_RATIO * first else None


def hop_of(tx: Transaction) -> Hop | None:
    """Return where the chain continues if `tx` looks like a hop: a peel, or a coin moved whole; else None."""
    peeled = remainder_index(tx)
    if peeled is not None:
        return Hop(Flag.PEEL, peeled)
    if len(tx.inputs) != 1 or len(tx.outputs) != 1 or tx.inputs[0].outpoint.txid == NO_TXID:
        return None
    return None if is_burnt(tx.outputs[0].script) else Hop(Flag.SWEEP, 0)


class PeelMemory:
    """Maps both ends of a remembered hop to the root of its chain; bounded, evicts the oldest first.

    A root is whatever the caller identifies its chains by (a prediction's id, a txid). A hop is found from
    the one before it and from the one after it, because sources may report a child before its parent.
    """

    def __init__(self, capacity: int = _REMEMBERED) -> None:
        self._left_over: Recent[Outpoint, tuple[Flag, str]] = Recent(capacity)
        self._spent: Recent[Outpoint, tuple[Flag, str]] = Recent(capacity)

    def root_of(self, tx: Transaction) -> str | None:
        """Return the root of the chain whose remainder `tx` spends, as its next hop; None if it is none."""
        hop = hop_of(tx)
        return None if hop is None else _of_kind(hop.kind, self._left_over.get(tx.inputs[0].outpoint))

    def root_after(self, tx: Transaction) -> str | None:
        """Return the root of the chain that spends `tx`'s remainder: its next hop was known before it."""
        hop = hop_of(tx)
        return None if hop is None else _of_kind(hop.kind, self._spent.get(Outpoint(tx.txid, hop.output)))

    def remember(self, tx: Transaction, root: str, change_index: int) -> None:
        """Remember a hop: the chain of `root` continues from this output of `tx`."""
        hop = hop_of(tx)
        if hop is not None:
            self._left_over.put(Outpoint(tx.txid, change_index), (hop.kind, root))
            self._spent.put(tx.inputs[0].outpoint, (hop.kind, root))

    def __len__(self) -> int:
        return len(self._left_over)


def _of_kind(kind: Flag, found: tuple[Flag, str] | None) -> str | None:
    return found[1] if found is not None and found[0] is kind else None
