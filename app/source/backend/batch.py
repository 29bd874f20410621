"""Transactions of one frame, of each only what tells whether it matters; the few that do are read whole.

Nearly all transactions are neither whales nor relatives of one. Of these the txid, the sum of the outputs,
the parents, and fee and size are used, so only these are decoded, in one typed call.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from operator import attrgetter
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Raw

from app.core.models import Transaction
from app.core.units import MAX_MONEY, Txid
from app.errors import ParseError
from app.source.backend import decode
from app.source.backend.slices import SLICE_BYTES, Slices
from app.source.resilience import is_too_wide

HASH_DIGITS: Final = 64
HEX_DIGITS: Final = b"0123456789abcdef"
LAST_INDEX: Final = 2**32 - 1
NOTHING: Final = Raw(b"[]")
"""Nearly every list of a delta: not worth a decoder's call."""
Hash = Annotated[Txid, Meta(min_length=HASH_DIGITS, max_length=HASH_DIGITS)]


_TRANSACTIONS: Final = b'"mempool-transactions":'
_MOST_DIGITS: Final = 18
"""Of a number that is read without a check."""
_WIRE_NAMES: Final = {
    "delta": "mempool-transactions",
    "syncing": "loadingIndicators",
    "projected": "projected-block-transactions",
    "queue": "mempool-blocks",
    "mempool": "mempoolInfo",
}


class _Spent(msgspec.Struct, gc=False):
    txid: Hash
    vout: Annotated[int, Meta(ge=0, le=LAST_INDEX)]


class _Output(msgspec.Struct, gc=False):
    value: Annotated[int, Meta(ge=0, le=MAX_MONEY)]


class _Glance(msgspec.Struct, gc=False, rename={"package_feerate": "effectiveFeePerVsize"}):
    txid: Hash
    vin: Annotated[list[_Spent], Meta(min_length=1)]
    vout: Annotated[list[_Output], Meta(min_length=1)]
    fee: float | None = None
    weight: int | None = None
    vsize: float | None = None
    package_feerate: float | None = None


Given = Raw | msgspec.UnsetType
_Paid = tuple[float, float]
"""Feerate in sat/vB, and size in vB."""


class _Delta(msgspec.Struct, gc=False):
    added: list[_Glance]
    sequence: Given = msgspec.UNSET
    removed: Given = msgspec.UNSET
    mined: Given = msgspec.UNSET
    replaced: Given = msgspec.UNSET


class _Frame(msgspec.Struct, gc=False, rename=_WIRE_NAMES):
    delta: _Delta
    syncing: Given = msgspec.UNSET
    blocks: Given = msgspec.UNSET
    block: Given = msgspec.UNSET
    projected: Given = msgspec.UNSET
    fees: Given = msgspec.UNSET
    queue: Given = msgspec.UNSET
    mempool: Given = msgspec.UNSET
    conversions: Given = msgspec.UNSET


class _AddedOnly(msgspec.Struct):
    added: list[Raw]


class _DeltaOnly(msgspec.Struct, rename=_WIRE_NAMES):
    delta: _AddedOnly


_VALUE: Final = attrgetter("value")
_GLANCES: Final = msgspec.json.Decoder(list[_Glance])
_FRAME: Final = msgspec.json.Decoder(_Frame)
_ADDED: Final = msgspec.json.Decoder(_DeltaOnly)
_DELTA_FIELDS: Final = [(name, name) for name in ("sequence", "removed", "mined", "replaced")]
_FRAME_FIELDS: Final = [
    (_WIRE_NAMES.get(name, name), name) for name in _Frame.__struct_fields__ if name != "delta"
]


