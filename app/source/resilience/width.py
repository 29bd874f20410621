"""The number of items in JSON, counted before it is decoded. Pure.

`[0,0,0,…` takes two bytes per item on the wire and sixty decoded, so a size limit alone does not limit
memory. Commas outside of strings in the upper levels are counted: an upper bound for the number of items.
"""

import numpy as np

FROM_BYTES = 1024 * 1024
"""Smaller texts are not checked."""
LEVELS = 3
"""A frame, its fields, and their lists; a transaction further down is decoded on its own."""
MOST_ITEMS = 2_000_000
"""A full mempool has some 300,000 transactions."""
_PIECE = 4 * 1024 * 1024
_STRUCTURE = b'"[]{},'
_REST = bytes(set(range(256)) - set(_STRUCTURE))
_STEP = np.zeros(256, np.int8)
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1


def is_too_wide(raw: bytes | memoryview, most: int = MOST_ITEMS, levels: int = LEVELS) -> bool:
    """Whether it holds more than `most` items in its upper `levels`; never true for a small text."""
    view = memoryview(raw)
    if len(view) < FROM_BYTES:
        return False
    depth, quotes, found, start = 0, 0, 0, 0
    while start < len(view):
        end = min(start + _PIECE, len(view))
        while end < len(view) and view[end - 1] == ord("\\"):
            end += 1  # an escape sequence must not be split
        skeleton = np.frombuffer(_skeleton(bytes(view[start:end])), np.uint8)
        start = end
        is_quote = skeleton == ord('"')
        inside = (np.cumsum(is_quote, dtype=np.int32) + quotes) & 1
        quotes = (quotes + int(np.count_nonzero(is_quote))) & 1
        steps = np.where(inside, 0, _STEP[skeleton])
        depths = np.cumsum(steps, dtype=np.int32) + depth
        depth = int(depths[-1]) if len(depths) else depth
        commas = (skeleton == ord(",")) & (inside == 0) & (depths <= levels)
        found += int(np.count_nonzero(commas))
        if found > most:
            return True
    return False


def _skeleton(piece: bytes) -> bytes:
    """Return its structural characters: a tenth of a normal text."""
    if b"\\" in piece:
        piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
    return piece.translate(None, _REST)
