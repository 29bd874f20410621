"""Watches the process's own memory, and has whales unloaded when it stays short."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

import psutil
import structlog

from app import allocator
from app.clock import Clock
from app.core.observations import MemoryPressed, Observation
from app.core.units import counted
from app.views import Component, ComponentStatus, Notice

READ_SECONDS: Final = 2.0
BEGINS_AT: Final = 0.80
"""Share of the limit at which an episode of memory pressure begins."""
OVER_BELOW: Final = 0.75
"""Share of the limit below which an episode ends; the hysteresis keeps it one episode and not many."""
LASTING_READINGS: Final = 5
"""Consecutive readings over the limit before whales are unloaded: 10 s; parsing a 100 MB frame takes less."""
RISE_MB: Final = 24.0
"""After each rise by so much what the allocator holds free is handed back: a burst leaves twice as much."""
LEFT_MB: Final = 6.0
"""After a rise by so much it is handed back as well, once it rises no longer."""
HAND_BACK_SECONDS: Final = 3_600.0
"""And so often in any case: what stays free rises by a fifth of a megabyte an hour."""
_log = structlog.get_logger(__name__)


class MemoryWatch:
    """Polls `read`, the resident memory in MB; emits MemoryPressed when whales have to be unloaded."""

    def __init__(
        self,
        read: Callable[[], float],
        emit: Callable[[Observation], Awaitable[None]],
        clock: Clock,
        *,
        limit_mb: int,
        tidy: Callable[[], Awaitable[None]] | None = None,
        trim: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._read = read
        self._emit = emit
        self._clock = clock
        self._limit_mb = limit_mb
        self._tidy = tidy or give_back
        self._trim = trim or hand_back
        self._held_mb: float | None = None
        self._handed_back_at = clock.monotonic()
        self._rss_mb = self._last_mb = 0.0
        self._over = 0
        self._since = clock.now()
        self._pressed_since: datetime | None = None

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(READ_SECONDS)

    async def look(self) -> None:
        """Take one reading; free memory at the first high one, emit MemoryPressed if it lasts."""
        self._rss_mb = self._read()
        await self._after_a_rise()
        if self._rss_mb < self._limit_mb * BEGINS_AT:
            self._over = 0
            if self._rss_mb < self._limit_mb * OVER_BELOW:
                self._relax()
            return
        self._over += 1
        if self._over == 1:
            await self._tidy()
        if self._over >= LASTING_READINGS:
            self._over = 0
            await self._press()

    async def _after_a_rise(self) -> None:
        has_ended, self._last_mb = self._rss_mb <= self._last_mb, self._rss_mb
        is_due = self._clock.monotonic() - self._handed_back_at >= HAND_BACK_SECONDS
        if self._held_mb is None or self._rss_mb < self._held_mb:
            self._held_mb = self._rss_mb
        if is_due or self._rss_mb >= self._held_mb + (LEFT_MB if has_ended else RISE_MB):
            await self._trim()
            self._handed_back_at = self._clock.monotonic()
            self._rss_mb = self._last_mb = self._held_mb = self._read()

    def component(self, unloaded: int) -> Component:
        """The memory line of the health report."""
        pressed = self._pressed_since is not None
        return Component(
            name="memory",
            status=ComponentStatus.DEGRADED if pressed else ComponentStatus.OK,
            since=self._since,
            error=self._words(unloaded) if pressed else None,
            detail=f"{self._rss_mb:.0f} MB of {self._limit_mb} MB",
        )

    def notices(self, unloaded: int) -> tuple[Notice, ...]:
        """The notice to the operator for as long as the episode lasts."""
        if self._pressed_since is None:
            return ()
        return (Notice(code="memory", words=self._words(unloaded), since=self._pressed_since),)

    async def _press(self) -> None:
        first = self._pressed_since is None
        if first:
            self._pressed_since = self._since = self._clock.now()
            _log.warning("memory is short", rss_mb=round(self._rss_mb), limit_mb=self._limit_mb)
        await self._emit(MemoryPressed(rss_mb=self._rss_mb, limit_mb=self._limit_mb, first=first))

    def _relax(self) -> None:
        if self._pressed_since is not None:
            _log.info("memory suffices again", rss_mb=round(self._rss_mb), limit_mb=self._limit_mb)
            self._pressed_since = None
            self._since = self._clock.now()

    def _words(self, unloaded: int) -> str:
        return (
            f"Memory is short: {self._rss_mb:.0f} MB of {self._limit_mb} MB. "
            f"{counted(unloaded, 'whale')} of the lowest feerates set aside: stored, and their ends are "
            "still told. A higher SPOUT_MEMORY_LIMIT_MB gives more room."
        )


class ResidentMemory:
    """Called, returns the resident set size of this process, in MB.

    Out of descriptors, as any process may be for a while, there is no new reading: the last one stands.
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._last_mb = 0.0

    def __call__(self) -> float:
        with suppress(OSError):
            self._last_mb = float(self._process.memory_info().rss) / 1_048_576
        return self._last_mb


async def give_back() -> None:
    """Run the garbage collector and return free pages to the operating system."""
    gc.collect()
    await hand_back()


async def hand_back() -> None:
    """Return free pages to the operating system. Garbage is not looked for: that would hold up the loop."""
    await asyncio.get_running_loop().run_in_executor(None, allocator.hand_back)
