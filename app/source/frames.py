"""One WebSocket connection's frames as observations: a state machine without I/O.

Feed it bytes, iterate what it makes of them; the adapter is a pump around it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ParamSpec, TypeVar

from msgspec import Raw

from app.core.models import SourceName, Transaction
from app.core.observations import (
    BlockConnected,
    ChainListed,
    Gap,
    Observation,
    PackageTold,
    QueueProjected,
    Skipped,
    SourceSynced,
    TransactionGlimpsed,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
)
from app.core.units import Txid, VBytes
from app.errors import ParseError
from app.source import wire

T = TypeVar("T")
P = ParamSpec("P")
WS = SourceName.MEMPOOL_WS
Fields = dict[str, Raw]


class FrameReader:
    """Reads the frames of one connection, in order.

    `last_sequence` is that of the latest mempool delta; the backend counts from 0 at each of its
    starts, stays at 0 until it is in sync and may use a number twice, so only a step back or over
    one is a gap. `projected_index` is the projected block told last, `projected_count` how many there
    are; None while nobody said.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.skipped = 0
        self.last_sequence: int | None = None
        self.projected_index: int | None = None
        self.projected_count: int | None = None
        self._syncing: bool | None = None  # the connection before may have ended in the middle of it
        self._skips: list[Skipped] = []

    def feed(self, raw: bytes) -> Iterator[Observation]:
        """Yield what one frame tells. Never raises: what cannot be read is told as Skipped."""
        self.frames += 1
        frame = self._try("frame", wire.fields, raw, "frame")
        if frame is None:
            yield Gap(source=WS, reason="a frame could not be read")
        else:
            # A block before what left with it, a replacement before its victim's removal.
            for reader in (self._sync, self._chain, self._delta, self._projected, self._market):
                yield from reader(frame)
        yield from self._skips
        self._skips.clear()

    def _sync(self, frame: Fields) -> Iterator[Observation]:
        told = self._fields(frame, "loadingIndicators")
        if told is None:
            return
        if "mempool" in told:
            percent = self._try("loadingIndicators", wire.decode, float, told["mempool"], "percent")
            if percent is not None:
                self._syncing = percent < 100
                yield SourceSynced(source=WS, percent=float(percent))
        elif self._syncing is not False:
            self._syncing = False
            yield SourceSynced(source=WS, percent=100.0)

    def _chain(self, frame: Fields) -> Iterator[Observation]:
        blocks = [
            block
            for raw in self._items(frame, "blocks")
            if (block := self._try("blocks", wire.block, raw)) is not None
        ]
        if blocks:
            blocks.sort(key=lambda block: block.height)
            yield ChainListed(blocks=tuple(blocks), source=WS)

    def _delta(self, frame: Fields) -> Iterator[Observation]:
        delta = self._fields(frame, "mempool-transactions")
        yield from self._block(frame, delta or {})
        if delta is None:
            if "mempool-transactions" in frame:
                yield Gap(source=WS, reason="a mempool delta could not be read")
            return
        skipped_before = self.skipped
        yield from self._sequence(delta)
        replacements = self._replacements(delta)
        yield from replacements
        yield from self._added(delta)
        victims = {victim for replacement in replacements for victim in replacement.victims}
        gone = tuple(txid for txid in self._txids(delta, "removed") if txid not in victims)
        if gone:
            yield TransactionLeft(txids=gone, source=WS)
        if self.skipped > skipped_before:
            yield Gap(source=WS, reason="part of a mempool delta could not be read")

    def _block(self, frame: Fields, delta: Fields) -> Iterator[Observation]:
        if "block" not in frame:
            return
        block = self._try("block", wire.block, frame["block"])
        if block is None:
            yield Gap(source=WS, reason="a block could not be read")
            return
        yield BlockConnected(block=replace(block, txids=self._txids(delta, "mined") or None), source=WS)

    def _sequence(self, delta: Fields) -> Iterator[Observation]:
        if "sequence" not in delta:
            return
        number = self._try("mempool-transactions", wire.decode, int, delta["sequence"], "sequence")
        if number is None:
            return
        last, self.last_sequence = self.last_sequence, number
        if last is not None and number not in (last, last + 1):
            yield Gap(source=WS, reason=f"sequence went from {last} to {number}")

    def _replacements(self, delta: Fields) -> list[TransactionReplaced]:
        """One for each winner, with all its victims."""
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

    def _added(self, delta: Fields) -> Iterator[Observation]:
        late = bool(self._syncing) or self.last_sequence == 0
        for raw in self._items(delta, "added"):
            read = self._try("added", wire.transaction, raw)
            if read is not None:
                yield TransactionSeen(tx=read[0], source=WS, late=late)

    def _projected(self, frame: Fields) -> Iterator[Observation]:
        told = self._fields(frame, "projected-block-transactions")
        if told is None:
            return
        if "index" in told:
            self.projected_index = self._try("projected block", wire.decode, int, told["index"], "index")
        lines = self._items(told, "blockTransactions")
        delta = self._fields(told, "delta")
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
            ("fees", wire.fees),
            ("mempool-blocks", wire.queue),
            ("mempoolInfo", wire.mempool),
        )
        for name, read in readers:
            if name in frame:
                told = self._try(name, read, frame[name], WS)
                if isinstance(told, QueueProjected):
                    self.projected_count = len(told.blocks)
                if told is not None:
                    yield told

    def _txids(self, delta: Fields, name: str) -> tuple[Txid, ...]:
        found = (self._try(name, _txid, raw, name) for raw in self._items(delta, name))
        return tuple(txid for txid in found if txid is not None)

    def _fields(self, parent: Fields, name: str) -> Fields | None:
        raw = parent.get(name)
        return None if raw is None else self._try(name, wire.fields, raw, name)

    def _items(self, parent: Fields, name: str) -> list[Raw]:
        return self._try(name, wire.items, parent.get(name), name) or []

    def _try(self, what: str, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Return what `read` returns; None if it cannot be read, which is told after the frame."""
        try:
            return read(*args, **kwargs)
        except ParseError as error:
            self.skipped += 1
            if len(self._skips) < 100:  # a frame of nothing but nonsense shall not fill the memory
                self._skips.append(Skipped(source=WS, what=f"{what}: {error}"[:300]))
            return None


def _txid(raw: Raw, what: str) -> Txid:
    return wire.txid(wire.decode(str, raw, what), what)


def _replacement(raw: Raw) -> tuple[Txid, Transaction, bool]:
    pair = wire.fields(raw, "replaced")
    if "replaced" not in pair or "by" not in pair:
        raise ParseError("it does not name both transactions")
    victim = wire.txid(wire.decode(str, pair["replaced"], "replaced"), "replaced")
    winner, status = wire.transaction(pair["by"], "by")
    return victim, winner, bool(status and status.confirmed)


def _glimpse(raw: Raw) -> TransactionGlimpsed:
    """Read [txid, fee, vsize, value, rate, flags, time]."""
    line = wire.items(raw, "line")
    if len(line) < 5:
        raise ParseError("a line has fewer than five values")
    fee, vsize, value, rate = (wire.decode(float, one, "line") for one in line[1:5])
    if min(fee, vsize, rate) < 0:
        raise ParseError("a line has a negative value")
    return TransactionGlimpsed(
        txid=wire.txid(wire.decode(str, line[0], "line"), "line"),
        value=wire.amount(value, "line"),
        fee=wire.amount(fee, "line"),
        vsize=VBytes(float(vsize)),
        package_feerate=wire.feerate(rate),
        source=WS,
    )


def _changed(raw: Raw) -> PackageTold:
    """Read [txid, rate, flags, accelerated]."""
    line = wire.items(raw, "line")
    if len(line) < 2:
        raise ParseError("a change has fewer than two values")
    rate = wire.feerate(wire.decode(float, line[1], "line"))
    if rate is None:
        raise ParseError("a change has a feerate that cannot be")
    return PackageTold(
        txid=wire.txid(wire.decode(str, line[0], "line"), "line"),
        package_feerate=rate,
        related=None,
        source=WS,
    )
