"""Versions that were assembled lately, encoded, by what names them: a version never changes.

Pages that are asked for again, and those that share whales with others, read and unpack only what they have
not seen. Bounded in bytes. Used on the reading thread only.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

MOST_BYTES: Final = 4 * 1024 * 1024
"""About 2,000 whales."""
LARGEST: Final = MOST_BYTES // 32
"""A larger version is not remembered: a page of such would push out all others."""


class VersionKey(NamedTuple):
    """`updated_at`, in microseconds, tells a version from one that had its numbers before a retention."""

    whale: int
    number: int
    updated_at: int


class Encoded(NamedTuple):
    """A whole version as msgpack, and in how many pieces its bodies are stored."""

    body: bytes
    pieces: int


class AssembledVersions:
    """The least recently used go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[VersionKey, Encoded] = OrderedDict()
        self._bytes = 0

    def get(self, key: VersionKey) -> Encoded | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: VersionKey, version: Encoded) -> None:
        if len(version.body) > LARGEST or key in self._kept:
            return
        self._kept[key] = version
        self._bytes += len(version.body)
        while self._bytes > MOST_BYTES:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.body)

    @property
    def size_bytes(self) -> int:
        return self._bytes
