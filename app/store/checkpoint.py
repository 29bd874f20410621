"""Makes a checkpoint safe against a kill or a power cut in the middle of it.

DuckDB writes the rows of a checkpoint to free blocks, then its header, so that until then the old header and
the write-ahead log hold everything. But its metadata blocks (256 KiB with one checksum, of which parts are
in use) it rewrites in place before the header (`MetadataManager::Flush`; seen in 2.0.0 with strace). A kill
within that one write leaves a block that matches no checksum, and the whole file unreadable: once in some 70
kills at a checkpoint after each append.

So the headers and the metadata blocks are saved in a file beside the database first. If the next start
finds that file, and the headers are still those saved in it, the checkpoint did not complete: the blocks are
put back, and the log is replayed. If the headers have changed, it completed, and what was saved is stale.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

HEADERS_LENGTH: Final = 3 * 4_096
"""DuckDB's main header and its two database headers, in front of the blocks."""
_MAGIC: Final = b"spout blocks 1\n\0"
_PIECE: Final = struct.Struct("<QI")
_END: Final = struct.Struct("<I")


def saved_of(path: Path) -> Path:
    return path.with_name(path.name + ".blocks")


def save_blocks(path: Path, blocks: Iterable[int], block_length: int) -> None:
    """Save the headers and these blocks of the database, durably.

    Raises:
        OSError: as when the disk is full; nothing is left of it then.
    """
    try:
        _save(path, blocks, block_length)
    except OSError:
        forget_blocks(path)
        raise


def forget_blocks(path: Path) -> None:
    saved_of(path).unlink(missing_ok=True)


def undo_unfinished(path: Path) -> bool:
    """Put back the saved blocks if the checkpoint that they were saved for did not complete.

    Only while no connection to the database is open. A kill during this leaves what was saved: it is done
    again. Raises OSError.
    """
    try:
        saved = _Saved(saved_of(path).read_bytes())
    except FileNotFoundError:
        return False
    undone = saved.whole and path.exists() and _put_back(path, dict(saved.pieces()))
    forget_blocks(path)
    return undone


def _save(path: Path, blocks: Iterable[int], block_length: int) -> None:
    with path.open("rb") as database, saved_of(path).open("wb") as saved:
        check = _write(saved, _MAGIC, 0)
        for offset, length in _places(blocks, block_length):
            database.seek(offset)
            content = database.read(length)
            check = _write(saved, _PIECE.pack(offset, len(content)) + content, check)
        saved.write(_END.pack(check))
        saved.flush()
        os.fsync(saved.fileno())
    _sync_directory(path.parent)


class _Saved:
    """What `save_blocks` wrote; not `whole` if it was killed meanwhile: then no checkpoint had begun."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)[: -_END.size]
        self.whole = content.startswith(_MAGIC) and content[-_END.size :] == _END.pack(
            zlib.crc32(self._content)
        )

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        at = len(_MAGIC)
        while at < len(self._content):
            offset, length = _PIECE.unpack_from(self._content, at)
            at += _PIECE.size
            yield offset, bytes(self._content[at : at + length])
            at += length


def _put_back(path: Path, pieces: dict[int, bytes]) -> bool:
    with path.open("r+b") as database:
        if database.read(HEADERS_LENGTH) != pieces.pop(0):
            return False
        for offset, content in pieces.items():
            database.seek(offset)
            database.write(content)
        database.flush()
        os.fsync(database.fileno())
    return True


def _places(blocks: Iterable[int], block_length: int) -> Iterator[tuple[int, int]]:
    yield 0, HEADERS_LENGTH
    for block in blocks:
        yield HEADERS_LENGTH + block * block_length, block_length


def _write(saved: BinaryIO, content: bytes, check: int) -> int:
    saved.write(content)
    return zlib.crc32(content, check)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
