"""How fast an endpoint may be sent to. Source: core.telegram.org/bots/faq, "My bot is hitting limits"."""

from collections import deque
from dataclasses import dataclass, field

from notifiers.model import Target


@dataclass(slots=True)
class Pace:
    """`most` in `seconds`, for each of the limits; none: as fast as it answers."""

    limits: tuple[tuple[int, float], ...] = ()
    _taken: deque[float] = field(default_factory=deque)

    def wait(self, at: float) -> float:
        """Return the seconds until one more is within the limits; `at` is monotonic."""
        waits = [0.0]
        for most, seconds in self.limits:
            if len(self._taken) >= most:
                waits.append(self._taken[-most] + seconds - at)
        return max(waits)

    def took(self, at: float) -> None:
        self._taken.append(at)
        while len(self._taken) > max((most for most, _ in self.limits), default=0):
            self._taken.popleft()


CHAT = ((1, 1.0),)
GROUP = ((1, 1.0), (20, 60.0))


def pace_of(target: Target | None) -> Pace:
    if target is None or target.telegram is None:
        return Pace()
    return Pace(GROUP if target.telegram.is_group else CHAT)
