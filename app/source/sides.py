"""The far sides there can be, each with its health: what it lets us see, and whether it only starts."""

from collections.abc import Callable
from dataclasses import dataclass

from app.core.ladder import Reading
from app.core.models import SourceName
from app.core.observations import Observation
from app.core.questions import Question
from app.errors import UnreachableError
from app.source.bitcoind import Bitcoind
from app.source.bitcoind_rpc import BitcoindRpc
from app.source.electrs import Electrs
from app.source.health import ConnectionState, SourceHealth
from app.source.inquire import Answerer
from app.source.mempool_rest import MempoolRest


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSide:
    """The mempool backend. `rest` is asked; its health is `answers`, the WebSocket's is `stream`."""

    rest: MempoolRest
    stream: SourceHealth
    answers: SourceHealth

    @property
    def streams(self) -> bool:
        return is_well(self.stream)

    @property
    def responds(self) -> bool:
        """Its REST answers and knows its mempool."""
        return is_well(self.answers) and self.rest.in_sync

    @property
    def starts(self) -> bool:
        """It reads its mempool. With a node that is down it says so too, but then REST fails."""
        return not self.rest.in_sync and is_connected(self.answers)

    def has_read(self, percent: float) -> None:
        """So much of its node's mempool, 0..100; below that, what it does not know means nothing."""
        self.rest.in_sync = percent >= 100
        self.stream.syncing(percent)
        self.answers.syncing(percent)

    @property
    def why(self) -> str | None:
        """In words, what keeps it from telling more."""
        if self.starts:
            return f"the mempool backend has read {self.stream.condition.syncing or 0:.0f} % of its mempool"
        errors = (self.stream.condition.last_error, self.answers.condition.last_error)
        return next((error for error in errors if error), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSide:
    source: Bitcoind
    rpc: BitcoindRpc
    health: SourceHealth
    zmq_urls: dict[str, str]

    @property
    def streams(self) -> bool:
        return is_well(self.health) and self.source.hears_arrivals

    @property
    def starts(self) -> bool:
        return is_connected(self.health) and self.health.condition.syncing is not None

    @property
    def why(self) -> str | None:
        condition = self.health.condition
        if self.starts:
            return f"bitcoind is starting or syncing, {condition.syncing or 0:.0f} % done"
        return condition.last_error or "; ".join(condition.notes) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectrumSide:
    source: Electrs
    health: SourceHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Those that are configured."""

    backend: BackendSide | None = None
    node: NodeSide | None = None
    electrum: ElectrumSide | None = None

    def reading(self) -> Reading:
        """What they let us see now, together."""
        backend, node, electrum = self.backend, self.node, self.electrum
        stream = bool((backend and backend.streams) or (node and node.streams))
        answers = bool((backend and backend.responds) or (node and is_well(node.health)))
        blocks = bool((backend and is_connected(backend.answers)) or (electrum and is_well(electrum.health)))
        starting = any(side.starts for side in (backend, node) if side)
        reasons = [side.why for side in (backend, node) if side and side.why]
        return Reading(
            stream=stream,
            answers=answers,
            blocks=blocks,
            starting=starting,
            reason=None if stream else "; ".join(reasons) or "no source has answered yet",
        )

    def is_fresh(self, name: SourceName) -> bool:
        """Whether what this source says of the market holds now."""
        match name:
            case SourceName.MEMPOOL_WS:
                return self.backend is not None and self.backend.streams
            case SourceName.MEMPOOL_REST:
                return self.backend is not None and self.backend.responds and not self.backend.streams
            case SourceName.BITCOIND:
                return self.node is not None and is_well(self.node.health)
            case SourceName.ELECTRS:
                return self.electrum is not None and is_well(self.electrum.health)
            case SourceName.BLOCK:
                return False


class WhenWell:
    """Asks only a source that is ready: one that still loads knows nothing of what it will know."""

    def __init__(self, source: Answerer, health: SourceHealth, is_shut: Callable[[], bool]) -> None:
        """`is_shut`: whether it is not to be believed at all."""
        self._source = source
        self._health = health
        self._is_shut = is_shut

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what it says.

        Raises:
            SourceError: if it is not ready, or cannot answer.
        """
        if self._is_shut():
            raise UnreachableError(f"{self._health.name} follows another chain")
        if not is_well(self._health):
            condition = self._health.condition
            words = "is still starting" if condition.syncing is not None else condition.last_error
            raise UnreachableError(f"{self._health.name}: {words or 'not connected'}")
        return await self._source.answer(question)


def is_connected(health: SourceHealth) -> bool:
    return health.condition.state is ConnectionState.CONNECTED


def is_well(health: SourceHealth) -> bool:
    """Connected, and not catching up."""
    return is_connected(health) and health.condition.syncing is None
