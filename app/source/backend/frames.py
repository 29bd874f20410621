"""One WebSocket connection's frames as observations: a state machine without I/O.

The adapter feeds it bytes and iterates over the observations.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, repeat
from typing import ParamSpec, TypeVar

from msgspec import Raw

from app.core.flow import hop_of
from app.core.models import SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    ChainListed,
    Gap,
    Observation,
    PackageReply,
    ProjectedTransaction,
    QueueProjected,
    Skipped,
    SourceSynced,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
    TransactionsSeen,
)
from app.core.units import Sats, Txid, VBytes
from app.errors import ParseError
from app.source.backend import decode
from app.source.backend.batch import (
    NOTHING,
    Batches,
    FrameBatch,
    FrameInBulk,
    SmallFrame,
    batches_of,
    frame_with_batches,
)
from app.source.backend.parents import parents_first

T = TypeVar("T")
P = ParamSpec("P")
WS = SourceName.MEMPOOL_WS
Fields = dict[str, Raw]
AT_ONCE = 1_000
"""Small transactions in one observation; large transactions stand between them, each for itself."""
HELD_AT_MOST = 2_000
"""Hops that wait for the end of a large frame; some 2 kB each."""
_SIGNS_OF_LIFE = {"pong", "loadingIndicators"}


class FrameReader:
    """Reads the frames of one connection, in order.

    `last_sequence` is that of the latest mempool delta. The backend counts from 0 after each restart, stays
    at 0 until it is in sync and may repeat a number, so only a step back or a skipped number is a gap.
    `projected_index` is the projected block last reported, `projected_count` how many there are; None if
    not reported yet. `untold`: the contents of the projected blocks were not reported otherwise, because the
    backend has just read its mempool, or messages were missed; the caller that reads the blocks resets it.
    """

    def __init__(self, threshold: Callable[[], Sats] | None = None) -> None:
        """Report transactions of at most the threshold in bulk; all one by one without it."""
        self._threshold = threshold
        self.frames = 0
        self.skipped = 0
        self.last_sequence: int | None = None
        self.projected_index: int | None = None
        self.projected_count: int | None = None
        self.untold = False
        self.lost = False
        """Whether a frame was lost, or one that may hold a block was not read: it will not be sent again."""
        self.moved = False
        """Whether the last frame held more than a pong or a loading indicator: the backend is working."""
        self._syncing: bool | None = None  # the previous connection may have ended during a sync
        self._skips: list[Skipped] = []

    def feed_together(self, raws: Sequence[bytes]) -> Iterator[Observation]:
        """As `feed`, of frames that arrived together: those that only bring transactions are read as one.

        What a frame costs on its way is nearly the same for a dozen transactions and for a hundred.
        """
        moved = False
        for part in self._parts(raws):
            yield from part
            moved = moved or self.moved
        self.moved = moved

    def _parts(self, raws: Sequence[bytes]) -> Iterator[Iterator[Observation]]:
        """Yield the observations of each frame, of some as one; they are to be taken before the next."""
        run: list[SmallFrame] = []
        count = 0
        for raw in raws:
            small = None if self._threshold is None else SmallFrame.of(raw)
            joins = small is not None and count + len(small.added) <= AT_ONCE
            if run and not (joins and self._follows(small, run[-1].sequence)):
                yield self._as_one(run)
                run, count = [], 0
            if small is None:
                yield self.feed(raw)
            elif run or self._follows(small, self.last_sequence):
                run.append(small)
                count += len(small.added)
            else:
                yield self._feed(raw, small.in_bulk(AT_ONCE))
        if run:
            yield self._as_one(run)

    def _follows(self, frame: SmallFrame | None, last: int | None) -> bool:
        """Return whether it brings transactions alone, none before it is missing, and all are in sync."""
        sequence = None if frame is None or self._syncing else frame.sequence
        return sequence is not None and last is not None and 0 < last <= sequence <= last + 1

    def _as_one(self, run: Sequence[SmallFrame]) -> Iterator[Observation]:
        """Frames that bring transactions alone, of which none is missing."""
        if (added := batches_of(run, AT_ONCE)) is None:
            for one in run:
                yield from self._feed(one.frame, one.in_bulk(AT_ONCE))
            return
        self.frames += len(run)
        self.last_sequence = run[-1].sequence
        self.moved = True
        yield from self._delta({}, added)
        yield from self._skips
        self._skips.clear()

    def feed(self, raw: bytes) -> Iterator[Observation]:
        """Yield the observations of one frame. Never raises: unreadable parts are reported as Skipped."""
        yield from self._feed(raw, None if self._threshold is None else frame_with_batches(raw, AT_ONCE))

    def _feed(self, raw: bytes, in_bulk: FrameInBulk | None) -> Iterator[Observation]:
        self.frames += 1
        if in_bulk is not None:
            self.moved = True
            yield from self._whole(in_bulk.fields, in_bulk.delta, in_bulk.added)
        elif (frame := self._try("frame", decode.fields, raw, "frame")) is None:
            self.moved, self.lost = False, True
            yield Gap(source=WS, reason="a frame could not be read")
        else:
            self.moved = bool(frame.keys() - _SIGNS_OF_LIFE)
            yield from self._whole(frame, self._fields(frame, "mempool-transactions"), None)
        yield from self._skips
        self._skips.clear()

    def _whole(self, frame: Fields, delta: Fields | None, added: Batches | None) -> Iterator[Observation]:
        if delta is not None and not frame:  # nearly all: the rest comes with a block, or seldom
            yield from self._delta(delta, added)
            return
        # A block precedes the removals it causes, a replacement the removal of what it replaces.
        yield from self._sync(frame)
        yield from self._chain(frame)
        yield from self._block(frame, delta or {})
        if delta is not None:
            yield from self._delta(delta, added)
        elif "mempool-transactions" in frame:
            yield Gap(source=WS, reason="a mempool delta could not be read")
        yield from self._projected(frame)
        yield from self._market(frame)

    def _sync(self, frame: Fields) -> Iterator[Observation]:
        entry = self._fields(frame, "loadingIndicators")
        if entry is None:
            return
        if "mempool" in entry:
            percent = self._try("loadingIndicators", decode.decode_as, float, entry["mempool"], "percent")
            if percent is not None:
                self._become_syncing(now=percent < 100)
                yield SourceSynced(source=WS, percent=float(percent))
        elif self._syncing is not False:
            self._become_syncing(now=False)
            yield SourceSynced(source=WS, percent=100.0)

    def _become_syncing(self, *, now: bool) -> None:
        self.untold = self.untold or bool(self._syncing and not now)
        self._syncing = now

    def _chain(self, frame: Fields) -> Iterator[Observation]:
        blocks = [
            block
            for raw in self._items(frame, "blocks")
            if (block := self._try("blocks", decode.block, raw)) is not None
        ]
        if blocks:
            blocks.sort(key=lambda block: block.height)
            yield ChainListed(blocks=tuple(blocks), source=WS)

    def _delta(self, delta: Fields, added: Batches | None) -> Iterator[Observation]:
        """`added`, if it could be decoded in bulk, is not among the fields."""
        skipped_before = self.skipped
        yield from self._sequence(delta)
        replacements = self._replacements(delta)
        yield from replacements
        yield from (
            self._in_bulk(added) if added is not None else self._one_by_one(self._items(delta, "added"))
        )
        victims = {victim for replacement in replacements for victim in replacement.victims}
        gone = tuple(txid for txid in self._txids(delta, "removed") if txid not in victims)
        if gone:
            yield TransactionLeft(txids=gone, source=WS)
        if self.skipped > skipped_before:
            yield Gap(source=WS, reason="part of a mempool delta could not be read")

    def _block(self, frame: Fields, delta: Fields) -> Iterator[Observation]:
        if "block" not in frame:
            return
        block = self._try("block", decode.block, frame["block"])
        if block is None:
            self.lost = True
            yield Gap(source=WS, reason="a block could not be read")
            return
        yield BlockConnected(block=replace(block, txids=self._txids(delta, "mined") or None), source=WS)

    def _sequence(self, delta: Fields) -> Iterator[Observation]:
        if "sequence" not in delta:
            return
        number = self._try("mempool-transactions", decode.decode_as, int, delta["sequence"], "sequence")
        if number is None:
            return
        last, self.last_sequence = self.last_sequence, number
        if last is not None and number not in (last, last + 1):
            self.untold = self.lost = True
            yield Gap(source=WS, reason=f"sequence went from {last} to {number}")

    def _replacements(self, delta: Fields) -> list[TransactionReplaced]:
        """Return one observation per replacing transaction, with all the transactions it replaced."""
        winners: dict[Txid, tuple[Transaction, bool]] = {}
        victims: dict[Txid, list[Txid]] = {}
        for raw in self._items(delta, "replaced"):
            pair = self._try("replaced", _replacement, raw)
            if pair is not None:
                victim, winner, mined = pair
                winners[winner.txid] = (winner, mined)
                victims.setdefault(winner.txid, []).append(victim)
        return [
            TransactionReplaced(victims=tuple(victims[txid]), by=winner, mined=mined, source=WS)
            for txid, (winner, mined) in winners.items()
        ]

    @property
    def _late(self) -> bool:
        return bool(self._syncing) or self.last_sequence == 0

    def _one_by_one(self, items: Sequence[Raw]) -> Iterator[Observation]:
        late = self._late
        read = [one[0] for item in items if (one := self._try("added", decode.transaction, item)) is not None]
        for tx in parents_first(read):
            yield TransactionSeen(tx=tx, source=WS, late=late)

    def _in_bulk(self, added: Batches) -> Iterator[Observation]:
        threshold = Sats(0) if self._threshold is None else self._threshold()
        held: list[Transaction] | None = None
        batch = self._try("added", next, added, None)
        while batch is not None:
            following = self._try("added", next, added, None)
            if held is None and following is not None:
                held = []  # a hop's parent may stand in a later batch
            if isinstance(batch, list):
                yield from self._one_by_one(batch)
            else:
                yield from self._by_size(batch, threshold, held, late=self._late)
            if held and (following is None or len(held) >= HELD_AT_MOST):
                yield from self._released(held)
                held.clear()
            batch = following

    def _released(self, held: Sequence[Transaction]) -> Iterator[Observation]:
        for tx in parents_first(held):
            yield TransactionSeen(tx=tx, source=WS, late=self._late)

    def _by_size(
        self, batch: FrameBatch, threshold: Sats, held: list[Transaction] | None, *, late: bool
    ) -> Iterator[Observation]:
        """Yield the large ones read whole, parents first, and the small ones between them in bulk.

        Those that look like a hop of a chain are put into `held` instead, if there is such.
        """
        if max(batch.gross, default=0) <= threshold:
            if len(batch):
                yield TransactionsSeen(batch=batch, source=WS, late=late)
            return
        large = [index for index, gross in enumerate(batch.gross) if gross > threshold]
        ordered = iter(self._read_whole(batch, large))
        start = 0
        for index in large:
            if index > start:
                yield TransactionsSeen(batch=batch.part(start, index), source=WS, late=late)
            start = index + 1
            tx = next(ordered)
            if tx is not None and held is not None and hop_of(tx) is not None:
                held.append(tx)
            elif tx is not None:
                yield TransactionSeen(tx=tx, source=WS, late=late)
        if start < len(batch):
            yield TransactionsSeen(batch=batch.part(start, len(batch)), source=WS, late=late)

    def _read_whole(self, batch: FrameBatch, indexes: Sequence[int]) -> Iterator[Transaction | None]:
        """Yield these whole, of each frame parents first; then None for each that could not be read."""
        for _, those in groupby(indexes, batch.frame_of):
            places = list(those)
            read = [tx for index in places if (tx := self._try("added", batch.whole, index)) is not None]
            yield from parents_first(read)
            yield from repeat(None, len(places) - len(read))

    def _projected(self, frame: Fields) -> Iterator[Observation]:
        entry = self._fields(frame, "projected-block-transactions")
        if entry is None:
            return
        if "index" in entry:
            self.projected_index = self._try(
                "projected block", decode.decode_as, int, entry["index"], "index"
            )
        lines = self._items(entry, "blockTransactions")
        delta = self._fields(entry, "delta")
        if delta is not None:
            lines += self._items(delta, "added")
            for raw in self._items(delta, "changed"):
                change = self._try("projected block", _changed, raw)
                if change is not None:
                    yield change
        for raw in lines:
            line = self._try("projected block", _glimpse, raw)
            if line is not None:
                yield line

    def _market(self, frame: Fields) -> Iterator[Observation]:
        readers: tuple[tuple[str, Callable[[Raw, SourceName], Observation]], ...] = (
            ("fees", decode.fees),
            ("mempool-blocks", decode.queue),
            ("mempoolInfo", decode.mempool),
            ("conversions", decode.prices),
        )
        for name, read in readers:
            if name in frame:
                entry = self._try(name, read, frame[name], WS)
                if isinstance(entry, QueueProjected):
                    self.projected_count = len(entry.blocks)
                if entry is not None:
                    yield entry

    def _txids(self, delta: Fields, name: str) -> tuple[Txid, ...]:
        found = (self._try(name, _txid, raw, name) for raw in self._items(delta, name))
        return tuple(txid for txid in found if txid is not None)

    def _fields(self, parent: Fields, name: str) -> Fields | None:
        raw = parent.get(name)
        return None if raw is None else self._try(name, decode.fields, raw, name)

    def _items(self, parent: Fields, name: str) -> list[Raw]:
        raw = parent.get(name)
        return [] if raw is None or raw == NOTHING else self._try(name, decode.items, raw, name) or []

    def _try(self, what: str, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Return what `read` returns; None on a ParseError, which is reported after the frame."""
        try:
            return read(*args, **kwargs)
        except ParseError as error:
            self.skipped += 1
            if len(self._skips) < 100:  # bounded: a frame of invalid data must not fill the memory
                self._skips.append(Skipped(source=WS, what=f"{what}: {error}"[:300]))
            return None