class FrameBatch:
    """Consecutive transactions of one `added` list, or of several that came together.

    An `app.core.observations.TransactionBatch`.

    Of what was decoded nothing else is kept: the next frame is decoded in its place, in the caches still.
    """

    __slots__ = ("_ends", "_paid", "_source", "_start", "gross", "parents", "txids")

    def __init__(
        self,
        txids: list[Txid],
        gross: list[int],
        parents: list[Txid],
        ends: list[int],
        paid: list[_Paid | None],
        source: "_Source | _Sources",
        start: int,
    ) -> None:
        """Take columns: a line for each transaction, but for `parents`, of which each may have several.

        `ends`: how many of these there are up to and with each transaction. `start`: the place of the first
        transaction in `source`.
        """
        self.txids = txids
        self.gross = gross
        self.parents = parents
        self._ends = ends
        self._paid = paid
        self._source = source
        self._start = start

    @classmethod
    def of(cls, glances: Sequence[_Glance], source: "_Source | _Sources") -> "FrameBatch":
        """Return all transactions of the source."""
        return cls(
            [one.txid for one in glances],
            [sum(map(_VALUE, one.vout)) for one in glances],
            [spent.txid for one in glances for spent in one.vin],
            list(accumulate([len(one.vin) for one in glances])),
            [_paid(one) for one in glances],
            source,
            0,
        )

    def __len__(self) -> int:
        return len(self.txids)

    def is_good(self) -> bool:
        """Whether all txids are lower-case hex, their own and those of the outputs they spend."""
        return _are_hex(self.txids + self.parents)

    def part(self, start: int, end: int) -> "FrameBatch":
        if start == 0 and end == len(self):
            return self
        at = slice(start, end)
        before = self._ends[start - 1] if start else 0
        ends = [one - before for one in self._ends[at]]
        parents = self.parents[before : self._ends[end - 1] if end else 0]
        first = self._start + start
        return FrameBatch(self.txids[at], self.gross[at], parents, ends, self._paid[at], self._source, first)

    def parents_of(self, index: int) -> list[Txid]:
        return self.parents[self._ends[index - 1] if index else 0 : self._ends[index]]

    def paid(self) -> list[tuple[Txid, _Paid]]:
        return [(txid, paid) for txid, paid in zip(self.txids, self._paid, strict=True) if paid is not None]

    def frame_of(self, index: int) -> int:
        """Return which of the frames that came together brought it."""
        return self._source.frame_of(self._start + index)

    def whole(self, index: int) -> Transaction:
        return self._source.whole(self._start + index)


def _paid(one: _Glance) -> _Paid | None:
    """Return effective feerate and size, if both are known."""
    size = one.vsize if one.weight is None else decode.quarter(one.weight)
    if size is None or not 0 < size <= decode.MOST_VBYTES:
        return None
    rate, fee = one.package_feerate, one.fee
    if rate is not None and 0 <= rate <= MAX_MONEY:
        return rate, size
    if fee is not None and 0 <= fee <= MAX_MONEY:
        return round(fee) / size, size
    return None


Batches = Iterator[FrameBatch | list[Raw]]
"""In the order reported; of a part that does not read in bulk, its transactions one by one."""


class _Source:
    """The bytes that hold transactions, split into these when one of them is first needed."""

    __slots__ = ("_items", "_split")

    def __init__(self, split: Callable[[], list[Raw]]) -> None:
        self._split = split
        self._items: list[Raw] | None = None

    def frame_of(self, _index: int) -> int:
        return 0

    def whole(self, index: int) -> Transaction:
        if self._items is None:
            self._items = self._split()
        return decode.transaction(self._items[index])[0]


class _Sources:
    """Those of several frames, one after the other."""

    __slots__ = ("_ends", "_sources")

    def __init__(self, sources: Sequence[_Source], sizes: Iterable[int]) -> None:
        self._sources = sources
        self._ends = tuple(accumulate(sizes))

    def frame_of(self, index: int) -> int:
        return bisect_right(self._ends, index)

    def whole(self, index: int) -> Transaction:
        place = self.frame_of(index)
        return self._sources[place].whole(index - (self._ends[place - 1] if place else 0))


class FrameInBulk(NamedTuple):
    """A frame's fields without `mempool-transactions`, those of that one without `added`, and `added`."""

    fields: dict[str, Raw]
    delta: dict[str, Raw]
    added: Batches


