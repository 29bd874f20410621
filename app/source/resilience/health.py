"""The state of a source: written by its adapter, read by health, the page and the alerts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.clock import Clock
from app.views import BreakerState, Reconnects


class ConnectionState(StrEnum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    """Not started, or stopped on purpose."""
    RECONNECTING = "reconnecting"
    """The connection was lost and is being retried."""
    FAILED = "failed"
    """Retried as well, but an operator must change something (a password, a network)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A snapshot of the state. `syncing` is the percentage reached while the source is catching up."""

    state: ConnectionState
    since: datetime
    last_error: str | None = None
    latency_ms: float | None = None
    reconnects: int = 0
    syncing: float | None = None
    silent: bool = False
    """Connected, but not replying in time: it, or a service behind it, is frozen."""
    notes: tuple[str, ...] = ()
    """What works with restrictions, as text: "ZMQ is off: polling"."""


class ReconnectCounts:
    """The attempts of one source to connect again, counted since the start; its first attempt is not one."""

    def __init__(self) -> None:
        self._tried = False
        self._counting = False
        self._attempts = self._successes = self._failures = 0

    def tried(self) -> None:
        self._counting, self._tried = self._tried, True
        self._attempts += self._counting

    def succeeded(self) -> None:
        self._successes += self._counting

    def failed(self) -> None:
        self._failures += self._counting

    @property
    def counted(self) -> Reconnects:
        return Reconnects(attempts=self._attempts, successes=self._successes, failures=self._failures)


class SourceHealth:
    """The health of one source, written by its adapter. `breaker` returns its circuit breaker's state."""

    def __init__(self, name: str, clock: Clock, breaker: Callable[[], BreakerState] | None = None) -> None:
        self.name = name
        self.breaker = breaker
        self.reconnects = ReconnectCounts()
        self._clock = clock
        self._now = Condition(state=ConnectionState.DISCONNECTED, since=clock.now())
        self._moved_at = clock.monotonic()

    @property
    def condition(self) -> Condition:
        return self._now

    def connected(self) -> None:
        if self._now.state is not ConnectionState.CONNECTED:
            self.moved()
        again = self._now.state in {ConnectionState.RECONNECTING, ConnectionState.FAILED}
        self._become(ConnectionState.CONNECTED, None, reconnects=self._now.reconnects + again)

    def disconnected(self) -> None:
        self._become(ConnectionState.DISCONNECTED, self._now.last_error)

    def reconnecting(self, error: str) -> None:
        self._become(ConnectionState.RECONNECTING, error)

    def fell_silent(self, error: str) -> None:
        """Note that the source is connected but does not reply in time."""
        self.reconnecting(error)
        self._now = replace(self._now, silent=True)

    def moved(self) -> None:
        """Note progress of the service behind it: more than a sign of life."""
        self._moved_at = self._clock.monotonic()

    @property
    def still_seconds(self) -> float:
        """Return the time since the last progress."""
        return self._clock.monotonic() - self._moved_at

    def failed(self, error: str) -> None:
        self._become(ConnectionState.FAILED, error)

    def syncing(self, percent: float | None) -> None:
        """Set the sync progress in percent; None or 100 when complete."""
        self._now = replace(self._now, syncing=None if percent is None or percent >= 100 else percent)

    def note(self, *notes: str) -> None:
        """Replace the list of restrictions."""
        self._now = replace(self._now, notes=notes)

    def answered(self, seconds: float) -> None:
        self._now = replace(self._now, latency_ms=seconds * 1000)

    def _become(self, state: ConnectionState, error: str | None, reconnects: int | None = None) -> None:
        before = self._now
        changed = state is not before.state
        self._now = replace(
            before,
            state=state,
            since=self._clock.now() if changed else before.since,
            last_error=error,
            silent=False,
            reconnects=before.reconnects if reconnects is None else reconnects,
        )
