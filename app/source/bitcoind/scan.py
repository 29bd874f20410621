"""Scans the node's mempool at a limited rate.

After a batch of 100 transactions the scan pauses for four times the batch's duration, and at least 50 ms:
at most a fifth of one RPC thread, and at most 2,000 transactions a second (300,000 take two and a half
minutes at best, ten on a small computer). New transactions come by ZMQ meanwhile.
"""

from collections.abc import AsyncGenerator, Callable, Iterator

from app.clock import Clock
from app.core.encoding import AddressOf, decode
from app.core.models import Transaction
from app.core.units import Txid
from app.errors import NodeRefusedError, ParseError
from app.source.bitcoind.rpc import BATCH, BitcoindRpc, RpcCall
from app.source.bitcoind.shapes import MempoolEntry, raw_of, with_entry

REST_FACTOR = 4.0
LEAST_REST_SECONDS = 0.05


class Scanner:
    def __init__(self, rpc: BitcoindRpc, clock: Clock, address_of: AddressOf | None = None) -> None:
        self._rpc = rpc
        self._clock = clock
        self._address_of = address_of

    async def read(
        self, txids: list[Txid], unreadable: Callable[[str], None] = lambda _: None
    ) -> AsyncGenerator[list[Transaction], None]:
        """Yield the transactions of `txids` that are still in the mempool, a batch at a time, rate-limited.

        `unreadable` is called with the reason for each reply that is no transaction; it costs itself alone.

        Raises:
            SourceError: if the node cannot be reached.
            ParseError: if a whole batch cannot be read.
        """
        for start in range(0, len(txids), BATCH):
            started = self._clock.monotonic()
            calls = [RpcCall("getrawtransaction", (txid,)) for txid in txids[start : start + BATCH]]
            answers = await self._rpc.ask_each(str, calls)
            took = self._clock.monotonic() - started
            yield list(self._readable(answers, unreadable))
            if start + BATCH < len(txids):
                await self._clock.sleep(max(REST_FACTOR * took, LEAST_REST_SECONDS))

    def _readable(
        self, answers: list[str | NodeRefusedError], unreadable: Callable[[str], None]
    ) -> Iterator[Transaction]:
        for answer in answers:
            if isinstance(answer, str):
                try:
                    yield decode(raw_of(answer), self._address_of)
                except ParseError as error:
                    unreadable(str(error))

    async def enrich(self, txs: list[Transaction]) -> list[Transaction]:
        """Return those still in the mempool, with fee and package.

        Raises:
            SourceError: if the node cannot be reached.
        """
        calls = [RpcCall("getmempoolentry", (tx.txid,)) for tx in txs]
        entries = await self._rpc.ask_each(MempoolEntry, calls)
        return [
            with_entry(tx, entry)
            for tx, entry in zip(txs, entries, strict=True)
            if isinstance(entry, MempoolEntry)
        ]
