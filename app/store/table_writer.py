"""Writes batches to the tables that are asked, in the transaction that removes them from the journal."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.core.prediction import Prediction
from app.store import chain, journal
from app.store.accounts import Ledger
from app.store.connections import Connection
from app.store.journal import Batch, Entry
from app.store.parsed_statements import insert_columns
from app.store.records import encoded
from app.store.versions import VersionPlace, Versions, columns


class TableWriter:
    """What waits in the journal, and the way to the tables. An `app.store.database.Afterwork`.

    A failed commit leaves open what was kept of it: all is then read back before the next attempt.
    """

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._waiting: list[Entry] = []
        self._under_way: list[Entry] = []
        self._given_up = 0
        """Up to this event the journal's rows are left where they are."""
        self._in_doubt = False
        self.versions = Versions()
        self.ledger = Ledger()

    @property
    def waits(self) -> bool:
        return bool(self._waiting)

    def wait(self, entry: Entry) -> None:
        """Let a batch wait that is in the journal now."""
        self._waiting.append(entry)

    def work(self, connection: Connection) -> None:
        self.write(connection)

    def write(self, connection: Connection, *more: Entry) -> None:
        """Write all that waits, and `more`, which is in no journal; then call `done`."""
        self.begin(connection)
        self._under_way = self._waiting
        each = [*self._under_way, *more]
        batches = [entry.batch for entry in each]
        versions = [_versions(batch) for batch in batches]
        places = iter(self.versions.write(connection, [one for some in versions for one in some]))
        # By batch: a whale that returns under its id counts its versions from the beginning.
        rows = [
            row
            for entry, some in zip(each, versions, strict=True)
            for row in _event_rows(entry, some, places)
        ]
        insert_columns(connection, "events", columns(rows))
        predictions = [one for batch in batches for one in batch.predictions]
        self.ledger.write(connection, predictions, begun=self.versions.begun)
        chain.append(
            connection,
            [block for batch in batches for block in batch.blocks],
            [name for batch in batches for name in batch.read],
        )
        if self._under_way:
            journal.forget(connection, self._given_up, self._under_way[-1].last)

    def recover(self, connection: Connection) -> None:
        """Write what another process left in the journal; then call `done`."""
        self.doubt()
        self.write(connection)

    def doubt(self) -> None:
        """What waits is not known for certain: it is read back before anything is written."""
        self._in_doubt = True

    def begin(self, connection: Connection) -> None:
        """Begin to write to the tables: if the last attempt failed, find out first what it stored."""
        if self._in_doubt:
            self.versions.doubt()
            self.ledger.doubt()
            self._waiting = journal.entries(connection, self._given_up, self._instance)
        self._in_doubt = True

    def done(self) -> None:
        self._in_doubt = False
        del self._waiting[: len(self._under_way)]
        self._under_way = []
        self.versions.stored()
        self.ledger.committed()

    def give_up(self) -> None:
        if self._waiting:
            self._given_up = self._waiting[-1].last
        self._waiting = []


def _versions(batch: Batch) -> list[Prediction]:
    """Return the versions of events and predictions, each once, ascending: a whale's current one is last."""
    events_of = [one.prediction for one in batch.happenings if one.prediction is not None]
    each = {(one.prediction_id, one.version): one for one in (*events_of, *batch.predictions)}
    return sorted(each.values(), key=lambda one: one.version)


def _event_rows(
    entry: Entry, versions: Sequence[Prediction], places: Iterator[VersionPlace | None]
) -> list[tuple[Any, ...]]:
    """Return rows: an event refers to a stored version; one without such a version holds its own body.

    `places` begins with those of the entry's `versions`, which are taken from it.
    """
    placed = {(one.prediction_id, one.version): next(places) for one in versions}
    rows = []
    for event, happening in zip(entry.events, entry.batch.happenings, strict=True):
        whale = happening.prediction
        place = None if whale is None else placed.get((whale.prediction_id, whale.version))
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
    return rows
