"""Tells arrivals, replacements and departures in the order the tracker needs, while fees are asked for.

The node's words come within a millisecond; a fee costs a question, and the node is slow when a block
comes. So a large transaction waits at most `FEE_PATIENCE_SECONDS` for its fee, is told without it then,
and told again with it when it is known. Seen comes before Replaced, Replaced before Left.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from app.clock import Clock
from app.core.encoding.rawtx import AddressOf, is_coinbase
from app.core.models import Block, SourceName, Transaction
from app.core.observations import Observation, TransactionLeft, TransactionReplaced, TransactionSeen
from app.core.recent import Recent
from app.core.units import Outpoint, Sats, Txid
from app.errors import NodeRefusedError, SourceError
from app.source.bitcoind_arrivals import Arrival, Arrivals
from app.source.bitcoind_rpc import BitcoindRpc
from app.source.bitcoind_shapes import FullBlock, MempoolEntry, transaction_of, with_entry

SOURCE = SourceName.BITCOIND
FEE_PATIENCE_SECONDS = 0.5
PARTING_SECONDS = 0.25
"""A departure waits so long for the arrival or the block that explains it; both come within milliseconds."""
REMEMBERED_REPLACEMENTS = 5_000


class MempoolDesk:
    """Takes what ZMQ and the scanner bring; `tell` gets observations.

    A transaction is told if its outputs' sum is over `threshold`, if `wanted` says so, or if it spends
    what a followed one spends; all but those only wanted are followed and get their fee.
    """

    def __init__(
        self,
        rpc: BitcoindRpc,
        clock: Clock,
        threshold: Sats,
        wanted: Callable[[Transaction], bool],
        address_of: AddressOf | None = None,
    ) -> None:
        self.threshold = threshold
        self.paired = True
        """Whether `sequence` tells what enters now; else each arrival is verified by its entry."""
        self.replacements: Recent[Txid, Txid] = Recent(REMEMBERED_REPLACEMENTS)
        self._rpc = rpc
        self._clock = clock
        self._wanted = wanted
        self._address_of = address_of
        self._arrivals = Arrivals()
        self._asking: dict[Txid, tuple[asyncio.Task[None], Arrival]] = {}
        self._parting: set[Txid] = set()
        self._awaiting_block: set[Txid] = set()
        self._tell: Callable[[Observation], None] = _nobody
        self._start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] = asyncio.create_task

    @property
    def followed(self) -> frozenset[Txid]:
        return self._arrivals.followed

    def open(self, tell: Callable[[Observation], None], group: asyncio.TaskGroup) -> None:
        """Begin a session: what is told goes to `tell`, work runs in `group`."""
        self._tell = tell
        self._start = group.create_task
        self._asking.clear()
        self._parting.clear()
        self._awaiting_block.clear()

    def matters(self, tx: Transaction) -> bool:
        if is_coinbase(tx):
            return False
        return self._is_large(tx) or self._wanted(tx)

    def bytes_came(self, tx: Transaction) -> None:
        """A transaction that matters came by `rawtx`: from the mempool or from a block."""
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
            self._tell(TransactionLeft(txids=(txid,), source=SOURCE))

    def block_joined(self) -> None:
        """What has just left may be this block's doing: it is told with the block."""
        self._awaiting_block |= self._parting
        self._parting.clear()

    def found(self, tx: Transaction, *, late: bool) -> None:
        """The scanner found it waiting."""
        if self._arrivals.follows(tx.txid):
            return
        victims = self._arrivals.rivals(tx)
        self._keep(Arrival(tx, victims))
        self._publish(Arrival(tx, victims), tx, late=late)

    def left(self, txids: Iterable[Txid]) -> None:
        """These were not in the list of what waits."""
        for txid in txids:
            if self._arrivals.follows(txid) and txid not in self._asking:
                self._leave(txid)

    def before_block(self, block: Block) -> None:
        """Tell those of `block` whose fee is still asked for: they were seen before it."""
        for txid in self._asking.keys() & set(block.txids or ()):
            self._settle(txid)

    def after_block(self, block: Block, full: FullBlock | None) -> None:
        """Tell who lost to `block`, and forget what it took."""
        for txid in self._arrivals.followed & set(block.txids or ()):
            self._arrivals.forget(txid)
        for spender in full.tx if full and self._arrivals.followed else ():
            points = [Outpoint(Txid(spent.txid), spent.vout) for spent in spender.vin]
            rivals = [rival for point in points if (rival := self._arrivals.rival_of(point))]
            if rivals:
                victims = tuple(dict.fromkeys(rivals))
                by = transaction_of(spender, self._address_of)
                self._tell(TransactionReplaced(victims=victims, by=by, mined=True, source=SOURCE))
                self._part(victims)

    def chain_followed(self) -> None:
        """All blocks there are have been told: what left with them is told too."""
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
            self._tell(TransactionSeen(tx=arrival.tx, source=SOURCE))
            return
        self._keep(arrival)
        self._asking[txid] = (self._start(self._ask_fee(arrival)), arrival)

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
            self._priced(arrival, await asked)
        finally:
            asked.cancel()
            patience.cancel()

    def _priced(self, arrival: Arrival, entry: MempoolEntry | None) -> None:
        txid = arrival.tx.txid
        untold = self._asking.pop(txid, None) is not None
        tx = with_entry(arrival.tx, entry) if entry else arrival.tx
        if untold and (entry or arrival.certain):
            self._publish(arrival, tx)
        elif untold:
            self._arrivals.forget(txid)
        elif entry and self._arrivals.follows(txid):
            self._tell(TransactionSeen(tx=tx, source=SOURCE))

    async def _entry(self, txid: Txid) -> MempoolEntry | None:
        try:
            return await self._rpc.ask(MempoolEntry, "getmempoolentry", txid)
        except NodeRefusedError:
            return None
        except SourceError:
            return None  # the session notices by itself; the transaction is told all the same

    def _settle(self, txid: Txid) -> None:
        """Tell it now, without its fee, and ask no more."""
        asking = self._asking.pop(txid, None)
        if asking:
            task, arrival = asking
            task.cancel()
            if arrival.certain:
                self._publish(arrival, arrival.tx)
            else:
                self._arrivals.forget(txid)

    def _publish(self, arrival: Arrival, tx: Transaction, *, late: bool = False) -> None:
        self._tell(TransactionSeen(tx=tx, source=SOURCE, late=late))
        if arrival.victims:
            self._tell(TransactionReplaced(victims=arrival.victims, by=tx, mined=False, source=SOURCE))
            self._part(arrival.victims)

    async def _part_later(self, txid: Txid) -> None:
        await self._clock.sleep(PARTING_SECONDS)
        if txid in self._parting:
            self._leave(txid)

    def _leave(self, txid: Txid) -> None:
        self._part((txid,))

    def _part(self, txids: tuple[Txid, ...]) -> None:
        """Tell that they left, those that had not been told."""
        leaving = tuple(txid for txid in txids if self._arrivals.follows(txid))
        for txid in leaving:
            self._parting.discard(txid)
            self._arrivals.forget(txid)
        if leaving:
            self._tell(TransactionLeft(txids=leaving, source=SOURCE))


def _nobody(_: Observation) -> None:
    """Before the first session there is nobody to tell."""
