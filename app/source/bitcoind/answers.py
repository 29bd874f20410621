"""Answers the tracker's questions from the node. "Unknown" is a reply; being unreachable is an error."""

from collections.abc import Callable, Iterable

from app.clock import Clock
from app.core.encoding import AddressOf, decode
from app.core.models import SourceName
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
    PackageReply,
    Prevout,
    PrevoutsReply,
    StatusReply,
    TransactionReply,
)
from app.core.questions import (
    AskBlock,
    AskMempool,
    AskPackage,
    AskPrevouts,
    AskStatus,
    AskStored,
    AskTransaction,
    Question,
)
from app.core.recent import Recent
from app.core.tracking import known_prevouts
from app.core.units import BlockHash, Outpoint, Txid
from app.errors import ForbiddenError, NodeRefusedError, SourceError
from app.source.bitcoind.chain import BlockId, ChainFollower
from app.source.bitcoind.cluster import Cluster, read_cluster
from app.source.bitcoind.rpc import RPC_NOT_FOUND, BitcoindRpc, RpcCall
from app.source.bitcoind.selection import selected_feerate
from app.source.bitcoind.shapes import (
    FullBlock,
    MempoolEntry,
    RpcVerboseTx,
    TxOut,
    block_of,
    prevout_of,
    raw_of,
    transaction_of,
    with_entry,
)

SOURCE = SourceName.BITCOIND
OUTPUTS_TRIED = 10
"""Without txindex a transaction is known to be mined if one of its outputs is still unspent."""


