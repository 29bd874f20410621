"""What the process that opens a stranger's file says: frames of msgpack, each behind its length."""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from app.errors import StoreError

LONGEST_FRAME: Final = 64 * 1024 * 1024
_LENGTH: Final = struct.Struct("<I")
_ENCODE: Final = msgspec.msgpack.Encoder()


class BadBackupError(StoreError):
    """A file from which nothing is restored; says why."""


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """The file is a Spout database of this schema."""

    schema: int
    instance: str
    progress: dict[str, int]
    """Numbers in `meta` by which work goes on where it stopped (foreign.py, PROGRESS)."""


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """Some rows of a table, one list per column; times in microseconds since 1970."""

    table: str
    columns: list[list[Any]]


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    why: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Everything was sent: a process that was killed sends none."""


Frame = Opened | Rows | Refused | Done
_DECODE: Final = msgspec.msgpack.Decoder(Frame)


def send(stream: BinaryIO, frame: Frame) -> None:
    body = _ENCODE.encode(frame)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def received(stream: BinaryIO) -> Iterator[Frame]:
    """Yield frames until the stream ends.

    Raises:
        BadBackupError: if what comes is no frame, or too long.
    """
    while head := stream.read(_LENGTH.size):
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        if not 0 < length <= LONGEST_FRAME:
            raise BadBackupError("rows of it are too large")
        try:
            yield _DECODE.decode(stream.read(length))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadBackupError(f"it could not be read: {error}") from error
