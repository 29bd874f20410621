"""A small node and a backend that polls it, driven by hand.

The node's state changes with each call; what the WebSocket then says is the difference that a poll of the
backend finds, as on the real wire. So the hard cases are not written out, they follow: a transaction that
came and was mined between two polls is only in `mined`; a block at a height that is known already is not
noticed and its transactions come as `removed`; a higher branch gives `blocks`, then `block`.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.backend.crowd import Crowd
from tests.backend.encoding import REGTEST, Network
from tests.backend.frames import Frames
from tests.backend.packages import effective_rates
from tests.backend.shapes import Block, Waiting
from tests.backend.transactions import BTC, Built, Coin, a_coinbase

Json = dict[str, Any]
CACHED_BLOCKS, FAST_FORWARD, REMEMBERED_POLLS = 32, 16, 10


@dataclass(slots=True)
class World:
    """The node: `pool` and `chain`; the backend's view of it: `seen_pool`, `seen_chain`, `sequence`.

    `push` is given each frame, with every key a full client would get.
    """

    network: Network = REGTEST
    version: str = "3.3.1"
    start_height: int = 800
    start_blocks: int = 8
    clock: Callable[[], float] = time.time
    push: Callable[[Json], None] = lambda _: None
    pool: dict[str, Waiting] = field(default_factory=dict)
    chain: list[Block] = field(default_factory=list)
    blocks: dict[str, Block] = field(default_factory=dict)
    known: dict[str, Built] = field(default_factory=dict)
    victims: dict[str, str] = field(default_factory=dict)
    crowd: Crowd | None = None
    seen_pool: dict[str, Built] = field(default_factory=dict)
    seen_chain: list[Block] = field(default_factory=list)
    sequence: int = 0
    in_sync: bool = True
    indicators: dict[str, int] = field(default_factory=dict)
    _deleted: list[list[Built]] = field(default_factory=list)
    killed: list[tuple[Built, Built]] = field(default_factory=list)
    _uid: int = 0
    _held: bool = False

    def __post_init__(self) -> None:
        for offset in range(self.start_blocks):
            self.append_block(self._make_block(self.start_height - self.start_blocks + 1 + offset, ()))
        self.seen_chain = list(self.chain)

    @property
    def frames(self) -> Frames:
        return Frames(self)

    @property
    def tip(self) -> Block:
        return self.chain[-1]

    @property
    def now(self) -> int:
        return int(self.clock())

    def add(self, *transactions: Built) -> None:
        """Bring transactions into the mempool; one that spends what a waiting one spends replaces it."""
        for tx in transactions:
            self.accept(tx)
        self.poll()

    def replace(self, old: Built, new: Built) -> None:
        """Replace `old` (RBF).

        Raises:
            ValueError: if they share no input.
        """
        if not set(old.outpoints) & set(new.outpoints):
            raise ValueError("a replacement shares an input with what it replaces")
        self.add(new)

    def mine(
        self, transactions: Sequence[Built | str] = (), *, unannounced: Sequence[Built] = (), empty: int = 0
    ) -> Block:
        """Mine a block of these waiting transactions and of some that were never in the mempool.

        A waiting transaction whose coin is spent by an unannounced one is killed by the block. `empty`: so
        many further blocks in the same poll.
        """
        block = self._mine(transactions, unannounced)
        for _ in range(empty):
            self._mine((), ())
        self.poll()
        return block

    def mine_all(self) -> Block:
        return self.mine(list(self.pool))

    def invalidate(self, depth: int = 1) -> list[Block]:
        """Disconnect blocks from the tip: their transactions wait again. Return them, the old tip first."""
        gone = [self.chain.pop() for _ in range(depth)]
        for tx in [tx for block in reversed(gone) for tx in block.built]:
            self.enter(tx)
        self.poll()
        return gone

    def reorg(self, depth: int = 1, blocks: Sequence[Sequence[Built]] = ((),)) -> list[Block]:
        """Replace the last `depth` blocks by `blocks` between two polls.

        As many blocks as before: the backend does not notice. More: `blocks`, then `block`. A transaction of
        `blocks` that was never in the mempool may conflict with one of the old branch (and kill it).
        """
        with self.between_polls():
            self.invalidate(depth)
            return [
                self._mine([t for t in b if t.txid in self.pool], [t for t in b if t.txid not in self.pool])
                for b in blocks
            ]

    def drop(self, *transactions: Built | str) -> None:
        """Let transactions, with their descendants, leave the mempool without a reason (evicted, expired)."""
        for tx in transactions:
            self.leave(_txid(tx))
        self.poll()

    expire = drop

    def drop_all(self) -> None:
        """Restart the node without its mempool."""
        self.drop(*list(self.pool))

    @contextmanager
    def between_polls(self) -> Iterator[None]:
        """Do several things between two polls of the backend."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.poll()

    def poll(self) -> None:
        """Tell what changed since the last poll."""
        if self._held:
            return
        if self._new_blocks():
            self.killed.clear()
        self._difference()

    def confirmed_in(self, txid: str) -> Block | None:
        return next((block for block in reversed(self.chain) if txid in block.txids), None)

    def coin_of(self, outpoint: tuple[str, int]) -> Coin | None:
        """Return an output that anybody in the story made or spent."""
        txid, vout = outpoint
        if txid in self.known:
            made = self.known[txid]
            return made.coin(vout) if vout < len(made.raw.outputs) else None
        spent = (coin for tx in self.known.values() for coin in tx.coins)
        return next((coin for coin in spent if (coin.txid, coin.vout) == outpoint), None)

    def spent_in_chain(self, outpoint: tuple[str, int]) -> bool:
        return any(outpoint in tx.outpoints for block in self.chain for tx in block.built)

    def restart_backend(self, *, keep_pool: bool = False) -> None:
        """Start the backend anew: sequence 0, blocks and mempool as in its cache, not in sync.

        `keep_pool`: the cache held the mempool (then it is not announced again).
        """
        self.sequence, self.in_sync, self.indicators = 0, False, {"mempool": 0}
        cached = next(
            (n for n, b in enumerate(self.chain) if b.height == self.tip.height // 6 * 6), len(self.chain) - 1
        )
        self.seen_chain = self.chain[: cached + 1]
        if not keep_pool:
            self.seen_pool = {}
        self._deleted.clear()

    def finish_sync(self, *, lost_blocks: bool = False) -> None:
        """Let the restarted backend catch up: the blocks since its cache, then all the rest, sequence 0.

        `lost_blocks`: the blocks since the cache are never told on the wire.
        """
        for share in (0, 82):
            self.indicators = {"mempool": share}
            self.push({"loadingIndicators": dict(self.indicators)})
        self.indicators = {}
        self.push({"loadingIndicators": {}})
        if lost_blocks:
            self.seen_chain = list(self.chain)
        self.poll()
        self.in_sync = True

    def next_sequence(self) -> int:
        """Return the next frame's sequence: it stays 0 until the mempool is in sync."""
        if self.in_sync:
            self.sequence += 1
        return self.sequence

    def rated(self) -> list[Waiting]:
        """Return the waiting transactions with their effective feerates."""
        rates = effective_rates([w.built for w in self.pool.values()])
        return [Waiting(w.built, w.time, w.uid, rates[txid]) for txid, w in self.pool.items()]

    def accept(self, tx: Built) -> None:
        for rival in self.rivals(tx):
            self.victims[rival.txid] = tx.txid
            self.leave(rival.txid)
        self.enter(tx)

    def enter(self, tx: Built) -> None:
        self._uid += 1
        self.victims.pop(tx.txid, None)  # it was replaced once, and is back
        self.known[tx.txid] = tx
        self.pool[tx.txid] = Waiting(tx, self.now, self._uid)

    def rivals(self, tx: Built) -> list[Built]:
        spent = set(tx.outpoints)
        waiting = [w.built for w in self.pool.values()]
        return [w for w in waiting if w.txid != tx.txid and spent & set(w.outpoints)]

    def leave(self, txid: str) -> None:
        if self.pool.pop(txid, None) is None:
            return
        for child in [w.built for w in self.pool.values() if any(p == txid for p, _ in w.built.outpoints)]:
            self.leave(child.txid)

    def _mine(self, transactions: Sequence[Built | str], unannounced: Sequence[Built]) -> Block:
        mined = [*(self.pool[_txid(tx)].built for tx in transactions), *unannounced]
        for tx in mined:
            self.known[tx.txid] = tx
            self.pool.pop(tx.txid, None)
        for tx in mined:
            for rival in self.rivals(tx):
                self.killed.append((rival, tx))
                self.leave(rival.txid)
        block = self._make_block(self.tip.height + 1, tuple(mined))
        self.append_block(block)
        return block

    def _make_block(self, height: int, mined: tuple[Built, ...]) -> Block:
        previous = self.chain[-1].hash if self.chain else "00" * 32
        reward = (50 * BTC >> height // 150) + sum(tx.fee for tx in mined)
        coinbase = a_coinbase(height, reward, extra=len(self.blocks))
        hash_ = "0000" + hashlib.sha256(f"{previous}{coinbase.txid}".encode()).hexdigest()[4:]
        return Block(hash_, previous, height, self.now, coinbase, mined)

    def append_block(self, block: Block) -> None:
        self.chain.append(block)
        self.blocks[block.hash] = block

    def _new_blocks(self) -> bool:
        height = self.seen_chain[-1].height
        fresh = [block for block in self.chain if block.height > height]
        if not fresh:
            return False
        branched = fresh[0].previous != self.seen_chain[-1].hash
        self.seen_chain = [block for block in self.chain if block.height <= height]
        if branched:
            self.push(self.frames.reorg(self.seen_chain[-CACHED_BLOCKS:]))
        quiet = len(fresh) > FAST_FORWARD
        for block in fresh:
            self.seen_chain.append(block)
            killed = [
                (old, new) for old, new in self.killed if new in block.built and old.txid in self.seen_pool
            ]
            for txid in block.txids:
                self.seen_pool.pop(txid, None)
            if not quiet:
                self.push(self.frames.block(block, killed))
        return True

    def _difference(self) -> None:
        added = [w.built for txid, w in self.pool.items() if txid not in self.seen_pool]
        removed = [tx for txid, tx in self.seen_pool.items() if txid not in self.pool]
        if not added and not removed:
            return
        self._deleted = [*self._deleted[1 - REMEMBERED_POLLS :], removed]
        candidates = [tx for poll in reversed(self._deleted) for tx in poll]
        replaced = [(old, new) for new in added for old in candidates if _replaces(new, old)]
        self.seen_pool = {txid: w.built for txid, w in self.pool.items()}
        self.push(self.frames.delta(added, removed, replaced))


def _txid(tx: Built | str) -> str:
    return tx if isinstance(tx, str) else tx.txid


def _replaces(new: Built, old: Built) -> bool:
    """Tell what the backend takes for a replacement: a shared input, a higher fee and a higher feerate."""
    shared = set(new.outpoints) & set(old.outpoints)
    return (
        new.txid != old.txid
        and bool(shared)
        and new.fee > old.fee
        and new.fee / new.vsize > old.fee / old.vsize
    )
