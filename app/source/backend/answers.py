"""Answers questions about one transaction or block from the mempool backend's REST API."""

import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TypeVar

import msgspec

from app.core.models import Block, SourceName
from app.core.observations import (
    BlockConnected,
    Observation,
    PackageReply,
    Prevout,
    PrevoutsReply,
    StatusReply,
    TransactionReply,
    Unanswered,
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
from app.source.backend import decode
from app.source.backend.shapes import WirePackage, WireRbf, WireRbfTx, WireStatus
from app.source.backend.transport import RestAnswer

T = TypeVar("T")
REST = SourceName.MEMPOOL_REST
MOST_PREVOUTS = 100


class MempoolAnswers:
    """`get` and `post` request a path below /api/v1; `in_sync`: whether the backend has its whole mempool."""

    def __init__(
        self,
        get: Callable[[str], Awaitable[RestAnswer]],
        post: Callable[[str, bytes], Awaitable[RestAnswer]],
        in_sync: Callable[[], Awaitable[bool]],
    ) -> None:
        self._get = get
        self._post = post
        self._in_sync = in_sync

    async def answer(self, question: Question) -> tuple[Observation, ...]:
        """Return what the backend reports.

        Raises:
            SourceError, ParseError: if it cannot be reached, or its reply is inconclusive.
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
        """Return everything the backend knows about the transaction.

        Raises:
            SourceError, ParseError: if it cannot be reached, or its reply is inconclusive.
        """
        return await self._whole_of(txid, await self._get(f"tx/{txid}"))

    async def _whole_of(self, txid: Txid, answer: RestAnswer) -> tuple[Observation, ...]:
        if _is_unknown(answer):
            return (await self._nowhere(txid),)
        expect_200(answer, "tx")
        tx, status = decode.transaction(answer.body)
        where = _status_reply(txid, status or WireStatus(confirmed=False))
        reply = TransactionReply(
            tx=tx, block_hash=where.block_hash, height=where.height, source=REST, as_of=answer.as_of
        )
        return (reply,)

    async def _status(self, txid: Txid) -> tuple[Observation, ...]:
        try:
            answer = await self._get(f"tx/{txid}/status")
            if not _is_unknown(answer):
                expect_200(answer, "status")
        except SourceError:
            answer = await self._get(f"tx/{txid}")
            return _where(await self._whole_of(txid, answer))
        if _is_unknown(answer):
            return (await self._nowhere(txid),)
        status = decode.decode_as(WireStatus, answer.body, "status")
        return (replace(_status_reply(txid, status), as_of=answer.as_of),)

    async def _nowhere(self, txid: Txid) -> StatusReply:
        if not await self._in_sync():
            raise SourceError("the backend is still reading its mempool")
        return StatusReply(
            txid=txid,
            block_hash=None,
            height=None,
            in_mempool=False,
            source=REST,
            replaced_by=await self._replacement(txid),
        )

    async def _replacement(self, txid: Txid) -> Txid | None:
        """Return the root of the replacement tree: the version that is, or last was, in the mempool."""
        try:
            answer = await self._get(f"tx/{txid}/rbf")
            if answer.status != 200:
                return None
            tree = decode.decode_as(WireRbf, answer.body, "rbf").replacements
            root = None if tree is None else decode.txid(tree.tx.txid, "rbf")
        except (SourceError, ParseError):
            return None  # only a hint
        return None if root == txid else root

    async def _prevouts(self, txid: Txid, outpoints: tuple[Outpoint, ...]) -> tuple[Observation, ...]:
        """Request about a hundred at a time; if one request fails, earlier replies are kept."""
        found: dict[Outpoint, Prevout | None] = {}
        for start in range(0, len(outpoints), MOST_PREVOUTS):
            try:
                found.update(await self._some_prevouts(outpoints[start : start + MOST_PREVOUTS]))
            except (SourceError, ParseError) as error:
                if not found:
                    raise
                rest = AskPrevouts(txid, outpoints[start:])
                return (
                    PrevoutsReply(txid=txid, prevouts=found, source=REST),
                    Unanswered(question=rest, reason=str(error)),
                )
        return (PrevoutsReply(txid=txid, prevouts=found, source=REST),)

    async def _some_prevouts(self, asked: tuple[Outpoint, ...]) -> dict[Outpoint, Prevout | None]:
        payload = msgspec.json.encode([{"txid": one.txid, "vout": one.vout} for one in asked])
        answer = await self._post("prevouts", payload)
        expect_200(answer, "prevouts")
        return dict(decode.prevouts(answer.body, asked))

    async def _package(self, txid: Txid) -> tuple[Observation, ...]:
        answer = await self._get(f"cpfp/{txid}")
        expect_200(answer, "cpfp")
        package = decode.decode_as(WirePackage, answer.body, "cpfp")
        feerate = decode.feerate(package.feerate)
        if feerate is None:
            raise SourceError("the backend knows no package of it")
        return (
            PackageReply(
                txid=txid,
                package_feerate=feerate,
                related=len(package.ancestors) + len(package.descendants),
                source=REST,
                members=_members((*package.ancestors, *package.descendants)),
            ),
        )

    async def _block(self, asked: AskBlock) -> tuple[Observation, ...]:
        """Return the block's header and entries; either is reported without the other if one fails."""
        header = await self._one_of_block(f"block/{asked.hash}", decode.best_chain_block)
        if header is not None and header.hash != asked.hash:
            raise SourceError(f"block {asked.hash}: the backend told of another one")
        entries = await self._one_of_block(f"block/{asked.hash}/summary", decode.block_entries)
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


def _members(relatives: Iterable[msgspec.Raw]) -> frozenset[Txid]:
    """Return the related txids; they only help to follow the package, so invalid ones are left out."""
    found = set()
    for raw in relatives:
        with contextlib.suppress(ParseError):
            found.add(decode.txid(decode.decode_as(WireRbfTx, raw, "cpfp").txid, "cpfp"))
    return frozenset(found)


def expect_200(answer: RestAnswer, what: str) -> None:
    """Raise SourceError for any other status."""
    if answer.status != 200:
        raise SourceError(f"{what}: status {answer.status}")


def _is_unknown(answer: RestAnswer) -> bool:
    """Whether the backend itself says that it does not know this transaction.

    A 404 with an HTML page comes from a proxy in front that has lost its backend, or never had one.
    Without txindex the backend's node says "No such mempool transaction", and the backend answers 500;
    whether a block contains it is then decided by the blocks. While the node still indexes, the reply is
    inconclusive.
    """
    body = answer.body.lower()
    if answer.status == 500:
        return b"no such mempool transaction" in body and b"being indexed" not in body
    return answer.status == 404 and not answer.body.lstrip(b' \r\n\t"').startswith(b"<")


def _status_reply(txid: Txid, status: WireStatus) -> StatusReply:
    named = status.confirmed and bool(status.block_hash) and status.block_height is not None
    if status.confirmed and not named:
        raise SourceError("status: confirmed, but in which block is not said")
    return StatusReply(
        txid=txid,
        block_hash=BlockHash(decode.txid(status.block_hash, "status"))
        if named and status.block_hash
        else None,
        height=decode.height(status.block_height) if named and status.block_height is not None else None,
        in_mempool=not status.confirmed,
        source=REST,
    )


def _where(reply: tuple[Observation, ...]) -> tuple[Observation, ...]:
    """Return the status that a full transaction reports: unconfirmed, or confirmed in a block."""
    return tuple(
        StatusReply(
            txid=one.tx.txid,
            block_hash=one.block_hash,
            height=one.height,
            in_mempool=one.block_hash is None,
            source=one.source,
            as_of=one.as_of,
        )
        if isinstance(one, TransactionReply)
        else one
        for one in reply
    )
