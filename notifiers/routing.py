"""Decides what of each event goes to which endpoint, in the transaction of the event; on DuckDB's thread.

The decisions are `app.core.alerts`'s. What they remember is written in the same transaction, so that a kill
counts nothing twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from app.core.alerts import (
    HoldReason,
    Memory,
    Owed,
    Released,
    Thread,
    Threads,
    decide,
    next_due,
    paid,
    roll,
)
from app.core.events import TO_ONE_ENDPOINT, Event, EventType
from app.core.prediction import Status
from app.store import Connection, execute
from notifiers.held import MADE_OF_HELD, held_events, release, without_returned
from notifiers.routes import RoutedEndpoint, Routes
from notifiers.rows import HELD_ROW, DeliveryRow, write_alerts

_UNRECORDED: Final = frozenset((EventType.UPDATED,))
"""One such event a block and whale: that a rule held it back is not worth a row."""
BACK_AFTER_A_START: Final = timedelta(minutes=5)
"""How long after a start a source that was lost before it is given at least: a box starts all at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """A digest or summary that an endpoint is owed, with what it sums up."""

    endpoint_id: str
    owed: Owed
    held: tuple[Event, ...] = field(default=(), repr=False)


class Router:
    def __init__(self) -> None:
        self.routes = Routes()
        self._memories: dict[str, Memory] | None = None
        self._passed_under: Routes | None = None
        self._highest = 0

    def next_due(self) -> datetime | None:
        """Return when an endpoint has something to be done by time alone, as far as is known.

        At once where rules were changed: what is owed may be due at another moment.
        """
        if self._memories is None or self._passed_under is not self.routes:
            return datetime.min.replace(tzinfo=UTC)
        ids = {route.id for route in self.routes.each}
        dues = [next_due(memory) for one, memory in self._memories.items() if one in ids]
        return min((due for due in dues if due is not None), default=None)

    def ride(self, events: tuple[Event, ...]) -> Callable[[Connection], None] | None:
        """Return what writes the deliveries of these events (`app.store.Rider`)."""
        if not events:
            return None
        routes, again = self.routes, events[0].sequence <= self._highest
        self._highest = events[-1].sequence
        if again or routes.each or any(event.type is EventType.TEST for event in events):
            return lambda connection: self._write(connection, routes, events, again=again)
        return None

    def _write(
        self, connection: Connection, routes: Routes, events: tuple[Event, ...], *, again: bool
    ) -> None:
        """`again`: an append that was refused while its commit was under way gave these numbers before."""
        if again:
            for delete in (
                "DELETE FROM alerts WHERE sequence >= ?",
                "DELETE FROM deliveries WHERE sequence >= ?",
            ):
                execute(connection, delete, [events[0].sequence])
            self._memories = None
        if routes.each or any(event.type is EventType.TEST for event in events):
            _Ride(self, connection, routes, events).write()

    def pass_time(self, connection: Connection, now: datetime) -> tuple[Debt, ...]:
        """Release what has ripened, and return what is owed by now."""
        self._memories = None  # read anew: an append may have been taken back
        memories, debts = self.memories(connection), list[Debt]()
        routes = self._passed_under = self.routes
        for route in routes.each:
            before = memories.get(route.id, Memory())
            memory, released = roll(route.policy, without_returned(connection, route.id, before), now)
            for one in released:
                release(connection, route.id, one)
            if memory != before:
                self.remember(connection, {route.id: memory})
            debts += [
                Debt(
                    endpoint_id=route.id,
                    owed=owed,
                    # Written as it might leave then; what is made of it leaves now.
                    held=tuple(map(routes.leaving, held_events(connection, route.id, owed))),
                )
                for owed in memory.owed
                if owed.at <= now
            ]
        return tuple(debts)

    def postpone_losses(self, connection: Connection, began: datetime) -> None:
        """Let what waited for a source before a start wait on: the source may be back, which is told soon."""
        self._memories = None
        earliest, changed = began + BACK_AFTER_A_START, dict[str, Memory]()
        for endpoint_id, memory in self.memories(connection).items():
            waiting = tuple(replace(one, ripe_at=max(one.ripe_at, earliest)) for one in memory.degraded)
            if waiting != memory.degraded:
                changed[endpoint_id] = replace(memory, degraded=waiting)
        self.remember(connection, changed)

    def memories(self, connection: Connection) -> dict[str, Memory]:
        if self._memories is None:
            rows = connection.execute("SELECT endpoint_id, memory FROM alert_memory").fetchall()
            self._memories = {one: _remembered(memory) for one, memory in rows}
        return self._memories

    def remember(self, connection: Connection, changed: dict[str, Memory]) -> None:
        if not changed:
            return
        self._memories = {**(self._memories or {}), **changed}
        execute(connection, "DELETE FROM alert_memory WHERE endpoint_id IN (SELECT unnest(?))", [[*changed]])
        encoded = [msgspec.json.encode(memory).decode() for memory in changed.values()]
        execute(connection, "INSERT INTO alert_memory SELECT unnest(?), unnest(?)", [[*changed], encoded])


