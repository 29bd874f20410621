"""The reading side of a connection that is cut off where the other side talks without end."""

from typing import BinaryIO


class Bounded:
    """What `http.client` and `smtplib` read from.

    Every read raises OSError with `words` once `most` bytes were read.
    """

    def __init__(self, file: BinaryIO, most: int, words: str) -> None:
        self._file = file
        self._left = most
        self._words = words

    def readline(self, limit: int = -1) -> bytes:
        return self._counted(self._file.readline(limit))

    def read(self, size: int = -1) -> bytes:
        return self._counted(self._file.read(size))

    def readinto(self, buffer: bytearray | memoryview) -> int:
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]  # a BufferedReader has it
        self._count(count)
        return int(count)

    def flush(self) -> None:
        """Nothing is held back; the libraries call it when they close."""

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def _counted(self, piece: bytes) -> bytes:
        self._count(len(piece))
        return piece

    def _count(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise OSError(self._words)
