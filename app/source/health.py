"""How a source is: what each adapter writes, and health, the page and the alerts read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.clock import Clock


class ConnectionState(StrEnum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    """Not started, or stopped on purpose."""
    RECONNECTING = "reconnecting"
    """Lost, and being tried again."""
    FAILED = "failed"
    """Being tried again too, but an operator must change something (a password, a network)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One reading. `syncing` is the percent reached while the far side is still catching up."""

    state: ConnectionState
    since: datetime
    last_error: str | None = None
    latency_ms: float | None = None
    messages: int = 0
    reconnects: int = 0
    syncing: float | None = None
    notes: tuple[str, ...] = ()
    """What works but less well than it could, in words: "ZMQ is off: polling"."""


class SourceHealth:
    """Written by one adapter. `on_change` hears each new state once, with the reading before it."""

    def __init__(
        self, name: str, clock: Clock, on_change: Callable[[str, Condition, Condition], None] | None = None
    ) -> None:
        self.name = name
        self._clock = clock
        self._on_change = on_change
        self._now = Condition(state=ConnectionState.DISCONNECTED, since=clock.now())

    @property
    def condition(self) -> Condition:
        return self._now

    def connected(self) -> None:
        again = self._now.state in {ConnectionState.RECONNECTING, ConnectionState.FAILED}
        self._become(ConnectionState.CONNECTED, None, reconnects=self._now.reconnects + again)

    def disconnected(self) -> None:
        self._become(ConnectionState.DISCONNECTED, self._now.last_error)

    def reconnecting(self, error: str) -> None:
        self._become(ConnectionState.RECONNECTING, error)

    def failed(self, error: str) -> None:
        self._become(ConnectionState.FAILED, error)

    def syncing(self, percent: float | None) -> None:
        """Say how far the far side is; None or 100 when it is done."""
        self._now = replace(self._now, syncing=None if percent is None or percent >= 100 else percent)

    def note(self, *notes: str) -> None:
        """Replace what is said to work less well."""
        self._now = replace(self._now, notes=notes)

    def heard(self) -> None:
        self._now = replace(self._now, messages=self._now.messages + 1)

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
            reconnects=before.reconnects if reconnects is None else reconnects,
        )
        if changed and self._on_change:
            self._on_change(self.name, before, self._now)
