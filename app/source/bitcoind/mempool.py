"""Emits arrivals, replacements and removals in the order that the tracker needs, while fees are requested.

Notifications arrive within a millisecond; a fee takes an RPC call, and the node is slow while it validates a
block. So a large transaction waits at most `FEE_PATIENCE_SECONDS` for its fee, is then emitted without it,
and emitted again once it is known. Seen precedes Replaced, Replaced precedes Left.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from app.clock import Clock
from app.core.encoding import AddressOf, is_coinbase
from app.core.models import Block, SourceName, Transaction
from app.core.observations import Observation, TransactionLeft, TransactionReplaced, TransactionSeen
from app.core.recent import Recent
from app.core.units import Outpoint, Sats, Txid
from app.errors import ForbiddenError, SourceError
from app.source.bitcoind.kin import Kin
from app.source.bitcoind.pairing import Arrival, Arrivals
from app.source.bitcoind.rpc import BitcoindRpc
from app.source.bitcoind.shapes import FullBlock, MempoolEntry, RpcVerboseTx, transaction_of, with_entry

SOURCE = SourceName.BITCOIND
FEE_PATIENCE_SECONDS = 0.5
PARTING_SECONDS = 0.25
"""How long a removal waits for the arrival or block that explains it; both come within milliseconds."""
REMEMBERED_REPLACEMENTS = 5_000


class MempoolDesk:
    """Takes notifications from ZMQ and finds of the scanner; emits observations.

    A transaction is emitted if its outputs' sum exceeds `threshold`, if it spends an outpoint that a followed
    one spends, or if it is in the package of a followed one. All but those that are only in a package are
    followed, and their fee is requested.
    """

    def __init__(
        self,
        rpc: BitcoindRpc,
        clock: Clock,
        threshold: Sats,
        address_of: AddressOf | None = None,
    ) -> None:
        self.threshold = threshold
        self.paired = True
        """Whether `sequence` reports arrivals; else each is verified by its mempool entry."""
        self.replacements: Recent[Txid, Txid] = Recent(REMEMBERED_REPLACEMENTS)
        self._rpc = rpc
        self._clock = clock
        self.kin = Kin()
        self._after: dict[Txid, list[Transaction]] = {}
        """Children held back until the fee of their parent is known: they are emitted after it."""
        self._address_of = address_of
        self._arrivals = Arrivals()
        self._asking: dict[Txid, tuple[asyncio.Task[None], Arrival]] = {}
        self._parting: set[Txid] = set()
        self._awaiting_block: set[Txid] = set()
        self._emit: Callable[[Observation], None] = _nobody
        self._start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] = asyncio.create_task

    @property
    def followed(self) -> frozenset[Txid]:
        return self._arrivals.followed

    def open(self, emit: Callable[[Observation], None], group: asyncio.TaskGroup) -> None:
        """Begin a session: observations go to `emit`, tasks run in `group`."""
        self._emit = emit
        self._start = group.create_task
        self._asking.clear()
        self._after.clear()
        self._parting.clear()
        self._awaiting_block.clear()

    def end(self) -> None:
        """End a session: what waits for its fee is emitted without it, since nothing else will report it."""
        for txid in tuple(self._asking):
            self._settle(txid)

    def matters(self, tx: Transaction) -> bool:
        if is_coinbase(tx):
            return False
        if self._is_large(tx):
            self.kin.root(tx)
            return True
        return self.kin.joins(tx)

    def bytes_came(self, tx: Transaction) -> None:
        """Note a relevant transaction received by `rawtx`: from the mempool or from a block."""
        if self.paired:
            arrival = self._arrivals.bytes_came(tx)
            if arrival:
                self._arrive(arrival)
        elif not self._arrivals.follows(tx.txid):
            self._arrive(Arrival(tx, self._arrivals.rivals(tx), certain=False))

    def entered(self, txid: Txid, order: int) -> None:
        arrival = self._arrivals.entered(txid, order)
        if arrival:
            self._arrive(arrival)

    def removed(self, txid: Txid, order: int) -> None:
        self._arrivals.removed(txid, order)
        self._settle(txid)
        if self._arrivals.follows(txid):
            self._parting.add(txid)
            self._start(self._part_later(txid))
        else:
            self._emit(TransactionLeft(txids=(txid,), source=SOURCE))

    def block_joined(self) -> None:
        """Note that a block was connected: recent removals may be its doing, and are emitted with it."""
        self._awaiting_block |= self._parting
        self._parting.clear()

    def found(self, tx: Transaction, *, late: bool) -> None:
        """Note a transaction that the scanner found in the mempool."""
        if self._arrivals.follows(tx.txid):
            return
        if not self._is_large(tx):
            self._see_relative(tx, late=late)
            return
        victims = self._arrivals.rivals(tx)
        self._keep(Arrival(tx, victims))
        self._publish(Arrival(tx, victims), tx, late=late)

    def left(self, txids: Iterable[Txid]) -> None:
        """Note that these are missing from the mempool's listing."""
        for txid in txids:
            if self._arrivals.follows(txid) and txid not in self._asking:
                self._leave(txid)

    def before_block(self, block: Block) -> None:
        """Emit those of `block` whose fee is still being requested: they were seen before the block."""
        for txid in self._asking.keys() & set(block.txids or ()):
            self._settle(txid)

    def after_block(self, block: Block, full: FullBlock | None) -> None:
        """Emit the conflicts that `block` removed, and forget the transactions it confirmed."""
        for txid in self._arrivals.followed & set(block.txids or ()):
            self._arrivals.forget(txid)
        for spender in full.tx if full and self._arrivals.followed else ():
            points = [Outpoint(Txid(spent.txid), spent.vout) for spent in spender.vin]
            rivals = [rival for point in points if (rival := self._arrivals.rival_of(point))]
            if rivals:
                victims = tuple(dict.fromkeys(rivals))
                by = transaction_of(spender, self._address_of)
                self._emit(TransactionReplaced(victims=victims, by=by, mined=True, source=SOURCE))
                self._part(victims)

    def chain_followed(self) -> None:
        """Emit the removals that were held back, now that all blocks are reported."""
        self._part(tuple(self._awaiting_block))
        self._awaiting_block.clear()

    def _is_large(self, tx: Transaction) -> bool:
        return tx.gross > self.threshold or bool(self._arrivals.rivals(tx))

    def _arrive(self, arrival: Arrival) -> None:
        txid = arrival.tx.txid
        if txid in self._parting:
            self._leave(txid)
        if self._arrivals.follows(txid):
            return
        if not self._is_large(arrival.tx) and arrival.certain:
            self._see_relative(arrival.tx)
            return
        self._keep(arrival)
        self._asking[txid] = (self._start(self._ask_fee(arrival)), arrival)

    def _see_relative(self, tx: Transaction, *, late: bool = False) -> None:
        untold = next((one.outpoint.txid for one in tx.inputs if one.outpoint.txid in self._asking), None)
        if untold is None:
            self._emit(TransactionSeen(tx=tx, source=SOURCE, late=late))
        else:
            self._after.setdefault(untold, []).append(tx)

    def _keep(self, arrival: Arrival) -> None:
        for victim in arrival.victims:
            self._settle(victim)
            self._parting.discard(victim)
            self.replacements.put(victim, arrival.tx.txid)
        self._arrivals.follow(arrival.tx)

    async def _ask_fee(self, arrival: Arrival) -> None:
        txid = arrival.tx.txid
        asked = asyncio.create_task(self._entry(txid))
        patience = asyncio.create_task(self._clock.sleep(FEE_PATIENCE_SECONDS))
        try:
            if arrival.certain:
                await asyncio.wait({asked, patience}, return_when=asyncio.FIRST_COMPLETED)
                if not asked.done():
                    self._asking.pop(txid, None)
                    self._publish(arrival, arrival.tx)
            entry, waits = await asked
            self._priced(arrival, entry, waits=waits)
        finally:
            asked.cancel()
            patience.cancel()

    def _priced(self, arrival: Arrival, entry: MempoolEntry | None, *, waits: bool) -> None:
        txid = arrival.tx.txid
        untold = self._asking.pop(txid, None) is not None
        tx = with_entry(arrival.tx, entry) if entry else arrival.tx
        if untold and (waits or arrival.certain):
            self._publish(arrival, tx)
        elif untold:
            self._forget(txid)
        elif entry and self._arrivals.follows(txid):
            self._emit(TransactionSeen(tx=tx, source=SOURCE))

    async def _entry(self, txid: Txid) -> tuple[MempoolEntry | None, bool]:
        """Return the transaction's mempool entry, and whether it is known to be in the mempool."""
        try:
            return await self._rpc.ask(MempoolEntry, "getmempoolentry", txid), True
        except ForbiddenError:
            return None, await self._waits(txid)
        except SourceError:
            return None, False  # it left, or the session is about to fail: emitted all the same

    async def _waits(self, txid: Txid) -> bool:
        try:
            verbose = await self._rpc.ask(RpcVerboseTx, "getrawtransaction", txid, 2)
        except SourceError:
            return False
        return verbose.blockhash is None

    def _settle(self, txid: Txid) -> None:
        """Emit the transaction now, without its fee, and cancel the request."""
        asking = self._asking.pop(txid, None)
        if asking:
            task, arrival = asking
            task.cancel()
            if arrival.certain:
                self._publish(arrival, arrival.tx)
            else:
                self._forget(txid)

    def _forget(self, txid: Txid) -> None:
        """Drop the transaction: it is not in the mempool after all."""
        self._arrivals.forget(txid)
        self._after.pop(txid, None)

    def _publish(self, arrival: Arrival, tx: Transaction, *, late: bool = False) -> None:
        self._emit(TransactionSeen(tx=tx, source=SOURCE, late=late))
        for child in self._after.pop(tx.txid, ()):
            self._emit(TransactionSeen(tx=child, source=SOURCE))
        if arrival.victims:
            self._emit(TransactionReplaced(victims=arrival.victims, by=tx, mined=False, source=SOURCE))
            self._part(arrival.victims)

    async def _part_later(self, txid: Txid) -> None:
        await self._clock.sleep(PARTING_SECONDS)
        if txid in self._parting:
            self._leave(txid)

    def _leave(self, txid: Txid) -> None:
        self._part((txid,))

    def _part(self, txids: tuple[Txid, ...]) -> None:
        """Emit removals that have not been emitted yet."""
        leaving = tuple(txid for txid in txids if self._arrivals.follows(txid))
        for txid in leaving:
            self._parting.discard(txid)
            self._arrivals.forget(txid)
        if leaving:
            self._emit(TransactionLeft(txids=leaving, source=SOURCE))


def _nobody(_: Observation) -> None:
    """Discard an observation: the consumer before the first session."""