class BitcoindAnswers:
    """Answers from RPC and the remembered blocks; `replacements` holds those that the live watch observed."""

    def __init__(
        self,
        rpc: BitcoindRpc,
        chain: ChainFollower,
        clock: Clock,
        replacements: Recent[Txid, Txid],
        address_of: AddressOf | None = None,
        follow: Callable[[Iterable[Txid]], None] = lambda _: None,
    ) -> None:
        """Take `follow`, called with each transaction of a package that was asked for."""
        self._follow = follow
        self._rpc = rpc
        self._chain = chain
        self._clock = clock
        self._replacements = replacements
        self._address_of = address_of

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the node knows.

        A block that is unknown, or not in the best chain, gives no observation.

        Raises:
            SourceError: if the node cannot be reached.
        """
        match question:
            case AskStatus(txid):
                return (await self._status(txid),)
            case AskTransaction(txid, block_hash):
                return (await self._transaction(txid, block_hash),)
            case AskPrevouts(txid, outpoints):
                return (await self._prevouts(txid, outpoints),)
            case AskPackage(txid):
                return (await self._package(txid),)
            case AskBlock(block):
                return await self._block(block)
            case AskMempool():
                return await self._mempool()
            case AskStored():
                raise SourceError("a node does not keep our predictions")

    async def _status(self, txid: Txid) -> StatusReply:
        waiting = await self._waits(txid)
        place = None if waiting else await self._place(txid)
        return StatusReply(
            txid=txid,
            block_hash=place.hash if place else None,
            height=place.height if place else None,
            in_mempool=waiting,
            source=SOURCE,
            replaced_by=self._replacements.get(txid),
        )

    async def _transaction(self, txid: Txid, block_hash: BlockHash | None) -> TransactionReply | StatusReply:
        verbose = await self._verbose(txid, block_hash)
        if verbose is None:
            return await self._status(txid)
        place = await self._chain.place_of(verbose.blockhash) if verbose.blockhash else None
        tx = transaction_of(verbose, self._address_of)
        entry = await self._entry_if_allowed(txid) if verbose.blockhash is None else None
        return TransactionReply(
            tx=with_entry(tx, entry) if entry else tx,
            block_hash=place.hash if place else None,
            height=place.height if place else None,
            source=SOURCE,
        )

    async def _prevouts(self, txid: Txid, outpoints: tuple[Outpoint, ...]) -> PrevoutsReply:
        """Read confirmed outputs, then unconfirmed parents; a mined spender carries its own prevouts."""
        reply: dict[Outpoint, Prevout | None] = await self._unspent(outpoints)
        missing = [outpoint for outpoint, prevout in reply.items() if prevout is None]
        if missing:
            reply |= await self._of_parents(missing)
        if None in reply.values():
            verbose = await self._verbose(txid, None)
            tx = transaction_of(verbose, None) if verbose else None
            own = known_prevouts(tx) if tx else {}
            reply |= {outpoint: own[outpoint] for outpoint in outpoints if outpoint in own}
        return PrevoutsReply(txid=txid, prevouts=reply, source=SOURCE)

    async def _unspent(self, outpoints: tuple[Outpoint, ...]) -> dict[Outpoint, Prevout | None]:
        # Exclude the mempool: in its view our own transaction has already spent these outputs.
        calls = [RpcCall("gettxout", (outpoint.txid, outpoint.vout, False)) for outpoint in outpoints]
        answers = await self._rpc.ask_each(TxOut | None, calls)  # type: ignore[arg-type]  # a union is a type to msgspec, not to mypy
        return {
            outpoint: prevout_of(answer) if isinstance(answer, TxOut) else None
            for outpoint, answer in zip(outpoints, answers, strict=True)
        }

    async def _of_parents(self, outpoints: list[Outpoint]) -> dict[Outpoint, Prevout | None]:
        parents = list(dict.fromkeys(outpoint.txid for outpoint in outpoints))
        answers = await self._rpc.ask_each(str, [RpcCall("getrawtransaction", (txid,)) for txid in parents])
        known = {
            txid: decode(raw_of(answer)).outputs
            for txid, answer in zip(parents, answers, strict=True)
            if isinstance(answer, str)
        }
        return {
            outpoint: Prevout(value=outputs[outpoint.vout].value, script=outputs[outpoint.vout].script)
            for outpoint in outpoints
            if (outputs := known.get(outpoint.txid)) and outpoint.vout < len(outputs)
        }

    async def _package(self, txid: Txid) -> PackageReply | StatusReply:
        cluster = await self._cluster(txid)
        if cluster is not None and cluster.torn:
            cluster = await self._cluster(txid)  # what has left weighs on nobody any more
        if cluster is None:
            return await self._status(txid)
        entry = cluster.entries[txid]
        members = frozenset(Txid(one) for one in cluster.entries if one != txid)
        self._follow(members)
        return PackageReply(
            txid=txid,
            package_feerate=selected_feerate(txid, cluster.entries),
            related=entry.ancestorcount + entry.descendantcount - 2,
            source=SOURCE,
            members=members,
        )

    async def _cluster(self, txid: Txid) -> Cluster | None:
        entry = await self._entry(txid)
        return await read_cluster(self._rpc, txid, entry) if entry else None

    async def _block(self, block: BlockHash) -> tuple[Observation, ...]:
        if await self._chain.place_of(block) is None:
            return ()
        full = await self._rpc.ask(FullBlock, "getblock", block, 2)
        return (BlockConnected(block=block_of(full), source=SOURCE),)

    async def _mempool(self) -> tuple[Observation, ...]:
        as_of = self._clock.now()
        txids = await self._rpc.ask(list[str], "getrawmempool")
        tip = await self._chain.tip()
        listed = MempoolListed(txids=frozenset(Txid(txid) for txid in txids), as_of=as_of, source=SOURCE)
        return (BlockConnected(block=block_of(tip), source=SOURCE), listed)

    async def _waits(self, txid: Txid) -> bool:
        """Whether it is in the mempool; a user who may not ask for its entry is told by the transaction."""
        try:
            return await self._entry(txid) is not None
        except ForbiddenError:
            verbose = await self._verbose(txid, None)
            return verbose is not None and verbose.blockhash is None

    async def _entry_if_allowed(self, txid: Txid) -> MempoolEntry | None:
        try:
            return await self._entry(txid)
        except ForbiddenError:
            return None

    async def _entry(self, txid: Txid) -> MempoolEntry | None:
        try:
            return await self._rpc.ask(MempoolEntry, "getmempoolentry", txid)
        except NodeRefusedError as refusal:
            if refusal.code == RPC_NOT_FOUND:
                return None
            raise

    async def _verbose(self, txid: Txid, block_hash: BlockHash | None) -> RpcVerboseTx | None:
        """Read a transaction from the mempool, the index, or the block believed to contain it.

        A copy in a stale block is none: the transaction may wait again, or be gone.
        """
        place = self._chain.memory.find(txid)
        block = block_hash or (place.hash if place else None)
        for params in ((txid, 2, block), (txid, 2)) if block else ((txid, 2),):
            try:
                found = await self._rpc.ask(RpcVerboseTx, "getrawtransaction", *params)
            except NodeRefusedError:
                continue
            if found.blockhash is None or await self._chain.place_of(found.blockhash) is not None:
                return found
        return None

    async def _place(self, txid: Txid) -> BlockId | None:
        """Return the containing block, by remembered blocks, the index, or a still unspent output."""
        verbose = await self._verbose(txid, None)
        if verbose and verbose.blockhash:
            return await self._chain.place_of(verbose.blockhash)
        calls = [RpcCall("gettxout", (txid, vout, False)) for vout in range(OUTPUTS_TRIED)]
        for answer in await self._rpc.ask_each(TxOut | None, calls):  # type: ignore[arg-type]  # a union is a type to msgspec, not to mypy
            if isinstance(answer, TxOut) and answer.confirmations > 0:
                tip = await self._rpc.ask(int, "getblockcount")
                found = await self._chain.hash_at(tip - answer.confirmations + 1)
                return await self._chain.place_of(found)
        return None
