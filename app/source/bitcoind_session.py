"""One connection to the node, from the first listening to the error that ends it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from app.clock import Clock
from app.core.encoding.rawtx import AddressOf, decode
from app.core.models import SourceName
from app.core.observations import (
    BlockConnected,
    Gap,
    MempoolListed,
    Observation,
    Skipped,
)
from app.core.units import Txid
from app.errors import ParseError, SourceError, SpoutError, UnreachableError
from app.source.bitcoind_chain import MOST_BLOCKS_CAUGHT_UP, ChainFollower
from app.source.bitcoind_fees import BitcoindFees
from app.source.bitcoind_hearing import WITHOUT_RAWTX_SECONDS, WITHOUT_SEQUENCE_SECONDS, Hearing, published
from app.source.bitcoind_mempool import MempoolDesk
from app.source.bitcoind_rpc import BitcoindRpc
from app.source.bitcoind_scan import Looked, Scanner
from app.source.bitcoind_zmq import (
    BlockJoined,
    ChainMoved,
    Entered,
    Heard,
    Linked,
    Lost,
    RawTransaction,
    Removed,
    Spoke,
    Unlinked,
    Unreadable,
    ZmqFeed,
)
from app.source.health import SourceHealth
from app.source.race import within

SOURCE = SourceName.BITCOIND
LINK_SECONDS = 3.0
"""How long the start waits for ZMQ before it goes on by polling."""
DOUBT_SECONDS = 7.0
"""A node whose ZMQ fell silent and that does not say within so long for how long it runs, is gone."""
MEASURE_SECONDS = 10.0
FEES_EVERY = 6
"""Measures."""
RECONCILE_SECONDS = 600.0
BETWEEN_LOOKS_SECONDS = 1.0
"""However many holes there are."""
BLOCKS_SECONDS = 30.0
WITHOUT_BLOCKS_SECONDS = 2.0
UNTOLD_AT_MOST = 5_000
"""Observations that may wait for the tracker before ZMQ is left to wait instead."""


class Session:
    """Run again and again; what must outlive one run (chain, desk, what was looked at) is kept."""

    def __init__(
        self,
        rpc: BitcoindRpc,
        urls: Mapping[str, str],
        clock: Clock,
        health: SourceHealth,
        chain: ChainFollower,
        desk: MempoolDesk,
        address_of: AddressOf | None,
    ) -> None:
        self._hearing = Hearing(urls)
        self._clock = clock
        self._health = health
        self._chain = chain
        self._desk = desk
        self._address_of = address_of
        self._rpc = rpc
        self._fees = BitcoindFees(rpc)
        self._scanner = Scanner(rpc, clock, address_of)
        self._looked = Looked()
        self._live = False
        """Whether the start is over, so that a new connection means something was missed."""
        self._untold: asyncio.Queue[Observation | None] = asyncio.Queue()
        self._look = asyncio.Event()
        self._moved = asyncio.Event()
        self._pulse = asyncio.Event()
        self._doubt = asyncio.Event()
        self._missed = True
        """Whether the next look finds what was there before, or what was missed."""

    def hears(self, topic: str) -> bool:
        """Whether ZMQ tells of `topic`."""
        return self._hearing.hears(topic)

    def look_again(self) -> None:
        """Look through all that waits once more."""
        self._looked.clear()
        self._missed = True
        self._look.set()

    async def run(self) -> AsyncGenerator[Observation, None]:
        """What the node tells until something fails.

        Raises:
            SourceError, ParseError: what ended it.
        """
        self._untold = asyncio.Queue()
        self._live = False
        self._missed = True
        work = asyncio.create_task(self._work())
        work.add_done_callback(lambda _: self._untold.put_nowait(None))
        try:
            while (observation := await self._untold.get()) is not None:
                yield observation
            await work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _work(self) -> None:
        ended: SpoutError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                self._hearing.begin(await published(self._rpc) or ())
                self._desk.open(self._tell, group)
                if self._hearing.urls:
                    group.create_task(self._listen())
                    await self._until_linked()
                self._health.connected()
                self._mind_what_is_heard()
                for alarm in (self._look, self._moved, self._pulse):
                    alarm.set()
                group.create_task(self._follow_chain())
                group.create_task(self._keep_looking())
                group.create_task(self._keep_measuring())
                group.create_task(self._keep_doubting())
        except* (SourceError, ParseError) as errors:
            ended = _first(errors)
        if ended:
            raise ended

    def _tell(self, observation: Observation) -> None:
        self._untold.put_nowait(observation)

    async def _listen(self) -> None:
        feed = ZmqFeed(self._hearing.urls)
        async with aclosing(feed.heard()) as everything:
            async for heard in everything:
                self._health.heard()
                self._handle(heard)
                while self._untold.qsize() > UNTOLD_AT_MOST:
                    await self._clock.sleep(0.01)

    def _handle(self, heard: Heard) -> None:
        if isinstance(heard, Linked | Unlinked):
            self._connection(heard)
            return
        match heard:
            case Spoke(topic):
                self._hearing.spoke(topic)
                self._mind_what_is_heard()
            case RawTransaction(raw):
                self._take(raw)
            case Entered(txid, order):
                self._desk.entered(txid, order)
            case Removed(txid, order):
                self._desk.removed(txid, order)
            case BlockJoined():
                self._desk.block_joined()
                self._moved.set()
            case ChainMoved():
                self._moved.set()
            case Lost(topic, missed):
                words = f"{missed} messages" if missed else "the count began anew"
                self._mind_the_gap(f"ZMQ {topic}: {words}")
            case Unreadable(what):
                self._tell(Skipped(source=SOURCE, what=what))

    def _connection(self, change: Linked | Unlinked) -> None:
        if isinstance(change, Linked):
            self._hearing.linked(change.url)
            if self._live:
                self._mind_the_gap(f"ZMQ was not connected to {change.url}")
        else:
            self._hearing.unlinked(change.url)
            for alarm in (self._doubt, self._pulse, self._look, self._moved):
                alarm.set()  # a dead node is noticed at once; one that only lost ZMQ is polled from now on
        self._mind_what_is_heard()

    def _take(self, raw: bytes) -> None:
        try:
            tx = decode(raw, self._address_of)
        except ParseError as error:
            self._tell(Skipped(source=SOURCE, what=str(error)))
            return
        if self._desk.matters(tx):
            self._desk.bytes_came(tx)  # not looked at yet: the word that it entered may never come
        else:
            self._looked.add(tx.txid)

    def _mind_the_gap(self, reason: str) -> None:
        self._tell(Gap(source=SOURCE, reason=reason))
        self._missed = True
        self._look.set()
        self._moved.set()

    async def _until_linked(self) -> None:
        waited = 0.0
        while waited < LINK_SECONDS and not self._hearing.is_linked:
            await self._clock.sleep(0.05)
            waited += 0.05
        self._live = True

    async def _follow_chain(self) -> None:
        while True:
            by_zmq = self.hears("hashblock") or self.hears("sequence")
            await self._alarm(self._moved, BLOCKS_SECONDS if by_zmq else WITHOUT_BLOCKS_SECONDS)
            headers = await self._chain.news()
            if len(headers) > MOST_BLOCKS_CAUGHT_UP:
                reason = f"{len(headers)} blocks came meanwhile: the older ones are read without amounts"
                self._tell(Gap(source=SOURCE, reason=reason))
            for left, header in zip(range(len(headers), 0, -1), headers, strict=True):
                connected = await self._chain.connect(header, whole=left <= MOST_BLOCKS_CAUGHT_UP)
                self._desk.before_block(connected.block)
                self._tell(BlockConnected(block=connected.block, source=SOURCE))
                self._desk.after_block(connected.block, connected.full)
            self._desk.chain_followed()
            if headers:
                self._pulse.set()

    async def _keep_looking(self) -> None:
        while True:
            await self._alarm(self._look, self._look_seconds())
            late, self._missed = self._missed, False
            await self._look_through(late=late)
            await self._clock.sleep(BETWEEN_LOOKS_SECONDS)

    async def _look_through(self, *, late: bool) -> None:
        followed = self._desk.followed
        as_of = self._clock.now()
        txids = [Txid(txid) for txid in await self._rpc.ask(list[str], "getrawmempool")]
        waiting = frozenset(txids)
        self._tell(MempoolListed(txids=waiting, as_of=as_of, source=SOURCE))
        new = [txid for txid in txids if txid not in self._looked]
        async with aclosing(self._scanner.read(new)) as batches:
            async for batch in batches:
                found = [tx for tx in batch if self._desk.matters(tx)]
                for tx in await self._scanner.enrich(found):
                    self._desk.found(tx, late=late)
                for tx in batch:
                    self._looked.add(tx.txid)
        self._desk.left(followed - waiting)
        self._looked.keep_only(waiting)

    async def _keep_measuring(self) -> None:
        turn = 0
        while True:
            await self._alarm(self._pulse, MEASURE_SECONDS)
            self._tell(await self._fees.measure())
            if turn % FEES_EVERY == 0:
                for told in (await self._fees.recommend(), await self._fees.queue()):
                    if told:
                        self._tell(told)
            turn += 1

    async def _keep_doubting(self) -> None:
        """Where a link broke, ask for a trifle: a frozen node must not pass for one that can be polled."""
        while True:
            await self._doubt.wait()
            self._doubt.clear()
            if await within(self._rpc.ask(int, "uptime"), DOUBT_SECONDS, self._clock) is None:
                raise UnreachableError(f"bitcoind fell silent: no answer within {DOUBT_SECONDS:.0f} s")

    async def _alarm(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for `event`, but not longer than that."""
        await within(event.wait(), seconds, self._clock)
        event.clear()

    def _look_seconds(self) -> float:
        if not self.hears("rawtx"):
            return WITHOUT_RAWTX_SECONDS
        return RECONCILE_SECONDS if self.hears("sequence") else WITHOUT_SEQUENCE_SECONDS

    def _mind_what_is_heard(self) -> None:
        self._desk.paired = self.hears("sequence")
        self._health.note(*self._hearing.missing())


def _first(errors: BaseExceptionGroup[SpoutError]) -> SpoutError:
    """The first error of a group, however deep."""
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
