"""Which sources run, in which order they are asked, and what each is believed for.

The mempool backend's WebSocket and bitcoind tell the mempool, whoever is first; bitcoind is asked before the
backend and the backend before the Electrum server, because each knows less, or later, than the one before.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from app.clock import Clock
from app.core.encoding.addresses import Network, address_of
from app.core.models import SourceName
from app.core.observations import Observation
from app.core.units import Script
from app.settings import Settings, Source
from app.source.bitcoind import Bitcoind
from app.source.bitcoind_rpc import BitcoindRpc, RpcEndpoint
from app.source.breaker import Guard, Patience
from app.source.demo import DemoBackend
from app.source.door import Door
from app.source.electrs import Electrs
from app.source.electrum_line import ElectrumEndpoint
from app.source.examined import Examined
from app.source.examining import Examination
from app.source.health import SourceHealth
from app.source.inquire import Answerer
from app.source.mempool_rest import MempoolRest
from app.source.mempool_ws import MempoolWebSocket, Tell
from app.source.polling import Leftovers, Poller, Prober
from app.source.sides import BackendSide, ElectrumSide, NodeSide, Sides, WhenWell
from app.source.sources import Part, Sources
from app.source.transport import HttpTransport, Transport

COOKIE_NODE = "http://127.0.0.1:8332"
"""Where the node is when only its cookie file is named."""
_NETWORKS = {"main": Network.MAIN, "regtest": Network.REGTEST}


class Telling(Protocol):
    def observations(self) -> AsyncGenerator[Observation, None]: ...


@dataclass(slots=True, kw_only=True)
class Addresses:
    """Writes scripts as addresses, once the node has said of which network."""

    network: Network | None = None

    def learn(self, chain: str) -> None:
        """`chain` as getblockchaininfo names it."""
        self.network = _NETWORKS.get(chain, Network.TEST)

    def of(self, script: Script) -> str | None:
        return None if self.network is None else address_of(script, self.network)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every source is given. `jitter` returns 0..1."""

    tell: Tell
    examined: Examined
    clock: Clock
    jitter: Callable[[], float]
    addresses: Addresses = field(default_factory=Addresses)

    def guard(self, name: str) -> Guard:
        return Guard(name, self.clock, self.jitter)


def sources_of(settings: Settings, around: Surroundings) -> Sources:
    """Build what the settings name."""
    wanted = settings.given
    node_named = bool({"bitcoind_url", "bitcoind_cookie_file"} & wanted)
    alone = settings.source is Source.BITCOIND or (
        settings.source is Source.AUTO and node_named and "mempool_url" not in wanted
    )
    transport = None if alone else HttpTransport(settings.mempool_url, around.clock)
    sides = Sides(
        backend=None if transport is None else _backend(transport, around),
        node=_node(settings, around) if node_named else None,
        electrum=_electrum(settings, around) if settings.electrs_url else None,
    )
    return _assembled(sides, settings, around, transport)


def demo_sources(room: Path, settings: Settings, around: Surroundings) -> Sources:
    """The recording in `room`, in a backend's place."""
    stream = SourceHealth("mempool_ws", around.clock)
    demo = DemoBackend(
        room / "demo.ws.jsonl.gz",
        room / "demo.rest.jsonl.gz",
        tell=around.tell,
        health=stream,
        examined=around.examined,
        clock=around.clock,
    )
    never = Patience(attempts=1, trips_after=1_000_000_000)
    rest = MempoolRest(demo, Guard("demo", around.clock, lambda: 0.0, never), around.clock, around.examined)
    sides = Sides(backend=BackendSide(rest=rest, stream=stream, answers=stream))
    return Sources(
        parts=(("demo", demo.run), ("leftovers", Leftovers(rest, around.tell, around.clock).run)),
        answerers=(rest,),
        sides=sides,
        door=_door(sides, Examination(sides, around.clock), settings, around),
        examination=Examination(sides, around.clock),
        close=_nothing,
        demo=True,
    )


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


def _assembled(
    sides: Sides, settings: Settings, around: Surroundings, transport: HttpTransport | None
) -> Sources:
    examination = Examination(sides, around.clock)
    door = _door(sides, examination, settings, around)
    parts: list[Part] = [("probe", Prober(sides, around.clock).run), ("examination", examination.run)]
    answerers: list[Answerer] = []
    if sides.node is not None:
        parts.append(("bitcoind", _pump(sides.node.source, door, examination)))
        answerers.append(_believed(sides.node.source, sides.node.health, SourceName.BITCOIND, examination))
    if sides.backend is not None:
        rest = sides.backend.rest
        parts += [
            ("mempool_ws", _listener(settings, sides.backend, door, around).run),
            ("poller", Poller(examination.believed, rest, door.tell, around.clock).run),
            ("leftovers", Leftovers(rest, door.tell, around.clock).run),
        ]
        answerers.append(rest)
    if sides.electrum is not None:
        parts.append(("electrs", _pump(sides.electrum.source, door, examination)))
        answerers.append(
            _believed(sides.electrum.source, sides.electrum.health, SourceName.ELECTRS, examination)
        )

    async def close() -> None:
        if sides.node is not None:
            await sides.node.source.close()
        if sides.electrum is not None:
            await sides.electrum.source.close()
        if transport is not None:
            await transport.close()

    return Sources(
        parts=tuple(parts),
        answerers=tuple(answerers),
        sides=sides,
        door=door,
        examination=examination,
        close=close,
    )


def _backend(transport: Transport, around: Surroundings) -> BackendSide:
    stream = SourceHealth("mempool_ws", around.clock)
    answers = SourceHealth("mempool_rest", around.clock)
    rest = MempoolRest(transport, around.guard("mempool REST"), around.clock, around.examined, answers)
    return BackendSide(rest=rest, stream=stream, answers=answers)


def _listener(settings: Settings, backend: BackendSide, door: Door, around: Surroundings) -> MempoolWebSocket:
    return MempoolWebSocket(
        settings.mempool_url,
        tell=door.tell,
        health=backend.stream,
        examined=around.examined,
        clock=around.clock,
        jitter=around.jitter,
    )


def _node(settings: Settings, around: Surroundings) -> NodeSide:
    health = SourceHealth("bitcoind", around.clock)
    endpoint = RpcEndpoint.parse(settings.bitcoind_url or COOKIE_NODE, settings.bitcoind_cookie_file)
    rpc = BitcoindRpc(endpoint, around.clock, around.guard("bitcoind"), health)
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
    health = SourceHealth("electrs", around.clock)
    endpoint = ElectrumEndpoint.parse(settings.electrs_url or "")
    source = Electrs(endpoint, around.clock, around.guard("electrs"), health, around.addresses.of)
    return ElectrumSide(source=source, health=health)


def _door(sides: Sides, examination: Examination, settings: Settings, around: Surroundings) -> Door:
    return Door(
        around.tell,
        around.clock,
        threshold=settings.whale_threshold_sat,
        is_fresh=sides.is_fresh,
        is_shut=examination.is_other_chain,
    )


def _pump(source: Telling, door: Door, examination: Examination) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        """Begin once it is known to follow the backend's chain, or nobody could tell."""
        await examination.first()
        async with aclosing(source.observations()) as everything:
            async for observation in everything:
                await door.tell((observation,))

    return run


def _believed(source: Answerer, health: SourceHealth, name: SourceName, examination: Examination) -> WhenWell:
    return WhenWell(source, health, lambda: examination.is_other_chain(name))


async def _nothing() -> None:
    """The demo holds nothing open."""
