"""Detects small transactions that may change a large one's mining score: its unconfirmed family. Pure."""

from collections.abc import Iterable

from app.core.models import Transaction
from app.core.recent import Recent
from app.core.units import Txid

REMEMBERED = 20_000


class Kin:
    """The unconfirmed family of followed transactions: themselves, ancestors, spenders of members' outputs.

    A child may raise the package feerate; a child of a parent may too, or may evict another child. Bounded:
    the oldest members are dropped.
    """

    def __init__(self) -> None:
        self._members: Recent[Txid, None] = Recent(REMEMBERED)

    def __contains__(self, txid: Txid) -> bool:
        return txid in self._members

    def root(self, tx: Transaction) -> None:
        """Add `tx`, a followed transaction, and its parents to the family, which grows from there."""
        self.add((tx.txid, *_parents(tx)))

    def add(self, txids: Iterable[Txid]) -> None:
        for txid in txids:
            self._members.put(txid, None)

    def joins(self, tx: Transaction) -> bool:
        """Return whether `tx` spends an output of a member; if so it becomes a member."""
        if not any(parent in self._members for parent in _parents(tx)):
            return False
        self._members.put(tx.txid, None)
        return True


def _parents(tx: Transaction) -> tuple[Txid, ...]:
    return tuple(dict.fromkeys(spent.outpoint.txid for spent in tx.inputs))
