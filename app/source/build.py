"""Builds the sources that the settings name, in the order in which they are asked and trusted.

The mempool backend's WebSocket and bitcoind both report the mempool, whichever is first; bitcoind is asked
before the backend and the backend before the Electrum server, because each knows less, or later, than the
one before.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from app.clock import Clock
from app.core.encoding import Network, address_of
from app.core.models import SourceName
from app.core.observations import Observation
from app.core.tips import Tips
from app.core.units import Script
from app.metrics import Metrics
from app.settings import Settings, Source
from app.source.answering import Answerer
from app.source.backend import Emit, HttpTransport, MempoolRest, MempoolWebSocket, Transport, default_frame_mb
from app.source.bitcoind import Bitcoind, BitcoindRpc, RpcEndpoint
from app.source.checks import Examination
from app.source.electrum import Electrs, ElectrumEndpoint
from app.source.far_sides import (
    Abreast,
    BackendSide,
    ElectrumSide,
    FarSides,
    NodeSide,
    WhenWell,
    is_connected,
)
from app.source.filter import ObservationFilter
from app.source.polling import Backlog, Pinger, Poller
from app.source.recording import DemoBackend
from app.source.resilience import Budget, Guard, Patience, SeenTxids, SourceHealth, trusting
from app.source.sources import Part, Sources

COOKIE_NODE = "http://127.0.0.1:8332"
"""The node's address if only its cookie file is configured."""
_NETWORKS = {"main": Network.MAIN, "regtest": Network.REGTEST}


class Emitting(Protocol):
    def observations(self) -> AsyncGenerator[Observation, None]: ...


@dataclass(slots=True, kw_only=True)
class Addresses:
    """Encodes scripts as addresses, once the node has reported its network."""

    network: Network | None = None

    def learn(self, chain: str) -> None:
        """Set the network; `chain` as in getblockchaininfo."""
        self.network = _NETWORKS.get(chain, Network.TEST)

    def of(self, script: Script) -> str | None:
        return None if self.network is None else address_of(script, self.network)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Dependencies of every source. `jitter` returns 0..1."""

    emit: Emit
    seen_txids: SeenTxids
    clock: Clock
    jitter: Callable[[], float]
    addresses: Addresses = field(default_factory=Addresses)
    metrics: Metrics = field(default_factory=Metrics)
    budget: Budget = field(default_factory=Budget)
    """Limits the total size of their unfinished replies."""
    tls: ssl.SSLContext | None = None
    """The authorities that all of them trust; reading the system's takes tens of milliseconds.

    None: those of the settings are read."""

    def guard(self, name: str) -> Guard:
        return Guard(name, self.clock, self.jitter)


def sources_of(settings: Settings, around: Surroundings) -> Sources:
    """Build the sources that the settings name."""
    wanted, around = settings.given, replace(around, tls=around.tls or trusting(settings.ca_file))
    node_named = bool({"bitcoind_url", "bitcoind_cookie_file"} & wanted)
    alone = settings.source is Source.BITCOIND or (
        settings.source is Source.AUTO and node_named and "mempool_url" not in wanted
    )
    transport = (
        None
        if alone
        else HttpTransport(settings.mempool_url, around.clock, budget=around.budget, tls=around.tls)
    )
    far_sides = FarSides(
        backend=None if transport is None else _backend(transport, around),
        node=_node(settings, around) if node_named else None,
        electrum=_electrum(settings, around) if settings.electrs_url else None,
    )
    return _assembled(far_sides, settings, around, transport)


def demo_sources(room: Path, settings: Settings, around: Surroundings) -> Sources:
    """Build the recording in `room` in place of a backend."""
    stream = SourceHealth("mempool_ws", around.clock)
    demo = DemoBackend(
        room / "demo.ws.jsonl.gz",
        room / "demo.rest.jsonl.gz",
        emit=around.emit,
        health=stream,
        seen_txids=around.seen_txids,
        clock=around.clock,
    )
    never = Patience(attempts=1, trips_after=1_000_000_000)
    rest = MempoolRest(demo, Guard("demo", around.clock, lambda: 0.0, never), around.clock, around.seen_txids)
    far_sides = FarSides(backend=BackendSide(rest=rest, stream=stream, answers=stream))
    return Sources(
        parts=(("demo", demo.run), ("leftovers", Backlog(rest, around.emit, around.clock).run)),
        answerers=(rest,),
        far_sides=far_sides,
        clock=around.clock,
        observation_filter=_filter(far_sides, Examination(far_sides, around.clock), settings, around),
        examination=Examination(far_sides, around.clock),
        close=_nothing,
        demo=True,
    )


async def answers_at(url: str, seconds: float) -> bool:
    """Whether a port accepts a connection at that address within `seconds`."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _assembled(
    far_sides: FarSides, settings: Settings, around: Surroundings, transport: HttpTransport | None
) -> Sources:
    examination = Examination(far_sides, around.clock, around.addresses.learn)
    observation_filter = _filter(far_sides, examination, settings, around)
    tips = Tips()
    parts: list[Part] = [("probe", Pinger(far_sides, around.clock).run), ("examination", examination.run)]
    pump = partial(_pump, observation_filter=observation_filter, examination=examination)
    if far_sides.node is not None:
        parts.append(("bitcoind", pump(far_sides.node.source, compared=far_sides.backend is not None)))
    if far_sides.backend is not None:
        rest = far_sides.backend.rest
        parts += [
            ("mempool_ws", _receiver(settings, far_sides.backend, observation_filter, around).run),
            ("poller", Poller(examination.believed, rest, observation_filter.emit, around.clock).run),
            ("leftovers", Backlog(rest, observation_filter.emit, around.clock).run),
        ]
    if far_sides.electrum is not None:
        parts.append(("electrs", pump(far_sides.electrum.source)))

    async def close() -> None:
        if far_sides.node is not None:
            await far_sides.node.source.close()
        if far_sides.electrum is not None:
            await far_sides.electrum.source.close()
        if transport is not None:
            await transport.close()

    return Sources(
        parts=tuple(parts),
        answerers=_answerers(far_sides, examination, tips, around.clock),
        far_sides=far_sides,
        clock=around.clock,
        observation_filter=observation_filter,
        examination=examination,
        close=close,
        tips=tips,
        is_main=lambda: around.addresses.network is Network.MAIN,
    )


