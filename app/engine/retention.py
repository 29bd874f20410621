"""Prunes old history, only while the wall clock agrees with the last block's time.

A machine without a battery-backed clock may start months ahead; pruning by that clock would delete the
history in one go. So the clock and the time of the last block must agree, the earlier of the two counts,
and one pass deletes no more than the oldest two days: an operator who sees it logged can still stop it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from app.clock import Clock
from app.core.models import Block
from app.core.units import counted
from app.errors import StoreError
from app.views import Notice

AGREES_WITHIN: Final = timedelta(days=1)
"""Blocks may be hours apart, and a header's time may be two hours off."""
AT_ONCE: Final = timedelta(days=2)
EVERY_SECONDS: Final = 6 * 3600.0
WAITING_SECONDS: Final = 300.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Delete everything before `before`, or nothing; `waits` says why pruning is held back, if it is."""

    before: datetime | None = None
    waits: str | None = None


def cut_at(*, now: datetime, tip: Block | None, keep: timedelta, oldest: datetime | None) -> Cut:
    """Decide what one pass deletes. `oldest`: the time of the oldest row in the store."""
    if tip is None or tip.time is None:
        if oldest is None or oldest >= now - keep:
            return Cut()  # nothing is old enough by this clock either: there is nothing to hold back
        return Cut(waits="no block is known yet whose time would bear out this machine's clock")
    apart = now - tip.time
    if abs(apart) > AGREES_WITHIN:
        side = "ahead of" if apart > timedelta(0) else "behind"
        days = f"{counted(round(abs(apart) / timedelta(days=1)), 'day')} {side}"
        return Cut(waits=f"this machine's clock is {days} the last block")
    before = min(now, tip.time) - keep
    if oldest is None or oldest >= before:
        return Cut()
    return Cut(before=min(before, oldest + AT_ONCE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept for `keep` as in force; `oldest`: the time of the oldest row that may ever be deleted."""

    name: str
    prune: Callable[[datetime], Awaitable[int]]
    oldest: Callable[[], Awaitable[datetime | None]]
    keep: Callable[[], timedelta]


class Retention:
    """Runs the passes. `tip` is the tip of the tracker's chain."""

    def __init__(self, *kept: Kept, tip: Callable[[], Block | None], clock: Clock) -> None:
        self._kept = kept
        self._tip = tip
        self._clock = clock
        self._waiting: Notice | None = None

    async def run(self) -> None:
        while True:
            try:
                waits = await self.pass_once()
            except StoreError as error:  # a full disk, say: tried again soon
                _log.warning("history not pruned", reason=str(error))
                waits = True
            await self._clock.sleep(WAITING_SECONDS if waits else EVERY_SECONDS)

    async def pass_once(self) -> bool:
        """Prune once; return whether pruning is held back because of the clock.

        Raises:
            StoreError: if the store fails.
        """
        now = self._clock.now()
        cuts = [
            (one, cut_at(now=now, tip=self._tip(), keep=one.keep(), oldest=await one.oldest()))
            for one in self._kept
        ]
        waits = next((cut.waits for _, cut in cuts if cut.waits is not None), None)
        self._emit(waits, now)
        for one, cut in cuts:
            if cut.before is not None:
                rows = await one.prune(cut.before)
                _log.info("history forgotten", of=one.name, before=cut.before.isoformat(), rows=rows)
        return waits is not None

    def notices(self) -> tuple[Notice, ...]:
        """The notice that pruning is held back, if the clock is the reason."""
        return () if self._waiting is None else (self._waiting,)

    def _emit(self, waits: str | None, now: datetime) -> None:
        if waits is None or self._tip() is None:
            self._waiting = None
            return
        message = f"Nothing is forgotten for now: {waits}. Set the clock, or let the node catch up"
        if self._waiting is None or self._waiting.words != message:
            _log.warning("retention waits", reason=waits)
            self._waiting = Notice(code="retention_waits", words=message, since=now)
