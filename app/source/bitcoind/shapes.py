"""bitcoind's RPC replies as msgspec types (only fields in use), and their conversion to core models. Pure."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from app.core.encoding import AddressOf, decode
from app.core.models import Block, BlockEntry, Transaction
from app.core.observations import Prevout
from app.core.tracking import with_prevouts
from app.core.units import MAX_MONEY, BlockHash, Height, Outpoint, SatPerVb, Sats, Script, Txid, VBytes
from app.errors import ParseError
from app.source.bitcoind.rpc import sats
from app.source.resilience import BlockHeight, Confirmations, Count

Units = Annotated[int, msgspec.Meta(gt=0, le=1_000_000_000)]
"""Weight units or vbytes: JSON's numbers have no end, and nothing is divided by none."""
HeaderTime = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
"""A block's own time in seconds; its header has 32 bits for it."""


class ScriptPubKey(msgspec.Struct):
    hex: str


class TxOut(msgspec.Struct):
    """A reply of `gettxout`, an output, or a prevout."""

    value: Decimal
    script: ScriptPubKey = msgspec.field(name="scriptPubKey")
    confirmations: Confirmations = 0


class TxIn(msgspec.Struct):
    txid: str = ""
    vout: int = -1
    prevout: TxOut | None = None


class RpcVerboseTx(msgspec.Struct):
    """`getrawtransaction` with verbosity 2, or a transaction of `getblock` with verbosity 2 or 3."""

    txid: str
    hex: str
    weight: Units
    vin: list[TxIn]
    fee: Decimal | None = None
    blockhash: str | None = None
    confirmations: Confirmations = 0


class BlockTx(msgspec.Struct):
    txid: str
    hex: str
    weight: Units
    vin: list[TxIn]
    vout: list[TxOut]
    fee: Decimal | None = None


class Header(msgspec.Struct):
    hash: str
    height: BlockHeight
    confirmations: Confirmations
    time: HeaderTime
    previousblockhash: str | None = None


class HeaderWithTxids(Header, kw_only=True):
    tx: list[str]


class FullBlock(Header, kw_only=True):
    tx: list[BlockTx]


class EntryFees(msgspec.Struct):
    base: Decimal
    modified: Decimal
    ancestor: Decimal
    descendant: Decimal
    chunk: Decimal | None = None


class MempoolEntry(msgspec.Struct):
    vsize: Units
    weight: Units
    ancestorcount: Count
    ancestorsize: Units
    descendantcount: Count
    fees: EntryFees
    chunkweight: Units | None = None
    depends: tuple[str, ...] = ()
    spentby: tuple[str, ...] = ()
    """Its parents and its children in the mempool."""


class MempoolState(msgspec.Struct):
    size: Count
    bytes: Count
    usage: Count
    maxmempool: Count
    mempoolminfee: Decimal
    loaded: bool = True


class ChainState(msgspec.Struct):
    chain: str
    blocks: BlockHeight
    headers: Annotated[int, msgspec.Meta(ge=-1, le=2**31 - 1)]
    """-1 before it has any."""
    bestblockhash: str
    initialblockdownload: bool
    verificationprogress: float
    """By the clock of the node: below 0 where that is years behind."""
    pruned: bool
    pruneheight: BlockHeight | None = None
    time: HeaderTime | None = None
    """The tip's time; reported since Core 23."""


class IndexState(msgspec.Struct):
    synced: bool
    best_block_height: BlockHeight


class Notifier(msgspec.Struct):
    type: str
    address: str


class FeeEstimate(msgspec.Struct):
    feerate: Decimal | None = None


class TemplateTx(msgspec.Struct):
    """`depends`: positions in the template, from 1, of the parents that it holds."""

    fee: Annotated[int, msgspec.Meta(ge=-MAX_MONEY, le=MAX_MONEY)]
    weight: Units
    depends: tuple[Count, ...] = ()


class Template(msgspec.Struct):
    transactions: list[TemplateTx]


