"""How much of mempool and chain the sources show, as a visibility level; when a change is announced.

A drop is announced only after it has lasted, so that a short reconnect raises no alarm; a rise at once.
When drops follow one another (flapping), each must last longer to be announced.
A source that is still starting (a node that syncs, a backend that loads its mempool) is not a failure and
holds back the announcement, unless it had long been starting while the level was LIVE: then it cannot be
the cause of the drop.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

DOWN_AFTER: Final = timedelta(seconds=10)
DOWN_AFTER_AT_START: Final = timedelta(seconds=60)
"""Longer at start: a booting machine starts everything at once, and Spout starts faster than a node."""
FLAPPING: Final = 8
"""Number of drops announced within `FLAPPING_WITHIN` after which a drop must last longer."""
FLAPPING_WITHIN: Final = timedelta(minutes=30)
DOWN_AFTER_WHEN_FLAPPING: Final = timedelta(minutes=2)
LONG_STARTING: Final = timedelta(seconds=60)
"""A source that has been starting for this long at level LIVE does not explain a later drop."""
UNAVAILABLE_AFTER: Final = timedelta(minutes=5)


class Level(StrEnum):
    """The visibility level, best first."""

    LIVE = "live"
    POLLING = "polling"
    BLOCKS_ONLY = "blocks_only"
    BLIND = "blind"


_HEIGHT: Final = {level: place for place, level in enumerate(reversed(Level))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the sources provide at one moment.

    `stream`: mempool changes are streamed. `answers`: the mempool can be queried. `blocks`: blocks can be
    fetched. `starting`: the missing source is still starting. `reason`: why the level is not higher, as text.
    """

    stream: bool
    answers: bool
    blocks: bool
    starting: bool = False
    reason: str | None = None

    @property
    def level(self) -> Level:
        if self.stream:
            return Level.LIVE
        if self.answers:
            return Level.POLLING
        return Level.BLOCKS_ONLY if self.blocks else Level.BLIND


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """The current level. `since`: when the level changed, not when that was announced."""

    level: Level
    since: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A change of level. `before` is None at the start. `announced`: whether an event is published for it."""

    before: Level | None
    now: Visibility
    is_down: bool
    announced: bool


@dataclass(slots=True)
class VisibilityTracker:
    """Tracks the level from readings, starting at BLIND; `began` is the time of the start.

    `announced` is the level last announced to the operator, by the run before if there was one: who was told
    of a loss is told when it is over, though a restart lies between.
    """

    began: datetime
    announced: Level = Level.LIVE
    visibility: Visibility = field(init=False)
    _settled: bool = field(init=False, default=False)
    """Whether the start is over: LIVE was reached, or a lower level was announced."""
    _lower_since: datetime | None = field(init=False, default=None)
    _without_mempool_since: datetime | None = field(init=False)
    _starting_since: datetime | None = field(init=False, default=None)
    _starts_beside: bool = field(init=False, default=False)
    """Whether a source has long been starting while the level was LIVE without it."""
    _announced_down: deque[datetime] = field(init=False, default_factory=lambda: deque(maxlen=FLAPPING))

    def __post_init__(self) -> None:
        self.visibility = Visibility(level=Level.BLIND, since=self.began, reason="nothing has answered yet")
        self._without_mempool_since = self.began

    def step(self, reading: Reading, at: datetime) -> Transition | None:
        """Take a reading; return the change of level it causes, if any."""
        self._consider_mempool(reading, at)
        self._consider_starting(reading, at)
        if _HEIGHT[reading.level] > _HEIGHT[self.visibility.level]:
            return self._climb(reading, at)
        if _HEIGHT[reading.level] < _HEIGHT[self.announced]:
            return self._descend(reading, at)
        self._lower_since = None  # as it was announced: the level is never above that
        return None

    def without_mempool_since(self, at: datetime) -> datetime | None:
        """Return since when no source provides the mempool; None until UNAVAILABLE_AFTER has passed."""
        since = self._without_mempool_since
        return since if since is not None and at - since >= UNAVAILABLE_AFTER else None

    def _climb(self, reading: Reading, at: datetime) -> Transition:
        announced = _HEIGHT[reading.level] > _HEIGHT[self.announced]
        before_the_start = self.announced if announced else None
        before = self.visibility.level if self._settled else before_the_start
        self.visibility = _visibility(reading, at)
        if _HEIGHT[reading.level] >= _HEIGHT[self.announced]:
            self.announced, self._settled, self._lower_since = reading.level, True, None
        return Transition(before=before, now=self.visibility, is_down=False, announced=announced)

    def _descend(self, reading: Reading, at: datetime) -> Transition | None:
        if reading.starting and not self._starts_beside:
            self._lower_since = None
            return None
        since = self._lower_since = self._lower_since or at
        if at - since < (DOWN_AFTER if self._settled else DOWN_AFTER_AT_START):
            return None
        if self._flaps(at) and at - since < DOWN_AFTER_WHEN_FLAPPING:
            return self._descend_quietly(reading, since)
        self._announced_down.append(at)
        before = self.announced if self._settled else None
        self.announced, self._settled, self._lower_since = reading.level, True, None
        self.visibility = _visibility(reading, since)
        return Transition(before=before, now=self.visibility, is_down=True, announced=True)

    def _descend_quietly(self, reading: Reading, since: datetime) -> Transition | None:
        """Lower the level without announcing it."""
        if reading.level is self.visibility.level:
            return None
        before, self.visibility = self.visibility.level, _visibility(reading, since)
        return Transition(before=before, now=self.visibility, is_down=True, announced=False)

    def _flaps(self, at: datetime) -> bool:
        return len(self._announced_down) == FLAPPING and at - self._announced_down[0] < FLAPPING_WITHIN

    def _consider_starting(self, reading: Reading, at: datetime) -> None:
        if not reading.starting:
            self._starting_since, self._starts_beside = None, False
            return
        since = self._starting_since = self._starting_since or at
        if self._settled and reading.level is self.announced is Level.LIVE and at - since >= LONG_STARTING:
            self._starts_beside = True

    def _consider_mempool(self, reading: Reading, at: datetime) -> None:
        if reading.stream or reading.answers:
            self._without_mempool_since = None
        elif self._without_mempool_since is None:
            self._without_mempool_since = at


def _visibility(reading: Reading, since: datetime) -> Visibility:
    reason = None if reading.level is Level.LIVE else reading.reason
    return Visibility(level=reading.level, since=since, reason=reason)
