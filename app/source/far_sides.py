"""The configured node, backend and Electrum server, with health: what they let us see, and if they start."""

from collections.abc import Callable
from dataclasses import dataclass

from app.core.models import SourceName
from app.core.observations import Observation
from app.core.questions import AskMempool, AskStatus, AskTransaction, Question
from app.core.units import counted
from app.core.visibility import Reading
from app.errors import UnreachableError
from app.source.answering import Answerer
from app.source.backend import MempoolRest
from app.source.bitcoind import Bitcoind, BitcoindRpc
from app.source.electrum import Electrs
from app.source.resilience import ConnectionState, SourceHealth

STILL_SECONDS = 10.0
"""The stream moves every 2 s on the main network; on a quiet one, REST replies show the backend alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSide:
    """The mempool backend. `answers` is the health of its `rest`, `stream` that of its WebSocket."""

    rest: MempoolRest
    stream: SourceHealth
    answers: SourceHealth

    @property
    def streams(self) -> bool:
        """Whether the mempool is reported as it changes.

        An open socket that answers pings proves nothing: if the node behind the backend is frozen, REST
        requests time out and the stream stands still.
        """
        frozen = self.answers.condition.silent and self.stream.still_seconds >= STILL_SECONDS
        return is_well(self.stream) and not frozen

    @property
    def responds(self) -> bool:
        """Whether REST replies and the backend has read its mempool."""
        return is_well(self.answers) and self.rest.in_sync

    @property
    def regained(self) -> int:
        """How often REST was lost and replied again, since the start."""
        return self.answers.condition.reconnects

    @property
    def starts(self) -> bool:
        """Whether it is reading its mempool. With its node down it says so too, but then REST fails."""
        return not self.rest.in_sync and is_connected(self.answers)

    def has_read(self, percent: float) -> None:
        """Set how much of the mempool the backend has read, 0..100; below, "not found" means nothing."""
        self.rest.in_sync = percent >= 100
        self.stream.syncing(percent)
        self.answers.syncing(percent)

    @property
    def why(self) -> str | None:
        """Return as text why the backend does not report more."""
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
        return is_well(self.health) and self.source.receives_arrivals

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
class FarSides:
    """The configured ones."""

    backend: BackendSide | None = None
    node: NodeSide | None = None
    electrum: ElectrumSide | None = None

    def reading(self) -> Reading:
        """Return what they let us see now, together."""
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
        """Whether this source's fees and queue are current."""
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
    """Asks a source only when it is ready: one that is still loading does not know everything yet."""

    def __init__(self, source: Answerer, health: SourceHealth, is_shut: Callable[[], bool]) -> None:
        """Take `is_shut`: whether the source is ignored altogether."""
        self._source = source
        self._health = health
        self._is_shut = is_shut

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the source reports.

        Raises:
            SourceError: if it is not ready, or does not support the question.
        """
        if self._is_shut():
            raise UnreachableError(f"{self._health.name} follows another chain")
        if not is_well(self._health):
            condition = self._health.condition
            words = "is still starting" if condition.syncing is not None else condition.last_error
            raise UnreachableError(f"{self._health.name}: {words or 'not connected'}")
        return await self._source.answer(question)


class Abreast:
    """Does not ask a lagging source for a transaction's status: "unconfirmed" there may be mined already."""

    def __init__(self, source: Answerer, name: str, behind: Callable[[], int]) -> None:
        """Take `behind`: how many blocks of the best known chain the source has not read yet."""
        self._source = source
        self._name = name
        self._behind = behind

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the source reports.

        Raises:
            SourceError: if it lags behind, or does not support the question.
        """
        if isinstance(question, AskStatus | AskTransaction | AskMempool) and (missing := self._behind()):
            raise UnreachableError(f"{self._name} is behind by {blocks(missing)}")
        return await self._source.answer(question)


def blocks(count: int) -> str:
    """Return the number of blocks as text."""
    return counted(count, "block")


def is_connected(health: SourceHealth) -> bool:
    return health.condition.state is ConnectionState.CONNECTED


def is_well(health: SourceHealth) -> bool:
    """Whether the source is connected, and not catching up."""
    return is_connected(health) and health.condition.syncing is None
