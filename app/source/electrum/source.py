"""An Electrum server (electrs, Fulcrum, ElectrumX) beside the node: the tip, a transaction's status, fees.

Its load is kept low: one connection, a few requests in flight, at most 50 a second; the histogram and a ping
every 15 s (so that a frozen server is noticed within half a minute), estimates every minute. Methods that it
rejects are left out. While a server indexes, for hours, it refuses the connection or replies that it is not
ready: that is reported as such, not as a failure.

Its blocks are reported as ChainListed, header only: it lags behind the node, and its tip may be old.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from decimal import Decimal
from functools import partial
from typing import TypeVar

import msgspec

from app.clock import Clock
from app.core.encoding import AddressOf
from app.core.forecasting import bins_of_histogram, project
from app.core.models import Block, SourceName
from app.core.observations import (
    ChainListed,
    FeesRecommended,
    Observation,
    QueueProjected,
    Skipped,
    SourceConnected,
)
from app.core.questions import Question
from app.core.units import BlockHash, Height, estimated_sat_per_vb
from app.errors import (
    IndexingError,
    NodeRefusedError,
    ParseError,
    SourceError,
    SpoutError,
    UnreachableError,
)
from app.source.electrum.answers import ElectrsAnswers
from app.source.electrum.connection import ElectrumEndpoint, ElectrumLine
from app.source.electrum.shapes import Headers, Tip, block_of
from app.source.resilience import (
    Budget,
    Guard,
    Optional,
    OptionalQuestions,
    SourceHealth,
    first_of,
    one_after_another,
)

T = TypeVar("T")

SOURCE = SourceName.ELECTRS
HISTOGRAM_SECONDS = 15.0
FEES_SECONDS = 60.0
PING_SECONDS = 15.0
HEADERS = Optional(name="blockchain.block.headers", without="blocks before the tip are not compared")
HISTOGRAM = Optional(name="mempool.get_fee_histogram", without="what waits is not known from this server")
ESTIMATES = Optional(name="blockchain.estimatefee or relayfee", without="its fee estimates are not shown")
TARGETS = (2, 3, 6, 144)
LISTED_BLOCKS = 8
HEADER_DIGITS = 160
NOT_READY_SECONDS = 5.0

_NOT_READY = ("index", "sync", "warming", "loading", "busy", "unavailable")


class Electrs:
    def __init__(
        self,
        endpoint: ElectrumEndpoint,
        clock: Clock,
        guard: Guard,
        health: SourceHealth,
        address_of: AddressOf | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Take `budget`, the bytes of unfinished replies, shared with the other sources."""
        self.health = health
        self.server: str | None = None
        """The server's name and version, once connected."""
        self._endpoint = endpoint
        self._clock = clock
        self._guard = guard
        self._address_of = address_of
        self._budget = budget or Budget()
        self._line: ElectrumLine | None = None
        self._tip: Block | None = None
        self._optional = OptionalQuestions("electrs", clock, self._mention_what_is_left_out)

    def observations(self) -> AsyncGenerator[Observation, None]:
        """Yield tip, queue and fees until cancelled; reconnects by itself."""
        return one_after_another(
            self._one_session,
            source=SOURCE,
            health=self.health,
            clock=self._clock,
            known_trouble=self._known_trouble,
        )

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the server knows; "unknown" is a reply.

        Raises:
            SourceError: if it is not connected, does not support the question, or needs too many look-ups.
        """
        line = self._line
        if line is None:
            raise UnreachableError(f"electrs is not connected: {self.health.condition.last_error}")
        return await ElectrsAnswers(line, self._tip, self._address_of).answer(question)

    async def ping(self) -> None:
        """Ping the server; the latency is recorded in its health.

        Raises:
            SourceError: if it is not connected or does not reply.
        """
        line = self._line
        if line is None:
            raise UnreachableError("electrs is not connected")
        started = self._clock.monotonic()
        await line.ask(object, "server.ping")
        self.health.answered(self._clock.monotonic() - started)

    async def examine(self, height: Height | None) -> tuple[Block, BlockHash | None]:
        """Connect once for this check; return the tip, and the block at `height` if the chain is long enough.

        Raises:
            SourceError: if it cannot be reached, or is not ready.
        """
        line = ElectrumLine(self._endpoint, self._clock, lambda *_: None, self._budget)
        try:
            await line.open()
            tip = await self._introduce(line)
            if height is None or height > tip.height:
                return tip, None
            header = await line.ask(str, "blockchain.block.header", height)
            return tip, block_of(Tip(height=height, hex=header)).hash
        finally:
            await line.close()

    async def close(self) -> None:
        if self._line:
            await self._line.close()
        self.health.disconnected()

    def _mention_what_is_left_out(self) -> None:
        self.health.note(*self._optional.notes)

    def _known_trouble(self, error: SourceError | ParseError) -> float | None:
        if not isinstance(error, IndexingError):
            return None
        self.health.connected()
        self.health.syncing(0.0)
        self.health.note(str(error))
        return NOT_READY_SECONDS

    async def _one_session(self) -> AsyncGenerator[Observation, None]:
        news: asyncio.Queue[Observation | None] = asyncio.Queue()
        line = ElectrumLine(
            self._endpoint,
            self._clock,
            lambda method, tip: self._notified(method, tip, news),
            self._budget,
        )
        await self._guard.call(line.open)
        try:
            tip = await self._introduce(line)
            self._line = line
            self.health.connected()
            self.health.syncing(None)
            self._optional.forget()  # it may be another server now
            self._mention_what_is_left_out()
            yield SourceConnected(source=SOURCE, again=self._tip is not None)
            yield ChainListed(blocks=await self._last_blocks(line, tip), source=SOURCE)
            self._tip = tip
            work = asyncio.create_task(self._work(line, news))
            work.add_done_callback(lambda _: news.put_nowait(None))
            try:
                while (observation := await news.get()) is not None:
                    yield observation
                await work
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        finally:
            self._line = None
            await line.close()

    async def _introduce(self, line: ElectrumLine) -> Block:
        try:
            self.server, _ = await line.ask(tuple[str, str], "server.version", "spout", ["1.4", "1.4.5"])
            return block_of(await line.ask(Tip, "blockchain.headers.subscribe"))
        except NodeRefusedError as refusal:
            if any(word in str(refusal).lower() for word in _NOT_READY):
                raise IndexingError(f"it is not ready yet ({refusal})") from refusal
            raise

    async def _last_blocks(self, line: ElectrumLine, tip: Block) -> tuple[Block, ...]:
        reported = await self._optional.ask(HEADERS, lambda: self._headers(line, tip))
        return reported or (tip,)

    async def _headers(self, line: ElectrumLine, tip: Block) -> tuple[Block, ...]:
        first = max(0, tip.height - LISTED_BLOCKS + 1)
        reported = await line.ask(Headers, "blockchain.block.headers", first, tip.height - first + 1)
        pieces = [reported.hex[at : at + HEADER_DIGITS] for at in range(0, len(reported.hex), HEADER_DIGITS)]
        return tuple(block_of(Tip(height=first + place, hex=one)) for place, one in enumerate(pieces))

    def _notified(self, method: str, tip: bytes, news: asyncio.Queue[Observation | None]) -> None:
        if method != "blockchain.headers.subscribe":
            return
        try:
            block = block_of(msgspec.json.decode(tip, type=Tip))
        except (msgspec.MsgspecError, UnicodeDecodeError, ParseError, RecursionError) as error:
            news.put_nowait(Skipped(source=SOURCE, what=f"headers.subscribe: {error}"))
            return
        self._tip = block
        news.put_nowait(ChainListed(blocks=(block,), source=SOURCE))

    async def _work(self, line: ElectrumLine, news: asyncio.Queue[Observation | None]) -> None:
        """Request queue and fees at their intervals until the connection fails or the server freezes."""
        ended: SpoutError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_asking(HISTOGRAM, self._queue, HISTOGRAM_SECONDS, line, news))
                group.create_task(self._keep_asking(ESTIMATES, self._fees, FEES_SECONDS, line, news))
                group.create_task(self._keep_pinging(line))
                await line.broken()
        except* (SourceError, ParseError) as errors:
            ended = first_of(errors)
        if ended:
            raise ended

    async def _keep_pinging(self, line: ElectrumLine) -> None:
        """Ping: a server may be slow with other requests, but one that does not answer a ping is gone."""
        while True:
            with contextlib.suppress(NodeRefusedError):
                await line.ask(object, "server.ping")
            await self._clock.sleep(PING_SECONDS)

    async def _keep_asking(
        self,
        question: Optional,
        ask: Callable[[ElectrumLine], Awaitable[Observation | None]],
        seconds: float,
        line: ElectrumLine,
        news: asyncio.Queue[Observation | None],
    ) -> None:
        while True:
            if (reported := await self._optional.ask(question, partial(ask, line))) is not None:
                news.put_nowait(reported)
            await self._clock.sleep(seconds)

    async def _queue(self, line: ElectrumLine) -> QueueProjected:
        started = self._clock.monotonic()
        histogram = await line.ask(list[tuple[float, float]], "mempool.get_fee_histogram")
        self.health.answered(self._clock.monotonic() - started)
        bins = bins_of_histogram(histogram)
        return QueueProjected(blocks=project(bins), source=SOURCE, bins=bins)

    async def _fees(self, line: ElectrumLine) -> FeesRecommended | None:
        """Return the node's estimates through the server; None if it has none yet (-1)."""
        estimates = [await line.ask(Decimal, "blockchain.estimatefee", target) for target in TARGETS]
        least = await line.ask(Decimal, "blockchain.relayfee")
        rates = [estimated_sat_per_vb(rate) for rate in (*estimates, least)]
        known = [rate for rate in rates if rate is not None]
        if len(known) < len(rates):
            return None
        fastest, half_hour, hour, economy, minimum = known
        return FeesRecommended(
            fastest=fastest, half_hour=half_hour, hour=hour, economy=economy, minimum=minimum, source=SOURCE
        )
