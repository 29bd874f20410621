"""Detects steps of the wall clock by comparing it to the monotonic clock."""

from collections.abc import Sequence
from typing import Final

import structlog

from app.clock import Clock
from app.core.observations import ClockStepped, Observation

SLEWED_SECONDS: Final = 2.0
"""Smaller differences are ignored: a time service slews the clock by less between two calls."""
_log = structlog.get_logger(__name__)


class ClockSteps:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart = self._difference()

    def __call__(self) -> Sequence[Observation]:
        """Return a ClockStepped observation if the clock was stepped since the last call."""
        now = self._difference()
        stepped, self._apart = now - self._apart, now
        if abs(stepped) < SLEWED_SECONDS:
            return ()
        _log.warning("the clock was set", seconds=round(stepped, 1))
        return (ClockStepped(seconds=stepped),)

    def _difference(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
