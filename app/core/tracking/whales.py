"""The whales in memory, indexed by txid, outpoint and block: bounded, O(1) to add, find and remove."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.core.prediction import Prediction, Status
from app.core.units import BlockHash, Height, Outpoint, Txid


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Most entries of each kind; `ended` whales are kept for reorgs and late returns: two days of them."""

    pending: int = 10_000
    ended: int = 2_000
    candidates: int = 2_000
    rivals: int = 2_000
    gone: int = 20_000


class Unloaded(NamedTuple):
    """What stays in memory of an unloaded whale. `txid`: its current one.

    `fork`: the highest block that every reorg left which it has not been told of.
    """

    prediction_id: str
    txid: Txid
    detected_at: datetime
    fork: Height | None = None

    def reorganised(self, fork: Height) -> "Unloaded":
        return self._replace(fork=fork if self.fork is None else min(fork, self.fork))


class Whales:
    """Predictions by id, by any txid they have or had, by outpoint they spend, by block they are in."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._pending: dict[str, Prediction] = {}
        self._ended: OrderedDict[str, Prediction] = OrderedDict()
        self._by_txid: dict[Txid, tuple[str, ...]] = {}
        """Several, where a version that had been replaced became a prediction of its own."""
        self._spenders: dict[Outpoint, dict[str, None]] = {}
        self._spent: dict[Txid, int] = {}
        """The transactions that pending whales spend from, and how many outpoints of each."""
        self._in_block: dict[BlockHash, set[str]] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def pending(self) -> Iterator[Prediction]:
        return iter(tuple(self._pending.values()))

    def ended(self) -> Iterator[Prediction]:
        """Iterate over the ended predictions, oldest end first."""
        return iter(self._ended.values())

    def find(self, txid: Txid) -> Prediction | None:
        """Return the prediction that has this txid, else the latest that had it before a replacement."""
        found = [one for key in self._by_txid.get(txid, ()) if (one := self.by_id(key)) is not None]
        return max(found, key=lambda one: (one.txid == txid, one.detected_at), default=None)

    def by_id(self, prediction_id: str) -> Prediction | None:
        return self._pending.get(prediction_id) or self._ended.get(prediction_id)

    def has_any(self, txids: Iterable[Txid]) -> bool:
        """Whether one of these transactions is or was one of a prediction's."""
        return not self._by_txid.keys().isdisjoint(txids)

    def spends_from_any(self, txids: Iterable[Txid]) -> bool:
        """Whether a pending whale spends an output of one of these transactions."""
        return not self._spent.keys().isdisjoint(txids)

    def current(self, txid: Txid) -> Prediction | None:
        """Return the prediction whose current transaction this is."""
        found = self.find(txid)
        return found if found is not None and found.txid == txid else None

    def spenders(self, outpoints: Iterable[Outpoint]) -> tuple[Prediction, ...]:
        """Return the pending whales that spend one of these outpoints, each once; sorted by these."""
        ids = dict.fromkeys(key for one in sorted(outpoints) for key in self._spenders.get(one, ()))
        return tuple(self._pending[one] for one in ids)

    def confirmed_spender(self, outpoints: frozenset[Outpoint]) -> Prediction | None:
        """Return a confirmed whale that spends one of these outpoints, if any."""
        for one in self._ended.values():
            if one.status is Status.CONFIRMED and one.tx.outpoints & outpoints:
                return one
        return None

    def in_block(self, block_hash: BlockHash) -> tuple[Prediction, ...]:
        return tuple(
            found
            for one in sorted(self._in_block.get(block_hash, ()))
            if (found := self._ended.get(one)) is not None
        )

    def put(self, prediction: Prediction) -> Prediction | None:
        """Add a prediction, or replace its previous version; return the ended one forgotten for it."""
        self._unlink(prediction.prediction_id)
        key = prediction.prediction_id
        for txid in (prediction.txid, *prediction.replaces):
            self._by_txid[txid] = (*self._by_txid.get(txid, ()), key)
        if prediction.status is Status.PENDING:
            self._pending[key] = prediction
            for outpoint in prediction.tx.outpoints:
                if outpoint not in self._spenders:
                    self._spenders[outpoint] = {}
                    self._spent[outpoint.txid] = self._spent.get(outpoint.txid, 0) + 1
                self._spenders[outpoint][key] = None
            return None
        self._ended[key] = prediction
        if prediction.confirmed_hash is not None:
            self._in_block.setdefault(prediction.confirmed_hash, set()).add(key)
        if len(self._ended) <= self._bounds.ended:
            return None
        oldest = next(iter(self._ended.values()))
        self._unlink(oldest.prediction_id)
        return oldest

    def remove(self, prediction_id: str) -> None:
        """Remove a prediction, whatever its status."""
        self._unlink(prediction_id)

    def unload_oldest(self) -> Prediction | None:
        """Remove and return the least recently updated pending one, if there are more than the bound."""
        if len(self._pending) <= self._bounds.pending:
            return None
        oldest = next(iter(self._pending.values()))
        self._unlink(oldest.prediction_id)
        return oldest

    def _unlink(self, key: str) -> None:
        old = self._pending.pop(key, None) or self._ended.pop(key, None)
        if old is None:
            return
        for txid in (old.txid, *old.replaces):
            left = tuple(one for one in self._by_txid[txid] if one != key)
            if left:
                self._by_txid[txid] = left
            else:
                del self._by_txid[txid]
        for outpoint in old.tx.outpoints:
            rivals = self._spenders.get(outpoint, {})
            rivals.pop(key, None)
            if not rivals and self._spenders.pop(outpoint, None) is not None:
                self._forget_spent(outpoint.txid)
        if old.confirmed_hash is not None:
            members = self._in_block.get(old.confirmed_hash, set())
            members.discard(key)
            if not members:
                self._in_block.pop(old.confirmed_hash, None)

    def _forget_spent(self, txid: Txid) -> None:
        left = self._spent[txid] - 1
        if left:
            self._spent[txid] = left
        else:
            del self._spent[txid]
