"""A recording's file: one JSON a line, gzip, readable to its last flush however the writer ends."""

import gzip
from pathlib import Path

import msgspec

from app.clock import Clock
from app.errors import RecordingError

FLUSH_SECONDS = 5.0
FLUSH_BYTES = 1_000_000
"""So much is not held back until its time comes."""


class JsonLines:
    """Each flush is a gzip member of its own: what was flushed stays readable, whatever comes after."""

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        """Raises RecordingError if the file is there already or cannot be made."""
        self.path = path
        self.lines = 0
        self._gathered = bytearray()
        try:
            self._file = path.open("wb" if overwrite else "xb", buffering=0)
        except FileExistsError as error:
            if path.is_dir():
                raise RecordingError(f"{path} is a directory: name a file in it") from error
            raise RecordingError(f"{path} is there already: choose another name, or --force") from error
        except OSError as error:
            raise self._refused(error) from error

    def write(self, *fields: tuple[str, object]) -> None:
        """Gather a line of `fields`, in their order; nothing is written before a flush."""
        self._gathered += msgspec.json.encode(dict(fields)) + b"\n"
        self.lines += 1

    def flush_if_much(self) -> None:
        """Raises RecordingError as `flush` does."""
        if len(self._gathered) >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Raises RecordingError if the file cannot take it; what was flushed before stays."""
        if not self._gathered:
            return
        member = memoryview(gzip.compress(bytes(self._gathered), compresslevel=6, mtime=0))
        self._gathered.clear()
        end = self._file.tell()
        try:
            while member:
                member = member[self._file.write(member) or 0 :]
        except OSError as error:
            self._file.truncate(end)  # half a member would spoil the rest
            raise self._refused(error) from error

    async def flush_now_and_then(self, clock: Clock) -> None:
        """Raises RecordingError as `flush` does."""
        while True:
            await clock.sleep(FLUSH_SECONDS)
            self.flush()

    def close(self) -> None:
        """Flush and close; a file that never held a line is taken away again."""
        try:
            self.flush()
        finally:
            self._file.close()
            if not self.lines:
                self.path.unlink(missing_ok=True)

    def _refused(self, error: OSError) -> RecordingError:
        words = (error.strerror or str(error)).lower()
        return RecordingError(f"{self.path} cannot be written: {words}; make room or choose another place")


def as_json(text: bytes) -> msgspec.Raw:
    """Return `text` as JSON on one line: as it is, or as a string where it is no JSON."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.Raw(msgspec.json.encode(text.decode(errors="replace")))
    return msgspec.Raw(msgspec.json.format(text, indent=-1) if b"\n" in text else text)
