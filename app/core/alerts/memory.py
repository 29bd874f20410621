"""What an endpoint's decisions remember: budget, quiet hours, lost sources, what is owed, threads."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.core.contract import iso
from app.core.events import EventType
from app.core.prediction import Status


class HoldReason(StrEnum):
    """Why a delivery is held back."""

    RULE = "rule"
    MUTED = "muted"
    QUIET = "quiet"
    BUDGET = "budget"
    THREAD = "one_thread"
    DEGRADED = "degraded_after_s"
    """Waits: the source may come back."""
    CAME_BACK = "came_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A digest or summary of what was held back from `start` to `end`, to be sent at `at`."""

    type: EventType
    start: datetime
    end: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A source.degraded that waits until `ripe_at`."""

    sequence: int
    ripe_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What an endpoint's decisions depend on besides the event; kept in the transaction of its deliveries."""

    hour_from: datetime | None = None
    """When the first message of the budget's current hour was sent."""
    sent: int = 0
    over: bool = False
    """Whether the budget has held something back in this hour."""
    quiet_from: datetime | None = None
    """The first event that the current quiet hours hold back."""
    quiet_until: datetime | None = None
    degraded: tuple[Held, ...] = ()
    degraded_published: bool = False
    """Whether a lost source was sent, or stands in a digest or summary: its return is told too."""
    owed: tuple[Owed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """What the endpoint was told of a whale; `final`: the status of the last message that ended it."""

    final: Status | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What becomes at `at` of a source.degraded that waited; `because` None: it is sent."""

    sequence: int
    because: HoldReason | None
    at: datetime


def paid(memory: Memory, type_: EventType, start: datetime) -> Memory:
    """Return the memory once a digest or summary is on its way."""
    left = [one for one in memory.owed if one.type is not type_ or iso(one.start) != iso(start)]
    return replace(memory, owed=tuple(left))