def _answerers(
    far_sides: FarSides, examination: Examination, tips: Tips, clock: Clock
) -> tuple[Answerer, ...]:
    """Return the answerers in the order in which they are asked."""

    def abreast(source: Answerer, name: SourceName) -> Answerer:
        def behind() -> int:
            tips.forget(one for one in SourceName if examination.is_other_chain(one))
            return tips.behind(name, clock.now())

        return Abreast(source, name.value, behind)

    def believed(source: Answerer, health: SourceHealth, name: SourceName) -> Answerer:
        return WhenWell(abreast(source, name), health, lambda: examination.is_other_chain(name))

    found: list[Answerer] = []
    if far_sides.node is not None:
        found.append(believed(far_sides.node.source, far_sides.node.health, SourceName.BITCOIND))
    if far_sides.backend is not None:
        found.append(abreast(far_sides.backend.rest, SourceName.MEMPOOL_REST))
    if far_sides.electrum is not None:
        found.append(believed(far_sides.electrum.source, far_sides.electrum.health, SourceName.ELECTRS))
    return tuple(found)


def _backend(transport: Transport, around: Surroundings) -> BackendSide:
    stream = SourceHealth("mempool_ws", around.clock)
    guard = around.guard("mempool REST")
    answers = SourceHealth("mempool_rest", around.clock, lambda: guard.state)
    rest = MempoolRest(
        transport,
        guard,
        around.clock,
        around.seen_txids,
        answers,
        is_streaming=lambda: is_connected(stream),
    )
    return BackendSide(rest=rest, stream=stream, answers=answers)


def _receiver(
    settings: Settings, backend: BackendSide, observation_filter: ObservationFilter, around: Surroundings
) -> MempoolWebSocket:
    return MempoolWebSocket(
        settings.mempool_url,
        emit=observation_filter.emit,
        health=backend.stream,
        seen_txids=around.seen_txids,
        threshold=lambda: observation_filter.threshold,
        clock=around.clock,
        jitter=around.jitter,
        metrics=around.metrics,
        tls=around.tls,
        most_frame_bytes=(settings.max_frame_mb or default_frame_mb()) * 1024 * 1024,
    )


def _node(settings: Settings, around: Surroundings) -> NodeSide:
    guard = around.guard("bitcoind")
    health = SourceHealth("bitcoind", around.clock, lambda: guard.state)
    endpoint = RpcEndpoint.parse(settings.bitcoind_url or COOKIE_NODE, settings.bitcoind_cookie_file)
    rpc = BitcoindRpc(endpoint, around.clock, guard, health, budget=around.budget, tls=around.tls)
    named = {
        "rawtx": settings.bitcoind_zmq_rawtx,
        "sequence": settings.bitcoind_zmq_sequence,
        "hashblock": settings.bitcoind_zmq_hashblock,
    }
    urls = {topic: str(url) for topic, url in named.items() if url is not None}
    source = Bitcoind(
        rpc,
        urls,
        around.clock,
        health,
        threshold=settings.whale_threshold_sat,
        address_of=around.addresses.of,
        learn=around.addresses.learn,
    )
    return NodeSide(source=source, rpc=rpc, health=health, zmq_urls=urls)


def _electrum(settings: Settings, around: Surroundings) -> ElectrumSide:
    guard = around.guard("electrs")
    health = SourceHealth("electrs", around.clock, lambda: guard.state)
    endpoint = ElectrumEndpoint.parse(settings.electrs_url or "", settings.ca_file)
    source = Electrs(endpoint, around.clock, guard, health, around.addresses.of, around.budget)
    return ElectrumSide(source=source, health=health)


def _filter(
    far_sides: FarSides, examination: Examination, settings: Settings, around: Surroundings
) -> ObservationFilter:
    return ObservationFilter(
        around.emit,
        around.clock,
        threshold=settings.whale_threshold_sat,
        is_fresh=far_sides.is_fresh,
        is_shut=examination.is_other_chain,
    )


def _pump(
    source: Emitting,
    observation_filter: ObservationFilter,
    examination: Examination,
    *,
    compared: bool = True,
) -> Callable[[], Awaitable[None]]:
    """Return the task that emits a source; `compared`: whether its chain must match another source's."""

    async def run() -> None:
        """Start once the chain check has passed, or could not be made."""
        if compared:
            await examination.first()
        async with aclosing(source.observations()) as everything:
            async for observation in everything:
                await observation_filter.emit((observation,))

    return run


async def _nothing() -> None:
    """Close nothing: the demo holds no resources."""