class _Ride:
    """One append's events, decided one after the other."""

    def __init__(
        self, router: Router, connection: Connection, routes: Routes, events: Sequence[Event]
    ) -> None:
        self._router = router
        self._connection = connection
        self._routes = routes
        self._events = events
        self._before = router.memories(connection)
        self._memories = dict(self._before)
        self._known = self._published_threads()
        self._threads = dict(self._known)
        self._rows: list[DeliveryRow] = []
        self._released: list[tuple[str, Released]] = []

    def write(self) -> None:
        for event in self._events:
            if event.type is EventType.TEST:
                self._rows.append(DeliveryRow(event, str(event.body.get("endpoint_id")), HELD_ROW, "test"))
                continue
            for route in self._routes.each:
                if event.type not in TO_ONE_ENDPOINT or event.body.get("endpoint_id") == route.id:
                    self._decide(route, event)
        write_alerts(self._connection, self._rows, self._routes.leaving)
        for endpoint_id, released in self._released:
            release(self._connection, endpoint_id, released)
        changed = {one: memory for one, memory in self._memories.items() if memory != self._before.get(one)}
        self._router.remember(self._connection, changed)
        self._keep_threads()

    def _decide(self, route: RoutedEndpoint, event: Event) -> None:
        key = (route.id, event.prediction_id or "")
        memory = self._memories.get(route.id, Memory())
        if event.type in MADE_OF_HELD:
            memory = paid(memory, event.type, datetime.fromisoformat(event.body["start"]))
        ruling = decide(route.policy, memory, self._threads.get(key), event)
        if ruling.memory != Memory() or route.id in self._memories:
            self._memories[route.id] = ruling.memory
        self._released += [(route.id, one) for one in ruling.released]
        if ruling.thread is not None and route.policy.threads is not Threads.EVERY:
            self._threads[key] = ruling.thread
        because = ruling.because
        if because is None:
            self._rows.append(DeliveryRow(event, route.id, "waiting", None))
        elif because is HoldReason.DEGRADED:
            self._rows.append(DeliveryRow(event, route.id, HELD_ROW, because.value))
        elif because not in (HoldReason.RULE, HoldReason.THREAD):
            self._rows.append(DeliveryRow(event, route.id, "dropped", because.value))
        elif event.prediction_id is not None and event.type not in _UNRECORDED:
            self._rows.append(DeliveryRow(event, route.id, "dropped", because.value, kept=False))

    def _published_threads(self) -> dict[tuple[str, str], Thread]:
        whales = sorted({event.prediction_id for event in self._events if event.prediction_id})
        if not whales or all(route.policy.threads is Threads.EVERY for route in self._routes.each):
            return {}
        rows = execute(
            self._connection,
            "SELECT endpoint_id, prediction_id, final FROM alert_threads "
            "WHERE prediction_id IN (SELECT unnest(?))",
            [whales],
        ).fetchall()
        return {(one, whale): Thread(final=Status(final) if final else None) for one, whale, final in rows}

    def _keep_threads(self) -> None:
        at = self._events[-1].timestamp
        for (endpoint_id, whale), thread in self._threads.items():
            known, final = self._known.get((endpoint_id, whale)), thread.final and thread.final.value
            if known is None:
                execute(
                    self._connection,
                    "INSERT INTO alert_threads VALUES (?, ?, ?, NULL, ?)",
                    [endpoint_id, whale, final, at],
                )
            elif known != thread:
                execute(
                    self._connection,
                    "UPDATE alert_threads SET final = ?, told_at = ? "
                    "WHERE endpoint_id = ? AND prediction_id = ?",
                    [final, at, endpoint_id, whale],
                )


def _remembered(text: str) -> Memory:
    """What cannot be read is forgotten: a budget begins anew, and no event is held up for it."""
    try:
        return msgspec.json.decode(text, type=Memory)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Memory()
