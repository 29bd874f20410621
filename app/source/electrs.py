"""An Electrum server (electrs, Fulcrum, ElectrumX) beside the node: the tip, where a transaction is, fees.

It is asked little: one connection, a few requests at once, 50 a second at most; the histogram each 15 s
(which also notices a server that froze within half a minute), estimates each minute. A server that
indexes refuses the connection or says that it is not ready, for hours: that is told as such, no failure.

Its blocks are told as ChainListed, header only: it follows the node with a delay, and its tip may be old.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import TypeVar

import msgspec

from app.clock import Clock
from app.core.encoding.rawtx import AddressOf, decode
from app.core.forecasting.queue import bins_of_histogram, project
from app.core.models import Block, SourceName
from app.core.observations import (
    ChainListed,
    FeesTold,
    Gap,
    Observation,
    Prevout,
    PrevoutsTold,
    QueueProjected,
    Skipped,
    SourceConnected,
    StatusTold,
    TransactionTold,
)
from app.core.questions import AskPrevouts, AskStatus, AskTransaction, Question
from app.core.units import BlockHash, Height, Outpoint, Txid, sat_per_vb
from app.errors import NodeRefusedError, ParseError, SourceError, UnreachableError
from app.source.breaker import Guard
from app.source.electrum_line import ElectrumEndpoint, ElectrumLine
from app.source.health import SourceHealth
from app.source.race import within

T = TypeVar("T")

SOURCE = SourceName.ELECTRS
HISTOGRAM_SECONDS = 15.0
FEES_EVERY = 4
"""Histograms."""
TARGETS = (2, 3, 6, 144)
LISTED_BLOCKS = 8
HEADER_DIGITS = 160
PARENTS_AT_MOST = 25
"""More is a look-up storm: the node or the backend is the one to ask."""
RETRY_SECONDS = (0.5, 1.0, 2.0)
NOT_READY_SECONDS = 5.0

_UNKNOWN = ("no such mempool or blockchain transaction", "missing transaction", "transaction not found")
_NOT_READY = ("index", "sync", "warming", "loading", "busy", "unavailable")


class _NotReadyError(SourceError):
    """The server is there and still indexing."""


class _Tip(msgspec.Struct):
    height: int
    hex: str


class _Headers(msgspec.Struct):
    hex: str


class _VerboseTx(msgspec.Struct):
    hex: str
    blockhash: str | None = None
    confirmations: int = 0


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

    async def observations(self) -> AsyncGenerator[Observation, None]:
        """Tip, queue and fees, for ever; reconnects by itself."""
        failures = 0
        while True:
            told = False
            try:
                async with aclosing(self._one_session()) as session:
                    async for observation in session:
                        told, failures = True, 0
                        yield observation
            except _NotReadyError as error:
                self.health.connected()
                self.health.syncing(0.0)
                self.health.note(str(error))
                wait = NOT_READY_SECONDS
            except (SourceError, ParseError) as error:
                self.health.reconnecting(str(error))
                wait = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
            if told:
                yield Gap(source=SOURCE, reason=self.health.condition.last_error or "the session ended")
            failures += 1
            await self._clock.sleep(wait)

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the server knows; unknown is an answer.

        Raises:
            SourceError: if it is not connected, does not support the question, or it is too much to ask.
        """
        line = self._line
        if line is None:
            raise UnreachableError(f"electrs is not connected: {self.health.condition.last_error}")
        try:
            match question:
                case AskStatus(txid):
                    return (await self._status(line, txid),)
                case AskTransaction(txid):
                    return (await self._transaction(line, txid),)
                case AskPrevouts(txid, outpoints):
                    return (await self._prevouts(line, txid, outpoints),)
        except ParseError as error:
            raise SourceError(str(error)) from error
        raise SourceError("an Electrum server cannot say that")

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
            return tip, _block_of(_Tip(height=height, hex=header)).hash
        finally:
            await line.close()

    async def close(self) -> None:
        if self._line:
            await self._line.close()
        self.health.disconnected()

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
            return _block_of(await line.ask(_Tip, "blockchain.headers.subscribe"))
        except NodeRefusedError as refusal:
            if any(word in str(refusal).lower() for word in _NOT_READY):
                raise _NotReadyError(f"it is not ready yet ({refusal})") from refusal
            raise

    async def _last_blocks(self, line: ElectrumLine, tip: Block) -> tuple[Block, ...]:
        first = max(0, tip.height - LISTED_BLOCKS + 1)
        told = await line.ask(_Headers, "blockchain.block.headers", first, tip.height - first + 1)
        pieces = [told.hex[at : at + HEADER_DIGITS] for at in range(0, len(told.hex), HEADER_DIGITS)]
        return tuple(_block_of(_Tip(height=first + place, hex=one)) for place, one in enumerate(pieces))

    def _notified(self, method: str, tip: bytes, news: asyncio.Queue[Observation | None]) -> None:
        if method != "blockchain.headers.subscribe":
            return
        try:
            block = _block_of(msgspec.json.decode(tip, type=_Tip))
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

    async def _status(self, line: ElectrumLine, txid: Txid) -> StatusTold:
        verbose = await self._verbose(line, txid)
        return StatusTold(
            txid=txid,
            block_hash=_mined_in(verbose),
            height=await self._height(line, verbose) if verbose else None,
            in_mempool=verbose is not None and verbose.blockhash is None,
            source=SOURCE,
        )

    async def _transaction(self, line: ElectrumLine, txid: Txid) -> TransactionTold | StatusTold:
        verbose = await self._verbose(line, txid)
        if verbose is None:
            return StatusTold(txid=txid, block_hash=None, height=None, in_mempool=False, source=SOURCE)
        return TransactionTold(
            tx=decode(_bytes_of(verbose.hex), self._address_of),
            block_hash=_mined_in(verbose),
            height=await self._height(line, verbose),
            source=SOURCE,
        )

    async def _prevouts(
        self, line: ElectrumLine, txid: Txid, outpoints: tuple[Outpoint, ...]
    ) -> PrevoutsTold:
        parents = dict.fromkeys(outpoint.txid for outpoint in outpoints)
        if len(parents) > PARENTS_AT_MOST:
            raise SourceError(f"{len(parents)} parents are too many to ask an Electrum server for")
        told: dict[Outpoint, Prevout | None] = dict.fromkeys(outpoints)
        for parent in parents:
            raw = await self._known(line, str, parent)
            outputs = decode(_bytes_of(raw)).outputs if raw else ()
            for outpoint in outpoints:
                if outpoint.txid == parent and outpoint.vout < len(outputs):
                    output = outputs[outpoint.vout]
                    told[outpoint] = Prevout(value=output.value, script=output.script)
        return PrevoutsTold(txid=txid, prevouts=told, source=SOURCE)

    async def _verbose(self, line: ElectrumLine, txid: Txid) -> _VerboseTx | None:
        """The node's own words about it; not every server passes them on."""
        return await self._known(line, _VerboseTx, txid, True)  # noqa: FBT003

    async def _known(self, line: ElectrumLine, shape: type[T], *params: object) -> T | None:
        try:
            return await line.ask(shape, "blockchain.transaction.get", *params)
        except NodeRefusedError as refusal:
            if any(words in str(refusal).lower() for words in _UNKNOWN):
                return None
            raise

    async def _height(self, line: ElectrumLine, verbose: _VerboseTx) -> Height | None:
        """Counted down from the tip, and believed only if the block there is the one it names."""
        if verbose.blockhash is None or verbose.confirmations < 1 or self._tip is None:
            return None
        height = self._tip.height - verbose.confirmations + 1
        header = await line.ask(str, "blockchain.block.header", height)
        found = _block_of(_Tip(height=height, hex=header))
        return found.height if found.hash == verbose.blockhash else None


def _mined_in(verbose: _VerboseTx | None) -> BlockHash | None:
    return BlockHash(verbose.blockhash) if verbose and verbose.blockhash else None


def _block_of(tip: _Tip) -> Block:
    """A header is 80 bytes: version, previous block, merkle root, time, bits, nonce."""
    header = _bytes_of(tip.hex)
    if len(header) < 80:
        raise ParseError("electrs: a header is too short")
    return Block(
        hash=BlockHash(sha256(sha256(header[:80]).digest()).digest()[::-1].hex()),
        height=Height(tip.height),
        previous=BlockHash(header[4:36][::-1].hex()),
        time=datetime.fromtimestamp(int.from_bytes(header[68:72], "little"), UTC),
    )


def _bytes_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ParseError("electrs: not hex") from error
