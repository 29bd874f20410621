"""A large frame of transactions, cut between these into slices that are decoded one after the other. Pure.

One call that decodes a frame of 300 MB holds the interpreter for a third of a second; a slice of a megabyte,
for a millisecond. The seam looked for is the end of one transaction and the beginning of the next. It cannot
stand inside a JSON string, where each quotation mark is escaped; where it stands in something else, the slice
is no list of transactions, and the rest is read without slices.
"""

import re
from collections.abc import Iterator
from typing import Final

SLICE_BYTES: Final = 1024 * 1024
_OPENING: Final = re.compile(rb'"mempool-transactions":\{"sequence":\d{1,20},"added":\[(?=\{)')
_SEAM: Final = re.compile(rb'\},(?=\{"txid":"[0-9a-f]{64}","(?!vout)[a-z])')
"""An input begins with a txid too, but goes on with `vout`."""
_END: Final = b'],"removed":'
_HEAD_BYTES: Final = 64 * 1024
"""The list begins within these, or the frame is not cut."""


class Slices:
    """The transactions of one frame as JSON lists, and the frame without them (`rest`)."""

    def __init__(self, frame: bytes, first: int, end: int, slice_bytes: int) -> None:
        """`added` holds transactions from `first` to `end`."""
        self._frame = frame
        self._end = end
        self._slice_bytes = slice_bytes
        self._at = self._next = first
        self.rest = frame[:first] + frame[end:]

    @classmethod
    def of(cls, frame: bytes, slice_bytes: int = SLICE_BYTES) -> "Slices | None":
        """Return None if the frame is not larger than a few slices, or not as the backend writes it."""
        if len(frame) <= 2 * slice_bytes:
            return None
        opening = _OPENING.search(frame, 0, _HEAD_BYTES)
        if opening is None:
            return None
        end = frame.rfind(_END, opening.end())  # what follows the list is short
        return None if end < 0 else cls(frame, opening.end(), end, slice_bytes)

    def ending_earlier(self) -> "Slices | None":
        """Return those up to the end before this one: a change of a projected block ends as the list does."""
        end = self._frame.rfind(_END, self._at, self._end)
        return None if end < 0 else Slices(self._frame, self._at, end, self._slice_bytes)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the slices, each about as large as wanted, and larger where no seam is found."""
        while self._next < self._end:
            self._at = self._next
            seam = _SEAM.search(self._frame, self._at + self._slice_bytes, self._end)
            cut = self._end if seam is None else seam.start() + 1
            self._next = self._end if seam is None else seam.end()
            yield b"[%b]" % self._frame[self._at : cut]

    def left(self) -> bytes:
        """Return the latest slice and all after it as one list."""
        self._next = self._end
        return b"[%b]" % self._frame[self._at : self._end]
