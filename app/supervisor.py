"""Runs the long-lived parts and starts them again when they fall: the only place that catches Exception."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from app.clock import Clock
from app.core.backoff import backoff_seconds
from app.views import Notice

T = TypeVar("T")
STEADY_SECONDS = 300.0
"""A part that ran so long has recovered: its next fall counts as the first."""
TOLD_FOR = timedelta(hours=1)
"""So long after its last fall the operator is told of it."""
_log = structlog.get_logger(__name__)


class Supervisor:
    """Holds the tasks of one engine. `falls` counts the restarts by part, for health."""

    def __init__(self, clock: Clock, jitter: Callable[[], float]) -> None:
        self._clock = clock
        self._jitter = jitter
        self._tasks: list[asyncio.Task[None]] = []
        self.falls: dict[str, int] = {}
        self._last_fall: dict[str, datetime] = {}

    def start(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Run `part` until `stop`; one that returns is done, one that raises is started again."""
        self._tasks.append(asyncio.create_task(self._keep_up(name, part), name=name))

    def spare(self, what: str, work: Callable[[], T]) -> T | None:
        """Return what `work` returns; None if it falls: one step that falls must not take a part along."""
        try:
            return work()
        except Exception:  # noqa: BLE001 - the step falls alone, and is counted
            _log.exception("step fell", step=what)
            self._count(what)
            return None

    def notices(self) -> tuple[Notice, ...]:
        """What the operator should know: what fell lately, how often, and since when it is up again."""
        since = self._clock.now() - TOLD_FOR
        return tuple(
            Notice(
                code="part_fell",
                words=(
                    f"The part '{name}' fell and was started again, {self.falls[name]} time(s) since the "
                    "start; nothing stored is lost. The log says why: if it goes on, report it"
                ),
                since=at,
            )
            for name, at in self._last_fall.items()
            if at > since
        )

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
            self._count(name)
            attempt = 1 if self._clock.monotonic() - started > STEADY_SECONDS else attempt + 1
            await self._clock.sleep(backoff_seconds(attempt, self._jitter()))

    def _count(self, name: str) -> None:
        self.falls[name] = self.falls.get(name, 0) + 1
        self._last_fall[name] = self._clock.now()
