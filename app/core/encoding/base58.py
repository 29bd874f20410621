"""Base58Check (base58 with a four-byte checksum), for p2pkh and p2sh addresses."""

from hashlib import sha256

from app.errors import ParseError

BASE58_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUE = {letter: value for value, letter in enumerate(BASE58_ALPHABET)}
_LONGEST = 120
"""An extended key has 111 characters; nothing we decode is longer."""


def encode_check(payload: bytes) -> str:
    raw = payload + _checksum(payload)
    number = int.from_bytes(raw, "big")
    letters = []
    while number:
        number, digit = divmod(number, 58)
        letters.append(BASE58_ALPHABET[digit])
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(letters))


def decode_check(text: str) -> bytes:
    """Return the payload, version byte first.

    Raises:
        ParseError: if a character is not base58 or the checksum is wrong.
    """
    if not 5 <= len(text) <= _LONGEST:
        raise ParseError("not an address: wrong length")
    number = 0
    for letter in text:
        value = _VALUE.get(letter)
        if value is None:
            raise ParseError(f"not an address: {letter!r} is not a letter of base58")
        number = number * 58 + value
    zeros = len(text) - len(text.lstrip("1"))
    raw = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, checksum = raw[:-4], raw[-4:]
    if len(raw) < 5 or _checksum(payload) != checksum:
        raise ParseError("wrong checksum: the address is mistyped or cut")
    return payload


def _checksum(payload: bytes) -> bytes:
    return sha256(sha256(payload).digest()).digest()[:4]
