"""The bundled recording as a backend, played in a loop at its own pace, with times shifted to now.

Each round has its own txids, block hashes, heights and times, so that it continues the one before;
everything else is as the real backend sent it. No network connections are made.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from app.clock import Clock
from app.core.models import SourceName
from app.core.observations import SourceConnected
from app.metrics import frame_arrived
from app.source.backend import Emit, FrameReader, RestAnswer
from app.source.recording.play import Moment, RecordedTransport, moments, zero_of
from app.source.resilience import SeenTxids, SourceHealth

_ID: Final = re.compile(rb'"([0-9a-f]{64})"')
_PATH_ID: Final = re.compile(r"[0-9a-f]{64}")
_HEIGHT: Final = re.compile(rb'"(height|block_height)":(\d+)')
_STAMP: Final = re.compile(rb'"(timestamp|firstSeen|block_time|time)":(\d{10})')
_PAUSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A recording's duration, and the number of blocks that one round adds to the chain.

    `carried_on` maps each block from before the recording to the block at the recording's end that takes its
    place in the next round, so that the chains of consecutive rounds connect.
    """

    first: float
    last: float
    blocks: int
    carried_on: Mapping[str, str]

    def id_in(self, number: int, original: str) -> str:
        """Return the id that a txid or block hash of the recording has in that round."""
        while number > 0 and original in self.carried_on:
            number, original = number - 1, self.carried_on[original]
        return hashlib.sha256(number.to_bytes(4, "big") + bytes.fromhex(original)).hexdigest()


class Round:
    """One pass through the recording: translates messages into its ids and times, and requests back."""

    def __init__(self, number: int, extent: "Extent", shift_seconds: float) -> None:
        self._number = number
        self._extent = extent
        self._heights = number * extent.blocks
        self._shift = round(shift_seconds)
        self._original: dict[str, str] = {}

    def reported(self, raw: bytes) -> bytes:
        """Return `raw`, JSON from the recording, with this round's ids, heights and times."""
        raw = _ID.sub(lambda found: b'"' + self._mine(found[1].decode()).encode() + b'"', raw)
        raw = _HEIGHT.sub(lambda found: b'"%s":%d' % (found[1], int(found[2]) + self._heights), raw)
        return _STAMP.sub(lambda found: b'"%s":%d' % (found[1], int(found[2]) + self._shift), raw)

    def asked(self, text: str) -> str:
        """Return a request's text with the recording's own ids."""
        return _PATH_ID.sub(lambda found: self._original.get(found[0], found[0]), text)

    def is_of_another(self, path: str) -> bool:
        """Whether the path names a transaction or block that did not appear in this round."""
        return any(found[0] not in self._original for found in _PATH_ID.finditer(path))

    def height(self, text: bytes) -> bytes:
        return b"%d" % (int(text) + self._heights) if text.isdigit() else text

    def _mine(self, original: str) -> str:
        mine = self._extent.id_in(self._number, original)
        self._original[mine] = original
        return mine


class DemoBackend:
    """Plays frames and answers requests; a `Transport`, and a task that runs until cancelled."""

    def __init__(
        self,
        recording: Path,
        rest: Path,
        *,
        emit: Emit,
        health: SourceHealth,
        seen_txids: SeenTxids,
        clock: Clock,
    ) -> None:
        self._recording = recording
        self._zero = zero_of(recording)
        self._answers = RecordedTransport([rest], self._zero)
        self._emit = emit
        self._health = health
        self._seen_txids = seen_txids
        self._clock = clock
        self._extent = extent_of(recording)
        self._round = Round(0, self._extent, 0.0)

    async def run(self) -> None:
        number = 0
        while True:
            await self._play(number)
            number += 1
            await self._clock.sleep(_PAUSE_SECONDS)

    async def request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        """Reply as the backend did at this point of the recording.

        Raises:
            UnreachableError: if the recording has no such request.
        """
        asked = None if payload is None else self._round.asked(payload.decode()).encode()
        if self._round.is_of_another(path):
            # The mempool of the round before does not exist in this one.
            return RestAnswer(status=404, body=b"null", as_of=self._clock.now())
        answer = await self._answers.request(method, self._round.asked(path), asked)
        body = self._round.reported(answer.body)
        if path.endswith("/tip/height"):
            body = self._round.height(answer.body)
        return replace(answer, body=body, as_of=self._clock.now())

    async def _play(self, number: int) -> None:
        started_at, started = self._clock.now(), self._clock.monotonic()
        self._round = Round(number, self._extent, self._shift(started_at))
        reader = FrameReader()
        self._answers.t = self._extent.first
        self._health.connected()
        await self._emit((SourceConnected(source=SourceName.MEMPOOL_WS, again=number > 0),))
        for moment in self._frames():
            rest = moment.t - self._extent.first - (self._clock.monotonic() - started)
            if rest > 0:
                await self._clock.sleep(rest)
            self._answers.t = moment.t
            if moment.frame is not None:
                frame_arrived.set(self._clock.monotonic())
                reported = self._seen_txids.noting(reader.feed(self._round.reported(moment.frame)))
                await self._emit(tuple(reported))

    def _shift(self, now: datetime) -> float:
        return now.timestamp() - (self._zero.timestamp() + self._extent.first)

    def _frames(self) -> Iterator[Moment]:
        return (moment for moment in moments(self._recording) if moment.frame is not None)


def extent_of(recording: Path) -> Extent:
    """Read a recording's extent.

    Raises:
        RecordingError: if it cannot be read.
    """
    first = last = 0.0
    chain: dict[int, str] = {}
    before: dict[int, str] = {}
    for number, moment in enumerate(moments(recording)):
        first = moment.t if number == 0 else first
        last = moment.t
        if moment.frame is None or not _names_a_block(moment.frame):
            continue
        reported = msgspec.json.decode(moment.frame, type=_Blocks)
        if not before and reported.blocks:
            before = {one.height: one.id for one in reported.blocks}
        new = [*reported.blocks, *([reported.block] if reported.block else [])]
        chain |= {one.height: one.id for one in new}
    blocks = max(1, max(chain, default=0) - max(before, default=min(chain, default=1) - 1))
    carried_on = {before[height]: chain[height + blocks] for height in before if height + blocks in chain}
    return Extent(first=first, last=last, blocks=blocks, carried_on=carried_on)


def _names_a_block(frame: bytes) -> bool:
    return b'"block":' in frame or b'"blocks":' in frame


class _NamedBlock(msgspec.Struct):
    id: str
    height: int


class _Blocks(msgspec.Struct):
    block: _NamedBlock | None = None
    blocks: list[_NamedBlock] = []
