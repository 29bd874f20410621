"""Follows the node's best chain: walks back from the tip to a known block, so none is lost or repeated."""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.models import Block
from app.core.units import BlockHash, Height, Txid
from app.errors import NodeRefusedError
from app.source.bitcoind.rpc import BitcoindRpc, RpcCall
from app.source.bitcoind.shapes import FullBlock, Header, HeaderWithTxids, block_of

BASELINE_BLOCKS = 8
"""Blocks read at the start, with txids, so that a reorg or a late question finds them known."""
REMEMBERED_BLOCKS = 144
MOST_BLOCKS_CAUGHT_UP = 144
"""One day. After a longer absence, older blocks are reported with their txids only."""
MOST_BLOCKS_WALKED = 10 * MOST_BLOCKS_CAUGHT_UP


@dataclass(frozen=True, slots=True)
class BlockId:
    hash: BlockHash
    height: Height


class BlockMemory:
    """Maps transactions of the last blocks to their block, in 8 bytes each (a salted hash of the txid)."""

    def __init__(self, blocks: int = REMEMBERED_BLOCKS) -> None:
        self._blocks: deque[tuple[BlockId, npt.NDArray[np.int64]]] = deque(maxlen=blocks)

    @property
    def tip(self) -> BlockId | None:
        return self._blocks[-1][0] if self._blocks else None

    @property
    def floor(self) -> int:
        """Return the lowest remembered height; 0 if there is none."""
        return self._blocks[0][0].height if self._blocks else 0

    def add(self, block: Block) -> None:
        """Append `block` as the tip; remembered blocks at its height or above are dropped (a reorg)."""
        while self._blocks and self._blocks[-1][0].height >= block.height:
            self._blocks.pop()
        marks = np.fromiter((hash(txid) for txid in block.txids or ()), dtype=np.int64)
        marks.sort()
        self._blocks.append((BlockId(block.hash, block.height), marks))

    def cut_above(self, block: BlockHash) -> None:
        """Make `block`, which is known, the tip again: blocks above it are new if they return."""
        while self._blocks and self._blocks[-1][0].hash != block:
            self._blocks.pop()

    def knows(self, block: BlockHash) -> bool:
        return any(place.hash == block for place, _ in self._blocks)

    def find(self, txid: Txid) -> BlockId | None:
        mark = np.int64(hash(txid))
        for place, marks in reversed(self._blocks):
            at = int(np.searchsorted(marks, mark))
            if at < len(marks) and marks[at] == mark:
                return place
        return None


@dataclass(frozen=True, slots=True)
class ConnectedBlock:
    """A block with its full contents, for conflict detection; None if only its txids were read."""

    block: Block
    full: FullBlock | None


class ChainFollower:
    """Walks the chain, one walk at a time; `memory` holds the blocks already reported."""

    def __init__(self, rpc: BitcoindRpc) -> None:
        self.memory = BlockMemory()
        self._rpc = rpc
        self._walking = asyncio.Lock()

    async def baseline(self) -> tuple[Block, ...]:
        """Read the last blocks, ascending; none of them counts as new, those above them will.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        async with self._walking:
            best = await self._rpc.ask(str, "getbestblockhash")
            headers = [await self._with_txids(best)]
            while len(headers) < BASELINE_BLOCKS and headers[-1].previousblockhash:
                headers.append(await self._with_txids(headers[-1].previousblockhash))
            blocks = tuple(block_of(header) for header in reversed(headers))
            for block in blocks:
                self.memory.add(block)
            return blocks

    async def _with_txids(self, block: str) -> Header:
        """Return the header with txids, or the header alone if the block is pruned or not yet downloaded."""
        try:
            return await self._rpc.ask(HeaderWithTxids, "getblock", block, 1)
        except NodeRefusedError:
            return await self._rpc.ask(Header, "getblockheader", block)

    async def news(self) -> list[Header]:
        """Return the headers after the last reported block, ascending; read each with `connect`.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        best = await self._rpc.ask(str, "getbestblockhash")
        if self.memory.knows(BlockHash(best)):
            self.memory.cut_above(BlockHash(best))
            return []
        headers: list[Header] = []
        wanted: str | None = best
        while wanted and not self.memory.knows(BlockHash(wanted)) and len(headers) < MOST_BLOCKS_WALKED:
            header = await self._rpc.ask(Header, "getblockheader", wanted)
            if header.height < self.memory.floor:
                break  # a reorg deeper than all remembered blocks: only the remembered heights are new
            headers.append(header)
            wanted = header.previousblockhash
        return headers[::-1]

    async def tip(self) -> Header:
        """Return the header of the best block, if it leads down to what was reported, or far enough.

        Raises:
            SourceError: as `BitcoindRpc.ask`; also if the node names a parent that it does not have.
        """
        tip = lowest = await self._best()
        for _ in range(BASELINE_BLOCKS):
            if lowest.previousblockhash is None or self.memory.knows(BlockHash(lowest.hash)):
                break
            lowest = await self._rpc.ask(Header, "getblockheader", lowest.previousblockhash)
        return tip

    async def is_set_back(self) -> bool:
        """Return whether the node's tip is below the last reported block: it lost blocks in a crash.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        best, tip = await self._best(), self.memory.tip
        return tip is not None and best.height < tip.height

    async def _best(self) -> Header:
        return await self._rpc.ask(Header, "getblockheader", await self._rpc.ask(str, "getbestblockhash"))

    async def connect(self, header: Header, *, whole: bool) -> ConnectedBlock | None:
        """Read one block: with its entries if `whole`, else with its txids; a pruned one with neither.

        None if it has left the best chain since its header was read: there is other news.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        read = header
        with suppress(NodeRefusedError):
            if whole:
                read = await self._rpc.ask(FullBlock, "getblock", header.hash, 2)
            else:
                read = await self._rpc.ask(HeaderWithTxids, "getblock", header.hash, 1)
        return await self._remember(read) if read.confirmations > 0 else None

    async def place_of(self, block: str) -> BlockId | None:
        """Return where `block` is in the best chain; None if it is not, or is unknown.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        try:
            header = await self._rpc.ask(Header, "getblockheader", block)
        except NodeRefusedError:
            return None
        return BlockId(BlockHash(header.hash), Height(header.height)) if header.confirmations > 0 else None

    async def hash_at(self, height: int) -> BlockHash:
        """Return the hash of the best chain's block at `height`.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        (answer,) = await self._rpc.ask_each(str, [RpcCall("getblockhash", (height,))])
        if isinstance(answer, NodeRefusedError):
            raise answer
        return BlockHash(answer)

    async def _remember(self, header: Header) -> ConnectedBlock:
        block = (
            await asyncio.to_thread(block_of, header) if isinstance(header, FullBlock) else block_of(header)
        )
        self.memory.add(block)
        return ConnectedBlock(block, header if isinstance(header, FullBlock) else None)
