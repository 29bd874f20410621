"""Peel chains: one coin, paid off in small pieces, hop after hop. One coin is one alert."""

from app.core.models import Transaction
from app.core.recent import Recent
from app.core.units import Outpoint

PEEL_RATIO = 10
"""A hop's remainder is at least this many times what it pays."""
_REMEMBERED = 10_000


def remainder_index(tx: Transaction) -> int | None:
    """Return which output carries the coin on; None if `tx` does not look like a hop.

    A hop has one input and two outputs, one at least PEEL_RATIO times the other.
    """
    if len(tx.inputs) != 1 or len(tx.outputs) != 2:
        return None
    first, second = tx.outputs[0].value, tx.outputs[1].value
    if not first or not second:
        return None
    if first >= PEEL_RATIO * second:
        return 0
    return 1 if second >= PEEL_RATIO * first else None


class PeelMemory:
    """Bounded: outpoint of a hop's remainder -> the root of its chain; the oldest is forgotten first.

    A root is whatever the caller names its chains by (a prediction's id, a txid).
    """

    def __init__(self, capacity: int = _REMEMBERED) -> None:
        self._roots: Recent[Outpoint, str] = Recent(capacity)

    def root_of(self, tx: Transaction) -> str | None:
        """Return the root of the chain that `tx` carries on; None if it is no hop, or of no known chain."""
        return None if remainder_index(tx) is None else self._roots.get(tx.inputs[0].outpoint)

    def remember(self, tx: Transaction, root: str, change_index: int) -> None:
        """Expect the chain of `root` to go on from this output of `tx`."""
        self._roots.put(Outpoint(tx.txid, change_index), root)

    def __len__(self) -> int:
        return len(self._roots)
