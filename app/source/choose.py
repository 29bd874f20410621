"""Which sources run, in which order they are asked, and how much they let us see."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from app.clock import Clock
from app.core.observations import Observation, SourceSynced
from app.source.breaker import Guard, Patience
from app.source.demo import DemoBackend
from app.source.examined import Examined
from app.source.health import Condition, ConnectionState, SourceHealth
from app.source.inquire import Answerer
from app.source.mempool_rest import MempoolRest
from app.source.mempool_ws import MempoolWebSocket, Tell
from app.source.transport import HttpTransport
from app.views import Component, ComponentStatus, Rung

Part = tuple[str, Callable[[], Awaitable[None]]]
_STATUS = {
    ConnectionState.CONNECTED: ComponentStatus.OK,
    ConnectionState.DISCONNECTED: ComponentStatus.STARTING,
    ConnectionState.RECONNECTING: ComponentStatus.DEGRADED,
    ConnectionState.FAILED: ComponentStatus.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """`parts` run for ever and tell; `answerers` are asked in this order; `rest` holds the leftovers."""

    parts: tuple[Part, ...]
    answerers: tuple[Answerer, ...]
    rest: MempoolRest
    healths: tuple[SourceHealth, ...]
    close: Callable[[], Awaitable[None]]

    def hear(self, observation: Observation, _at: datetime) -> tuple[()]:
        """A backend that is still reading its own mempool is not believed when it misses something."""
        if isinstance(observation, SourceSynced):
            self.rest.in_sync = observation.percent >= 100
            for health in self.healths:
                health.syncing(observation.percent)
        return ()

    def components(self) -> tuple[Component, ...]:
        return tuple(_component(health.name, health.condition) for health in self.healths)

    def rung(self) -> tuple[Rung, datetime, str | None]:
        """How much we see now, since when, and why not more."""
        stream = self.healths[0].condition
        if stream.state is ConnectionState.CONNECTED:
            return Rung.LIVE, stream.since, None
        return Rung.BLIND, stream.since, stream.last_error


def mempool_sources(
    url: str, *, tell: Tell, examined: Examined, clock: Clock, jitter: Callable[[], float]
) -> Sources:
    """A mempool backend alone, by WebSocket and REST. `url` may hold user and password, for its proxy."""
    stream = SourceHealth("mempool_ws", clock)
    answers = SourceHealth("mempool_rest", clock)
    transport = HttpTransport(url, clock)
    rest = MempoolRest(transport, Guard("mempool REST", clock, jitter), clock, examined, answers)
    listener = MempoolWebSocket(url, tell=tell, health=stream, examined=examined, clock=clock, jitter=jitter)
    return Sources(
        parts=(("mempool_ws", listener.run),),
        answerers=(rest,),
        rest=rest,
        healths=(stream, answers),
        close=transport.close,
    )


def demo_sources(room: Path, *, tell: Tell, examined: Examined, clock: Clock) -> Sources:
    """The recording in `room`, in a backend's place."""
    stream = SourceHealth("mempool_ws", clock)
    demo = DemoBackend(
        room / "demo.ws.jsonl.gz",
        room / "demo.rest.jsonl.gz",
        tell=tell,
        health=stream,
        examined=examined,
        clock=clock,
    )
    never = Patience(attempts=1, trips_after=1_000_000_000)
    rest = MempoolRest(demo, Guard("demo", clock, lambda: 0.0, never), clock, examined)
    return Sources(
        parts=(("demo", demo.run),), answerers=(rest,), rest=rest, healths=(stream,), close=_nothing
    )


async def _nothing() -> None:
    """The demo holds nothing open."""


async def answers_at(url: str, seconds: float) -> bool:
    """Whether something accepts a connection there within so long."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _component(name: str, condition: Condition) -> Component:
    status = _STATUS[condition.state]
    if status is ComponentStatus.OK and condition.syncing is not None:
        status = ComponentStatus.SYNCING
    return Component(
        name=name,
        status=status,
        since=condition.since,
        latency_ms=condition.latency_ms,
        error=condition.last_error,
        required=name == "mempool_ws",
        detail=_detail(condition),
    )


def _detail(condition: Condition) -> str | None:
    if condition.syncing is not None:
        return f"the backend has read {condition.syncing:.0f} % of its mempool"
    return "; ".join(condition.notes) or None


def off(names: Sequence[str], since: datetime) -> tuple[Component, ...]:
    """Components that are not configured."""
    return tuple(Component(name=name, status=ComponentStatus.OFF, since=since) for name in names)
