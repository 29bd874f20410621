"""A good input changed: bits, cuts, repetitions, and what parsers stumble over."""

import json
import random
from collections.abc import Iterator
from typing import Any

NASTY = (
    b"null", b"true", b"-1", b"0", b"1e400", b"-1e400", b"NaN", b"9" * 400, b'""', b"[]", b"{}", b'"\\u0000"',
    b'"\\ud800"', b"\xff\xfe", b"\x00", b"[" * 300, b'{"a":' * 300, b"2" * 19, b"0.1", b"9" * 20,
    b",", b"\n", b"=cmd()", b"../..", b"http://[::1", b"://", b"%00", b"\xe2\x80\xae",
)  # fmt: skip

EXTREME = (
    b"9" * 400, b"-" + b"9" * 400, b"1e308", b"-1e308", b"5e-324", b"-1", b"0", b"18446744073709551616",
)  # fmt: skip
"""Numbers of JSON at the ends of what anything holds, and past them."""
_HERE = "the number's place"


def changed(chance: random.Random, raw: bytes) -> bytes:
    """Change it at one to three places."""
    out = bytearray(raw)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(out) + 1)
        to = min(len(out), at + chance.choice((0, 1, 4, 16, 200)))
        match chance.randrange(5):
            case 0 if at < len(out):
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                del out[at:to]
            case 2:
                out[at:at] = out[at:to] * chance.choice((1, 3))
            case 3:
                out[at:to] = chance.choice(NASTY)
            case _:
                _in_place_of_a_value(chance, out)
    return bytes(out)


def _in_place_of_a_value(chance: random.Random, out: bytearray) -> None:
    """Put something nasty where a JSON value stands."""
    places = [place for place, byte in enumerate(out) if byte == ord(":")]
    if places:
        start = chance.choice(places) + 1
        end = start
        while end < len(out) and out[end] not in b",}]\n":
            end += 1
        out[start:end] = chance.choice(NASTY)


def numbers_changed(raw: bytes) -> Iterator[bytes]:
    """Put each extreme in the place of each number: of a list's items in that of the first alone."""
    lines = raw.split(b"\n")
    for at, line in enumerate(lines):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        for one in _with_a_place(value):
            for extreme in EXTREME:
                put = json.dumps(one).encode().replace(json.dumps(_HERE).encode(), extreme)
                yield b"\n".join([*lines[:at], put, *lines[at + 1 :]])


def _with_a_place(value: Any) -> Iterator[Any]:
    """Yield it once for each number, with _HERE instead."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (value | {name: one} for one in _with_a_place(inner))
    elif isinstance(value, list) and value:
        yield from ([one, *value[1:]] for one in _with_a_place(value[0]))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield _HERE
