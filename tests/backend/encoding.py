"""Hashes and addresses: base58check, bech32 and bech32m (BIP 173, BIP 350), and RIPEMD-160.

RIPEMD-160 is written out because OpenSSL 3 leaves it out of hashlib on many machines.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32M_SUM = 0x2BC830A3
_REMEMBERED = 4_096
"""Results of each function that are kept: in a simulated day their number has no end."""


@dataclass(frozen=True, slots=True)
class Network:
    """Where an address belongs; the versions are the first byte of a base58 address."""

    hrp: str
    p2pkh: int
    p2sh: int


MAINNET = Network("bc", 0x00, 0x05)
REGTEST = Network("bcrt", 0x6F, 0xC4)


def sha256d(payload: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()


def hash160(payload: bytes) -> bytes:
    return ripemd160(hashlib.sha256(payload).digest())


@lru_cache(_REMEMBERED)
def base58check(version: int, payload: bytes) -> str:
    raw = bytes([version]) + payload
    raw += sha256d(raw)[:4]
    number, text = int.from_bytes(raw), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


def base58check_decode(text: str) -> tuple[int, bytes]:
    """Return version and payload.

    Raises:
        ValueError: if a character or the checksum is wrong.
    """
    number = 0
    for character in text:
        number = number * 58 + _BASE58.index(character)
    raw = number.to_bytes(25)
    if sha256d(raw[:-4])[:4] != raw[-4:]:
        raise ValueError(f"bad checksum: {text}")
    return raw[0], raw[1:-4]


@lru_cache(_REMEMBERED)
def segwit_address(hrp: str, version: int, program: bytes) -> str:
    values = [version, *_regroup(program, 8, 5, pad=True)]
    target = 1 if version == 0 else _BECH32M_SUM
    check = _polymod([*_expand(hrp), *values, 0, 0, 0, 0, 0, 0]) ^ target
    values += [(check >> 5 * (5 - place)) & 31 for place in range(6)]
    return hrp + "1" + "".join(_BECH32[value] for value in values)


def segwit_decode(text: str) -> tuple[int, bytes]:
    """Return witness version and program.

    Raises:
        ValueError: if a character or the checksum is wrong.
    """
    hrp, _, body = text.rpartition("1")
    values = [_BECH32.index(character) for character in body]
    target = 1 if values[0] == 0 else _BECH32M_SUM
    if _polymod([*_expand(hrp), *values]) != target:
        raise ValueError(f"bad checksum: {text}")
    return values[0], bytes(_regroup(values[1:-6], 5, 8, pad=False))


@lru_cache(_REMEMBERED)
def address_to_script(address: str) -> bytes:
    """Return the output script of an address of any network."""
    if address.startswith(("bc1", "bcrt1", "tb1")):
        version, program = segwit_decode(address)
        return bytes([version + 0x50 if version else 0, len(program)]) + program
    version, payload = base58check_decode(address)
    if version in (MAINNET.p2pkh, REGTEST.p2pkh):
        return b"\x76\xa9\x14" + payload + b"\x88\xac"
    return b"\xa9\x14" + payload + b"\x87"


def _expand(hrp: str) -> list[int]:
    return [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if (top >> place) & 1 else 0
    return check


def _regroup(values: bytes | list[int], size_in: int, size_out: int, *, pad: bool) -> list[int]:
    bits, held, grouped = 0, 0, []
    for value in values:
        held, bits = held << size_in | value, bits + size_in
        while bits >= size_out:
            bits -= size_out
            grouped.append(held >> bits & ((1 << size_out) - 1))
    if pad and bits:
        grouped.append(held << (size_out - bits) & ((1 << size_out) - 1))
    return grouped


_LEFT = "0123456789abcdef74d1a6f3c0952eb83ae49f812706db5c19ba08c4d37fe56240597c2ae138b6fd"
_RIGHT = "5e7092b4d6f81a3c6b370d5aef8c4912f5137e69b8c2a04d86413bf05c2d97aecfa4158762de039b"
_TURN_LEFT = "befc5879bdef6798768db97f7cf9b7dcbd67e9dfe8d65c75bcefef989e56865c9f5b68dc5cdeb856"
_TURN_RIGHT = "899bdff5778beec69df7c89b77c76fdb97fb866ecd5edd75f58bee6e69c9c5f885c9c5e68d65fdbb"
_ADD_LEFT = (0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E)
_ADD_RIGHT = (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0)


@lru_cache(_REMEMBERED)
def ripemd160(payload: bytes) -> bytes:
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0]
    padded = payload + b"\x80" + b"\0" * ((55 - len(payload)) % 64) + (len(payload) * 8).to_bytes(8, "little")
    for start in range(0, len(padded), 64):
        words = [int.from_bytes(padded[start + 4 * i : start + 4 * i + 4], "little") for i in range(16)]
        left = _line(state, words, _LEFT, _TURN_LEFT, _ADD_LEFT, flip=False)
        right = _line(state, words, _RIGHT, _TURN_RIGHT, _ADD_RIGHT, flip=True)
        state = [(state[(i + 1) % 5] + left[(i + 2) % 5] + right[(i + 3) % 5]) & 0xFFFFFFFF for i in range(5)]
    return b"".join(word.to_bytes(4, "little") for word in state)


def _line(
    state: list[int],
    words: list[int],
    order: str,
    turns: str,
    add: tuple[int, ...],
    *,
    flip: bool,
) -> list[int]:
    a, b, c, d, e = state
    for step in range(80):
        mix = _mix(4 - step // 16 if flip else step // 16, b, c, d)
        a = (
            _turn(
                (a + mix + words[int(order[step], 16)] + add[step // 16]) & 0xFFFFFFFF, int(turns[step], 16)
            )
            + e
        )
        a, b, c, d, e = e, a & 0xFFFFFFFF, b, _turn(c, 10), d
    return [a, b, c, d, e]


def _mix(round_: int, x: int, y: int, z: int) -> int:
    match round_:
        case 0:
            return x ^ y ^ z
        case 1:
            return (x & y) | (~x & z)
        case 2:
            return (x | ~y) ^ z
        case 3:
            return (x & z) | (y & ~z)
    return x ^ (y | ~z)


def _turn(value: int, places: int) -> int:
    value &= 0xFFFFFFFF
    return (value << places | value >> (32 - places)) & 0xFFFFFFFF
