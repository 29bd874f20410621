"""The mempool backend asked by REST: answers the tracker's questions, gently."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import msgspec

from app.clock import Clock
from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
    PackageTold,
    Prevout,
    PrevoutsTold,
    StatusTold,
    TransactionTold,
)
from app.core.questions import (
    AskBlock,
    AskMempool,
    AskPackage,
    AskPrevouts,
    AskStatus,
    AskStored,
    AskTransaction,
    Question,
)
from app.core.units import BlockHash, Outpoint, Txid
from app.errors import CircuitOpenError, ParseError, SourceError, StaleBlockError, UnreachableError
from app.source import wire
from app.source.breaker import Guard
from app.source.examined import Examined
from app.source.health import SourceHealth
from app.source.transport import RestAnswer, Transport

T = TypeVar("T")
REST = SourceName.MEMPOOL_REST
MOST_PREVOUTS = 100
LEFTOVERS_PER_SECOND = 20.0
"""Transactions that only their txid is known of are read one by one, so the backend hardly notices."""


class WirePackage(msgspec.Struct, rename={"feerate": "effectiveFeePerVsize"}):
    feerate: float | None = None
    ancestors: list[msgspec.Raw] = []
    descendants: list[msgspec.Raw] = []


class WireRbfTx(msgspec.Struct):
    txid: str


class WireRbfTree(msgspec.Struct):
    tx: WireRbfTx


class WireRbf(msgspec.Struct):
    replacements: WireRbfTree | None = None


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

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the backend says.

        Raises:
            SourceError: if it could not be asked, or its answer decides nothing.
        """
        match question:
            case AskStatus(txid=txid):
                return await self._status(txid)
            case AskTransaction(txid=txid):
                return await self._whole(txid)
            case AskPrevouts(txid=txid, outpoints=outpoints):
                return await self._prevouts(txid, outpoints)
            case AskPackage(txid=txid):
                return await self._package(txid)
            case AskBlock():
                return await self._block(question)
            case AskMempool():
                return await self._mempool()
            case AskStored():
                raise SourceError("a backend does not keep our predictions")

    async def leftovers(self) -> AsyncIterator[Observation]:
        """Yield, one by one, transactions that were listed and never told; ends when none is left."""
        while self._leftovers:
            txid = self._leftovers.popleft()
            try:
                for told in await self._whole(txid):
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
        _expect_200(fees, "fees/recommended")
        queue = await self.get("fees/mempool-blocks")
        _expect_200(queue, "fees/mempool-blocks")
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
        _expect_200(answer, "blocks")
        blocks = (wire.block(raw) for raw in wire.items(msgspec.Raw(answer.body), "blocks"))
        return next((block for block in blocks if block.height == height), None)

    async def get(self, path: str) -> RestAnswer:
        """Ask for `path` below /api/v1.

        Raises:
            SourceError: if nothing came back, or an error of the backend's own (5xx).
        """
        return await self._request("GET", path)

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

    async def _status(self, txid: Txid) -> tuple[Observation, ...]:
        try:
            answer = await self.get(f"tx/{txid}/status")
        except SourceError:
            answer = await self.get(f"tx/{txid}")
            return _where(await self._whole_of(txid, answer), answer.as_of)
        if _is_unknown(answer):
            return (await self._nowhere(txid),)
        _expect_200(answer, "status")
        status = wire.decode(wire.WireStatus, answer.body, "status")
        return (replace(_status_told(txid, status), as_of=answer.as_of),)

    async def _nowhere(self, txid: Txid) -> StatusTold:
        if not self.in_sync:
            raise SourceError("the backend is still reading its mempool")
        return StatusTold(
            txid=txid,
            block_hash=None,
            height=None,
            in_mempool=False,
            source=REST,
            replaced_by=await self._replacement(txid),
        )

    async def _replacement(self, txid: Txid) -> Txid | None:
        """The root of the tree is the version that is or was there last."""
        try:
            answer = await self.get(f"tx/{txid}/rbf")
            if answer.status != 200:
                return None
            tree = wire.decode(WireRbf, answer.body, "rbf").replacements
            root = None if tree is None else wire.txid(tree.tx.txid, "rbf")
        except (SourceError, ParseError):
            return None  # only a hint
        return None if root == txid else root

    async def _whole(self, txid: Txid) -> tuple[Observation, ...]:
        return await self._whole_of(txid, await self.get(f"tx/{txid}"))

    async def _whole_of(self, txid: Txid, answer: RestAnswer) -> tuple[Observation, ...]:
        if _is_unknown(answer):
            return (await self._nowhere(txid),)
        _expect_200(answer, "tx")
        tx, status = wire.transaction(answer.body)
        where = _status_told(txid, status or wire.WireStatus(confirmed=False))
        return (TransactionTold(tx=tx, block_hash=where.block_hash, height=where.height, source=REST),)

    async def _prevouts(self, txid: Txid, outpoints: tuple[Outpoint, ...]) -> tuple[Observation, ...]:
        found: dict[Outpoint, Prevout | None] = {}
        for start in range(0, len(outpoints), MOST_PREVOUTS):
            asked = outpoints[start : start + MOST_PREVOUTS]
            payload = msgspec.json.encode([{"txid": one.txid, "vout": one.vout} for one in asked])
            answer = await self._request("POST", "prevouts", payload)
            _expect_200(answer, "prevouts")
            found.update(wire.prevouts(answer.body, asked))
        return (PrevoutsTold(txid=txid, prevouts=found, source=REST),)

    async def _package(self, txid: Txid) -> tuple[Observation, ...]:
        answer = await self.get(f"cpfp/{txid}")
        _expect_200(answer, "cpfp")
        package = wire.decode(WirePackage, answer.body, "cpfp")
        feerate = wire.feerate(package.feerate)
        if feerate is None:
            raise SourceError("the backend knows no package of it")
        return (
            PackageTold(
                txid=txid,
                package_feerate=feerate,
                related=len(package.ancestors) + len(package.descendants),
                source=REST,
            ),
        )

    async def _block(self, asked: AskBlock) -> tuple[Observation, ...]:
        """Header and entries; either is worth telling without the other."""
        header = await self._one_of_block(f"block/{asked.hash}", wire.best_chain_block)
        if header is not None and header.hash != asked.hash:
            raise SourceError(f"block {asked.hash}: the backend told of another one")
        entries = await self._one_of_block(f"block/{asked.hash}/summary", wire.block_entries)
        height = header.height if header else asked.height
        if height is None or (header is None and entries is None):
            raise SourceError(f"block {asked.hash} is not to be had")
        block = Block(
            hash=asked.hash,
            height=height,
            previous=header.previous if header else None,
            time=header.time if header else None,
            txids=tuple(entry.txid for entry in entries) if entries else None,
            entries=entries,
        )
        return (BlockConnected(block=block, source=REST),)

    async def _one_of_block(self, path: str, read: Callable[[bytes], T]) -> T | None:
        try:
            answer = await self.get(path)
            return read(answer.body) if answer.status == 200 else None
        except StaleBlockError:
            raise
        except (SourceError, ParseError):
            return None

    async def _mempool(self) -> tuple[Observation, ...]:
        """What waits, and the tip. Those nobody ever looked at become leftovers."""
        answer = await self.get("mempool/txids")
        _expect_200(answer, "mempool/txids")
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


