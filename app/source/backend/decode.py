"""The mempool backend's JSON as models and observations. Pure: bytes in, values out.

A part that cannot be read raises a ParseError that names the field; `app.source.backend.frames` reports it
as `Skipped` and continues, so that only this part is lost.
"""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from app.core.encoding import check_transaction
from app.core.models import Block, BlockEntry, Input, Output, SourceName, Transaction
from app.core.observations import (
    FeesRecommended,
    MempoolMeasured,
    Prevout,
    PricesReported,
    ProjectedBlock,
    QueueProjected,
)
from app.core.prices import plausible
from app.core.units import MAX_MONEY, BlockHash, Height, Outpoint, SatPerVb, Sats, Script, Txid, VBytes
from app.errors import ParseError, StaleBlockError
from app.source.backend.shapes import (
    WireBlock,
    WireBlockEntry,
    WireFees,
    WireInput,
    WireMempoolInfo,
    WirePrevoutAnswer,
    WireProjectedBlock,
    WireStatus,
    WireTransaction,
)
from app.source.resilience import is_too_wide

T = TypeVar("T")
_HEX = frozenset("0123456789abcdef")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST_CURRENCIES = 200
MOST_VBYTES = 1_000_000
"""No block holds more, so no transaction does."""


def decode_as(kind: type[T], raw: bytes | Raw, what: str) -> T:
    """Decode `raw` strictly as `kind`; a whole message is first checked for its number of items.

    Raises:
        ParseError: naming `what` and the invalid field.
    """
    if isinstance(raw, bytes) and is_too_wide(raw):
        raise ParseError(f"{what}: more items than any mempool holds")
    try:
        return _decoder(kind).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError(f"{what}: {error}") from error


def fields(raw: bytes | Raw, what: str) -> dict[str, Raw]:
    """Split one JSON object into its fields, undecoded.

    Raises:
        ParseError: if it is not a JSON object.
    """
    return decode_as(dict[str, Raw], raw, what)


def items(raw: bytes | Raw | None, what: str) -> list[Raw]:
    """Split one JSON array into its items, undecoded; a missing array is empty."""
    return [] if raw is None else decode_as(list[Raw], raw, what)


def transaction(raw: bytes | Raw, what: str = "transaction") -> tuple[Transaction, WireStatus | None]:
    """Read a transaction in the backend's (Esplora's) format, with its status if present.

    Raises:
        ParseError: if a field is missing, of the wrong type or outside consensus limits.
    """
    wire = decode_as(WireTransaction, raw, what)
    tx = Transaction(
        txid=txid(wire.txid, what),
        inputs=tuple(_input(spent) for spent in wire.vin),
        outputs=tuple(
            Output(
                value=Sats(out.value),
                script=Script(out.scriptpubkey.lower()),
                address=out.scriptpubkey_address or None,
            )
            for out in wire.vout
        ),
        fee=sats(wire.fee),
        vsize=_vsize(wire),
        package_feerate=feerate(wire.package_feerate),
    )
    check_transaction(tx)
    return tx, wire.status


def txid(text: str, what: str) -> Txid:
    """Return a txid or block hash in lower case.

    Raises:
        ParseError: if it is not 64 hex digits.
    """
    try:
        good = len(text) == 64 and len(bytes.fromhex(text)) == 32  # bytes.fromhex ignores whitespace
    except ValueError:
        good = False
    if not good:
        raise ParseError(f"{what}: {text[:80]!r} is not 64 hex digits")
    return Txid(text.lower())


def amount(number: float, what: str) -> Sats:
    """Return an amount in satoshi.

    Raises:
        ParseError: if it is negative or above the maximum supply.
    """
    if not 0 <= number <= MAX_MONEY:
        raise ParseError(f"{what}: {str(number)[:40]} sat is no amount")
    return Sats(round(number))


def feerate(number: float | None) -> SatPerVb | None:
    """Return a feerate in sat/vB; None for a value that no transaction can pay."""
    return SatPerVb(float(number)) if number is not None and 0 <= number <= MAX_MONEY else None


def block(raw: bytes | Raw) -> Block:
    """Read a block's header fields.

    Raises:
        ParseError: if a field is missing, of a wrong type or out of range.
    """
    return _block(decode_as(WireBlock, raw, "block"))


def best_chain_block(raw: bytes | Raw) -> Block:
    """Read a requested block; the backend still knows blocks that a reorg disconnected.

    Raises:
        ParseError: as `block`.
        StaleBlockError: if the block is reported as not in the backend's best chain.
    """
    wire = decode_as(WireBlock, raw, "block")
    if wire.stale:
        raise StaleBlockError(f"block {wire.id[:64]} is not on the best chain")
    return _block(wire)


def _block(wire: WireBlock) -> Block:
    return Block(
        hash=BlockHash(txid(wire.id, "block.id")),
        height=height(wire.height),
        previous=BlockHash(txid(wire.previousblockhash, "block.previousblockhash"))
        if wire.previousblockhash
        else None,
        time=_time(wire.timestamp),
    )


def height(number: int) -> Height:
    """Return a block height.

    Raises:
        ParseError: if it is outside the possible range.
    """
    if not 0 <= number < 2**31:
        raise ParseError(f"block height {number} is out of range")
    return Height(number)


def block_entries(raw: bytes) -> tuple[BlockEntry, ...]:
    """Read `block/:hash/summary`, coinbase first.

    Raises:
        ParseError: if it is not such a list.
    """
    return tuple(
        BlockEntry(
            txid=txid(entry.txid, "block summary"),
            value=amount(entry.value, "block summary"),
            fee=sats(entry.fee),
            vsize=vbytes(entry.vsize),
        )
        for entry in decode_as(list[WireBlockEntry], raw, "block summary")
    )