def _txid(raw: Raw, what: str) -> Txid:
    return decode.txid(decode.decode_as(str, raw, what), what)


def _replacement(raw: Raw) -> tuple[Txid, Transaction, bool]:
    pair = decode.fields(raw, "replaced")
    if "replaced" not in pair or "by" not in pair:
        raise ParseError("it does not name both transactions")
    victim = decode.txid(decode.decode_as(str, pair["replaced"], "replaced"), "replaced")
    winner, status = decode.transaction(pair["by"], "by")
    return victim, winner, bool(status and status.confirmed)


def _glimpse(raw: Raw) -> ProjectedTransaction:
    """Read [txid, fee, vsize, value, rate, flags, time]."""
    line = decode.items(raw, "line")
    if len(line) < 5:
        raise ParseError("a line has fewer than five values")
    fee, vsize, value, rate = (decode.decode_as(float, one, "line") for one in line[1:5])
    if min(fee, vsize, rate) < 0:
        raise ParseError("a line has a negative value")
    return ProjectedTransaction(
        txid=decode.txid(decode.decode_as(str, line[0], "line"), "line"),
        value=decode.amount(value, "line"),
        fee=decode.amount(fee, "line"),
        vsize=VBytes(float(vsize)),
        package_feerate=decode.feerate(rate),
        source=WS,
    )


def _changed(raw: Raw) -> PackageReply:
    """Read [txid, rate, flags, accelerated]."""
    line = decode.items(raw, "line")
    if len(line) < 2:
        raise ParseError("a change has fewer than two values")
    rate = decode.feerate(decode.decode_as(float, line[1], "line"))
    if rate is None:
        raise ParseError("a change has a feerate that cannot be")
    return PackageReply(
        txid=decode.txid(decode.decode_as(str, line[0], "line"), "line"),
        package_feerate=rate,
        related=None,
        source=WS,
    )
