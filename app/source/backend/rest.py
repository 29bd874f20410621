"""The mempool backend's REST API: answers the tracker's questions, at a limited rate."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import msgspec

from app.clock import Clock
from app.core.models import Block
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
)
from app.core.questions import (
    AskMempool,
    AskStored,
    Question,
)
from app.core.units import BlockHash, Txid
from app.errors import CircuitOpenError, ParseError, SourceError, TooSlowError, UnreachableError
from app.source.backend import decode
from app.source.backend.answers import REST, MempoolAnswers, expect_200
from app.source.backend.transport import RestAnswer, Transport
from app.source.resilience import Guard, SeenTxids, SourceHealth

T = TypeVar("T")
BACKLOG_PER_SECOND = 20.0
"""Rate at which transactions of which only the txid is known are read: low, to spare the backend."""
LARGE_BACKLOG = 1_000
"""With a longer backlog most of a mempool was missed (its frame was too large, or we were disconnected): then
it is read at up to a third of the backend's time. 100,000 transactions take some 15 minutes, not 83."""
BREATH_SECONDS = 0.005
BREATHS = 2.0
"""Pause after a read, as a multiple of the read's duration."""
NO_TXINDEX = (
    "its node has no txindex: where a transaction went is known by blocks alone; "
    "set txindex=1 in bitcoin.conf"
)
STATES_ITS_SYNC = "fees/recommended"
"""The backend answers 503 here until it has read its whole mempool; no other reply of it says so."""
BREATH_EVERY = 500
"""Number of entries already read that are skipped before yielding to the event loop."""
READ_AGAIN_SECONDS = 10.0
"""Delay after a failed read; the next mempool listing also queues it again, if it is still there."""


