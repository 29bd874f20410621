"""Plays recordings: frames in their order, REST replies by their time."""

import asyncio
import bisect
import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from app.core.units import Outpoint, Txid
from app.errors import RecordingError, UnreachableError
from app.source.backend import RestAnswer, default_frame_mb

_Seconds = Annotated[float, msgspec.Meta(ge=-1e10, le=1e10)]
"""A value beyond three hundred years is not a valid time."""


class _Line(msgspec.Struct):
    t: _Seconds
    dir: str
    frame: msgspec.Raw


class _RestLine(msgspec.Struct):
    path: str
    status: int
    body: msgspec.Raw
    t: _Seconds | None = None
    method: str = "GET"
    request: msgspec.Raw = msgspec.Raw(b"null")


class _Asked(msgspec.Struct):
    txid: str
    vout: int


class _Meta(msgspec.Struct):
    event: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line: `t` in seconds of the recording; `frame` as received, or `meta` for connection events."""

    t: float
    frame: bytes | None
    meta: str | None


def moments(path: Path, most_mb: int | None = None) -> Iterator[Moment]:
    """Yield the received frames and events, in order; the client's messages are left out.

    `most_mb`: the longest frame that is read; without it what this machine has room for.

    Raises:
        RecordingError: if it cannot be opened, is not a recording, or ends within a line.
    """
    decoder = msgspec.json.Decoder(_Line)
    meta = msgspec.json.Decoder(_Meta)
    for number, raw in _lines(path, most_mb):
        try:
            line = decoder.decode(raw)
            if line.dir == "in":
                yield Moment(line.t, bytes(line.frame), None)
            elif line.dir == "meta":
                yield Moment(line.t, None, meta.decode(line.frame).event)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RecordingError(f"{path}, line {number}: not a line of a recording ({error})") from error


def zero_of(path: Path) -> datetime:
    """Return the wall time of a recording's second 0, by the first transaction or block that has a time.

    A recording holds relative seconds only; the backend's timestamps in it are the best absolute reference.
    """
    for moment in moments(path):
        if moment.frame is not None:
            stamp = _stamp(moment.frame)
            if stamp is not None:
                return datetime.fromtimestamp(stamp, UTC) - timedelta(seconds=moment.t)
    return datetime.fromtimestamp(0, UTC)


class RecordedTransport:
    """Answers a request with the latest recorded reply at or before the current time.

    A request that was never recorded raises UnreachableError, which decides nothing; a recorded 404 is a
    reply. Prevouts never change, so they are looked up one by one, whenever they were recorded.
    """

    def __init__(self, paths: Iterable[Path], zero: datetime) -> None:
        self._zero = zero
        self._answers: dict[tuple[str, str], list[tuple[float, int, bytes]]] = {}
        self._prevouts: dict[Outpoint, bytes] = {}
        self.t = 0.0
        for path in paths:
            self._load(path)
        for answers in self._answers.values():
            answers.sort(key=lambda answer: answer[0])

    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        """Reply from the recording.

        Raises:
            UnreachableError: if no reply was recorded by now, or the recording holds a failure.
        """
        await asyncio.sleep(0)
        if method == "POST" and path.endswith("/prevouts") and payload is not None:
            return self._prevouts_answer(payload)
        answers = self._answers.get((method, path), [])
        position = bisect.bisect_right(answers, self.t, key=lambda answer: answer[0]) - 1
        if position < 0:
            raise UnreachableError(f"{path}: not recorded by then")
        t, status, body = answers[position]
        if status == 0:
            raise UnreachableError(f"{path}: it could not be reached then")
        return RestAnswer(status=status, body=body, as_of=self._zero + timedelta(seconds=max(t, -1e9)))

    def _prevouts_answer(self, payload: bytes) -> RestAnswer:
        asked = msgspec.json.decode(payload, type=list[_Asked])
        found = [self._prevouts.get(Outpoint(Txid(one.txid), one.vout)) for one in asked]
        if not any(found):
            raise UnreachableError("prevouts: not recorded")
        body = b"[" + b",".join(one or b"null" for one in found) + b"]"
        return RestAnswer(status=200, body=body, as_of=self._zero + timedelta(seconds=self.t))

    def _load(self, path: Path) -> None:
        decoder, number = msgspec.json.Decoder(_RestLine), 0
        for number, raw in _lines(path):
            try:
                line = decoder.decode(raw)
                if line.method == "POST":
                    self._load_prevouts(line)
                else:
                    when = -1e9 if line.t is None else line.t
                    self._answers.setdefault((line.method, line.path), []).append(
                        (when, line.status, bytes(line.body))
                    )
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise RecordingError(f"{path}, line {number}: not a recorded answer ({error})") from error
        if not number:
            raise RecordingError(
                f"{path} holds no recorded answers, so it answers nothing: leave it out, or copy it again"
            )

    def _load_prevouts(self, line: _RestLine) -> None:
        if bytes(line.request) == b"null" or line.status != 200 or not line.path.endswith("/prevouts"):
            return
        asked = msgspec.json.decode(line.request, type=list[_Asked])
        answers = msgspec.json.decode(line.body, type=list[msgspec.Raw])
        for one, answer in zip(asked, answers, strict=False):
            if bytes(answer) != b"null":
                self._prevouts[Outpoint(Txid(one.txid), one.vout)] = bytes(answer)


def _lines(path: Path, most_mb: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield number and bytes of each line; a few megabytes of gzip may unfold to one of gigabytes."""
    most_mb = default_frame_mb() if most_mb is None else most_mb
    most = (most_mb + 1) * 1024 * 1024  # a line has few bytes beside its frame
    try:
        with gzip.open(path, "rb") if _is_gzip(path) else path.open("rb") as stream:
            for number, raw in enumerate(iter(lambda: stream.readline(most), b""), start=1):
                if len(raw) == most:
                    words = f"line {number}: longer than a frame may be here ({most_mb} MB)"
                    raise RecordingError(f"{path}, {words}")
                if raw.strip():
                    yield number, raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RecordingError(f"{path} is cut off or damaged, copy it again ({error})") from error
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror or error})") from error


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


class _StampedTx(msgspec.Struct, rename="camel"):
    first_seen: _Seconds | None = None


class _StampedDelta(msgspec.Struct):
    added: list[_StampedTx] = []


class _StampedBlock(msgspec.Struct):
    timestamp: _Seconds | None = None


class _StampedFrame(msgspec.Struct, rename={"delta": "mempool-transactions"}):
    delta: _StampedDelta | None = None
    block: _StampedBlock | None = None


def _stamp(frame: bytes) -> float | None:
    try:
        read = msgspec.json.decode(frame, type=_StampedFrame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if read.delta is not None:
        seen = [tx.first_seen for tx in read.delta.added if tx.first_seen]
        if seen:
            return max(seen)
    return read.block.timestamp if read.block is not None else None