def _is_unknown(answer: RestAnswer) -> bool:
    """Whether the backend itself says that it knows no such transaction.

    A 404 with a page of HTML is somebody else's: a proxy in front that has lost its backend, or never had it.
    """
    return answer.status == 404 and not answer.body.lstrip(b' \r\n\t"').startswith(b"<")


def _expect_200(answer: RestAnswer, what: str) -> None:
    if answer.status != 200:
        raise SourceError(f"{what}: status {answer.status}")


def _status_told(txid: Txid, status: wire.WireStatus) -> StatusTold:
    named = status.confirmed and bool(status.block_hash) and status.block_height is not None
    if status.confirmed and not named:
        raise SourceError("status: confirmed, but in which block is not said")
    return StatusTold(
        txid=txid,
        block_hash=BlockHash(wire.txid(status.block_hash, "status")) if named and status.block_hash else None,
        height=wire.height(status.block_height) if named and status.block_height is not None else None,
        in_mempool=not status.confirmed,
        source=REST,
    )


def _where(told: tuple[Observation, ...], as_of: datetime) -> tuple[Observation, ...]:
    """What a whole transaction says about where it is."""
    return tuple(
        StatusTold(
            txid=one.tx.txid,
            block_hash=one.block_hash,
            height=one.height,
            in_mempool=one.block_hash is None,
            source=one.source,
            as_of=as_of,
        )
        if isinstance(one, TransactionTold)
        else one
        for one in told
    )