@dataclass(frozen=True, slots=True)
class SmallFrame:
    """A frame that brings transactions and is decoded in one call; `frame` holds its bytes.

    `sequence` is its number if it brings transactions and nothing else; None for every other frame.
    """

    frame: bytes
    sequence: int | None
    _read: _Frame

    @classmethod
    def of(cls, frame: bytes) -> "SmallFrame | None":
        """Return None for every other frame, and for one that does not read."""
        read = _read(frame) if _TRANSACTIONS in frame else None
        return None if read is None else cls(frame, _sequence_alone(read), read)

    @property
    def added(self) -> list[_Glance]:
        return self._read.delta.added

    def source(self) -> _Source:
        return _Source(partial(_added_of, self.frame))

    def in_bulk(self, at_most: int) -> FrameInBulk | None:
        """As `frame_with_batches`."""
        return _in_one_call(self._read, self.source(), at_most)


def _sequence_alone(read: _Frame) -> int | None:
    if any(getattr(read, field) is not msgspec.UNSET for _, field in _FRAME_FIELDS):
        return None
    delta = read.delta
    if any(
        one is not msgspec.UNSET and one != NOTHING for one in (delta.removed, delta.mined, delta.replaced)
    ):
        return None
    digits = b"" if delta.sequence is msgspec.UNSET else bytes(delta.sequence)
    return int(digits) if digits.isdigit() and len(digits) <= _MOST_DIGITS else None


def batches_of(frames: Sequence[SmallFrame], at_most: int) -> Batches | None:
    """Return the transactions of these frames in batches of at most so many; None if one does not read."""
    sources = _Sources([one.source() for one in frames], (len(one.added) for one in frames))
    whole = FrameBatch.of([glance for one in frames for glance in one.added], sources)
    return _divided(whole, at_most) if whole.is_good() else None


def frame_with_batches(frame: bytes, at_most: int, slice_bytes: int = SLICE_BYTES) -> FrameInBulk | None:
    """Decode a frame that brings transactions in bulk, these as batches of at most so many.

    None if the frame brings none, or one part of it does not read: then it has to be read item by item. What
    is not decoded here is checked when a transaction is read whole. A large frame is decoded in slices as the
    batches are taken, for one call would hold the interpreter for as long as it takes.
    """
    if _TRANSACTIONS not in frame:
        return None
    slices = Slices.of(frame, slice_bytes)
    read = _read(frame if slices is None else slices.rest)
    if read is None and slices is not None and (slices := slices.ending_earlier()) is not None:
        read = _read(slices.rest)
    if read is None:
        return None
    if slices is None:
        return _in_one_call(read, _Source(partial(_added_of, frame)), at_most)
    return _in_bulk(read, _sliced(slices, at_most))


def _in_one_call(read: _Frame, source: _Source, at_most: int) -> FrameInBulk | None:
    batch = FrameBatch.of(read.delta.added, source)
    return _in_bulk(read, _divided(batch, at_most)) if batch.is_good() else None


def _in_bulk(read: _Frame, added: Batches) -> FrameInBulk:
    return FrameInBulk(_given(read, _FRAME_FIELDS), _given(read.delta, _DELTA_FIELDS), added)


def _read(rest: bytes) -> _Frame | None:
    if is_too_wide(rest):
        return None
    try:
        return _FRAME.decode(rest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _added_of(frame: bytes) -> list[Raw]:
    return _ADDED.decode(frame).delta.added


def _sliced(slices: Slices, at_most: int) -> Batches:
    for one in slices:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            batch = FrameBatch.of(_GLANCES.decode(one), _Source(partial(decode.items, one, "added")))
            if batch.is_good():
                yield from _divided(batch, at_most)
                continue
        try:
            yield decode.items(one, "added")
        except ParseError:
            # Not cut between two transactions after all: what is left is read as it stands.
            yield decode.items(slices.left(), "added")
            return


def _divided(batch: FrameBatch, at_most: int) -> Iterator[FrameBatch]:
    for start in range(0, len(batch), at_most):
        yield batch.part(start, min(start + at_most, len(batch)))


def _given(read: msgspec.Struct, names: Sequence[tuple[str, str]]) -> dict[str, Raw]:
    return {name: raw for name, field in names if (raw := getattr(read, field)) is not msgspec.UNSET}


def _are_hex(texts: Sequence[str]) -> bool:
    """Whether all of these texts are lower-case hex."""
    return not "".join(texts).encode("ascii", "replace").translate(None, HEX_DIGITS)
