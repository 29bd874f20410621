"""The second rung: while nothing streams, the backend's REST is asked what it would have told.

And the far sides are probed all the time, in parallel: each one's latency, and whether it is back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from app.clock import Clock
from app.core.observations import Observation
from app.core.questions import AskMempool
from app.errors import ParseError, SourceError, UnreachableError
from app.source.mempool_rest import MempoolRest
from app.source.mempool_ws import Tell
from app.source.race import within
from app.source.sides import BackendSide, NodeSide, Sides

POLL_SECONDS = 10.0
TURN_SECONDS = 1.0
PROBE_SECONDS = 10.0
PROBE_AGAIN_SECONDS = 2.0
"""While the backend does not answer, so that its return is noticed at once."""
PROBE_PATIENCE_SECONDS = 7.0
"""With the time between two probes less than it takes until a silent stream is told: then what is told is
the whole loss, in one step."""
LEFTOVERS_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Poller:
    """Reads mempool, tip, fees and queue by REST as long as no source streams.

    And once whenever REST is back: what was asked meanwhile found nobody to answer.
    """

    def __init__(self, believed: Callable[[], Sides], rest: MempoolRest, tell: Tell, clock: Clock) -> None:
        self._believed = believed
        self._rest = rest
        self._tell = tell
        self._clock = clock
        self._polled_at = clock.monotonic()
        self._answered = True

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
        if not answered:
            await self._try(partial(self._rest.answer, AskMempool("REST answers again")))
        elif due and not self._believed().reading().stream:
            self._polled_at = self._clock.monotonic()
            await self._try(partial(self._rest.answer, AskMempool("polling")))
            await self._try(self._rest.market)

    async def _try(self, read: Callable[[], Awaitable[tuple[Observation, ...]]]) -> None:
        try:
            await self._tell(await read())
        except (SourceError, ParseError) as error:
            _log.debug("poll without answer", error=str(error))


class Leftovers:
    """Reads what was listed and never told, one by one."""

    def __init__(self, rest: MempoolRest, tell: Tell, clock: Clock) -> None:
        self._rest = rest
        self._tell = tell
        self._clock = clock

    async def run(self) -> None:
        while True:
            async for one in self._rest.leftovers():
                await self._tell((one,))
            await self._clock.sleep(LEFTOVERS_SECONDS)


class Prober:
    """Asks every far side for a trifle; the answer, or its lack, is written into its health."""

    def __init__(self, sides: Sides, clock: Clock) -> None:
        self._sides = sides
        self._clock = clock

    async def run(self) -> None:
        """Probe for ever, each far side at its own pace."""
        async with asyncio.TaskGroup() as group:
            if self._sides.backend is not None:
                group.create_task(self._keep_probing(partial(_ask_tip, self._sides.backend, self._clock)))
            if self._sides.node is not None:
                group.create_task(self._keep_probing(partial(_ask_uptime, self._sides.node)))
            if self._sides.electrum is not None:
                group.create_task(self._keep_probing(self._sides.electrum.source.ping))

    async def _keep_probing(self, probe: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await probe()
            except (SourceError, ParseError) as error:
                _log.debug("probe without answer", error=str(error))
                await self._clock.sleep(PROBE_AGAIN_SECONDS)
            else:
                await self._clock.sleep(PROBE_SECONDS)


async def _ask_tip(backend: BackendSide, clock: Clock) -> None:
    if await within(backend.rest.tip(), PROBE_PATIENCE_SECONDS, clock) is None:
        backend.answers.reconnecting(f"no answer within {PROBE_PATIENCE_SECONDS:.0f} s")
        raise UnreachableError("the backend does not answer")


async def _ask_uptime(node: NodeSide) -> None:
    await node.rpc.ask(int, "uptime")