class MempoolRest:
    """Answers questions by REST. `seen_txids` is shared with the stream, so that nothing is read twice.

    While the backend has not read its whole mempool, "not found" means nothing. The stream says so, and sets
    `in_sync`; while it is not connected the backend may have started again unseen, so REST itself is asked.
    """

    def __init__(
        self,
        transport: Transport,
        guard: Guard,
        clock: Clock,
        seen_txids: SeenTxids,
        health: SourceHealth | None = None,
        is_streaming: Callable[[], bool] = lambda: True,
    ) -> None:
        """Take `is_streaming`: whether the stream is connected, which reports when the backend loads."""
        self._transport = transport
        self._guard = guard
        self._clock = clock
        self._seen_txids = seen_txids
        self._health = health
        self._is_streaming = is_streaming
        self._backlog: deque[Txid] = deque()
        self._failed: deque[tuple[float, Txid]] = deque()
        """Txids to read again, each with the monotonic time at which it is due; ascending."""
        self.in_sync = True
        self._answers = MempoolAnswers(self.get, self._post, self._has_whole_mempool)

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the backend reports.

        Raises:
            SourceError: if it cannot be reached, or its reply is inconclusive.
        """
        match question:
            case AskMempool():
                return await self._mempool()
            case AskStored():
                raise SourceError("a backend does not keep our predictions")
        return await self._answers.answer(question)

    async def backlog(self) -> AsyncIterator[Observation]:
        """Yield, one by one, transactions that were listed but not yet received.

        Ends when none is left that is due. One that could not be read is queued again; while the circuit
        breaker is open no request is sent.
        """
        self._take_up_failed()
        while self._backlog:
            txid = self._backlog.popleft()
            if txid in self._seen_txids:  # received from the stream meanwhile
                if len(self._backlog) % BREATH_EVERY == 0:
                    await asyncio.sleep(0)
                continue
            started = self._clock.monotonic()
            try:
                reported = await self._answers.whole(txid)
            except CircuitOpenError:
                self._backlog.appendleft(txid)
                return
            except ParseError:
                continue  # retrying would not help now; the next listing queues it again
            except SourceError:
                self._failed.append((self._clock.monotonic() + READ_AGAIN_SECONDS, txid))
                continue
            for one in self._seen_txids.noting(reported):
                yield one
            await self._clock.sleep(self._pause(self._clock.monotonic() - started))

    def _pause(self, took: float) -> float:
        if len(self._backlog) < LARGE_BACKLOG:
            return 1 / BACKLOG_PER_SECOND
        return min(max(BREATH_SECONDS, BREATHS * took), 1 / BACKLOG_PER_SECOND)

    def _take_up_failed(self) -> None:
        while self._failed and self._failed[0][0] <= self._clock.monotonic():
            self._backlog.append(self._failed.popleft()[1])

    async def market(self) -> tuple[Observation, ...]:
        """Read fees and queue, which the stream reports while it is connected.

        Raises:
            SourceError, ParseError: if they are not available; the backend has none while it syncs.
        """
        fees = await self.get("fees/recommended")
        expect_200(fees, "fees/recommended")
        queue = await self.get("fees/mempool-blocks")
        expect_200(queue, "fees/mempool-blocks")
        return (decode.fees(fees.body, REST), decode.queue(queue.body, REST))

    async def tip(self) -> Block:
        """Read the tip from the backend's node itself, so that this fails when the node is down.

        Raises:
            SourceError: if there is no reply, or none from the node.
        """
        tip = await self._tip()
        if tip is None:
            raise UnreachableError("the backend cannot say its tip: is its node down?")
        return tip

    async def block_at(self, height: int) -> Block | None:
        """Return the block at that height in the backend's chain; None if there is none.

        Raises:
            SourceError, ParseError: if the request fails.
        """
        answer = await self.get(f"blocks/{height}")
        expect_200(answer, "blocks")
        blocks = (decode.block(raw) for raw in decode.items(msgspec.Raw(answer.body), "blocks"))
        return next((block for block in blocks if block.height == height), None)

    async def get(self, path: str) -> RestAnswer:
        """Request `path` below /api/v1.

        Raises:
            SourceError: if there is no reply, or a server error (5xx).
        """
        return await self._request("GET", path)

    async def _post(self, path: str, payload: bytes) -> RestAnswer:
        return await self._request("POST", path, payload)

    async def _request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        async def once() -> RestAnswer:
            answer = await self._transport.request(method, f"/api/v1/{path}", payload)
            if answer.status >= 500 and not (self._is_about_one(path, answer) or _says_loading(path, answer)):
                raise UnreachableError(f"{path}: status {answer.status}")
            return answer

        started = self._clock.monotonic()
        try:
            answer = await self._guard.call(once)
        except CircuitOpenError:
            raise  # nothing was sent, so nothing was learnt
        except TooSlowError as error:
            if self._health is not None:
                self._health.fell_silent(str(error))
            raise
        except UnreachableError as error:
            if self._health is not None:
                self._health.reconnecting(str(error))
            raise
        if self._health is not None:
            self._health.connected()
            self._health.answered(self._clock.monotonic() - started)
        return answer

    def _is_about_one(self, path: str, answer: RestAnswer) -> bool:
        """Whether the backend itself replied about this transaction: then it is up, whatever the reply.

        A reply from a proxy, or one saying that the node cannot be reached, does not count.
        """
        if answer.status != 500 or not path.startswith("tx/") or b"ECONNREFUSED" in answer.body:
            return False
        if self._health is not None and b"txindex" in answer.body:
            self._health.note(NO_TXINDEX)
        return True

    async def _has_whole_mempool(self) -> bool:
        """Whether the backend has read its whole mempool; False where that cannot be known."""
        if not self.in_sync or self._is_streaming():
            return self.in_sync
        try:
            return (await self.get(STATES_ITS_SYNC)).status == 200
        except SourceError:
            return False

    async def _mempool(self) -> tuple[Observation, ...]:
        """Return the mempool's txids and the tip. Txids that were never read go to the backlog."""
        is_whole = await self._has_whole_mempool()
        answer = await self.get("mempool/txids")
        expect_200(answer, "mempool/txids")
        listed = await asyncio.get_running_loop().run_in_executor(None, _txids, answer.body)
        self._backlog = deque(self._seen_txids.reconcile(listed))
        self._failed.clear()
        reported: list[Observation] = []
        tip = await self._tip()
        if tip is not None:
            reported.append(BlockConnected(block=tip, source=REST))
        if is_whole and self.in_sync:
            reported.append(MempoolListed(txids=frozenset(listed), as_of=answer.as_of, source=REST))
        return tuple(reported)

    async def _tip(self) -> Block | None:
        """Return the tip; None if the backend cannot say. A stale tip is harmless here."""
        try:
            named, counted = await self.get("blocks/tip/hash"), await self.get("blocks/tip/height")
            if named.status != 200 or counted.status != 200:
                return None
            block_hash = decode.txid(_text(named.body), "tip")
            return Block(hash=BlockHash(block_hash), height=decode.height(int(_text(counted.body))))
        except (SourceError, ParseError, ValueError):
            return None


def _says_loading(path: str, answer: RestAnswer) -> bool:
    """Whether the backend itself says that it is up, and still reads its mempool; a proxy's 503 is a page."""
    return path == STATES_ITS_SYNC and answer.status == 503 and answer.body.strip() == b"Service Unavailable"


def _text(body: bytes) -> str:
    """Return the tip's body as text; a recording holds it as a JSON string or number."""
    return body.decode(errors="replace").strip().strip('"')


def _txids(body: bytes) -> list[Txid]:
    listed = decode.decode_as(list[str], body, "mempool/txids")
    return [decode.txid(txid, "mempool/txids") for txid in listed]
