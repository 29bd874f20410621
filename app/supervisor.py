"""Runs the long-lived parts and starts them again when they fall: the only place that catches Exception."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from app.clock import Clock
from app.core.backoff import backoff_seconds

T = TypeVar("T")
STEADY_SECONDS = 300.0
"""A part that ran so long has recovered: its next fall counts as the first."""
_log = structlog.get_logger(__name__)


class Supervisor:
    """Holds the tasks of one engine. `falls` counts the restarts by part, for health."""

    def __init__(self, clock: Clock, jitter: Callable[[], float]) -> None:
        self._clock = clock
        self._jitter = jitter
        self._tasks: list[asyncio.Task[None]] = []
        self.falls: dict[str, int] = {}

    def start(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Run `part` until `stop`; one that returns is done, one that raises is started again."""
        self._tasks.append(asyncio.create_task(self._keep_up(name, part), name=name))

    def spare(self, what: str, work: Callable[[], T]) -> T | None:
        """Return what `work` returns; None if it falls: one step that falls must not take a part along."""
        try:
            return work()
        except Exception:  # noqa: BLE001 - see above
            _log.exception("step fell", step=what)
            self.falls[what] = self.falls.get(what, 0) + 1
            return None

    async def stop(self) -> None:
        """Cancel all, last started first, and wait for them."""
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _keep_up(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        attempt = 0
        while True:
            started = self._clock.monotonic()
            try:
                await part()
            except Exception:  # noqa: BLE001 - whatever it was, the others must go on
                _log.exception("part fell", part=name)
            else:
                return
            self.falls[name] = self.falls.get(name, 0) + 1
            attempt = 1 if self._clock.monotonic() - started > STEADY_SECONDS else attempt + 1
            await self._clock.sleep(backoff_seconds(attempt, self._jitter()))
