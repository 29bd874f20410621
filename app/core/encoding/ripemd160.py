"""RIPEMD-160, by OpenSSL where it provides it, in pure Python where it does not.

Source: Dobbertin, Bosselaers, Preneel, "RIPEMD-160: A Strengthened Version of RIPEMD" (1996).
"""

import hashlib

_LEFT_ORDER = (
    *range(16),
    *(7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8),
    *(3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12),
    *(1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2),
    *(4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13),
)
_RIGHT_ORDER = (
    *(5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12),
    *(6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2),
    *(15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13),
    *(8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14),
    *(12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11),
)
_LEFT_TURNS = (
    *(11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8),
    *(7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12),
    *(11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5),
    *(11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12),
    *(9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6),
)
_RIGHT_TURNS = (
    *(8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6),
    *(9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11),
    *(9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5),
    *(15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8),
    *(8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11),
)
_LEFT_ADDS = (0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E)
_RIGHT_ADDS = (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0)
_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_MASK = 0xFFFFFFFF
_OFFERED = "ripemd160" in hashlib.algorithms_available


def ripemd160(raw: bytes, *, offered: bool = _OFFERED) -> bytes:
    """Compute RIPEMD-160; `offered`: by OpenSSL."""
    if offered:
        return hashlib.new("ripemd160", raw, usedforsecurity=False).digest()
    return plain_ripemd160(raw)


def plain_ripemd160(raw: bytes) -> bytes:
    """Compute RIPEMD-160 in pure Python, for an OpenSSL that was built without it; slow."""
    padded = raw + b"\x80" + b"\0" * (-(len(raw) + 9) % 64) + (8 * len(raw)).to_bytes(8, "little")
    state = _START
    for at in range(0, len(padded), 64):
        words = [int.from_bytes(padded[at + 4 * i : at + 4 * i + 4], "little") for i in range(16)]
        left = _line(state, words, _LEFT_ORDER, _LEFT_TURNS, _LEFT_ADDS, (0, 1, 2, 3, 4))
        right = _line(state, words, _RIGHT_ORDER, _RIGHT_TURNS, _RIGHT_ADDS, (4, 3, 2, 1, 0))
        state = tuple((state[(i + 1) % 5] + left[(i + 2) % 5] + right[(i + 3) % 5]) & _MASK for i in range(5))  # type: ignore[assignment]
    return b"".join(word.to_bytes(4, "little") for word in state)


def _line(
    state: tuple[int, ...],
    words: list[int],
    order: tuple[int, ...],
    turns: tuple[int, ...],
    adds: tuple[int, ...],
    mixers: tuple[int, ...],
) -> tuple[int, ...]:
    a, b, c, d, e = state
    for step in range(80):
        phase = step // 16
        mixed = (a + _mix(mixers[phase], b, c, d) + words[order[step]] + adds[phase]) & _MASK
        a, b, c, d, e = e, (_turn(mixed, turns[step]) + e) & _MASK, b, _turn(c, 10), d
    return a, b, c, d, e


def _mix(mixer: int, x: int, y: int, z: int) -> int:
    if mixer == 0:
        return x ^ y ^ z
    if mixer == 1:
        return (x & y) | (~x & z & _MASK)
    if mixer == 2:
        return (x | (~y & _MASK)) ^ z
    if mixer == 3:
        return (x & z) | (y & ~z & _MASK)
    return x ^ (y | (~z & _MASK))


def _turn(word: int, by: int) -> int:
    return (word << by | word >> (32 - by)) & _MASK
