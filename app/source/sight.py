"""Keeps watch over the ladder: reads the sources each second, tells every step once, and says it in words."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

from app.clock import Clock
from app.core.contract import iso
from app.core.events import EventType, Happening
from app.core.ladder import Ladder, Reading, Rung, Transition
from app.core.observations import Observation, SightChanged
from app.source.mempool_ws import Tell
from app.views import Notice

READ_SECONDS = 1.0
UNAVAILABLE = "mempool_unavailable"
_GOES_ON = {
    Rung.BLOCKS_ONLY: "Blocks are still read, so confirmed flows go on.",
    Rung.BLIND: "Blocks cannot be read either; what is known is kept.",
}

Keep = Callable[[Transition], Awaitable[None]]


class Sight:
    """`read` gives what the sources let us see; `keep` stores each step."""

    def __init__(self, read: Callable[[], Reading], tell: Tell, keep: Keep, clock: Clock) -> None:
        self._read = read
        self._tell = tell
        self._keep = keep
        self._clock = clock
        self._ladder = Ladder(clock.now())

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(READ_SECONDS)

    async def look(self) -> None:
        """Take one reading, and tell what it changes."""
        transition = self._ladder.step(self._read(), self._clock.now())
        if transition is not None:
            await self._keep(transition)
            await self._tell((SightChanged(transition=transition),))

    def rung(self) -> tuple[Rung, datetime, str | None]:
        """How much we see now, since when, and why not more."""
        footing = self._ladder.footing
        reason = None if footing.rung is Rung.LIVE else self._read().reason or footing.reason
        return footing.rung, footing.since, reason

    def notices(self) -> tuple[Notice, ...]:
        """What the operator should know: that predictions pause, while they do."""
        since = self._ladder.without_mempool_since(self._clock.now())
        if since is None:
            return ()
        reading = self._read()
        words = (
            f"Mempool predictions unavailable: {reading.reason}. {_GOES_ON.get(reading.rung, '')} "
            "Predictions come back by themselves as soon as a source tells the mempool again; "
            "what was missed is then found and marked as seen late."
        )
        return (Notice(code=UNAVAILABLE, words=words, since=since),)


def tidings(observation: Observation, at: datetime) -> Iterable[Happening]:
    """What is told of a step; nothing of a start that went well."""
    if not isinstance(observation, SightChanged) or not observation.transition.told:
        return ()
    transition = observation.transition
    now = transition.now
    facts = {
        "rung": now.rung.value,
        "before": transition.before.value if transition.before else None,
        "since": iso(now.since),
        "reason": now.reason,
    }
    kind = EventType.SOURCE_DEGRADED if transition.is_down else EventType.SOURCE_RECOVERED
    return (Happening(type=kind, at=at, facts=facts),)
