"""Addresses and output scripts for made-up transactions (BIP 173, BIP 350, base58check)."""

import hashlib
from dataclasses import dataclass
from typing import Final

_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECK_BY_VERSION: Final = {True: 1, False: 0x2BC830A3}


@dataclass(frozen=True, slots=True)
class Output:
    """An address, and the script that pays to it, as the backend spells them."""

    address: str
    script: str
    asm: str
    kind: str


def witness_output(version: int, program: bytes, prefix: str = "bc") -> Output:
    """Return a segwit output: version 0 with 20 bytes (p2wpkh) or 32 (p2wsh), version 1 with 32 (p2tr)."""
    values = [version, *_regrouped(program, 8, 5)]
    padded = [*values, *[0] * 6]
    check = _polymod([*_expanded(prefix), *padded]) ^ _CHECK_BY_VERSION[version == 0]
    tail = [(check >> 5 * (5 - place)) & 31 for place in range(6)]
    address = prefix + "1" + "".join(_BECH32[value] for value in (*values, *tail))
    opcode = f"{0x50 + version:02x}" if version else "00"
    name = f"OP_PUSHNUM_{version}" if version else "OP_0"
    kinds = {(0, 20): "v0_p2wpkh", (0, 32): "v0_p2wsh", (1, 32): "v1_p2tr"}
    return Output(
        address=address,
        script=f"{opcode}{len(program):02x}{program.hex()}",
        asm=f"{name} OP_PUSHBYTES_{len(program)} {program.hex()}",
        kind=kinds.get((version, len(program)), "unknown"),
    )


def output_of(address: str) -> Output:
    """Return the output of an address: segwit, or base58 with version 0 / 111 (p2pkh) or 5 / 196 (p2sh)."""
    lower = address.lower()
    head, separator, tail = lower.rpartition("1")
    if separator and head in {"bc", "tb", "bcrt"}:
        values = [_BECH32.index(letter) for letter in tail[:-6]]
        return witness_output(values[0], bytes(_regrouped(bytes(values[1:]), 5, 8, pad=False)), head)
    number = 0
    for letter in address:
        number = number * 58 + _BASE58.index(letter)
    payload = number.to_bytes(25, "big")
    version, program = payload[0], payload[1:21].hex()
    if hashlib.sha256(hashlib.sha256(payload[:21]).digest()).digest()[:4] != payload[21:]:
        raise ValueError(f"bad checksum: {address}")
    if version in {5, 196}:
        asm = f"OP_HASH160 OP_PUSHBYTES_20 {program} OP_EQUAL"
        return Output(address, f"a914{program}87", asm, "p2sh")
    asm = f"OP_DUP OP_HASH160 OP_PUSHBYTES_20 {program} OP_EQUALVERIFY OP_CHECKSIG"
    return Output(address, f"76a914{program}88ac", asm, "p2pkh")


def _regrouped(values: bytes, width: int, to: int, *, pad: bool = True) -> list[int]:
    bits, held, out = 0, 0, []
    for value in values:
        held = held << width | value
        bits += width
        while bits >= to:
            bits -= to
            out.append(held >> bits & ((1 << to) - 1))
    if pad and bits:
        out.append(held << (to - bits) & ((1 << to) - 1))
    return out


def _expanded(prefix: str) -> list[int]:
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATORS):
            check ^= generator if top >> place & 1 else 0
    return check
