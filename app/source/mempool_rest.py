"""The mempool backend asked by REST: answers the tracker's questions, gently."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
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
from app.errors import CircuitOpenError, ParseError, SourceError, UnreachableError
from app.source import wire
from app.source.breaker import Guard
from app.source.examined import Examined
from app.source.health import SourceHealth
from app.source.mempool_answers import REST, MempoolAnswers, expect_200
from app.source.transport import RestAnswer, Transport

T = TypeVar("T")
LEFTOVERS_PER_SECOND = 20.0
"""Transactions that only their txid is known of are read one by one, so the backend hardly notices."""


class MempoolRest:
    """Answers by REST. `examined` is shared with the stream, so that nothing is read twice.

    While `in_sync` is False the backend does not know its own mempool, and that it does not know a
    transaction means nothing.
    """

    def __init__(
        self,
        transport: Transport,
        guard: Guard,
        clock: Clock,
        examined: Examined,
        health: SourceHealth | None = None,
    ) -> None:
        self._transport = transport
        self._guard = guard
        self._clock = clock
        self._examined = examined
        self._health = health
        self._leftovers: deque[Txid] = deque()
        self.in_sync = True
        self._answers = MempoolAnswers(self.get, self._post, lambda: self.in_sync)

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the backend says.

        Raises:
            SourceError: if it could not be asked, or its answer decides nothing.
        """
        match question:
            case AskMempool():
                return await self._mempool()
            case AskStored():
                raise SourceError("a backend does not keep our predictions")
        return await self._answers.answer(question)

    async def leftovers(self) -> AsyncIterator[Observation]:
        """Yield, one by one, transactions that were listed and never told; ends when none is left."""
        while self._leftovers:
            txid = self._leftovers.popleft()
            try:
                for told in await self._answers.whole(txid):
                    yield told
            except (SourceError, ParseError):
                continue  # the next reconciliation is after it again, if it still waits
            await self._clock.sleep(1 / LEFTOVERS_PER_SECOND)

    async def market(self) -> tuple[Observation, ...]:
        """Read fees and queue, which the stream tells while it is there.

        Raises:
            SourceError, ParseError: if they are not to be had; the backend has none while it syncs.
        """
        fees = await self.get("fees/recommended")
        expect_200(fees, "fees/recommended")
        queue = await self.get("fees/mempool-blocks")
        expect_200(queue, "fees/mempool-blocks")
        return (wire.fees(fees.body, REST), wire.queue(queue.body, REST))

    async def tip(self) -> Block:
        """Read the tip from the backend's node itself, so that this fails when the node is down.

        Raises:
            SourceError: if there is no answer, or none of the node's.
        """
        tip = await self._tip()
        if tip is None:
            raise UnreachableError("the backend cannot say its tip: is its node down?")
        return tip

    async def block_at(self, height: int) -> Block | None:
        """Return the block of its chain at that height, None if it does not have it.

        Raises:
            SourceError, ParseError: if it cannot be asked.
        """
        answer = await self.get(f"blocks/{height}")
        expect_200(answer, "blocks")
        blocks = (wire.block(raw) for raw in wire.items(msgspec.Raw(answer.body), "blocks"))
        return next((block for block in blocks if block.height == height), None)

    async def get(self, path: str) -> RestAnswer:
        """Ask for `path` below /api/v1.

        Raises:
            SourceError: if nothing came back, or an error of the backend's own (5xx).
        """
        return await self._request("GET", path)

    async def _post(self, path: str, payload: bytes) -> RestAnswer:
        return await self._request("POST", path, payload)

    async def _request(self, method: str, path: str, payload: bytes | None = None) -> RestAnswer:
        async def once() -> RestAnswer:
            answer = await self._transport.request(method, f"/api/v1/{path}", payload)
            if answer.status >= 500:
                raise UnreachableError(f"{path}: status {answer.status}")
            return answer

        started = self._clock.monotonic()
        try:
            answer = await self._guard.call(once)
        except CircuitOpenError:
            raise  # nothing was asked, so nothing was learnt
        except UnreachableError as error:
            if self._health is not None:
                self._health.reconnecting(str(error))
            raise
        if self._health is not None:
            self._health.connected()
            self._health.answered(self._clock.monotonic() - started)
        return answer

    async def _mempool(self) -> tuple[Observation, ...]:
        """What waits, and the tip. Those nobody ever looked at become leftovers."""
        answer = await self.get("mempool/txids")
        expect_200(answer, "mempool/txids")
        listed = await asyncio.get_running_loop().run_in_executor(None, _txids, answer.body)
        self._leftovers.extend(self._examined.reconcile(listed))
        told: list[Observation] = []
        tip = await self._tip()
        if tip is not None:
            told.append(BlockConnected(block=tip, source=REST))
        if self.in_sync:
            told.append(MempoolListed(txids=frozenset(listed), as_of=answer.as_of, source=REST))
        return tuple(told)

    async def _tip(self) -> Block | None:
        """None where the backend cannot say; its stale view of it does no harm."""
        try:
            named, counted = await self.get("blocks/tip/hash"), await self.get("blocks/tip/height")
            if named.status != 200 or counted.status != 200:
                return None
            block_hash = wire.txid(_text(named.body), "tip")
            return Block(hash=BlockHash(block_hash), height=wire.height(int(_text(counted.body))))
        except (SourceError, ParseError, ValueError):
            return None


def _text(body: bytes) -> str:
    """The tip comes as bare text; a recording holds it as a JSON string or number."""
    return body.decode(errors="replace").strip().strip('"')


def _txids(body: bytes) -> list[Txid]:
    listed = wire.decode(list[str], body, "mempool/txids")
    return [wire.txid(txid, "mempool/txids") for txid in listed]
