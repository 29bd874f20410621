"""What was told and what is believed, kept: store, then publish."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.core.events import Event, Happening
from app.core.models import Block
from app.core.prediction import Prediction
from app.core.units import BlockHash
from app.store import chain, queries
from app.store.database import Connection, Database
from app.store.forecasts import Revisions, forecast_columns, with_latest_revisions
from app.store.opening import Opened
from app.store.records import (
    EVENT_COLUMNS,
    event_columns,
    event_of,
    numbered,
    prediction_columns,
    prediction_of,
)
from app.views import PredictionPage, PredictionQuery

Rider = Callable[[Connection, tuple[Event, ...]], None]
"""Writes what must not be lost (deliveries, the dispatcher's position) in the transaction of its events."""

RECENT: Final = timedelta(hours=24)
RECENT_BLOCKS: Final = 100
"""A reorg deeper than this is not expected to bring a confirmed whale back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restart begins with. The chain is ascending; of `unread` nobody knows what is in them."""

    predictions: tuple[Prediction, ...]
    blocks: tuple[Block, ...]
    unread: tuple[Block, ...]
    last_sequence: int


class PredictionStore:
    """Implements `app.views.History`. One at a time: it alone gives numbers to events."""

    def __init__(self, opened: Opened, riders: Sequence[Rider] = ()) -> None:
        self._database: Database = opened.database
        self._watermark = opened.watermark
        self._instance = opened.instance
        self._riders = tuple(riders)
        self._last = opened.last_sequence
        self._in_doubt = False
        self._revisions = Revisions()

    @property
    def last_sequence(self) -> int:
        """Of the last event that was acknowledged."""
        return self._last

    async def append(
        self,
        happenings: Sequence[Happening],
        predictions: Sequence[Prediction],
        blocks: Sequence[Block] = (),
        read: Sequence[BlockHash] = (),
    ) -> tuple[Event, ...]:
        """Number and keep the happenings with the predictions' new versions: all of it or nothing.

        `blocks` were connected, the transactions of those in `read` were looked at.

        A version that is already stored may come again. One call at a time numbers events, in order.

        Raises:
            StoreError: nothing of this batch is kept; the same call may be made again.
        """
        return await self._database.run(
            lambda connection: self._append(connection, happenings, predictions, blocks, read),
            then=lambda events: self._acknowledge(events, predictions),
        )

    async def restore(self, now: datetime) -> Restored:
        """Return what was pending, what ended within a day or a hundred blocks, and the chain."""

        def work(connection: Connection) -> Restored:
            blocks = chain.best(connection)
            floor = blocks[-1].height - RECENT_BLOCKS if blocks else None
            records = queries.live_and_recent(connection, ended_after=now - RECENT, confirmed_above=floor)
            whales = with_latest_revisions(connection, [prediction_of(record) for record in records])
            self._revisions.stored(whales)
            return Restored(
                predictions=whales,
                blocks=blocks,
                unread=chain.unread(connection, blocks),
                last_sequence=self._last,
            )

        return await self._database.run(work)

    async def prune(self, before: datetime) -> int:
        """Forget events told and whales ended before `before`, and superseded versions; count the rows.

        The latest event and whatever is pending always stay.
        """
        return await self._database.run(lambda connection: queries.prune(connection, before))

    async def page(self, query: PredictionQuery) -> PredictionPage:
        """Return one page, newest first.

        Raises:
            ParseError: if the cursor is not one of ours.
        """
        cursor = queries.parse_cursor(query.cursor)
        return await self._database.run(lambda connection: queries.page(connection, query, cursor))

    async def detected_between(self, start: datetime, end: datetime) -> tuple[Prediction, ...]:
        """All that was first seen in [start, end), in no order; ask for a few hours at once at most."""
        return await self._database.run(lambda connection: queries.detected_between(connection, start, end))

    async def one(self, txid: str) -> Prediction | None:
        """The prediction that has or had this txid, by its own id too."""
        return await self._database.run(lambda connection: queries.one(connection, txid))

    async def events_after(self, sequence: int, limit: int) -> tuple[Event, ...]:
        """Stored events with a greater sequence, ascending."""
        return await self._events("sequence > ? ORDER BY sequence LIMIT ?", [sequence, limit])

    async def events_of(self, prediction_id: str) -> tuple[Event, ...]:
        """Everything that was told about one whale, ascending."""
        return await self._events("prediction_id = ? ORDER BY sequence", [prediction_id])

    async def _events(self, condition: str, values: list[Any]) -> tuple[Event, ...]:
        statement = f"SELECT {EVENT_COLUMNS} FROM events WHERE {condition}"  # noqa: S608 - our own words
        rows = await self._database.run(lambda connection: connection.execute(statement, values).fetchall())
        return tuple(event_of(row) for row in rows)

    def _append(
        self,
        connection: Connection,
        happenings: Sequence[Happening],
        predictions: Sequence[Prediction],
        blocks: Sequence[Block],
        read: Sequence[BlockHash],
    ) -> tuple[Event, ...]:
        if self._in_doubt:
            # An append was refused while its commit was under way: what it left was told to nobody.
            connection.execute("DELETE FROM events WHERE sequence > ?", [self._last])
        self._in_doubt = True
        events = numbered(happenings, instance=self._instance, after=self._last)
        insert(connection, "events", event_columns(events))
        insert(connection, "prediction_versions", prediction_columns(predictions))
        insert(connection, "forecasts", forecast_columns(self._revisions, predictions))
        chain.append(connection, blocks, read)
        for rider in self._riders:
            rider(connection, events)
        return events

    def _acknowledge(self, events: tuple[Event, ...], predictions: Sequence[Prediction]) -> None:
        self._in_doubt = False
        self._revisions.stored(predictions)
        if not events:
            return
        self._last = events[-1].sequence
        with suppress(OSError):  # it only witnesses; the events themselves are safe
            self._watermark.write(self._last)


def insert(connection: Connection, table: str, columns: Sequence[list[Any]]) -> None:
    """Append rows given as one list a column: 27 times faster than row by row."""
    if columns:
        places = ", ".join("unnest(?)" for _ in columns)
        connection.execute(f"INSERT INTO {table} SELECT {places}", list(columns))
