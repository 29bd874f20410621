"""Strict decoding of raw transactions, of the fields that Spout needs.

Source: BIP 144 (serialization), BIP 141 (weight and virtual size).
"""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from app.core.models import Input, Output, Transaction
from app.core.units import MAX_MONEY, NO_TXID, Outpoint, Sats, Script, Txid, VBytes
from app.errors import ParseError

COINBASE = Outpoint(NO_TXID, 0xFFFFFFFF)
"""The prevout of a coinbase input, as serialized."""

_SMALLEST_INPUT = 41
_SMALLEST_OUTPUT = 9

AddressOf = Callable[[Script], str | None]


def decode(raw: bytes, address_of: AddressOf | None = None) -> Transaction:
    """Return the transaction; fee, prevouts and package are not in its bytes and stay None.

    Addresses are given by `address_of`; without it they stay None.

    Raises:
        ParseError: if the bytes are not exactly one transaction.
    """
    try:
        return _decode(raw, address_of)
    except IndexError as error:
        raise ParseError("raw transaction: ends too early") from error


def is_coinbase(tx: Transaction) -> bool:
    return len(tx.inputs) == 1 and tx.inputs[0].outpoint == COINBASE


class _Spent(NamedTuple):
    outpoint: Outpoint
    scriptsig: str
    sequence: int


def _decode(raw: bytes, address_of: AddressOf | None) -> Transaction:
    segwit = len(raw) > 5 and raw[4] == 0 and raw[5] == 1
    start = 6 if segwit else 4
    spent, at = _inputs(raw, start)
    outputs, body_end = _outputs(raw, at, address_of)
    if segwit:
        witnesses, end = _witnesses(raw, body_end, len(spent))
    else:
        witnesses, end = [()] * len(spent), body_end
    if len(raw) != end + 4:
        raise ParseError("raw transaction: length does not fit")
    stripped = raw if not segwit else raw[:4] + raw[start:body_end] + raw[end:]
    inputs = [
        Input(outpoint=one.outpoint, sequence=one.sequence, scriptsig=one.scriptsig, witness=witness)
        for one, witness in zip(spent, witnesses, strict=True)
    ]
    return Transaction(
        txid=_txid(sha256(sha256(stripped).digest()).digest()),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        vsize=VBytes((len(stripped) * 3 + len(raw)) / 4),
    )


def _inputs(raw: bytes, at: int) -> tuple[list[_Spent], int]:
    count, at = _count(raw, at, _SMALLEST_INPUT)
    if count == 0:
        raise ParseError("raw transaction: no inputs")
    spent = []
    for _ in range(count):
        outpoint = Outpoint(_txid(raw[at : at + 32]), int.from_bytes(raw[at + 32 : at + 36], "little"))
        scriptsig, at = _piece(raw, at + 36)
        spent.append(_Spent(outpoint, scriptsig, int.from_bytes(raw[at : at + 4], "little")))
        at += 4
    return spent, at


def _outputs(raw: bytes, at: int, address_of: AddressOf | None) -> tuple[list[Output], int]:
    count, at = _count(raw, at, _SMALLEST_OUTPUT)
    outputs = []
    for _ in range(count):
        value = int.from_bytes(raw[at : at + 8], "little")
        if value > MAX_MONEY:
            raise ParseError("raw transaction: an output of more than there can be")
        text, at = _piece(raw, at + 8)
        script = Script(text)
        address = address_of(script) if address_of else None
        outputs.append(Output(value=Sats(value), script=script, address=address))
    return outputs, at


def _witnesses(raw: bytes, at: int, inputs: int) -> tuple[list[tuple[str, ...]], int]:
    witnesses = []
    for _ in range(inputs):
        count, at = _count(raw, at, 1)
        items = []
        for _ in range(count):
            item, at = _piece(raw, at)
            items.append(item)
        witnesses.append(tuple(items))
    return witnesses, at


def _piece(raw: bytes, at: int) -> tuple[str, int]:
    length, at = _compact(raw, at)
    end = at + length
    if end > len(raw):
        raise ParseError("raw transaction: a script is longer than what there is")
    return raw[at:end].hex(), end


def _count(raw: bytes, at: int, smallest: int) -> tuple[int, int]:
    """Return an element count; one that cannot fit is refused before anything is allocated."""
    count, at = _compact(raw, at)
    if count * smallest > len(raw) - at:
        raise ParseError("raw transaction: counts more than it holds")
    return count, at


def _compact(raw: bytes, at: int) -> tuple[int, int]:
    first = raw[at]
    if first < 0xFD:
        return first, at + 1
    width = 2 << (first - 0xFD)
    end = at + 1 + width
    if end > len(raw):
        raise ParseError("raw transaction: ends too early")
    return int.from_bytes(raw[at + 1 : end], "little"), end


def _txid(digest: bytes) -> Txid:
    return Txid(digest[::-1].hex())
