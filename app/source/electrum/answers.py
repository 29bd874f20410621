"""Answers questions about one transaction from an Electrum server, over an open connection."""

from typing import TypeVar

from app.core.encoding import AddressOf, decode
from app.core.models import Block, SourceName
from app.core.observations import Observation, Prevout, PrevoutsReply, StatusReply, TransactionReply
from app.core.questions import AskPrevouts, AskStatus, AskTransaction, Question
from app.core.units import Height, Outpoint, Txid
from app.errors import NodeRefusedError, ParseError, SourceError
from app.source.electrum.connection import ElectrumLine
from app.source.electrum.shapes import ElectrumVerboseTx, Tip, block_of, bytes_of, mined_in

T = TypeVar("T")
SOURCE = SourceName.ELECTRS
PARENTS_AT_MOST = 25
"""More parents would be too many look-ups: the node or the backend should be asked instead."""
_UNDECIDED = "being indexed"
_UNKNOWN = (
    "no such mempool or blockchain transaction",
    "no such mempool transaction",
    "missing transaction",
    "transaction not found",
)


class ElectrsAnswers:
    """`tip`: the server's tip, from which heights are derived; None if unknown."""

    def __init__(self, line: ElectrumLine, tip: Block | None, address_of: AddressOf | None) -> None:
        self._line = line
        self._tip = tip
        self._address_of = address_of

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the server knows; "unknown" is a reply.

        Raises:
            SourceError: if it does not reply, does not support the question, or too many look-ups are needed.
        """
        try:
            match question:
                case AskStatus(txid):
                    return (await self._status(txid),)
                case AskTransaction(txid):
                    return (await self._transaction(txid),)
                case AskPrevouts(txid, outpoints):
                    return (await self._prevouts(txid, outpoints),)
        except ParseError as error:
            raise SourceError(str(error)) from error
        raise SourceError("an Electrum server cannot say that")

    async def _status(self, txid: Txid) -> StatusReply:
        verbose = await self._verbose(txid)
        return StatusReply(
            txid=txid,
            block_hash=mined_in(verbose),
            height=await self._height(verbose) if verbose else None,
            in_mempool=verbose is not None and verbose.blockhash is None,
            source=SOURCE,
        )

    async def _transaction(self, txid: Txid) -> TransactionReply | StatusReply:
        verbose = await self._verbose(txid)
        if verbose is None:
            return StatusReply(txid=txid, block_hash=None, height=None, in_mempool=False, source=SOURCE)
        return TransactionReply(
            tx=decode(bytes_of(verbose.hex), self._address_of),
            block_hash=mined_in(verbose),
            height=await self._height(verbose),
            source=SOURCE,
        )

    async def _prevouts(self, txid: Txid, outpoints: tuple[Outpoint, ...]) -> PrevoutsReply:
        parents = dict.fromkeys(outpoint.txid for outpoint in outpoints)
        if len(parents) > PARENTS_AT_MOST:
            raise SourceError(f"{len(parents)} parents are too many to ask an Electrum server for")
        reply: dict[Outpoint, Prevout | None] = dict.fromkeys(outpoints)
        for parent in parents:
            raw = await self._known(str, parent)
            tx = decode(bytes_of(raw)) if raw else None
            if tx is not None and tx.txid != parent:
                raise SourceError(f"the Electrum server gave {tx.txid} for {parent}")
            outputs = tx.outputs if tx else ()
            for outpoint in outpoints:
                if outpoint.txid == parent and outpoint.vout < len(outputs):
                    output = outputs[outpoint.vout]
                    reply[outpoint] = Prevout(value=output.value, script=output.script)
        return PrevoutsReply(txid=txid, prevouts=reply, source=SOURCE)

    async def _verbose(self, txid: Txid) -> ElectrumVerboseTx | None:
        """Return the node's verbose transaction through the server; not every server passes it on."""
        return await self._known(ElectrumVerboseTx, txid, True)  # noqa: FBT003 - the protocol's own parameter

    async def _known(self, shape: type[T], *params: object) -> T | None:
        try:
            return await self._line.ask(shape, "blockchain.transaction.get", *params)
        except NodeRefusedError as refusal:
            said = str(refusal).lower()
            if _UNDECIDED not in said and any(words in said for words in _UNKNOWN):
                return None
            raise

    async def _height(self, verbose: ElectrumVerboseTx) -> Height | None:
        """Derive the height from the confirmations and the tip; trusted only if that block's hash matches.

        Raises:
            SourceError: if it is in a block that cannot be placed: its node's tip is not the server's.
                Without a height it would be taken for a transaction that is nowhere.
        """
        if verbose.blockhash is None:
            return None
        if verbose.confirmations >= 1 and self._tip is not None:
            height = self._tip.height - verbose.confirmations + 1
            header = await self._line.ask(str, "blockchain.block.header", height)
            found = block_of(Tip(height=height, hex=header))
            if found.hash == verbose.blockhash:
                return found.height
        raise SourceError("electrs: it is in a block, but at which height cannot be said yet")
