"""The last acknowledged sequence number, in a file beside the database to detect lost events.

DuckDB drops a torn tail of its write-ahead log silently. With this number the loss is detected and reported,
and no sequence number is used twice. It is overwritten in place and not synced: after a power cut it may lag
behind, and then detects less; it is never ahead of what was committed.
"""

import os
import zlib
from pathlib import Path
from typing import Final

LENGTH: Final = 32


class Watermark:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int:
        """Return the sequence; 0 if the file is missing or invalid."""
        try:
            line = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        number, _, check = line.strip().partition(b" ")
        if not number.isdigit() or check != _check(number):
            return 0
        return int(number)

    def write(self, sequence: int) -> None:
        """Write the sequence. Raises OSError if that fails."""
        number = b"%d" % sequence
        line = (number + b" " + _check(number)).ljust(LENGTH - 1) + b"\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, line, 0)
        finally:
            os.close(handle)


def _check(number: bytes) -> bytes:
    return b"%08x" % zlib.crc32(number)
