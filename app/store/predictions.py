"""Stores events and predictions; events are published only after they are stored."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from app.core.events import Event, EventType, Happening
from app.core.models import Block
from app.core.prediction import Prediction
from app.core.tracking import Unloaded
from app.core.units import BlockHash, Txid
from app.store import backfill, chain, events, queries, searching
from app.store.accounts import Ledger, Touched, keep_days
from app.store.assembled_versions import AssembledVersions
from app.store.connections import Connection
from app.store.database import Database
from app.store.opening import Opened
from app.store.parsed_statements import insert_columns
from app.store.records import encoded, numbered
from app.store.versions import VersionPlace, Versions, columns
from app.views import DayFlow, PredictionPage, PredictionQuery

Rider = Callable[[Connection, tuple[Event, ...]], None]
"""Writes what must not be lost (deliveries, the dispatcher's position) in the transaction of its events."""

MOST_EVENTS: Final = 20_000
"""Events of one read."""
RECENT: Final = timedelta(hours=24)
RECENT_BLOCKS: Final = 100
"""A deeper reorg is not expected, so it cannot make an older confirmed whale unconfirmed again."""


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
        self._versions = Versions()
        self._ledger = Ledger()
        self._assembled = AssembledVersions()

    @property
    def touched(self) -> Touched:
        """Which days of the accounts have changed, for whoever remembers their sums."""
        return self._ledger.touched

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
        return await self._database.run(
            lambda connection: self._append(connection, happenings, predictions, blocks, read),
            then=self._acknowledge,
        )

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
            self._ledger.forget_days()
            return queries.prune(connection, before)

        def done(_: int) -> None:
            self._ledger.touched.note_all()
            # Another one, as a read that began before may still write to this one.
            self._assembled = AssembledVersions()

        return await self._database.run(work, then=done)

    async def backfill(self) -> bool:
        """Bring some whales of an older Spout up to date; return whether there may be more.

        Raises:
            StoreError: nothing of this lot is stored; the same call may be repeated.
        """

        def work(connection: Connection) -> bool | None:
            if self._in_doubt:
                return None  # an append has to find out first what of it was stored
            rows = backfill.next_lot(connection)
            self._in_doubt = True
            self._ledger.write(connection, backfill.whales_of(connection, rows))
            backfill.write_scripts(connection, rows)
            backfill.write_amounts(connection, rows)
            backfill.note_progress(connection, rows)
            return bool(rows)

        def done(more: bool | None) -> None:  # noqa: FBT001 - what `work` returned
            if more is not None:
                self._in_doubt = False
                self._ledger.committed()

        return await self._database.run(work, then=done) is not False

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

    async def detected_between(self, start: datetime, end: datetime) -> tuple[Prediction, ...]:
        """Return all whales first seen in [start, end), in no order; request a few hours at most."""
        return await self._database.read(lambda connection: queries.detected_between(connection, start, end))

    async def first_detected(self) -> datetime | None:
        """Return when the earliest whale that is kept was first seen; None if none is kept."""
        return await self._database.read(queries.first_detected)

    async def one(self, txid: str) -> Prediction | None:
        """Return the prediction that has or had this txid, or has this id."""
        return await self._database.read(lambda connection: queries.one(connection, txid))

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        """Stored events with a greater sequence, ascending."""
        return await self._database.read(
            lambda connection: events.after(connection, self._instance, sequence, limit)
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

    def _append(
        self,
        connection: Connection,
        happenings: Sequence[Happening],
        predictions: Sequence[Prediction],
        blocks: Sequence[Block],
        read: Sequence[BlockHash],
    ) -> tuple[Event, ...]:
        if self._in_doubt:
            # An append failed during its commit: whatever it stored was never published.
            connection.execute("DELETE FROM events WHERE sequence > ?", [self._last])
            self._versions.doubt()
            self._ledger.doubt()
        self._in_doubt = True
        events = numbered(happenings, instance=self._instance, after=self._last)
        places = self._versions.write(connection, _versions(happenings, predictions))
        insert_columns(connection, "events", _event_columns(events, happenings, places))
        self._ledger.write(connection, predictions, begun=self._versions.begun)
        chain.append(connection, blocks, read)
        for rider in self._riders:
            rider(connection, events)
        return events

    def _acknowledge(self, events: tuple[Event, ...]) -> None:
        self._in_doubt = False
        self._versions.stored()
        self._ledger.committed()
        if not events:
            return
        self._last = events[-1].sequence
        with suppress(OSError):  # the watermark is only a check; the events themselves are safe
            self._watermark.write(self._last)


def _versions(happenings: Sequence[Happening], predictions: Sequence[Prediction]) -> list[Prediction]:
    """Return the versions of events and predictions, each once, ascending: a whale's current one is last."""
    events_of = [one.prediction for one in happenings if one.prediction is not None]
    each = {(one.prediction_id, one.version): one for one in (*events_of, *predictions)}
    return sorted(each.values(), key=lambda one: one.version)


def _event_columns(
    events: Sequence[Event], happenings: Sequence[Happening], places: dict[tuple[str, int], VersionPlace]
) -> list[list[Any]]:
    """Return columns: an event refers to a stored version; one without such a version holds its own body."""
    rows = []
    for event, happening in zip(events, happenings, strict=True):
        whale = happening.prediction
        place = None if whale is None else places.get((whale.prediction_id, whale.version))
        rows.append(
            (
                event.sequence,
                None,
                event.type.value,
                event.timestamp,
                event.prediction_id,
                None if place else encoded(event.body),
                place and place.whale,
                place and place.number,
            )
        )
    return columns(rows)
