"""One session with the node: from subscribing to ZMQ until the error that ends it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial

from app.clock import Clock
from app.core.encoding import AddressOf, decode
from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    Gap,
    MempoolListed,
    Observation,
    Skipped,
)
from app.core.units import Txid, counted
from app.errors import NodeBusyError, ParseError, SourceError, SpoutError, UnreachableError
from app.source.bitcoind.chain import MOST_BLOCKS_CAUGHT_UP, ChainFollower
from app.source.bitcoind.fees import BitcoindFees
from app.source.bitcoind.mempool import MempoolDesk
from app.source.bitcoind.rpc import BitcoindRpc
from app.source.bitcoind.scan import Scanner
from app.source.bitcoind.zmq_feed import (
    BlockJoined,
    ChainMoved,
    Entered,
    Linked,
    Lost,
    RawTransaction,
    Received,
    Removed,
    Spoke,
    Unlinked,
    Unreadable,
    ZmqFeed,
)
from app.source.bitcoind.zmq_topics import WITHOUT_RAWTX_SECONDS, WITHOUT_SEQUENCE_SECONDS, Topics, published
from app.source.resilience import Optional, OptionalQuestions, SeenTxids, SourceHealth, first_of, within

SOURCE = SourceName.BITCOIND
LINK_SECONDS = 3.0
"""How long the start waits for ZMQ before it falls back to polling."""
DOUBT_SECONDS = 7.0
"""A node whose ZMQ stopped and that does not answer `uptime` within this time is treated as gone."""
MEASURE_SECONDS = 10.0
FEES_EVERY = 6
"""In measurements."""
RECONCILE_SECONDS = 600.0
BETWEEN_LOOKS_SECONDS = 1.0
"""Minimum interval between two mempool scans, however many gaps occur."""
BLOCKS_SECONDS = 30.0
WITHOUT_BLOCKS_SECONDS = 2.0
BUSY_SECONDS = 2.0
"""Delay before a node whose work queue is full is asked again."""
ENTRY = Optional(name="getmempoolentry", without="fees and packages of what waits are not known")
UNTOLD_AT_MOST = 5_000
"""Observations queued for the tracker before reading of ZMQ pauses."""


class BitcoindSession:
    """Runs repeatedly; state that must outlive a session (chain, desk, scanned txids) is kept."""

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
        self._topics = Topics(urls)
        self._clock = clock
        self._health = health
        self._chain = chain
        self._desk = desk
        self._address_of = address_of
        self._rpc = rpc
        self._optional = OptionalQuestions("bitcoind", clock, self._update_pairing_and_notes)
        self._fees = BitcoindFees(rpc, self._optional)
        self._scanner = Scanner(rpc, clock, address_of)
        self._seen = SeenTxids()
        self._live = False
        """Whether the start is complete, so that a new connection means missed messages."""
        self._untold: asyncio.Queue[Observation | None] = asyncio.Queue()
        self._look = asyncio.Event()
        self._moved = asyncio.Event()
        self._pulse = asyncio.Event()
        self._lost: tuple[int, int] | None = None
        """Heights between which blocks were pruned before they were read."""
        self._too_busy: tuple[str, ...] = ()
        """The node's error messages while its work queue is full."""
        self._doubt = asyncio.Event()
        self._missed = True
        """Whether the next scan finds old or missed transactions rather than new ones."""

    def receives(self, topic: str) -> bool:
        """Whether ZMQ delivers `topic`."""
        return self._topics.receives(topic)

    def look_again(self) -> None:
        """Request another scan of the whole mempool."""
        self._seen.clear()
        self._missed = True
        self._look.set()

    async def run(self) -> AsyncGenerator[Observation, None]:
        """Yield observations until an error ends the session.

        Raises:
            SourceError, ParseError: the error that ended it.
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
                self._optional.forget()  # it may be another node now
                self._topics.begin(await published(self._rpc) or ())
                self._desk.open(self._emit, group)
                if self._topics.urls:
                    group.create_task(self._listen())
                    await self._until_linked()
                self._health.connected()
                self._update_pairing_and_notes()
                for alarm in (self._look, self._moved, self._pulse):
                    alarm.set()
                group.create_task(self._follow_chain())
                group.create_task(self._keep_looking())
                group.create_task(self._keep_measuring())
                group.create_task(self._keep_doubting())
        except* (SourceError, ParseError) as errors:
            ended = first_of(errors)
        finally:
            self._desk.end()
        if ended:
            raise ended

    def _emit(self, observation: Observation) -> None:
        self._untold.put_nowait(observation)

    async def _listen(self) -> None:
        feed = ZmqFeed(self._topics.urls)
        async with aclosing(feed.notifications()) as everything:
            async for notification in everything:
                self._handle(notification)
                while self._untold.qsize() > UNTOLD_AT_MOST:
                    await self._clock.sleep(0.01)

    def _handle(self, notification: Received) -> None:
        if isinstance(notification, Linked | Unlinked):
            self._connection(notification)
            return
        match notification:
            case Spoke(topic):
                self._topics.spoke(topic)
                self._update_pairing_and_notes()
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
                words = counted(missed, "message") if missed else "the count began anew"
                self._report_gap(f"ZMQ {topic}: {words}")
            case Unreadable(what):
                self._skip(what)

    def _skip(self, what: str) -> None:
        self._emit(Skipped(source=SOURCE, what=what))

    def _connection(self, change: Linked | Unlinked) -> None:
        if isinstance(change, Linked):
            self._topics.linked(change.url)
            if self._live:
                self._optional.forget()
                self._report_gap(f"ZMQ was not connected to {change.url}")
        else:
            self._topics.unlinked(change.url)
            for alarm in (self._doubt, self._pulse, self._look, self._moved):
                alarm.set()  # a dead node is noticed at once; one that only lost ZMQ is polled from now on
        self._update_pairing_and_notes()

    def _take(self, raw: bytes) -> None:
        try:
            tx = decode(raw, self._address_of)
        except ParseError as error:
            self._skip(str(error))
            return
        if self._desk.matters(tx):
            self._desk.bytes_came(tx)  # not scanned yet: its `sequence` message may never come
        else:
            self._seen.add(tx.txid)

    def _report_gap(self, reason: str) -> None:
        self._emit(Gap(source=SOURCE, reason=reason))
        self._missed = True
        self._look.set()
        self._moved.set()

    async def _until_linked(self) -> None:
        waited = 0.0
        while waited < LINK_SECONDS and not self._topics.is_linked:
            await self._clock.sleep(0.05)
            waited += 0.05
        self._live = True

    async def _follow_chain(self) -> None:
        while True:
            by_zmq = self.receives("hashblock") or self.receives("sequence")
            await self._alarm(self._moved, BLOCKS_SECONDS if by_zmq else WITHOUT_BLOCKS_SECONDS)
            if not await self._unless_busy(self._read_blocks):
                self._moved.set()

    async def _read_blocks(self) -> None:
        headers = await self._chain.news()
        if len(headers) > MOST_BLOCKS_CAUGHT_UP:
            reason = f"{len(headers)} blocks came meanwhile: the older ones are read without amounts"
            self._emit(Gap(source=SOURCE, reason=reason))
        for left, header in zip(range(len(headers), 0, -1), headers, strict=True):
            connected = await self._chain.connect(header, whole=left <= MOST_BLOCKS_CAUGHT_UP)
            if connected is None:
                self._moved.set()
                return
            self._desk.before_block(connected.block)
            self._emit(BlockConnected(block=connected.block, source=SOURCE))
            self._desk.after_block(connected.block, connected.full)
            if connected.block.txids is None:
                self._note_lost(connected.block)
        self._desk.chain_followed()
        if headers:
            self._pulse.set()

    def _note_lost(self, block: Block) -> None:
        """Note a block that was pruned before it was read: its contents cannot be recovered."""
        first, _ = self._lost or (block.height, block.height)
        self._lost = (first, block.height)
        self._emit(Gap(source=SOURCE, reason=f"block {block.height} is pruned: its whales are not to be had"))
        self._update_pairing_and_notes()

    def _lost_blocks(self) -> tuple[str, ...]:
        if self._lost is None:
            return ()
        first, last = self._lost
        which = f"Block {first} was" if first == last else f"Blocks {first} to {last} were"
        return (f"{which} pruned while Spout was away: whales mined there are not to be had",)

    async def _keep_looking(self) -> None:
        while True:
            await self._alarm(self._look, self._look_seconds())
            late, self._missed = self._missed, False
            if not await self._unless_busy(partial(self._look_through, late=late)):
                self._missed = self._missed or late
                self._look.set()
            await self._clock.sleep(BETWEEN_LOOKS_SECONDS)

    async def _unless_busy(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Return whether the work was done; a busy node is alive, and is asked again shortly."""
        try:
            await work()
        except NodeBusyError as error:
            self._become_busy(str(error))
            await self._clock.sleep(BUSY_SECONDS)
            return False
        self._become_busy()
        return True

    def _become_busy(self, *words: str) -> None:
        if words != self._too_busy:
            self._too_busy = words
            self._update_pairing_and_notes()

    async def _look_through(self, *, late: bool) -> None:
        followed = self._desk.followed
        as_of = self._clock.now()
        txids = [Txid(txid) for txid in await self._rpc.ask(list[str], "getrawmempool")]
        waiting = frozenset(txids)
        self._emit(MempoolListed(txids=waiting, as_of=as_of, source=SOURCE))
        new = self._seen.reconcile(txids)
        async with aclosing(self._scanner.read(new, self._skip)) as batches:
            async for batch in batches:
                found = [tx for tx in batch if self._desk.matters(tx)]
                priced = await self._optional.ask(ENTRY, partial(self._scanner.enrich, found))
                for tx in found if priced is None else priced:
                    self._desk.found(tx, late=late)
                for tx in batch:
                    self._seen.add(tx.txid)
        self._desk.left(followed - waiting)

    async def _keep_measuring(self) -> None:
        turn = 0
        while True:
            await self._alarm(self._pulse, MEASURE_SECONDS)
            await self._unless_busy(partial(self._measure, fees=turn % FEES_EVERY == 0))
            turn += 1

    async def _measure(self, *, fees: bool) -> None:
        self._emit(await self._fees.measure())
        queue = await self._fees.queue()
        fees_now = await self._fees.recommend() if fees else None
        for reported in (fees_now, queue):
            if reported:
                self._emit(reported)

    async def _keep_doubting(self) -> None:
        """Ping the node after a ZMQ connection broke: a frozen node must not be polled as if alive."""
        while True:
            await self._doubt.wait()
            self._doubt.clear()
            if await within(self._answers(), DOUBT_SECONDS, self._clock) is None:
                raise UnreachableError(f"bitcoind fell silent: no answer within {DOUBT_SECONDS:.0f} s")

    async def _answers(self) -> bool:
        await self._rpc.ping()
        return True

    async def _alarm(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for `event`, at most `seconds`."""
        await within(event.wait(), seconds, self._clock)
        event.clear()

    def _look_seconds(self) -> float:
        if not self.receives("rawtx"):
            return WITHOUT_RAWTX_SECONDS
        return RECONCILE_SECONDS if self.receives("sequence") else WITHOUT_SEQUENCE_SECONDS

    def _update_pairing_and_notes(self) -> None:
        self._desk.paired = self.receives("sequence")
        self._health.note(
            *self._topics.missing(), *self._optional.notes, *self._too_busy, *self._lost_blocks()
        )
