"""Watches the accuracy of our own forecasts: one event when it degrades, one when it recovers."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Final, Protocol

import structlog

from app.clock import Clock
from app.core.events import EventType, Happening
from app.core.observations import AccuracyChanged, BlockConnected, Observation
from app.core.recent import Recent
from app.core.scoring import WINDOWS, Circumstances, WindowCount, change_of, changed, deciding
from app.core.units import BlockHash
from app.errors import StoreError
from app.views import AccuracyState, Component, ComponentStatus, HitCount

EVERY_SECONDS: Final = 30.0
BLOCKS_REMEMBERED: Final = 2_000
"""More than the blocks of the longest window."""
_log = structlog.get_logger(__name__)


class AccuracyCounts(Protocol):
    """The outcomes in the store, as far as the monitor needs them."""

    async def windows(self, now: datetime) -> tuple[WindowCount, ...]: ...

    async def circumstances(
        self, start: datetime, end: datetime, empty: Iterable[datetime]
    ) -> Circumstances: ...

    async def last_change(self) -> AccuracyState | None: ...


class AccuracyWatch:
    """Emits AccuracyChanged; a listener of the pipeline that remembers when empty blocks came.

    The state itself is the last accuracy event in the store, so that a restart raises none again.
    """

    def __init__(
        self,
        counts: AccuracyCounts,
        emit: Callable[[Observation], Awaitable[None]],
        threshold: Callable[[], float],
        clock: Clock,
    ) -> None:
        """`threshold` returns the hit rate in force below which accuracy counts as degraded."""
        self._counts = counts
        self._emit = emit
        self._threshold = threshold
        self._clock = clock
        self._restored = False
        self._fault: str | None = None
        self._since = clock.now()
        self._rate: str | None = None
        self.counted: HitCount | None = None
        """The window that decides, else the longest; None before the first look."""
        self._connected: Recent[BlockHash, datetime] = Recent(BLOCKS_REMEMBERED)
        self._empty: Recent[BlockHash, datetime] = Recent(BLOCKS_REMEMBERED)

    def receive(self, observation: Observation, at: datetime) -> Iterable[Happening]:
        """Note when each block came, and which of them hold only their coinbase."""
        if isinstance(observation, BlockConnected):
            block = observation.block
            came = self._connected.get(block.hash) or at
            self._connected.put(block.hash, came)
            if block.entries is not None and len(block.entries) <= 1:
                self._empty.put(block.hash, came)
        return ()

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except StoreError as error:  # a full disk, say: looked at again soon
                _log.warning("accuracy not read", reason=str(error))
            await self._clock.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Compare the hit rate with the threshold once; emit a change.

        Raises:
            StoreError: if the store cannot be read.
        """
        await self._restore()
        now = self._clock.now()
        windows = await self._counts.windows(now)
        window = deciding(windows)
        self._rate = _words(window)
        if (shown := window or (windows[-1] if windows else None)) is not None:
            self.counted = HitCount(window=shown.window, n=shown.n, on_time=shown.on_time)
        degraded = changed(windows, degraded=self._fault is not None, threshold=self._threshold())
        if window is None or degraded is None:
            return
        empty = tuple(self._empty.values())
        around = await self._counts.circumstances(now - WINDOWS[window.window], now, empty)
        change = change_of(window, degraded=degraded, threshold=self._threshold(), circumstances=around)
        await self._emit(AccuracyChanged(change=change))
        self._fault, self._since = (change.message if degraded else None), now
        _log.info("accuracy changed", degraded=degraded, words=change.message)

    def component(self) -> Component:
        """The accuracy line of the health report."""
        return Component(
            name="accuracy",
            status=ComponentStatus.DEGRADED if self._fault else ComponentStatus.OK,
            since=self._since,
            error=self._fault,
            detail=self._rate,
        )

    async def _restore(self) -> None:
        if self._restored:
            return
        last = await self._counts.last_change()
        if last is not None:
            self._since = last.since
            self._fault = last.words if last.type is EventType.ACCURACY_DEGRADED else None
        self._restored = True


def _words(window: WindowCount | None) -> str:
    if window is None:
        return "too few forecasts have come due to say"
    return f"{window.on_time} of {window.n} forecasts held within {window.window}"
