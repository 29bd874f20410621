"""The end of a backup file: a manifest as JSON, a MAC over all that comes before, and the manifest's length.

The MAC's key is derived from SPOUT_SECRET, so that only the owner of the secret can make a backup from which
API keys and endpoints are taken without asking.
"""

import hmac
import os
import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

_MAGIC: Final = b"\nspout backup 1\n"
_END: Final = struct.Struct(f"<32sI{len(_MAGIC)}s")
_LONGEST: Final = 100_000
_CHUNK: Final = 1024 * 1024
BACKUP_PURPOSE: Final = "backup"
"""What the key is derived for (`Keyring.derive`)."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself; believed only with its MAC, but for the words shown to the operator."""

    spout: str
    made_at: datetime
    last_sequence: int


def seal(path: Path, manifest: Manifest, key: bytes) -> None:
    """Append manifest and MAC, and sync the file. Raises OSError."""
    body = msgspec.json.encode(manifest)
    with path.open("r+b") as file:
        mac = hmac.new(key, digestmod="sha256")
        for chunk in _chunks(file, path.stat().st_size):
            mac.update(chunk)
        mac.update(body)
        file.write(body + _END.pack(mac.digest(), len(body), _MAGIC))
        file.flush()
        os.fsync(file.fileno())


def read_seal(path: Path, key: bytes) -> tuple[Manifest | None, bool]:
    """Return the manifest, if there is one, and whether the MAC is good. Raises OSError."""
    size = path.stat().st_size
    if size < _END.size:
        return None, False
    with path.open("rb") as file:
        file.seek(size - _END.size)
        found, length, magic = _END.unpack(file.read(_END.size))
        start = size - _END.size - length
        if magic != _MAGIC or length > _LONGEST or start < 0:
            return None, False
        file.seek(start)
        body = file.read(length)
        try:
            manifest = msgspec.json.decode(body, type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None, False
        file.seek(0)
        mac = hmac.new(key, digestmod="sha256")
        for chunk in _chunks(file, start + length):
            mac.update(chunk)
    return manifest, hmac.compare_digest(mac.digest(), found)


def _chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (chunk := file.read(min(_CHUNK, length))):
        length -= len(chunk)
        yield chunk
