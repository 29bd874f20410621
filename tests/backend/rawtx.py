"""Raw transactions to the backend's JSON and back (BIP 144)."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.backend.encoding import REGTEST, Network, sha256d
from tests.backend.script import asm, wire_output


@dataclass(frozen=True, slots=True)
class RawInput:
    txid: str
    vout: int
    script: bytes
    sequence: int
    witness: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class RawTransaction:
    """`outputs` are (satoshi, script); sizes in bytes and weight units.

    What follows from the bytes is worked out once: a played backend is asked for it again and again.
    """

    version: int
    locktime: int
    inputs: tuple[RawInput, ...]
    outputs: tuple[tuple[int, bytes], ...]

    @cached_property
    def txid(self) -> str:
        return sha256d(self.serialize(witness=False))[::-1].hex()

    @cached_property
    def size(self) -> int:
        return len(self.serialize())

    @cached_property
    def weight(self) -> int:
        return 3 * len(self.serialize(witness=False)) + self.size

    @property
    def is_coinbase(self) -> bool:
        return self.inputs[0].txid == "00" * 32

    def serialize(self, *, witness: bool = True) -> bytes:
        witness = witness and any(entry.witness for entry in self.inputs)
        parts = [self.version.to_bytes(4, "little"), b"\0\x01" if witness else b"", _varint(len(self.inputs))]
        for entry in self.inputs:
            parts += [bytes.fromhex(entry.txid)[::-1], entry.vout.to_bytes(4, "little")]
            parts += [_varint(len(entry.script)), entry.script, entry.sequence.to_bytes(4, "little")]
        parts.append(_varint(len(self.outputs)))
        for value, script in self.outputs:
            parts += [value.to_bytes(8, "little"), _varint(len(script)), script]
        if witness:
            for entry in self.inputs:
                parts.append(_varint(len(entry.witness)))
                parts += [_varint(len(item)) + item for item in entry.witness]
        return b"".join([*parts, self.locktime.to_bytes(4, "little")])

    def wire(self, network: Network = REGTEST) -> dict[str, Any]:
        """Return the part of the backend's JSON that the bytes alone decide; every `prevout` is null."""
        return {
            "txid": self.txid,
            "version": self.version,
            "locktime": self.locktime,
            "size": self.size,
            "weight": self.weight,
            "vin": [_wire_input(entry) for entry in self.inputs],
            "vout": [wire_output(value, script, network) for value, script in self.outputs],
        }


def decode(raw: bytes) -> RawTransaction:
    """Read one transaction, with or without witness."""
    reader = _Reader(raw)
    version = reader.number(4)
    witness = raw[4:6] == b"\0\x01"
    if witness:
        reader.take(2)
    inputs = [
        (reader.take(32)[::-1].hex(), reader.number(4), reader.chunk(), reader.number(4))
        for _ in range(reader.varint())
    ]
    outputs = tuple((reader.number(8), reader.chunk()) for _ in range(reader.varint()))
    stacks = [
        tuple(reader.chunk() for _ in range(reader.varint())) if witness else () for _ in range(len(inputs))
    ]
    entries = tuple(RawInput(*entry, stack) for entry, stack in zip(inputs, stacks, strict=True))
    return RawTransaction(version, reader.number(4), entries, outputs)


def ordering(txid: str) -> int:
    """Return the backend's `order`: the txid's last four bytes, little-endian."""
    return int.from_bytes(bytes.fromhex(txid)[-4:], "little")


def pseudo_txid(seed: str) -> str:
    """Return a txid nobody has: for outputs of transactions outside the story."""
    return hashlib.sha256(seed.encode()).hexdigest()


def _wire_input(entry: RawInput) -> dict[str, Any]:
    coinbase = entry.txid == "00" * 32
    return {
        "is_coinbase": coinbase,
        "prevout": None,
        "scriptsig": entry.script.hex(),
        "scriptsig_asm": asm(entry.script),
        "sequence": entry.sequence,
        "txid": entry.txid,
        "vout": entry.vout,
        "witness": [item.hex() for item in entry.witness],
        "inner_redeemscript_asm": "",
        "inner_witnessscript_asm": "",
    }


def _varint(number: int) -> bytes:
    for limit, prefix, width in ((0xFD, b"", 1), (0x10000, b"\xfd", 2), (0x100000000, b"\xfe", 4)):
        if number < limit:
            return prefix + number.to_bytes(width, "little")
    return b"\xff" + number.to_bytes(8, "little")


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def take(self, size: int) -> bytes:
        self._at += size
        return self._raw[self._at - size : self._at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def varint(self) -> int:
        first = self.number(1)
        return first if first < 0xFD else self.number(1 << (first - 0xFC))

    def chunk(self) -> bytes:
        return self.take(self.varint())