def fees(raw: bytes | Raw, source: SourceName) -> FeesRecommended:
    """Read the recommended fees.

    Raises:
        ParseError: if they are not five feerates.
    """
    wire = decode_as(WireFees, raw, "fees")
    return FeesRecommended(
        fastest=float(wire.fastest_fee),
        half_hour=float(wire.half_hour_fee),
        hour=float(wire.hour_fee),
        economy=float(wire.economy_fee),
        minimum=float(wire.minimum_fee),
        source=source,
    )


def prices(raw: bytes | Raw, source: SourceName) -> PricesReported:
    """Read `conversions`. Never raises: whatever cannot be a price or a time is unknown."""
    try:
        entries = fields(raw, "conversions")
    except ParseError:
        entries = {}
    names = [name for name in sorted(entries)[:_MOST_CURRENCIES] if _CURRENCY.fullmatch(name)]
    read = {name: _number(entries[name]) for name in names}
    known = {name: per_btc for name, per_btc in read.items() if per_btc is not None and plausible(per_btc)}
    seconds = _number(entries["time"]) if "time" in entries else None
    at = _time(int(seconds)) if seconds is not None and math.isfinite(seconds) else None
    return PricesReported(per_btc=known, at=at, source=source)


def _number(raw: Raw) -> float | None:
    try:
        return float(decode_as(float, raw, "conversions"))
    except ParseError:
        return None


def queue(raw: bytes | Raw, source: SourceName) -> QueueProjected:
    """Read the projected blocks, the next one first.

    Raises:
        ParseError: if one of them is invalid.
    """
    wire = decode_as(list[WireProjectedBlock], raw, "mempool-blocks")
    blocks = tuple(
        ProjectedBlock(
            vsize=VBytes(float(one.block_v_size)),
            count=one.n_tx,
            total_fees=amount(one.total_fees, "mempool-blocks"),
            median=SatPerVb(float(one.median_fee)),
            fee_range=tuple(float(rate) for rate in one.fee_range),
        )
        for one in wire
    )
    return QueueProjected(blocks=blocks, source=source)


def mempool(raw: bytes | Raw, source: SourceName) -> MempoolMeasured:
    """Read `mempoolInfo`.

    Raises:
        ParseError: if it is invalid.
    """
    wire = decode_as(WireMempoolInfo, raw, "mempoolInfo")
    return MempoolMeasured(
        count=wire.size,
        vbytes=wire.bytes,
        usage_bytes=wire.usage,
        limit_bytes=wire.maxmempool,
        minimum_feerate=None if wire.mempoolminfee is None else SatPerVb(float(wire.mempoolminfee) * 1e5),
        loaded=wire.loaded,
        source=source,
    )


def prevouts(raw: bytes, asked: tuple[Outpoint, ...]) -> Iterator[tuple[Outpoint, Prevout | None]]:
    """Pair the answer of `POST prevouts` with the outpoints requested.

    Raises:
        ParseError: if the answer is not a list of the same length, or contains an impossible output.
    """
    wire = decode_as(list[WirePrevoutAnswer | None], raw, "prevouts")
    if len(wire) != len(asked):
        raise ParseError(f"prevouts: {len(wire)} answers to {len(asked)} questions")
    for outpoint, answer in zip(asked, wire, strict=True):
        spent = answer.prevout if answer else None
        yield (
            outpoint,
            None
            if spent is None
            else Prevout(value=amount(spent.value, "prevouts"), script=_script(spent.scriptpubkey)),
        )


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
"""One per shape, cached: building a decoder takes longer than decoding a small message."""


def _decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    found = _decoders.get(kind)
    if found is None:
        found = _decoders[kind] = msgspec.json.Decoder(kind)
    return found


def _input(wire: WireInput) -> Input:
    spent = wire.prevout
    return Input(
        outpoint=Outpoint(txid(wire.txid, "input"), wire.vout),
        sequence=wire.sequence,
        script=Script(spent.scriptpubkey.lower()) if spent else None,
        value=Sats(spent.value) if spent else None,
        scriptsig=wire.scriptsig,
        witness=tuple(wire.witness),
    )


def _vsize(wire: WireTransaction) -> VBytes | None:
    """Return the quarter of the weight if given (`vsize` is rounded up in `added`), or what sigops weigh.

    `adjustedVsize` is what the backend divides fees by: a sigop weighs 5 vbytes there, as in Bitcoin Core
    (-bytespersigop).
    """
    own = vbytes(wire.vsize if wire.weight is None else quarter(wire.weight))
    adjusted = vbytes(wire.adjusted_vsize)
    return own if own is None or adjusted is None else max(own, adjusted)


def quarter(weight: int) -> float:
    """Return vbytes of weight units, not rounded; infinite where no float holds them: an int may be any."""
    return weight / 4 if 0 <= weight <= 4 * MOST_VBYTES else math.inf


def vbytes(number: float | None) -> VBytes | None:
    """Return a size in vbytes; None if out of range."""
    return VBytes(float(number)) if number is not None and 0 < number <= MOST_VBYTES else None


def sats(number: float | None) -> Sats | None:
    """Return an amount in satoshi; None if out of range."""
    return Sats(round(number)) if number is not None and 0 <= number <= MAX_MONEY else None


def _script(text: str) -> Script:
    lower = text.lower()
    if len(lower) % 2 or not _HEX.issuperset(lower):
        raise ParseError(f"a script is not hex: {text[:80]!r}")
    return Script(lower)


def _time(timestamp: int | None) -> datetime | None:
    if timestamp is None or not 0 < timestamp < 2**32:
        return None
    return datetime.fromtimestamp(timestamp, UTC)
