"""Time as an argument: all code that waits or records a time takes a Clock."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final, Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Return wall time, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        ...

    async def sleep(self, seconds: float) -> None: ...


_RUNNING: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        # It includes time in suspend, so that a wake-up is no step of the wall clock.
        return time.clock_gettime(_RUNNING)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
