"""Follows the node's best chain: what is new is found by walking back, so nothing is lost or told twice."""

import asyncio
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.models import Block
from app.core.units import BlockHash, Height, Txid
from app.errors import NodeRefusedError
from app.source.bitcoind_rpc import BitcoindRpc, Call
from app.source.bitcoind_shapes import FullBlock, Header, HeaderWithTxids, block_of

BASELINE_BLOCKS = 8
"""What is read at the start, with txids, so that a reorg or a late question finds them known."""
REMEMBERED_BLOCKS = 144
MOST_BLOCKS_CAUGHT_UP = 144
"""A day. Older ones, after a longer absence, are told with their txids only."""
MOST_BLOCKS_WALKED = 10 * MOST_BLOCKS_CAUGHT_UP


@dataclass(frozen=True, slots=True)
class Place:
    hash: BlockHash
    height: Height


class BlockMemory:
    """Which transaction is in which of the last blocks, in 8 bytes each (a salted hash of the txid)."""

    def __init__(self, blocks: int = REMEMBERED_BLOCKS) -> None:
        self._blocks: deque[tuple[Place, npt.NDArray[np.int64]]] = deque(maxlen=blocks)

    @property
    def tip(self) -> Place | None:
        return self._blocks[-1][0] if self._blocks else None

    @property
    def floor(self) -> int:
        """The lowest height remembered; 0 if there is none."""
        return self._blocks[0][0].height if self._blocks else 0

    def add(self, block: Block) -> None:
        """Put `block` on top; what lay at its height or above is gone (a reorg)."""
        while self._blocks and self._blocks[-1][0].height >= block.height:
            self._blocks.pop()
        marks = np.fromiter((hash(txid) for txid in block.txids or ()), dtype=np.int64)
        marks.sort()
        self._blocks.append((Place(block.hash, block.height), marks))

    def cut_above(self, block: BlockHash) -> None:
        """`block`, known, is the tip again: what lay above it is news if it comes back."""
        while self._blocks and self._blocks[-1][0].hash != block:
            self._blocks.pop()

    def knows(self, block: BlockHash) -> bool:
        return any(place.hash == block for place, _ in self._blocks)

    def find(self, txid: Txid) -> Place | None:
        mark = np.int64(hash(txid))
        for place, marks in reversed(self._blocks):
            at = int(np.searchsorted(marks, mark))
            if at < len(marks) and marks[at] == mark:
                return place
        return None


@dataclass(frozen=True, slots=True)
class ConnectedBlock:
    """A block and, for those who look for conflicts, all that was read of it (None: only its txids)."""

    block: Block
    full: FullBlock | None


class ChainFollower:
    """One walk at a time; `memory` holds what was told."""

    def __init__(self, rpc: BitcoindRpc) -> None:
        self.memory = BlockMemory()
        self._rpc = rpc
        self._walking = asyncio.Lock()

    async def baseline(self) -> tuple[Block, ...]:
        """Read the last blocks, ascending; nothing of them is news.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        async with self._walking:
            best = await self._rpc.ask(str, "getbestblockhash")
            headers = [await self._rpc.ask(HeaderWithTxids, "getblock", best, 1)]
            while len(headers) < BASELINE_BLOCKS and headers[-1].previousblockhash:
                headers.append(
                    await self._rpc.ask(HeaderWithTxids, "getblock", headers[-1].previousblockhash, 1)
                )
            blocks = tuple(block_of(header) for header in reversed(headers))
            for block in blocks:
                self.memory.add(block)
            return blocks

    async def news(self) -> list[Header]:
        """Return the headers between what was told and the node's tip, ascending; read each with `connect`.

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
                break  # a reorg below all that was told: only the heights that were told are news
            headers.append(header)
            wanted = header.previousblockhash
        return headers[::-1]

    async def connect(self, header: Header, *, whole: bool) -> ConnectedBlock:
        """Read one block: `whole` with its entries, else with its txids; a pruned one with neither.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        try:
            if whole:
                full = await self._rpc.ask(FullBlock, "getblock", header.hash, 2)
                return await self._remember(full)
            return await self._remember(await self._rpc.ask(HeaderWithTxids, "getblock", header.hash, 1))
        except NodeRefusedError:
            return await self._remember(header)

    async def place_of(self, block: str) -> Place | None:
        """Where `block` is in the best chain; None if it is not, or nobody knows it.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        try:
            header = await self._rpc.ask(Header, "getblockheader", block)
        except NodeRefusedError:
            return None
        return Place(BlockHash(header.hash), Height(header.height)) if header.confirmations > 0 else None

    async def hash_at(self, height: int) -> BlockHash:
        """The best chain's block at `height`.

        Raises:
            SourceError: as `BitcoindRpc.ask`.
        """
        (answer,) = await self._rpc.ask_each(str, [Call("getblockhash", (height,))])
        if isinstance(answer, NodeRefusedError):
            raise answer
        return BlockHash(answer)

    async def _remember(self, header: Header) -> ConnectedBlock:
        block = (
            await asyncio.to_thread(block_of, header) if isinstance(header, FullBlock) else block_of(header)
        )
        self.memory.add(block)
        return ConnectedBlock(block, header if isinstance(header, FullBlock) else None)
