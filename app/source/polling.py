"""Polls the backend's REST API while nothing streams: the second visibility level.

It also pings the node, the backend and the Electrum server in parallel, for latency and availability.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from app.clock import Clock
from app.core.observations import Observation
from app.core.questions import AskMempool
from app.errors import ParseError, SourceError, UnreachableError
from app.source.backend import Emit, MempoolRest
from app.source.far_sides import BackendSide, FarSides
from app.source.resilience import within

POLL_SECONDS = 10.0
TURN_SECONDS = 1.0
PING_SECONDS = 10.0
PING_AGAIN_SECONDS = 2.0
"""Interval while the backend does not reply, so that its return is noticed at once."""
PING_PATIENCE_SECONDS = 7.0
"""Together with the ping interval less than the time until a silent stream is reported, so that the
loss of both is reported in one step."""
BACKLOG_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Poller:
    """Reads mempool, tip, fees and queue by REST while no source streams.

    It also reads the mempool whenever REST is back, until it was read: for questions that failed meanwhile.
    """

    def __init__(self, believed: Callable[[], FarSides], rest: MempoolRest, emit: Emit, clock: Clock) -> None:
        self._believed = believed
        self._rest = rest
        self._emit = emit
        self._clock = clock
        self._polled_at = clock.monotonic()
        self._answered = True
        self._regained = 0
        self._owed = False

    async def run(self) -> None:
        while True:
            await self.turn()
            await self._clock.sleep(TURN_SECONDS)

    async def turn(self) -> None:
        """Read what is due."""
        backend = self._believed().backend
        answered, self._answered = self._answered, backend is not None and backend.responds
        due = self._clock.monotonic() - self._polled_at >= POLL_SECONDS
        if not self._answered:
            return
        if (regained := backend.regained if backend else 0) != self._regained:
            self._regained, self._owed = regained, True  # it was away between two turns
        streams = self._believed().reading().stream
        if not answered or (due and (self._owed or not streams)):
            self._polled_at = self._clock.monotonic()
            why = "polling" if answered else "REST answers again"
            self._owed = not await self._try(partial(self._rest.answer, AskMempool(why)))
            if not streams:
                await self._try(self._rest.market)

    async def _try(self, read: Callable[[], Awaitable[tuple[Observation, ...]]]) -> bool:
        """Return whether it was read."""
        try:
            await self._emit(await read())
        except (SourceError, ParseError) as error:
            _log.debug("poll without answer", error=str(error))
            return False
        return True


class Backlog:
    """Reads transactions that were listed but not yet received, one by one."""

    def __init__(self, rest: MempoolRest, emit: Emit, clock: Clock) -> None:
        self._rest = rest
        self._emit = emit
        self._clock = clock

    async def run(self) -> None:
        while True:
            async for one in self._rest.backlog():
                await self._emit((one,))
            await self._clock.sleep(BACKLOG_SECONDS)


class Pinger:
    """Pings every configured source, and records latency or failure in its health."""

    def __init__(self, far_sides: FarSides, clock: Clock) -> None:
        self._far_sides = far_sides
        self._clock = clock

    async def run(self) -> None:
        """Ping until cancelled, each source at its own interval."""
        async with asyncio.TaskGroup() as group:
            if self._far_sides.backend is not None:
                group.create_task(self._keep_probing(partial(_ask_tip, self._far_sides.backend, self._clock)))
            if self._far_sides.node is not None:
                group.create_task(self._keep_probing(self._far_sides.node.rpc.ping))
            if self._far_sides.electrum is not None:
                group.create_task(self._keep_probing(self._far_sides.electrum.source.ping))

    async def _keep_probing(self, ping_once: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await ping_once()
            except (SourceError, ParseError) as error:
                _log.debug("probe without answer", error=str(error))
                await self._clock.sleep(PING_AGAIN_SECONDS)
            else:
                await self._clock.sleep(PING_SECONDS)


async def _ask_tip(backend: BackendSide, clock: Clock) -> None:
    if await within(backend.rest.tip(), PING_PATIENCE_SECONDS, clock) is None:
        backend.answers.fell_silent(f"no answer within {PING_PATIENCE_SECONDS:.0f} s")
        raise UnreachableError("the backend does not answer")
