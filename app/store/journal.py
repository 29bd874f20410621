"""Batches as they were appended, until their rows are written out: each in one row (table_writer.py).

One insert of two columns and a commit take a third of what the rows of one whale take, six tables of them: an
event is published after the first. A batch is decoded only after a kill or a failed commit.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from app.core.events import Event, EventType, Happening
from app.core.models import Block
from app.core.prediction import Prediction
from app.core.units import BlockHash
from app.errors import StoreError
from app.store.connections import Connection
from app.store.parsed_statements import execute
from app.store.records import numbered

MOST_TRIES: Final = 3
"""Starts that may begin to write a batch out: one that ends the process must not end every start."""
LARGEST: Final = 4 * 1024 * 1024
"""Bytes. What is longer is written out at once: DuckDB would hold it in memory whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one append was given."""

    happenings: tuple[Happening, ...]
    predictions: tuple[Prediction, ...]
    blocks: tuple[Block, ...] = ()
    read: tuple[BlockHash, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A batch with its events, numbered."""

    batch: Batch
    events: tuple[Event, ...]

    @property
    def last(self) -> int:
        """The number of its last event, under which it stands in the journal."""
        return self.events[-1].sequence


class _Reported(msgspec.Struct, array_like=True):
    """A happening; of its prediction, which is most often among the batch's, the place in `_Kept`."""

    type: EventType
    at: datetime
    place: int | None
    facts: dict[str, Any] | None


class _Kept(msgspec.Struct, array_like=True):
    """`predictions` begins with the batch's own, `count` of them; those of its happenings alone follow."""

    reported: list[_Reported]
    predictions: list[Prediction]
    count: int
    blocks: list[Block]
    read: list[BlockHash]


_ENCODE: Final = msgspec.msgpack.Encoder()
_DECODE: Final = msgspec.msgpack.Decoder(_Kept)


def encoded(batch: Batch) -> bytes:
    each = list(batch.predictions)
    places = {id(one): place for place, one in enumerate(each)}
    reported = []
    for happening in batch.happenings:
        whale = happening.prediction
        if whale is not None and id(whale) not in places:
            places[id(whale)] = len(each)
            each.append(whale)
        place = None if whale is None else places[id(whale)]
        reported.append(_Reported(happening.type, happening.at, place, happening.facts))
    headers = [block.header() for block in batch.blocks]
    return _ENCODE.encode(_Kept(reported, each, len(batch.predictions), headers, list(batch.read)))


def decoded(body: bytes) -> Batch:
    """Return the batch; of its blocks the headers alone.

    Raises:
        StoreError: if it does not read.
    """
    try:
        kept = _DECODE.decode(body)
        happenings = [
            Happening(
                type=one.type,
                at=one.at,
                prediction=None if one.place is None else kept.predictions[one.place],
                facts=one.facts,
            )
            for one in kept.reported
        ]
    except (msgspec.DecodeError, UnicodeDecodeError, IndexError) as error:
        raise StoreError(f"a stored batch does not read: {error}") from error
    return Batch(
        happenings=tuple(happenings),
        predictions=tuple(kept.predictions[: kept.count]),
        blocks=tuple(kept.blocks),
        read=tuple(kept.read),
    )


def add(connection: Connection, last: int, body: bytes) -> None:
    execute(connection, "INSERT INTO journal (sequence, batch) VALUES (?, ?)", [last, body])


def entries(connection: Connection, after: int, instance: str) -> list[Entry]:
    """Return what waits behind the event `after`, in order.

    Raises:
        StoreError: if one does not read.
    """
    rows = connection.execute(
        "SELECT sequence, batch FROM journal WHERE sequence > ? ORDER BY sequence", [after]
    ).fetchall()
    return [_entry(last, decoded(bytes(body)), instance) for last, body in rows]


def _entry(last: int, batch: Batch, instance: str) -> Entry:
    before = last - len(batch.happenings)
    return Entry(batch=batch, events=numbered(batch.happenings, instance=instance, after=before))


def prepared(connection: Connection) -> tuple[bool, int]:
    """Count a start's attempt, in its own transaction: return whether any waits, and what is set aside."""
    rows = connection.execute("SELECT sequence, batch, tried FROM journal").fetchall()
    hopeless = [last for last, body, tried in rows if tried >= MOST_TRIES or not _reads(bytes(body))]
    if hopeless:
        chosen = "FROM journal WHERE sequence IN (SELECT unnest(?::BIGINT[]))"
        connection.execute("INSERT INTO journal_unread SELECT * " + chosen, [hopeless])
        connection.execute("DELETE " + chosen, [hopeless])
    if len(rows) > len(hopeless):
        connection.execute("UPDATE journal SET tried = tried + 1")
    return len(rows) > len(hopeless), len(hopeless)


def not_tried(connection: Connection) -> None:
    """Take the count of an attempt back: it failed, on a full disk say, without ending the process."""
    connection.execute("UPDATE journal SET tried = tried - 1")


def _reads(body: bytes) -> bool:
    try:
        decoded(body)
    except StoreError:
        return False
    return True


def last(connection: Connection) -> int:
    """Return the number of the last event that waits or was set aside; 0 if there is none."""
    found = connection.execute(
        "SELECT greatest((SELECT max(sequence) FROM journal), (SELECT max(sequence) FROM journal_unread))"
    ).fetchone()
    return int(found[0]) if found and found[0] is not None else 0


def forget(connection: Connection, after: int, last: int) -> None:
    """Remove what has been written out: behind the event `after`, up to `last`."""
    execute(connection, "DELETE FROM journal WHERE sequence > ? AND sequence <= ?", [after, last])


def take_back(connection: Connection, after: int) -> None:
    """Remove what was appended after that event and never acknowledged."""
    execute(connection, "DELETE FROM journal WHERE sequence > ?", [after])
