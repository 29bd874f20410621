"""A node that knows the truth: its mempool, its chain, what it replaced; asked or not, it never lies."""

from dataclasses import dataclass, field, replace

from app.core.models import Block, Transaction
from app.core.observations import (
    BlockConnected,
    MempoolListed,
    Observation,
    StatusReply,
    TransactionReply,
    Unanswered,
)
from app.core.questions import AskBlock, AskPrevouts, AskStatus, AskTransaction, Question
from app.core.units import BlockHash, Outpoint, Txid
from tests.builders import a_block, prevouts_of
from tests.core.story import REST


@dataclass(slots=True)
class ModelNode:
    """`ever` holds every transaction there was, `chain` blocks and what is in them, the tip last."""

    ever: dict[Txid, Transaction] = field(default_factory=dict)
    mempool: dict[Txid, Transaction] = field(default_factory=dict)
    chain: list[tuple[Block, tuple[Transaction, ...]]] = field(default_factory=lambda: [(a_block(0), ())])
    highest: int = 1
    """The most blocks there ever were."""
    branches: int = 0

    @property
    def tip(self) -> Block:
        return self.chain[-1][0]

    def mined(self) -> dict[Txid, Block]:
        return {tx.txid: block for block, txs in self.chain for tx in txs}

    def spent(self) -> frozenset[Outpoint]:
        """Coins that the chain has spent."""
        return frozenset(coin for _, txs in self.chain for tx in txs for coin in tx.outpoints)

    def accept(self, tx: Transaction) -> list[Transaction]:
        """Take it into the mempool; return what it replaces."""
        victims = [other for other in self.mempool.values() if other.outpoints & tx.outpoints]
        for victim in victims:
            del self.mempool[victim.txid]
        self.ever[tx.txid] = self.mempool[tx.txid] = tx
        return victims

    def mine(self, *txs: Transaction) -> tuple[Block, list[Transaction]]:
        """Return the block, and what it killed in the mempool."""
        self.branches += 1
        block = a_block(len(self.chain), *txs, branch=str(self.branches))
        block = replace(block, previous=self.tip.hash)
        self.chain.append((block, txs))
        self.highest = max(self.highest, len(self.chain))
        taken = frozenset(coin for tx in txs for coin in tx.outpoints)
        for tx in txs:
            self.ever[tx.txid] = tx
            self.mempool.pop(tx.txid, None)
        killed = [other for other in self.mempool.values() if other.outpoints & taken]
        for victim in killed:
            del self.mempool[victim.txid]
        return block, killed

    def undo(self) -> list[Transaction]:
        """The tip is no longer; return what waits again."""
        _, txs = self.chain.pop()
        waiting = {coin for tx in self.mempool.values() for coin in tx.outpoints}
        back = [tx for tx in txs if not tx.outpoints & waiting]
        self.mempool |= {tx.txid: tx for tx in back}
        return back

    def answer(self, question: Question) -> list[Observation]:
        """Tell the truth; what is not to be known is unanswered. A listing is timed by whoever asks."""
        match question:
            case AskStatus(txid=txid):
                return [self._status(txid)]
            case AskTransaction(txid=txid):
                return [self._whole(txid)]
            case AskPrevouts(txid=txid) if txid in self.ever:
                return [prevouts_of(self.ever[txid])]
            case AskBlock(hash=block_hash):
                return [self._block(question, block_hash)]
            case _:
                return [Unanswered(question=question, reason="not to be known")]

    def listing(self, listed: MempoolListed) -> list[Observation]:
        """A whole reconciliation: the tip, what waits, and each of it whole."""
        named = Block(hash=self.tip.hash, height=self.tip.height)
        return [
            BlockConnected(block=named, source=REST),
            replace(listed, txids=frozenset(self.mempool)),
            *(self._whole(txid) for txid in self.mempool),
        ]

    def _status(self, txid: Txid) -> StatusReply:
        block = self.mined().get(txid)
        return StatusReply(
            txid=txid,
            block_hash=block.hash if block else None,
            height=block.height if block else None,
            in_mempool=txid in self.mempool,
            source=REST,
        )

    def _whole(self, txid: Txid) -> Observation:
        block = self.mined().get(txid)
        if block is None and txid not in self.mempool:
            return self._status(txid)
        return TransactionReply(
            tx=self.ever[txid],
            block_hash=block.hash if block else None,
            height=block.height if block else None,
            source=REST,
        )

    def _block(self, question: AskBlock, block_hash: BlockHash) -> Observation:
        for block, _ in self.chain:
            if block.hash == block_hash:
                return BlockConnected(block=block, source=REST)
        return Unanswered(question=question, reason="not on the best chain")
