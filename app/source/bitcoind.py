"""bitcoind as a source and as one who answers: alone complete, beside the mempool backend the fast path.

`rawtx`, `sequence` and `hashblock` come by ZMQ, all else by RPC. A session: wait until the node is ready
(starting, syncing and loading its mempool are no failures), read the last blocks, listen, then look
through what waits. Whatever may have been missed (a hole in ZMQ's counts, a lost connection) is told as a
Gap and looked through again. Without ZMQ it polls: slower, and it says so.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from app.clock import Clock
from app.core.encoding.rawtx import AddressOf
from app.core.models import SourceName, Transaction
from app.core.observations import ChainListed, Observation, SourceConnected, SourceSynced
from app.core.questions import Question
from app.core.units import Sats
from app.errors import LoginRefusedError, NodeLoadingError, ParseError, SourceError
from app.source.bitcoind_answers import BitcoindAnswers
from app.source.bitcoind_chain import ChainFollower
from app.source.bitcoind_mempool import MempoolDesk
from app.source.bitcoind_rpc import BitcoindRpc
from app.source.bitcoind_session import Session
from app.source.bitcoind_shapes import ChainState, MempoolState
from app.source.health import SourceHealth
from app.source.sessions import one_after_another

SOURCE = SourceName.BITCOIND
READY_POLL_SECONDS = 1.0
RETRY_LOGIN_SECONDS = 10.0


class Bitcoind:
    """One node.

    `threshold`: outputs' sum, satoshi, over which a transaction is told with fee and package.
    `wanted`: which others are told too, as they are. `zmq_urls`: topic (`rawtx`, `sequence`,
    `hashblock`) to address; any may be missing. `learn` is told which chain the node follows ("main", ...).
    """

    def __init__(
        self,
        rpc: BitcoindRpc,
        zmq_urls: Mapping[str, str],
        clock: Clock,
        health: SourceHealth,
        *,
        threshold: Sats,
        wanted: Callable[[Transaction], bool] = lambda _: False,
        address_of: AddressOf | None = None,
        learn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.health = health
        self._learn = learn
        self._rpc = rpc
        self._clock = clock
        self._chain = ChainFollower(rpc)
        self._desk = MempoolDesk(rpc, clock, threshold, wanted, address_of)
        self._answers = BitcoindAnswers(rpc, self._chain, clock, self._desk.replacements, address_of)
        self._session = Session(rpc, dict(zmq_urls), clock, health, self._chain, self._desk, address_of)
        self._started = False

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the node knows; see `BitcoindAnswers`.

        Raises:
            SourceError: if the node cannot be asked.
        """
        return await self._answers.answer(question)

    @property
    def hears_arrivals(self) -> bool:
        """Whether it is told at once what enters the mempool, by ZMQ."""
        return self._session.hears("rawtx")

    def set_threshold(self, threshold: Sats) -> None:
        """From now on; what waits is looked through again."""
        self._desk.threshold = threshold
        self._session.look_again()

    def observations(self) -> AsyncGenerator[Observation, None]:
        """Everything the node tells, for ever; reconnects by itself."""
        return one_after_another(
            self._one_session,
            source=SOURCE,
            health=self.health,
            clock=self._clock,
            is_news=lambda told: not isinstance(told, SourceSynced | SourceConnected),
            known_trouble=self._known_trouble,
        )

    async def close(self) -> None:
        await self._rpc.close()
        self.health.disconnected()

    def _known_trouble(self, error: SourceError | ParseError) -> float | None:
        if not isinstance(error, LoginRefusedError):
            return None
        self.health.failed(str(error))
        return RETRY_LOGIN_SECONDS

    async def _one_session(self) -> AsyncGenerator[Observation, None]:
        async with aclosing(self._until_ready()) as waiting:
            async for synced in waiting:
                yield synced
        first = self._chain.memory.tip is None
        yield SourceConnected(source=SOURCE, again=not first)
        if first:
            yield ChainListed(blocks=await self._chain.baseline(), source=SOURCE)
        async with aclosing(self._session.run()) as session:
            async for observation in session:
                yield observation

    async def _until_ready(self) -> AsyncGenerator[SourceSynced, None]:
        """Say how far the node is until its chain and its mempool are there."""
        percent = await self._readiness()
        while percent < 100:
            self.health.connected()
            self.health.syncing(percent)
            yield SourceSynced(source=SOURCE, percent=percent)
            await self._clock.sleep(READY_POLL_SECONDS)
            percent = await self._readiness()
        self.health.syncing(None)
        yield SourceSynced(source=SOURCE, percent=100.0)

    async def _readiness(self) -> float:
        try:
            chain = await self._rpc.ask(ChainState, "getblockchaininfo")
            mempool = await self._rpc.ask(MempoolState, "getmempoolinfo")
        except NodeLoadingError:
            return 0.0
        self._learn(chain.chain)
        if not chain.initialblockdownload and mempool.loaded:
            return 100.0
        return min(chain.verificationprogress * 100, 99.9)
