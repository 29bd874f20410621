"""What an Electrum server is asked about one transaction, over an open line."""

from typing import TypeVar

from app.core.encoding.rawtx import AddressOf, decode
from app.core.models import Block, SourceName
from app.core.observations import Observation, Prevout, PrevoutsTold, StatusTold, TransactionTold
from app.core.questions import AskPrevouts, AskStatus, AskTransaction, Question
from app.core.units import Height, Outpoint, Txid
from app.errors import NodeRefusedError, ParseError, SourceError
from app.source.electrs_shapes import Tip, VerboseTx, block_of, bytes_of, mined_in
from app.source.electrum_line import ElectrumLine

T = TypeVar("T")
SOURCE = SourceName.ELECTRS
PARENTS_AT_MOST = 25
"""More is a look-up storm: the node or the backend is the one to ask."""
_UNKNOWN = ("no such mempool or blockchain transaction", "missing transaction", "transaction not found")


class ElectrsAnswers:
    """`tip`: the server's, from which heights are counted down; None while it is not known."""

    def __init__(self, line: ElectrumLine, tip: Block | None, address_of: AddressOf | None) -> None:
        self._line = line
        self._tip = tip
        self._address_of = address_of

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the server knows; unknown is an answer.

        Raises:
            SourceError: if it does not answer, does not support the question, or it is too much to ask.
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

    async def _status(self, txid: Txid) -> StatusTold:
        verbose = await self._verbose(txid)
        return StatusTold(
            txid=txid,
            block_hash=mined_in(verbose),
            height=await self._height(verbose) if verbose else None,
            in_mempool=verbose is not None and verbose.blockhash is None,
            source=SOURCE,
        )

    async def _transaction(self, txid: Txid) -> TransactionTold | StatusTold:
        verbose = await self._verbose(txid)
        if verbose is None:
            return StatusTold(txid=txid, block_hash=None, height=None, in_mempool=False, source=SOURCE)
        return TransactionTold(
            tx=decode(bytes_of(verbose.hex), self._address_of),
            block_hash=mined_in(verbose),
            height=await self._height(verbose),
            source=SOURCE,
        )

    async def _prevouts(self, txid: Txid, outpoints: tuple[Outpoint, ...]) -> PrevoutsTold:
        parents = dict.fromkeys(outpoint.txid for outpoint in outpoints)
        if len(parents) > PARENTS_AT_MOST:
            raise SourceError(f"{len(parents)} parents are too many to ask an Electrum server for")
        told: dict[Outpoint, Prevout | None] = dict.fromkeys(outpoints)
        for parent in parents:
            raw = await self._known(str, parent)
            outputs = decode(bytes_of(raw)).outputs if raw else ()
            for outpoint in outpoints:
                if outpoint.txid == parent and outpoint.vout < len(outputs):
                    output = outputs[outpoint.vout]
                    told[outpoint] = Prevout(value=output.value, script=output.script)
        return PrevoutsTold(txid=txid, prevouts=told, source=SOURCE)

    async def _verbose(self, txid: Txid) -> VerboseTx | None:
        """The node's own words about it; not every server passes them on."""
        return await self._known(VerboseTx, txid, True)  # noqa: FBT003 - the protocol's own parameter

    async def _known(self, shape: type[T], *params: object) -> T | None:
        try:
            return await self._line.ask(shape, "blockchain.transaction.get", *params)
        except NodeRefusedError as refusal:
            if any(words in str(refusal).lower() for words in _UNKNOWN):
                return None
            raise

    async def _height(self, verbose: VerboseTx) -> Height | None:
        """Counted down from the tip, and believed only if the block there is the one it names."""
        if verbose.blockhash is None or verbose.confirmations < 1 or self._tip is None:
            return None
        height = self._tip.height - verbose.confirmations + 1
        header = await self._line.ask(str, "blockchain.block.header", height)
        found = block_of(Tip(height=height, hex=header))
        return found.height if found.hash == verbose.blockhash else None
