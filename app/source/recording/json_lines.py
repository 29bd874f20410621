"""The file format of recordings: JSON lines in gzip, readable up to the last flush after any crash."""

import gzip
from pathlib import Path

import msgspec

from app.clock import Clock
from app.errors import RecordingError

FLUSH_SECONDS = 5.0
FLUSH_BYTES = 1_000_000
"""Lines are flushed early once they exceed this size."""


class JsonLines:
    """Each flush is a gzip member of its own: what was flushed stays readable, whatever follows."""

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        """Raises RecordingError if the file exists already or cannot be created."""
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
        """Append a line of `fields`, in order; nothing is written before a flush."""
        self._gathered += msgspec.json.encode(dict(fields)) + b"\n"
        self.lines += 1

    def flush_if_much(self) -> None:
        """Flush if the buffer is large. Raises RecordingError as `flush` does."""
        if len(self._gathered) >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the buffer. Raises RecordingError if that fails; what was flushed before stays."""
        if not self._gathered:
            return
        member = memoryview(gzip.compress(bytes(self._gathered), compresslevel=6, mtime=0))
        self._gathered.clear()
        end = self._file.tell()
        try:
            while member:
                member = member[self._file.write(member) or 0 :]
        except OSError as error:
            self._file.truncate(end)  # a partial gzip member would make the rest unreadable
            raise self._refused(error) from error

    async def flush_now_and_then(self, clock: Clock) -> None:
        """Flush periodically. Raises RecordingError as `flush` does."""
        while True:
            await clock.sleep(FLUSH_SECONDS)
            self.flush()

    def close(self) -> None:
        """Flush and close; a file without any line is removed."""
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
    """Return `text` as JSON on one line: unchanged, or as a string if it is not JSON."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.Raw(msgspec.json.encode(text.decode(errors="replace")))
    return msgspec.Raw(msgspec.json.format(text, indent=-1) if b"\n" in text else text)
