"""Who came into the mempool, who went, and who took whose place, from the order of the node's words. Pure."""

from dataclasses import dataclass

from app.core.models import Transaction
from app.core.recent import Recent
from app.core.units import Outpoint, Txid

WAITING_TRANSACTIONS = 2_000
"""Large transactions whose arrival was not told (they came in a block); the oldest fall out."""
WAITING_WORDS = 20_000
"""Arrivals whose bytes did not come, or were of no interest."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """`tx` is in the mempool; `victims` are the followed ones that left to make room for it.

    `certain`: the node said that it entered. Else only its bytes came, which may be those of a block.
    """

    tx: Transaction
    victims: tuple[Txid, ...] = ()
    certain: bool = True


class Arrivals:
    """Pairs `rawtx` (the bytes) with `sequence` (that it entered the mempool), and finds replacements.

    `rawtx` alone does not tell a mempool transaction from one of a block. A replacement shows as a
    run of removals directly before an arrival (the mempool's own count leaves no room between them)
    that spends an output which one of the removed had spent.
    """

    def __init__(self) -> None:
        self._bytes: Recent[Txid, Transaction] = Recent(WAITING_TRANSACTIONS)
        self._words: Recent[Txid, tuple[Txid, ...]] = Recent(WAITING_WORDS)
        self._followed: dict[Txid, frozenset[Outpoint]] = {}
        self._spender: dict[Outpoint, Txid] = {}
        self._run: list[Txid] = []
        self._last_order: int | None = None

    @property
    def followed(self) -> frozenset[Txid]:
        return frozenset(self._followed)

    def follows(self, txid: Txid) -> bool:
        return txid in self._followed

    def rivals(self, tx: Transaction) -> tuple[Txid, ...]:
        """Followed transactions that spend what `tx` spends, itself left out."""
        points = (spent.outpoint for spent in tx.inputs)
        found = dict.fromkeys(self._spender[point] for point in points if point in self._spender)
        found.pop(tx.txid, None)
        return tuple(found)

    def rival_of(self, outpoint: Outpoint) -> Txid | None:
        """The followed transaction that spends `outpoint`."""
        return self._spender.get(outpoint)

    def bytes_came(self, tx: Transaction) -> Arrival | None:
        """Return the arrival if the word for it came first; else keep `tx` until it comes."""
        removed = self._words.pop(tx.txid)
        if removed is not None:
            return self._arrive(tx, removed)
        self._bytes.put(tx.txid, tx)
        return None

    def entered(self, txid: Txid, order: int) -> Arrival | None:
        """Return the arrival if the bytes are here; else keep the word until they come."""
        removed = tuple(self._run) if self._last_order == order - 1 else ()
        self._run, self._last_order = [], order
        tx = self._bytes.pop(txid)
        if tx is not None:
            return self._arrive(tx, removed)
        self._words.put(txid, removed)
        return None

    def removed(self, txid: Txid, order: int) -> None:
        """It left; it stays followed until `forget`, so that what replaced it can be told."""
        if self._last_order != order - 1:
            self._run = []
        self._run.append(txid)
        self._last_order = order
        self._words.pop(txid)
        self._bytes.pop(txid)

    def follow(self, tx: Transaction) -> None:
        self._followed[tx.txid] = tx.outpoints
        self._spender.update(dict.fromkeys(tx.outpoints, tx.txid))

    def forget(self, txid: Txid) -> None:
        for outpoint in self._followed.pop(txid, frozenset()):
            if self._spender.get(outpoint) == txid:
                del self._spender[outpoint]

    def _arrive(self, tx: Transaction, removed: tuple[Txid, ...]) -> Arrival:
        return Arrival(tx, tuple(rival for rival in self.rivals(tx) if rival in removed))
