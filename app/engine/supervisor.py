"""Runs the long-running tasks and restarts those that raise; the only place that catches Exception."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from app.clock import Clock
from app.core.backoff import backoff_seconds
from app.core.units import counted
from app.views import Notice

T = TypeVar("T")
STEADY_SECONDS = 300.0
"""A task that ran this long has recovered: the backoff of its next failure starts over."""
SHOWN_FOR = timedelta(hours=1)
"""How long after the last failure of a task its notice is shown to the operator."""
_log = structlog.get_logger(__name__)


class Supervisor:
    """Holds the tasks of one engine. `failures` counts the failures by task or step, for health."""

    def __init__(self, clock: Clock, jitter: Callable[[], float]) -> None:
        self._clock = clock
        self._jitter = jitter
        self._tasks: list[asyncio.Task[None]] = []
        self.failures: dict[str, int] = {}
        self._last_failure: dict[str, datetime] = {}

    def start(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Run `part` until `stop`; if it returns it is done, if it raises it is restarted."""
        self._tasks.append(asyncio.create_task(self._keep_up(name, part), name=name))

    def run_guarded(self, what: str, work: Callable[[], T]) -> T | None:
        """Return the result of `work`, or None if it raises: one failed step must not end its task."""
        try:
            return work()
        except Exception:  # noqa: BLE001 - the step fails alone, and is counted
            _log.exception("step failed", step=what)
            self._count(what)
            return None

    def notices(self) -> tuple[Notice, ...]:
        """The notices to the operator on tasks that failed within the last hour, and how often."""
        since = self._clock.now() - SHOWN_FOR
        return tuple(
            Notice(
                code="part_fell",
                words=(
                    f"The part '{name}' failed and was started again, {counted(self.failures[name], 'time')} "
                    "since the start; nothing stored is lost. The log says why: if it goes on, report it"
                ),
                since=at,
            )
            for name, at in self._last_failure.items()
            if at > since
        )

    async def stop(self) -> None:
        """Cancel all tasks, last started first, and wait for them."""
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
                _log.exception("part failed", part=name)
            else:
                return
            self._count(name)
            attempt = 1 if self._clock.monotonic() - started > STEADY_SECONDS else attempt + 1
            await self._clock.sleep(backoff_seconds(attempt, self._jitter()))

    def _count(self, name: str) -> None:
        self.failures[name] = self.failures.get(name, 0) + 1
        self._last_failure[name] = self._clock.now()
