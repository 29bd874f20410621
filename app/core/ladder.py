"""How much Spout sees, as a ladder: which rung it stands on, when a step is told, when it is too long.

A step down is told only after it lasted, so that a short reconnect does not cry; a step up at once. Where
steps down follow one another, each must last longer to be told: a loose cable is no storm of alarms.
What is only starting (a node that syncs, a backend that reads its mempool) is no failure: it tells nothing,
unless it was starting all the while and is not what was lost.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

DOWN_AFTER: Final = timedelta(seconds=10)
DOWN_AFTER_AT_START: Final = timedelta(seconds=60)
"""A machine that boots starts everything at once, and Spout is quicker than a node."""
FLAPPING: Final = 8
"""Steps down told within `FLAPPING_WITHIN` after which one must last longer."""
FLAPPING_WITHIN: Final = timedelta(minutes=30)
DOWN_AFTER_WHEN_FLAPPING: Final = timedelta(minutes=2)
LONG_STARTING: Final = timedelta(seconds=60)
"""What has been starting for so long, while all was seen by other ways, is no reason for a loss now."""
UNAVAILABLE_AFTER: Final = timedelta(minutes=5)


class Rung(StrEnum):
    """How much we see, best first."""

    LIVE = "live"
    POLLING = "polling"
    BLOCKS_ONLY = "blocks_only"
    BLIND = "blind"


_HEIGHT: Final = {rung: place for place, rung in enumerate(reversed(Rung))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the sources give at one moment.

    `stream`: the mempool is told as it changes. `answers`: it can be read. `blocks`: blocks can be had.
    `starting`: what is missing only starts. `reason`: why not more, in words.
    """

    stream: bool
    answers: bool
    blocks: bool
    starting: bool = False
    reason: str | None = None

    @property
    def rung(self) -> Rung:
        if self.stream:
            return Rung.LIVE
        if self.answers:
            return Rung.POLLING
        return Rung.BLOCKS_ONLY if self.blocks else Rung.BLIND


@dataclass(frozen=True, slots=True, kw_only=True)
class Footing:
    """Where we stand. `since`: when it came to be so, not when it was told."""

    rung: Rung
    since: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step. `before` is None at the start. `told`: whether anybody is to be alarmed, or relieved."""

    before: Rung | None
    now: Footing
    is_down: bool
    told: bool


@dataclass(slots=True)
class Ladder:
    """Stands on the lowest rung until a source says otherwise; `began` is the start."""

    began: datetime
    footing: Footing = field(init=False)
    _told: Rung = field(init=False, default=Rung.LIVE)
    """The rung the operator believes in: the best one, until told otherwise."""
    _settled: bool = field(init=False, default=False)
    """Whether the start is over: the best rung was reached, or it was told that it is not."""
    _lower_since: datetime | None = field(init=False, default=None)
    _without_mempool_since: datetime | None = field(init=False)
    _starting_since: datetime | None = field(init=False, default=None)
    _starts_beside: bool = field(init=False, default=False)
    """Whether something has long been starting that we see without."""
    _told_down: deque[datetime] = field(init=False, default_factory=lambda: deque(maxlen=FLAPPING))

    def __post_init__(self) -> None:
        self.footing = Footing(rung=Rung.BLIND, since=self.began, reason="nothing has answered yet")
        self._without_mempool_since = self.began

    def step(self, reading: Reading, at: datetime) -> Transition | None:
        """Take a reading; return the step it makes, if any."""
        self._mind_mempool(reading, at)
        self._mind_starting(reading, at)
        if reading.rung is self.footing.rung and reading.rung is self._told:
            self._lower_since = None
            return None
        if _HEIGHT[reading.rung] > _HEIGHT[self.footing.rung]:
            return self._climb(reading, at)
        if _HEIGHT[reading.rung] < _HEIGHT[self._told]:
            return self._descend(reading, at)
        self._lower_since = None
        return None

    def without_mempool_since(self, at: datetime) -> datetime | None:
        """Since when no source gave the mempool; None while that is not too long."""
        since = self._without_mempool_since
        return since if since is not None and at - since >= UNAVAILABLE_AFTER else None

    def _climb(self, reading: Reading, at: datetime) -> Transition:
        before = self.footing.rung if self._settled else None
        self.footing = _footing(reading, at)
        told = _HEIGHT[reading.rung] > _HEIGHT[self._told]
        if _HEIGHT[reading.rung] >= _HEIGHT[self._told]:
            self._told, self._settled, self._lower_since = reading.rung, True, None
        return Transition(before=before, now=self.footing, is_down=False, told=told)

    def _descend(self, reading: Reading, at: datetime) -> Transition | None:
        if reading.starting and not self._starts_beside:
            self._lower_since = None
            return None
        since = self._lower_since = self._lower_since or at
        if at - since < (DOWN_AFTER if self._settled else DOWN_AFTER_AT_START):
            return None
        if self._flaps(at) and at - since < DOWN_AFTER_WHEN_FLAPPING:
            return self._descend_quietly(reading, since)
        self._told_down.append(at)
        before = self._told if self._settled else None
        self._told, self._settled, self._lower_since = reading.rung, True, None
        self.footing = _footing(reading, since)
        return Transition(before=before, now=self.footing, is_down=True, told=True)

    def _descend_quietly(self, reading: Reading, since: datetime) -> Transition | None:
        """Stand lower, without a word to anybody."""
        if reading.rung is self.footing.rung:
            return None
        before, self.footing = self.footing.rung, _footing(reading, since)
        return Transition(before=before, now=self.footing, is_down=True, told=False)

    def _flaps(self, at: datetime) -> bool:
        return len(self._told_down) == FLAPPING and at - self._told_down[0] < FLAPPING_WITHIN

    def _mind_starting(self, reading: Reading, at: datetime) -> None:
        if not reading.starting:
            self._starting_since, self._starts_beside = None, False
            return
        since = self._starting_since = self._starting_since or at
        if self._settled and reading.rung is self._told is Rung.LIVE and at - since >= LONG_STARTING:
            self._starts_beside = True

    def _mind_mempool(self, reading: Reading, at: datetime) -> None:
        if reading.stream or reading.answers:
            self._without_mempool_since = None
        elif self._without_mempool_since is None:
            self._without_mempool_since = at


def _footing(reading: Reading, since: datetime) -> Footing:
    reason = None if reading.rung is Rung.LIVE else reading.reason
    return Footing(rung=reading.rung, since=since, reason=reason)
