"""Looks through what waits in the node's mempool without hurrying the node.

A batch of 100 transactions is read, then the node rests four times as long as that took, and at least
50 ms: never more than a fifth of one of its RPC threads, and at most 2,000 transactions a second
(300,000 waiting: two and a half minutes at best, ten on a small computer). New ones come by ZMQ meanwhile.
"""

from collections.abc import AsyncGenerator, Iterable

import numpy as np

from app.clock import Clock
from app.core.encoding.rawtx import AddressOf, decode
from app.core.models import Transaction
from app.core.units import Txid
from app.source.bitcoind_rpc import BATCH, BitcoindRpc, Call
from app.source.bitcoind_shapes import MempoolEntry, raw_of, with_entry

REST_FACTOR = 4.0
LEAST_REST_SECONDS = 0.05
RECENT_MARKS = 20_000


class Looked:
    """Which txids were looked at already, in 8 bytes each (a salted hash)."""

    def __init__(self) -> None:
        self._old = np.empty(0, dtype=np.int64)
        self._recent: set[int] = set()

    def add(self, txid: Txid) -> None:
        self._recent.add(hash(txid))
        if len(self._recent) > RECENT_MARKS:
            self._old = np.union1d(self._old, np.fromiter(self._recent, dtype=np.int64))
            self._recent.clear()

    def keep_only(self, txids: Iterable[Txid]) -> None:
        """Forget all that is not among `txids`."""
        marks = np.fromiter((hash(txid) for txid in txids), dtype=np.int64)
        known = np.union1d(self._old, np.fromiter(self._recent, dtype=np.int64))
        self._old = np.intersect1d(marks, known)
        self._recent.clear()

    def clear(self) -> None:
        self._old = np.empty(0, dtype=np.int64)
        self._recent.clear()

    def __contains__(self, txid: Txid) -> bool:
        mark = hash(txid)
        if mark in self._recent:
            return True
        at = int(np.searchsorted(self._old, mark))
        return at < len(self._old) and int(self._old[at]) == mark


class Scanner:
    def __init__(self, rpc: BitcoindRpc, clock: Clock, address_of: AddressOf | None = None) -> None:
        self._rpc = rpc
        self._clock = clock
        self._address_of = address_of

    async def read(self, txids: list[Txid]) -> AsyncGenerator[list[Transaction], None]:
        """The transactions of `txids` that still wait, a batch at a time, paced.

        Raises:
            SourceError: if the node cannot be asked.
            ParseError: if it sends no transaction.
        """
        for start in range(0, len(txids), BATCH):
            started = self._clock.monotonic()
            calls = [Call("getrawtransaction", (txid,)) for txid in txids[start : start + BATCH]]
            answers = await self._rpc.ask_each(str, calls)
            took = self._clock.monotonic() - started
            yield [decode(raw_of(answer), self._address_of) for answer in answers if isinstance(answer, str)]
            if start + BATCH < len(txids):
                await self._clock.sleep(max(REST_FACTOR * took, LEAST_REST_SECONDS))

    async def enrich(self, txs: list[Transaction]) -> list[Transaction]:
        """Return those still in the mempool, with fee and package.

        Raises:
            SourceError: if the node cannot be asked.
        """
        calls = [Call("getmempoolentry", (tx.txid,)) for tx in txs]
        entries = await self._rpc.ask_each(MempoolEntry, calls)
        return [
            with_entry(tx, entry)
            for tx, entry in zip(txs, entries, strict=True)
            if isinstance(entry, MempoolEntry)
        ]
