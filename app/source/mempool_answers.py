"""What the mempool backend's REST says of one transaction or block."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import msgspec

from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    Observation,
    PackageTold,
    Prevout,
    PrevoutsTold,
    StatusTold,
    TransactionTold,
)
from app.core.questions import (
    AskBlock,
    AskPackage,
    AskPrevouts,
    AskStatus,
    AskTransaction,
    Question,
)
from app.core.units import BlockHash, Outpoint, Txid
from app.errors import ParseError, SourceError, StaleBlockError
from app.source import wire
from app.source.transport import RestAnswer
from app.source.wire_shapes import WirePackage, WireRbf, WireStatus

T = TypeVar("T")
REST = SourceName.MEMPOOL_REST
MOST_PREVOUTS = 100


class MempoolAnswers:
    """`get` and `post` ask for a path below /api/v1; `in_sync`: whether the backend knows its own mempool."""

    def __init__(
        self,
        get: Callable[[str], Awaitable[RestAnswer]],
        post: Callable[[str, bytes], Awaitable[RestAnswer]],
        in_sync: Callable[[], bool],
    ) -> None:
        self._get = get
        self._post = post
        self._in_sync = in_sync

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the backend says.

        Raises:
            SourceError, ParseError: if it could not be asked, or its answer decides nothing.
        """
        match question:
            case AskStatus(txid=txid):
                return await self._status(txid)
            case AskTransaction(txid=txid):
                return await self.whole(txid)
            case AskPrevouts(txid=txid, outpoints=outpoints):
                return await self._prevouts(txid, outpoints)
            case AskPackage(txid=txid):
                return await self._package(txid)
            case AskBlock():
                return await self._block(question)
        raise SourceError("a backend cannot say that")

    async def whole(self, txid: Txid) -> tuple[Observation, ...]:
        """Return all that the backend knows of it.

        Raises:
            SourceError, ParseError: if it could not be asked, or its answer decides nothing.
        """
        return await self._whole_of(txid, await self._get(f"tx/{txid}"))

    async def _whole_of(self, txid: Txid, answer: RestAnswer) -> tuple[Observation, ...]:
        if _is_unknown(answer):
            return (await self._nowhere(txid),)
        expect_200(answer, "tx")
        tx, status = wire.transaction(answer.body)
        where = _status_told(txid, status or WireStatus(confirmed=False))
        return (TransactionTold(tx=tx, block_hash=where.block_hash, height=where.height, source=REST),)

    async def _status(self, txid: Txid) -> tuple[Observation, ...]:
        try:
            answer = await self._get(f"tx/{txid}/status")
        except SourceError:
            answer = await self._get(f"tx/{txid}")
            return _where(await self._whole_of(txid, answer), answer.as_of)
        if _is_unknown(answer):
            return (await self._nowhere(txid),)
        expect_200(answer, "status")
        status = wire.decode(WireStatus, answer.body, "status")
        return (replace(_status_told(txid, status), as_of=answer.as_of),)

    async def _nowhere(self, txid: Txid) -> StatusTold:
        if not self._in_sync():
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
            answer = await self._get(f"tx/{txid}/rbf")
            if answer.status != 200:
                return None
            tree = wire.decode(WireRbf, answer.body, "rbf").replacements
            root = None if tree is None else wire.txid(tree.tx.txid, "rbf")
        except (SourceError, ParseError):
            return None  # only a hint
        return None if root == txid else root

    async def _prevouts(self, txid: Txid, outpoints: tuple[Outpoint, ...]) -> tuple[Observation, ...]:
        found: dict[Outpoint, Prevout | None] = {}
        for start in range(0, len(outpoints), MOST_PREVOUTS):
            asked = outpoints[start : start + MOST_PREVOUTS]
            payload = msgspec.json.encode([{"txid": one.txid, "vout": one.vout} for one in asked])
            answer = await self._post("prevouts", payload)
            expect_200(answer, "prevouts")
            found.update(wire.prevouts(answer.body, asked))
        return (PrevoutsTold(txid=txid, prevouts=found, source=REST),)

    async def _package(self, txid: Txid) -> tuple[Observation, ...]:
        answer = await self._get(f"cpfp/{txid}")
        expect_200(answer, "cpfp")
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
            answer = await self._get(path)
            return read(answer.body) if answer.status == 200 else None
        except StaleBlockError:
            raise
        except (SourceError, ParseError):
            return None


def expect_200(answer: RestAnswer, what: str) -> None:
    """Raise SourceError for any other status."""
    if answer.status != 200:
        raise SourceError(f"{what}: status {answer.status}")


def _is_unknown(answer: RestAnswer) -> bool:
    """Whether the backend itself says that it knows no such transaction.

    A 404 with a page of HTML is somebody else's: a proxy in front that has lost its backend, or never had it.
    """
    return answer.status == 404 and not answer.body.lstrip(b' \r\n\t"').startswith(b"<")


def _status_told(txid: Txid, status: WireStatus) -> StatusTold:
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
