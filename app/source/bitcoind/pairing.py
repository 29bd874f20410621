"""Pairs notifications into arrivals, removals and replacements by the order of ZMQ's messages. Pure."""

from dataclasses import dataclass

from app.core.models import Transaction
from app.core.recent import Recent
from app.core.units import Outpoint, Txid

WAITING_TRANSACTIONS = 2_000
"""Large transactions without a `sequence` message (they came in a block); the oldest are dropped."""
WAITING_WORDS = 20_000
"""`sequence` messages whose `rawtx` did not come, or was not of interest."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """`tx` is in the mempool; `victims` are the followed transactions that it replaced.

    `certain`: `sequence` reported its entry. Else only `rawtx` came, which may be from a block.
    """

    tx: Transaction
    victims: tuple[Txid, ...] = ()
    certain: bool = True


class Arrivals:
    """Pairs `rawtx` (the bytes) with `sequence` (mempool entry), and detects replacements.

    `rawtx` alone does not distinguish a mempool transaction from one in a block. A replacement shows as a run
    of removals directly before an arrival (with consecutive mempool sequence numbers) that spends an outpoint
    which one of the removed transactions had spent.
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
        """Return followed transactions that spend an outpoint of `tx`, except itself."""
        points = (spent.outpoint for spent in tx.inputs)
        found = dict.fromkeys(self._spender[point] for point in points if point in self._spender)
        found.pop(tx.txid, None)
        return tuple(found)

    def rival_of(self, outpoint: Outpoint) -> Txid | None:
        """Return the followed transaction that spends `outpoint`."""
        return self._spender.get(outpoint)

    def bytes_came(self, tx: Transaction) -> Arrival | None:
        """Return the arrival if its `sequence` message came first; else keep `tx` until that comes."""
        removed = self._words.pop(tx.txid)
        if removed is not None:
            return self._arrive(tx, removed)
        self._bytes.put(tx.txid, tx)
        return None

    def entered(self, txid: Txid, order: int) -> Arrival | None:
        """Return the arrival if its `rawtx` is here; else keep the message until that comes."""
        removed = tuple(self._run) if self._last_order == order - 1 else ()
        self._run, self._last_order = [], order
        tx = self._bytes.pop(txid)
        if tx is not None:
            return self._arrive(tx, removed)
        self._words.put(txid, removed)
        return None

    def removed(self, txid: Txid, order: int) -> None:
        """Note a removal; the transaction stays followed until `forget`, to detect its replacement."""
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
