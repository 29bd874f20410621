"""The outbox in DuckDB: a delivery is written in the transaction of its event, and stays until settled.

Nothing is told before it is kept: an attempt, what became of its delivery, how its endpoint fares, all
in one transaction. So a kill loses nothing; at worst an endpoint's last few deliveries go out again, with
the same id.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from app.core.alerts import EndpointProgress
from app.core.events import Event
from app.core.scoring import Figures
from app.store import AccountStore, Connection, Database
from notifiers.attempts import Attempted, CountAttempt, keep_attempts
from notifiers.called_hosts import CalledHost, CalledHosts, read_hosts
from notifiers.progress import moment, progress_of_all
from notifiers.rows import write_bodies
from notifiers.together import Together
from notifiers.waiting import Queue, Wanted, queues

KEPT: Final = timedelta(days=30)
RECORD_SECONDS: Final = 0.02
"""Attempts that end within it are kept in one transaction: what is detected waits for fewer of them."""
SETTLE_SECONDS: Final = 2.0
"""At a stop, for what was sent to be recorded: what is not is sent once more."""
_FORGETTABLE: Final = (
    ("deliveries", "created_at", "status <> 'waiting'"),
    ("attempts", "attempted_at", "true"),
    ("alert_threads", "told_at", "true"),
    ("alerts", "told_at", "sequence NOT IN (SELECT sequence FROM deliveries)"),
)
"""Tables in the order in which they are pruned, the column of their time, and which of their rows may go."""

T = TypeVar("T")


class Outbox:
    def __init__(self, database: Database, attempted: CountAttempt | None = None) -> None:
        """`attempted` is called once for each attempt, heartbeats left out."""
        self._database = database
        self._attempted = attempted
        self._called = CalledHosts()
        self._recorder = Together(self._keep, moment_seconds=RECORD_SECONDS)
        self._queues = Together(self._read_queues)

    async def waiting(self, endpoint_id: str, *, threaded: bool = False) -> Queue:
        """What is to be sent next to an endpoint, in order of sequence; `threaded`: with messages to edit.

        Raises:
            StoreError: if it cannot be read.
        """
        return await self._queues.ask(Wanted(endpoint_id, threaded))

    async def progress(self) -> dict[str, EndpointProgress]:
        """How each endpoint fares, as it was last kept."""
        return await self._database.glance(progress_of_all)

    def record(self, attempted: Attempted, *, again: bool = False) -> asyncio.Future[None]:
        """Keep an attempt; the future is done once it is. Those of one moment share a transaction.

        `again`: the store has refused it before, and it is counted already. The future raises StoreError if
        it could not be kept.
        """
        if self._attempted is not None and attempted.delivery is not None and not again:
            self._attempted(delivered=attempted.outcome.delivered)
        return self._recorder.ask(attempted)

    async def settle(self) -> None:
        """Wait until all that was recorded is kept, or could not be."""
        await self._recorder.settle(SETTLE_SECONDS)

    async def called(self, hosts: Iterable[str], at: datetime, used_for: str = "alerts") -> None:
        """Keep which hosts were called by a test, of which nothing else is kept, or beside alerts."""
        new = [(host, used_for, at) for host in hosts]
        await self._database.run(lambda connection: self._called.write(connection, new), self._called.know)

    async def forget_tests(self) -> None:
        """A test that was cut off by a stop is not sent later."""
        await self._database.run(
            lambda connection: connection.execute(
                "UPDATE deliveries SET status = 'dropped', because = 'restart' "
                "WHERE status = 'waiting' AND because = 'test'"
            )
        )

    async def requeue(self, condition: str, values: Sequence[Any]) -> int:
        """Let settled deliveries wait again, in their old order; count them."""

        def work(connection: Connection) -> int:
            counted = connection.execute(
                "UPDATE deliveries SET status = 'waiting', because = NULL, refusals = 0 "  # noqa: S608 - our own words
                f"WHERE status <> 'waiting' AND sequence IN (SELECT sequence FROM alerts) AND {condition}",
                list(values),
            ).fetchone()
            return int(counted[0]) if counted else 0

        return await self._database.run(work)

    async def without_body(self, delivery: str) -> int | None:
        """Return the sequence of a delivery that a rule held back: its event was not kept here."""
        rows = await self._database.glance(
            lambda connection: connection.execute(
                "SELECT sequence FROM deliveries "
                "WHERE id = ? AND sequence NOT IN (SELECT sequence FROM alerts)",
                [delivery],
            ).fetchall()
        )
        return int(rows[0][0]) if rows else None

    async def keep_body(self, event: Event) -> None:
        """Keep an event that is to be sent after all."""
        await self._database.run(lambda connection: write_bodies(connection, [event]))

    async def endpoint_of(self, delivery: str) -> str | None:
        """The id of the endpoint that a delivery is for; None if there is no such delivery."""
        rows = await self._database.glance(
            lambda connection: connection.execute(
                "SELECT endpoint_id FROM deliveries WHERE id = ?", [delivery]
            ).fetchall()
        )
        return str(rows[0][0]) if rows else None

    async def redeliver(self, delivery: str) -> tuple[str, int]:
        """Let one wait again that there is; return its event's type, and 0 if it waits already, else 1."""
        queued = await self.requeue("id = ?", [delivery])
        rows = await self._database.glance(
            lambda connection: connection.execute(
                "SELECT event_type FROM deliveries WHERE id = ?", [delivery]
            ).fetchall()
        )
        return str(rows[0][0]) if rows else "", queued

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction of its own."""
        return await self._database.run(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads; nothing that is detected waits for it."""
        return await self._database.read(work)

    async def figures(self, start: datetime, end: datetime) -> Figures:
        """How right the forecasts that came due in [start, end) were."""
        return (await AccountStore(self._database).correlation(start, end)).figures

    async def hosts(self) -> list[CalledHost]:
        """Every host that was ever called: its name, what for, and since when."""
        self._called.all = await self._database.run(read_hosts)
        return list(self._called.all)

    @property
    def called_hosts(self) -> tuple[CalledHost, ...]:
        """As `hosts` found them last, with those called since."""
        return self._called.all

    async def forget_progress(self, endpoint_id: str) -> None:
        """As when the operator enables it again: the schedule begins anew."""
        await self._database.run(
            lambda connection: connection.execute(
                "DELETE FROM endpoint_progress WHERE endpoint_id = ?", [endpoint_id]
            )
        )

    async def drop_strangers(self, known: Callable[[], Collection[str]]) -> None:
        """Settle all that waits for endpoints that are not among `known`: they were removed.

        `known` is asked between two transactions: an event may have been written for one added a moment ago.
        """

        def work(connection: Connection) -> None:
            ids = list(known())
            gone = "endpoint_id NOT IN (SELECT unnest(?::VARCHAR[]))"
            connection.execute(
                "UPDATE deliveries SET status = 'dropped', because = 'removed' "  # noqa: S608 - our own words
                f"WHERE status = 'waiting' AND {gone}",
                [ids],
            )
            for table in ("endpoint_progress", "alert_memory", "alert_watch", "alert_threads"):
                connection.execute(f"DELETE FROM {table} WHERE {gone}", [ids])  # noqa: S608 - of our own names only

        await self._database.run(work)

    async def prune(self, before: datetime) -> int:
        """Forget what is settled and older; what waits stays. Count the rows."""

        def work(connection: Connection) -> int:
            gone = 0
            for table, at, which in _FORGETTABLE:
                statement = f"DELETE FROM {table} WHERE {at} < ? AND {which}"  # noqa: S608 - our own words
                counted = connection.execute(statement, [before]).fetchone()
                gone += counted[0] if counted else 0
            return gone

        return await self._database.run(work)

    async def oldest(self) -> datetime | None:
        """Return the time of the oldest row that `prune` could ever delete; None if there is none."""
        oldest = " UNION ALL ".join(
            f"SELECT min({at}) AS since FROM {table} WHERE {which}"  # noqa: S608 - our own words
            for table, at, which in _FORGETTABLE
        )
        rows = await self._database.glance(
            lambda connection: connection.execute(f"SELECT epoch_us(min(since)) FROM ({oldest})").fetchall()  # noqa: S608 - our own words
        )
        return moment(rows[0][0])

    async def _read_queues(self, wanted: Sequence[Wanted]) -> list[Queue]:
        return await self._database.glance(lambda connection: queues(connection, wanted))

    async def _keep(self, attempts: Sequence[Attempted]) -> list[None]:
        def work(connection: Connection) -> list[CalledHost]:
            keep_attempts(connection, attempts)
            hosts = [(host, "alerts", one.at) for one in attempts for host in one.outcome.hosts]
            return self._called.write(connection, hosts)

        await self._database.run(work, self._called.know)
        return [None] * len(attempts)


def drop_open(connection: Connection, because: str = "restored") -> None:
    """Settle all that waits, in a database that comes from a backup: it was sent, or is long past."""
    connection.execute(
        "UPDATE deliveries SET status = 'dropped', because = ? WHERE status = 'waiting'", [because]
    )
    for table in ("alert_memory", "alert_watch"):  # a digest of then, a limit crossed then
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own words
