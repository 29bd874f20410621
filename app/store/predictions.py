"""Stores events and predictions; events are published only after they are stored."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from app.core.events import Event, EventType, Happening
from app.core.models import Block
from app.core.prediction import Prediction
from app.core.tracking import Unloaded
from app.core.units import BlockHash, Txid
from app.store import backfill, chain, events, journal, queries, searching
from app.store.accounts import Touched, keep_days
from app.store.assembled_versions import AssembledVersions
from app.store.connections import Connection, in_transaction
from app.store.database import Database
from app.store.journal import Batch, Entry
from app.store.opening import Opened
from app.store.parsed_statements import execute
from app.store.records import numbered
from app.store.table_writer import TableWriter
from app.views import DayFlow, PredictionPage, PredictionQuery

T = TypeVar("T")
Rider = Callable[[tuple[Event, ...]], Callable[[Connection], None] | None]
"""Returns what writes in the transaction of these events, and must not be lost (their deliveries); None if
there is nothing to write."""

MOST_EVENTS: Final = 20_000
"""Events of one read."""
ROOM_FOR_ROWS: Final = 32 * 1024 * 1024
"""Bytes on the disk: several times what the rows of the largest batch in the journal take."""
RECENT: Final = timedelta(hours=24)
RECENT_BLOCKS: Final = 100
"""A deeper reorg is not expected, so it cannot make an older confirmed whale unconfirmed again."""


@dataclass(frozen=True, slots=True)
class Appended:
    """`in_short`: it stands in the journal, and its rows are yet to be written."""

    entry: Entry
    in_short: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The state that a restart begins with. The chain is ascending; the blocks of `unread` were never read.

    `unloaded`: pending whales that memory has no room for; the store has them.
    """

    predictions: tuple[Prediction, ...]
    blocks: tuple[Block, ...]
    unread: tuple[Block, ...]
    last_sequence: int
    unloaded: Mapping[Txid, Unloaded] = field(default_factory=dict)