def block_of(header: Header) -> Block:
    """Return the header; with `HeaderWithTxids` also the txids, with `FullBlock` the entries."""
    txids: tuple[Txid, ...] | None = None
    entries: tuple[BlockEntry, ...] | None = None
    if isinstance(header, FullBlock):
        entries = tuple(_entry_of(tx) for tx in header.tx)
        txids = tuple(entry.txid for entry in entries)
    elif isinstance(header, HeaderWithTxids):
        txids = tuple(Txid(txid) for txid in header.tx)
    return Block(
        hash=BlockHash(header.hash),
        height=Height(header.height),
        previous=BlockHash(header.previousblockhash) if header.previousblockhash else None,
        time=datetime.fromtimestamp(header.time, UTC),
        txids=txids,
        entries=entries,
    )


def transaction_of(verbose: RpcVerboseTx | BlockTx, address_of: AddressOf | None) -> Transaction:
    """Return the transaction, with the prevouts and the fee as far as included.

    Raises:
        ParseError: if its bytes are not a valid transaction.
    """
    tx = decode(raw_of(verbose.hex), address_of)
    reported = {
        Outpoint(Txid(spent.txid), spent.vout): prevout_of(spent.prevout)
        for spent in verbose.vin
        if spent.prevout is not None
    }
    known = with_prevouts(tx, reported)
    return known if verbose.fee is None else replace(known, fee=sats(verbose.fee))


def prevout_of(out: TxOut) -> Prevout:
    return Prevout(value=sats(out.value), script=Script(out.script.hex))


def raw_of(text: str) -> bytes:
    """Decode hex.

    Raises:
        ParseError: if it is not valid hex.
    """
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ParseError("bitcoind: a transaction is not hex") from error


def with_entry(tx: Transaction, entry: MempoolEntry) -> Transaction:
    """Return `tx` with fee and package from its mempool entry, and the size that sigops give it there."""
    vsize = tx.vsize
    if vsize is not None and entry.vsize >= vsize + 1:  # more than a vbyte is no rounding
        vsize = VBytes(float(entry.vsize))
    return replace(tx, fee=sats(entry.fees.base), vsize=vsize, package_feerate=package_feerate(entry))


def chunk_feerate(entry: MempoolEntry) -> SatPerVb | None:
    """Return the feerate of the chunk in which the node itself would mine it, sat/vB; None before Core 31.

    None too if the operator gave it a fee delta (`prioritisetransaction`): the chunk's fee includes that. The
    delta of another member of the chunk is included as well, and its entry does not show it.
    """
    if entry.fees.chunk is None or not entry.chunkweight or fee_delta(entry):
        return None
    return SatPerVb(sats(entry.fees.chunk) * 4 / entry.chunkweight)


def package_feerate(entry: MempoolEntry) -> SatPerVb:
    """Return the feerate at which a miner would select the transaction, as its entry alone tells, sat/vB.

    If the node reports it (`chunk_feerate`), that is it. Else its own feerate or, if that is lower, that with
    its ancestors. The operator's fee delta (`prioritisetransaction`) is excluded for the transaction
    itself: other miners do not know it. Those of its relatives are not: one entry does not tell them. What
    descendants pay for it, and whose delta is whose, `selection.selected_feerate` knows.

    Source: Bitcoin Core, doc/policy/mempool-replacements.md and src/node/miner.cpp (ancestor scores).
    """
    if (reported := chunk_feerate(entry)) is not None:
        return reported
    own = sats(entry.fees.base) / entry.vsize
    return SatPerVb(min(own, (sats(entry.fees.ancestor) - fee_delta(entry)) / entry.ancestorsize))


def fee_delta(entry: MempoolEntry) -> int:
    """Return what the operator adds to its fee by `prioritisetransaction`, in satoshi; it may be below 0."""
    return sats(entry.fees.modified) - sats(entry.fees.base)


def _entry_of(tx: BlockTx) -> BlockEntry:
    return BlockEntry(
        txid=Txid(tx.txid),
        value=Sats(sum(sats(out.value) for out in tx.vout)),
        fee=sats(tx.fee) if tx.fee is not None else None,
        vsize=VBytes(tx.weight / 4),
    )
