"""Segwit addresses, in bech32 for version 0 and bech32m from version 1 on.

Source: BIP 173, BIP 350.
"""

from collections.abc import Iterable, Sequence

from app.errors import ParseError

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
V0_LENGTHS = (20, 32)
_VALUE = {letter: value for value, letter in enumerate(CHARSET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32, _BECH32M = 1, 0x2BC830A3
_CHECKSUM_LETTERS = 6


def encode(hrp: str, version: int, program: bytes) -> str:
    words = [version, *_regroup(program, 8, 5, pad=True)]
    constant = _BECH32M if version else _BECH32
    residue = _polymod([*_expand(hrp), *words, *[0] * _CHECKSUM_LETTERS]) ^ constant
    checksum = [(residue >> 5 * (5 - place)) & 31 for place in range(_CHECKSUM_LETTERS)]
    return f"{hrp}1" + "".join(CHARSET[word] for word in [*words, *checksum])


def decode(hrp: str, address: str) -> tuple[int, bytes]:
    """Return witness version and program; `hrp` is the part before the last 1.

    Raises:
        ParseError: mixed case, invalid character, checksum, version or length.
    """
    if address not in (address.lower(), address.upper()):
        raise ParseError("address mixes upper and lower case")
    letters = address.lower()[len(hrp) + 1 :]
    words = [_VALUE.get(letter, -1) for letter in letters]
    if -1 in words or len(words) <= _CHECKSUM_LETTERS:
        raise ParseError("not a segwit address: foreign letter or too short")
    version, body = words[0], words[1:-_CHECKSUM_LETTERS]
    if _polymod([*_expand(hrp), *words]) != (_BECH32M if version else _BECH32):
        raise ParseError("wrong checksum: the address is mistyped or cut")
    program = bytes(_regroup(body, 5, 8, pad=False))
    if version > 16 or not 2 <= len(program) <= 40 or (version == 0 and len(program) not in V0_LENGTHS):
        raise ParseError("not a segwit address: unknown version or length")
    return version, program


def _expand(hrp: str) -> list[int]:
    codes = [ord(letter) for letter in hrp]
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _polymod(words: Sequence[int]) -> int:
    residue = 1
    for word in words:
        top = residue >> 25
        residue = (residue & 0x1FFFFFF) << 5 ^ word
        for place, generator in enumerate(_GENERATOR):
            if top >> place & 1:
                residue ^= generator
    return residue


def _regroup(words: Iterable[int], width: int, to: int, *, pad: bool) -> list[int]:
    held, bits, regrouped = 0, 0, []
    for word in words:
        held = held << width | word
        bits += width
        while bits >= to:
            bits -= to
            regrouped.append(held >> bits & (1 << to) - 1)
        held &= (1 << bits) - 1
    if pad and bits:
        regrouped.append(held << (to - bits))
    elif not pad and (bits >= width or held):
        raise ParseError("not a segwit address: bits left over")
    return regrouped