class PredictionStore:
    """Implements `app.views.History`. One appends at a time: it alone numbers events."""

    def __init__(self, opened: Opened, riders: Sequence[Rider] = ()) -> None:
        self._database: Database = opened.database
        self._watermark = opened.watermark
        self._instance = opened.instance
        self._riders = tuple(riders)
        self._last = opened.last_sequence
        self._in_doubt = False
        self._tables = TableWriter(opened.instance)
        opened.database.follow(self._tables)
        self._assembled = AssembledVersions()

    @property
    def touched(self) -> Touched:
        """Which days of the accounts have changed, for whoever remembers their sums."""
        return self._tables.ledger.touched

    @property
    def last_sequence(self) -> int:
        """Return the sequence of the last acknowledged event."""
        return self._last

    async def append(
        self,
        happenings: Sequence[Happening],
        predictions: Sequence[Prediction],
        blocks: Sequence[Block] = (),
        read: Sequence[BlockHash] = (),
    ) -> tuple[Event, ...]:
        """Number and store the happenings with the predictions' new versions: all or none.

        `blocks` were connected, the transactions of those in `read` were read.

        A version that is already stored may be passed again. Calls are serialised, so events are numbered in
        order.

        Raises:
            StoreError: nothing of this batch is stored; the same call may be repeated.
        """
        batch = Batch(
            happenings=tuple(happenings),
            predictions=tuple(predictions),
            blocks=tuple(blocks),
            read=tuple(read),
        )
        appended = await self._database.run_at_once(
            lambda connection: self._append(connection, batch), then=self._acknowledge
        )
        return appended.entry.events

    async def restore(self, now: datetime) -> Restored:
        """Return what was pending, what ended within a day or a hundred blocks, and the chain."""

        def work(connection: Connection) -> Restored:
            blocks = chain.best(connection)
            floor = blocks[-1].height - RECENT_BLOCKS if blocks else None
            whales, unloaded = queries.live_and_recent(
                connection, ended_after=now - RECENT, confirmed_above=floor
            )
            return Restored(
                predictions=whales,
                blocks=blocks,
                unread=chain.unread(connection, blocks),
                last_sequence=self._last,
                unloaded=unloaded,
            )

        return await self._database.run(work)

    async def prune(self, before: datetime) -> int:
        """Delete events, ended whales and superseded versions older than `before`; count the rows.

        The latest event and all pending whales always stay. `restore` needs none of the deleted rows.
        """

        def work(connection: Connection) -> int:
            keep_days(connection, before)
            self._tables.ledger.forget_days()
            return queries.prune(connection, before)

        def done(_: int) -> None:
            self._tables.ledger.touched.note_all()
            # Another one, as a read that began before may still write to this one.
            self._assembled = AssembledVersions()
            # A whale that is deleted may return: what was remembered of it is stored no more.
            self._tables.versions.doubt()

        return await self._database.run(work, then=done)

    async def backfill(self) -> bool:
        """Bring some whales of an older Spout up to date; return whether there may be more.

        Raises:
            StoreError: nothing of this lot is stored; the same call may be repeated.
        """

        def work(connection: Connection) -> bool:
            self._tables.begin(connection)
            rows = backfill.next_lot(connection)
            self._tables.ledger.write(connection, backfill.whales_of(connection, rows))
            backfill.write_scripts(connection, rows)
            backfill.write_amounts(connection, rows)
            backfill.note_progress(connection, rows)
            return bool(rows)

        return await self._database.run(work, then=lambda _: self._tables.done())

    async def oldest(self) -> datetime | None:
        """Return the earliest time that retention could delete; None if there is none."""
        return await self._database.read(queries.oldest)

    async def page(self, query: PredictionQuery) -> PredictionPage:
        """Return one page.

        Raises:
            ParseError: if the cursor is invalid.
        """
        cursor, versions = searching.parse_cursor(query), self._assembled
        return await self._database.read(
            lambda connection: searching.page(connection, query, cursor, versions)
        )

    async def flows(self, query: PredictionQuery) -> tuple[DayFlow, ...]:
        """Return what moved on each day, by flow, of all whales that the filters let through."""
        return await self._database.read(lambda connection: searching.flows(connection, query))

    async def of_detected(
        self, start: datetime, end: datetime, take: Callable[[Prediction], Iterable[T]]
    ) -> list[T]:
        """Return what `take` makes of each whale first seen in [start, end), in no order.

        `take` runs on the reading thread. Request a few hours at most: a read has a limit of time.
        """
        return await self._database.read(lambda connection: queries.of_detected(connection, start, end, take))

    async def first_detected(self) -> datetime | None:
        """Return when the earliest whale that is kept was first seen; None if none is kept."""
        return await self._database.read(queries.first_detected)

    async def one(self, txid: str) -> Prediction | None:
        """Return the prediction that has or had this txid, or has this id."""
        return await self._database.read(lambda connection: queries.one(connection, txid))

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        """Return the stored events with a greater sequence, ascending.

        Raises:
            StoreError: also if one of them cannot be read yet, on a full disk: none is passed over.
        """
        return await self._database.read(
            lambda connection: events.after(connection, self._instance, sequence, limit), whole=True
        )

    async def events_since(self, start: datetime, types: Collection[EventType]) -> tuple[Event, ...]:
        """Return events of these types since `start`, ascending; the newest 20,000 of more."""
        return await self._database.read(
            lambda connection: events.since(connection, self._instance, start, types, MOST_EVENTS)
        )

    async def events_of(self, prediction_id: str) -> tuple[Event, ...]:
        """Return all events about one whale, ascending."""
        return await self._database.read(
            lambda connection: events.of_whale(connection, self._instance, prediction_id)
        )

    def _append(self, connection: Connection, batch: Batch) -> Appended:
        in_doubt, self._in_doubt = self._in_doubt, True
        entry = Entry(
            batch=batch, events=numbered(batch.happenings, instance=self._instance, after=self._last)
        )
        # What is told must be found: without room for its rows it is not told before they are written.
        has_room = self._database.free_bytes() > ROOM_FOR_ROWS
        body = journal.encoded(batch) if entry.events and has_room else b""
        in_short = 0 < len(body) <= journal.LARGEST
        riding = [write for rider in self._riders if (write := rider(entry.events)) is not None]

        def work(connection: Connection) -> None:
            if in_doubt:
                # An append failed during its commit: whatever it stored was never published.
                execute(connection, "DELETE FROM events WHERE sequence > ?", [self._last])
                journal.take_back(connection, self._last)
                self._tables.doubt()
            if in_short:
                journal.add(connection, entry.last, body)
            else:
                self._tables.write(connection, entry)
            for write in riding:
                write(connection)

        if in_short and not riding and not in_doubt:
            work(connection)  # one insert: without begin and commit around it, it takes a sixth less
        else:
            in_transaction(connection, work)
        return Appended(entry, in_short)

    def _acknowledge(self, appended: Appended) -> None:
        self._in_doubt = False
        if appended.in_short:
            self._tables.wait(appended.entry)
        else:
            self._tables.done()
        if not (events := appended.entry.events):
            return
        self._last = events[-1].sequence
        with suppress(OSError):  # the watermark is only a check; the events themselves are safe
            self._watermark.write(self._last)
