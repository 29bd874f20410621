"""Tracks the visibility level: reads the sources every second, and publishes and explains each change."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from app.clock import Clock
from app.core.contract import iso
from app.core.events import Event, EventType, Happening
from app.core.observations import Observation, VisibilityChanged
from app.core.visibility import Level, Reading, Transition, VisibilityTracker
from app.source.backend import Emit
from app.views import Notice

READ_SECONDS = 1.0
UNAVAILABLE = "mempool_unavailable"
_GOES_ON = {
    Level.BLOCKS_ONLY: "Blocks are still read, so confirmed flows go on.",
    Level.BLIND: "Blocks cannot be read either; what is known is kept.",
}

Keep = Callable[[Transition], Awaitable[None]]


class VisibilityWatch:
    """`read` returns what the sources let us see; `keep` stores each transition.

    `announced`: the level last announced, as `last_announced` has it from the events of the run before.
    """

    def __init__(
        self,
        read: Callable[[], Reading],
        emit: Emit,
        keep: Keep,
        clock: Clock,
        announced: Level = Level.LIVE,
    ) -> None:
        self._read = read
        self._emit = emit
        self._keep = keep
        self._clock = clock
        self._tracker = VisibilityTracker(clock.now(), announced)

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(READ_SECONDS)

    async def look(self) -> None:
        """Take one reading, and emit the transition if the level changes."""
        transition = self._tracker.step(self._read(), self._clock.now())
        if transition is not None:
            await self._keep(transition)
            await self._emit((VisibilityChanged(transition=transition),))

    def level(self) -> tuple[Level, datetime, str | None]:
        """Return the visibility level, its start, and the reason why it is not higher."""
        visibility = self._tracker.visibility
        reason = None if visibility.level is Level.LIVE else self._read().reason or visibility.reason
        return visibility.level, visibility.since, reason

    def notices(self) -> tuple[Notice, ...]:
        """Return notices for the operator: while predictions pause, one that says so."""
        since = self._tracker.without_mempool_since(self._clock.now())
        if since is None:
            return ()
        reading = self._read()
        words = (
            f"Mempool predictions unavailable: {reading.reason}. {_GOES_ON.get(reading.level, '')} "
            "Predictions come back by themselves as soon as a source tells the mempool again; "
            "what was missed is then found and marked as seen late."
        )
        return (Notice(code=UNAVAILABLE, words=words, since=since),)


ANNOUNCING: Final = frozenset((EventType.SOURCE_DEGRADED, EventType.SOURCE_RECOVERED))


def last_announced(events: Sequence[Event]) -> Level:
    """Return the level that the last of these events announced, which are of the types `ANNOUNCING`."""
    return Level(events[-1].body["rung"]) if events else Level.LIVE


def tidings(observation: Observation, at: datetime) -> Iterable[Happening]:
    """Return the event for a transition; none for a start that went well."""
    if not isinstance(observation, VisibilityChanged) or not observation.transition.announced:
        return ()
    transition = observation.transition
    now = transition.now
    facts = {
        "rung": now.level.value,
        "before": transition.before.value if transition.before else None,
        "since": iso(now.since),
        "reason": now.reason,
    }
    kind = EventType.SOURCE_DEGRADED if transition.is_down else EventType.SOURCE_RECOVERED
    return (Happening(type=kind, at=at, facts=facts),)
