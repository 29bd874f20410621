"""An Electrum server (electrs, Fulcrum, ElectrumX) beside the node: the tip, where a transaction is, fees.

It is asked little: one connection, a few requests at once, 50 a second at most; the histogram each 15 s
(which also notices a server that froze within half a minute), estimates each minute. A server that
indexes refuses the connection or says that it is not ready, for hours: that is told as such, no failure.

Its blocks are told as ChainListed, header only: it follows the node with a delay, and its tip may be old.
"""

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import TypeVar

import msgspec

from app.clock import Clock
from app.core.encoding.rawtx import AddressOf
from app.core.forecasting.queue import bins_of_histogram, project
from app.core.models import Block, SourceName
from app.core.observations import (
    ChainListed,
    FeesTold,
    Observation,
    QueueProjected,
    Skipped,
    SourceConnected,
)
from app.core.questions import Question
from app.core.units import BlockHash, Height, sat_per_vb
from app.errors import IndexingError, NodeRefusedError, ParseError, SourceError, UnreachableError
from app.source.breaker import Guard
from app.source.electrs_answers import ElectrsAnswers
from app.source.electrs_shapes import Headers, Tip, block_of
from app.source.electrum_line import ElectrumEndpoint, ElectrumLine
from app.source.health import SourceHealth
from app.source.race import within
from app.source.sessions import one_after_another

T = TypeVar("T")

SOURCE = SourceName.ELECTRS
HISTOGRAM_SECONDS = 15.0
FEES_EVERY = 4
"""Histograms."""
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
    ) -> None:
        self.health = health
        self.server: str | None = None
        """What it calls itself, once connected."""
        self._endpoint = endpoint
        self._clock = clock
        self._guard = guard
        self._address_of = address_of
        self._line: ElectrumLine | None = None
        self._tip: Block | None = None

    def observations(self) -> AsyncGenerator[Observation, None]:
        """Tip, queue and fees, for ever; reconnects by itself."""
        return one_after_another(
            self._one_session,
            source=SOURCE,
            health=self.health,
            clock=self._clock,
            known_trouble=self._known_trouble,
        )

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the server knows; unknown is an answer.

        Raises:
            SourceError: if it is not connected, does not support the question, or it is too much to ask.
        """
        line = self._line
        if line is None:
            raise UnreachableError(f"electrs is not connected: {self.health.condition.last_error}")
        return await ElectrsAnswers(line, self._tip, self._address_of).answer(question)

    async def ping(self) -> None:
        """Ask whether the server is there; how long it took is in its health.

        Raises:
            SourceError: if it is not connected or does not answer.
        """
        line = self._line
        if line is None:
            raise UnreachableError("electrs is not connected")
        started = self._clock.monotonic()
        await line.ask(object, "server.ping")
        self.health.answered(self._clock.monotonic() - started)

    async def examine(self, height: Height | None) -> tuple[Block, BlockHash | None]:
        """Connect once for this; return the tip, and the block at `height` if the server's chain is so long.

        Raises:
            SourceError: if it cannot be asked, or is not ready.
        """
        line = ElectrumLine(self._endpoint, self._clock, lambda *_: None)
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
            self._endpoint, self._clock, lambda method, tip: self._notified(method, tip, news)
        )
        await self._guard.call(line.open)
        try:
            tip = await self._introduce(line)
            self._line = line
            self.health.connected()
            self.health.syncing(None)
            self.health.note()
            yield SourceConnected(source=SOURCE, again=self._tip is not None)
            yield ChainListed(blocks=await self._last_blocks(line, tip), source=SOURCE)
            self._tip = tip
            work = asyncio.create_task(self._keep_asking(line, news))
            work.add_done_callback(lambda _: news.put_nowait(None))
            try:
                while (observation := await news.get()) is not None:
                    self.health.heard()
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
        first = max(0, tip.height - LISTED_BLOCKS + 1)
        told = await line.ask(Headers, "blockchain.block.headers", first, tip.height - first + 1)
        pieces = [told.hex[at : at + HEADER_DIGITS] for at in range(0, len(told.hex), HEADER_DIGITS)]
        return tuple(block_of(Tip(height=first + place, hex=one)) for place, one in enumerate(pieces))

    def _notified(self, method: str, tip: bytes, news: asyncio.Queue[Observation | None]) -> None:
        if method != "blockchain.headers.subscribe":
            return
        try:
            block = block_of(msgspec.json.decode(tip, type=Tip))
        except (msgspec.MsgspecError, ParseError) as error:
            news.put_nowait(Skipped(source=SOURCE, what=f"headers.subscribe: {error}"))
            return
        self._tip = block
        news.put_nowait(ChainListed(blocks=(block,), source=SOURCE))

    async def _keep_asking(self, line: ElectrumLine, news: asyncio.Queue[Observation | None]) -> None:
        """Ask for the queue and fees again and again; a broken connection ends it at once."""
        turn = 0
        while True:
            news.put_nowait(await self._queue(line))
            if turn % FEES_EVERY == 0 and (fees := await self._fees(line)):
                news.put_nowait(fees)
            turn += 1
            await within(line.broken(), HISTOGRAM_SECONDS, self._clock)

    async def _queue(self, line: ElectrumLine) -> QueueProjected:
        started = self._clock.monotonic()
        histogram = await line.ask(list[tuple[float, float]], "mempool.get_fee_histogram")
        self.health.answered(self._clock.monotonic() - started)
        bins = bins_of_histogram(histogram)
        return QueueProjected(blocks=project(bins), source=SOURCE, bins=bins)

    async def _fees(self, line: ElectrumLine) -> FeesTold | None:
        """The node's estimates through the server; None while there are none (it says -1)."""
        estimates = [await line.ask(Decimal, "blockchain.estimatefee", target) for target in TARGETS]
        least = await line.ask(Decimal, "blockchain.relayfee")
        if min(*estimates, least) < 0:
            return None
        fastest, half_hour, hour, economy, minimum = (sat_per_vb(rate) for rate in (*estimates, least))
        return FeesTold(
            fastest=fastest, half_hour=half_hour, hour=hour, economy=economy, minimum=minimum, source=SOURCE
        )
