"""bitcoind as a source of observations and answers: complete by itself, or fast beside the mempool backend.

`rawtx`, `sequence` and `hashblock` come by ZMQ, everything else by RPC. A session waits until the node is
ready (warmup, initial block download and loading its mempool are not failures), reads the last blocks,
subscribes, then scans the mempool. Whatever may have been missed (a gap in ZMQ's sequence numbers, a lost
connection) is reported as a Gap and scanned again. Without ZMQ it polls, which is slower, and reports so.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from app.clock import Clock
from app.core.encoding import AddressOf
from app.core.models import SourceName
from app.core.observations import ChainListed, Observation, SourceConnected, SourceSynced
from app.core.questions import Question
from app.core.units import Sats
from app.errors import LoginRefusedError, NodeLoadingError, ParseError, SourceError
from app.source.bitcoind.answers import BitcoindAnswers
from app.source.bitcoind.chain import ChainFollower
from app.source.bitcoind.mempool import MempoolDesk
from app.source.bitcoind.rpc import BitcoindRpc
from app.source.bitcoind.session import BitcoindSession
from app.source.bitcoind.shapes import ChainState, MempoolState
from app.source.resilience import SourceHealth, one_after_another

SOURCE = SourceName.BITCOIND
READY_POLL_SECONDS = 1.0
RETRY_LOGIN_SECONDS = 10.0
COMPLETE_SECONDS = 20.0
"""A node that has had all known blocks for this long has no peer that knows more."""


class Bitcoind:
    """One node.

    `threshold`: outputs' sum in satoshi above which a transaction is reported with fee and package.
    `zmq_urls`: topic (`rawtx`, `sequence`, `hashblock`) to address; any may be missing. `learn` is called
    with the chain that the node follows ("main", ...).
    """

    def __init__(
        self,
        rpc: BitcoindRpc,
        zmq_urls: Mapping[str, str],
        clock: Clock,
        health: SourceHealth,
        *,
        threshold: Sats,
        address_of: AddressOf | None = None,
        learn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.health = health
        self._learn = learn
        self._rpc = rpc
        self._clock = clock
        self._chain = ChainFollower(rpc)
        self._desk = MempoolDesk(rpc, clock, threshold, address_of)
        self._answers = BitcoindAnswers(
            rpc, self._chain, clock, self._desk.replacements, address_of, self._desk.kin.add
        )
        self._session = BitcoindSession(
            rpc, dict(zmq_urls), clock, health, self._chain, self._desk, address_of
        )
        self._complete_since: float | None = None

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the node knows; see `BitcoindAnswers`.

        Raises:
            SourceError: if the node cannot be reached.
        """
        return await self._answers.answer(question)

    @property
    def receives_arrivals(self) -> bool:
        """Whether ZMQ reports what enters the mempool, at once."""
        return self._session.receives("rawtx")

    def set_threshold(self, threshold: Sats) -> None:
        """Set the threshold; the mempool is scanned again."""
        self._desk.threshold = threshold
        self._session.look_again()

    def observations(self) -> AsyncGenerator[Observation, None]:
        """Yield the node's observations until cancelled; reconnects by itself."""
        return one_after_another(
            self._one_session,
            source=SOURCE,
            health=self.health,
            clock=self._clock,
            is_news=lambda reported: not isinstance(reported, SourceSynced | SourceConnected),
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
        if not first and await self._chain.is_set_back():  # told before anything of its mempool
            yield ChainListed(blocks=await self._chain.baseline(), source=SOURCE)
        yield SourceConnected(source=SOURCE, again=not first)
        if first:
            yield ChainListed(blocks=await self._chain.baseline(), source=SOURCE)
        async with aclosing(self._session.run()) as session:
            async for observation in session:
                yield observation

    async def _until_ready(self) -> AsyncGenerator[SourceSynced, None]:
        """Report the sync progress until the node's chain and mempool are loaded."""
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
        if mempool.loaded and (not chain.initialblockdownload or self._has_all_blocks(chain)):
            return 100.0
        return min(max(chain.verificationprogress, 0.0) * 100, 99.9)

    def _has_all_blocks(self, chain: ChainState) -> bool:
        """Whether it has all blocks: with an old tip, a node reports IBD until the next block arrives."""
        complete = chain.blocks > 0 and chain.blocks >= chain.headers
        if not complete:
            self._complete_since = None
            return False
        if self._complete_since is None:
            self._complete_since = self._clock.monotonic()
        return self._clock.monotonic() - self._complete_since >= COMPLETE_SECONDS
