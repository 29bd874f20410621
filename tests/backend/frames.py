"""The frames of a hand-driven world, each with every key that a client of all subscriptions gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.backend import shapes
from tests.backend.packages import ancestors
from tests.backend.shapes import Block
from tests.backend.transactions import Built

if TYPE_CHECKING:
    from tests.backend.world import World

Json = dict[str, Any]
INITIAL_BLOCKS, RECENT = 8, 6


class Frames:
    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting = world.rated()
        self._projected = shapes.projected(self._waiting)

    def init(self) -> Json:
        """Return the answer to `init`."""
        world = self._world
        return {
            **self.stats(),
            "transactions": self.recent(),
            "blocks": self.blocks(),
            "mempool-blocks": shapes.mempool_blocks(self._projected),
            "loadingIndicators": dict(world.indicators),
            "backend": "electrum",
            "conversions": shapes.conversions(),
            "backendInfo": shapes.backend_info(world.version),
            "rbfSummary": [],
        }

    def wanted(self, names: set[str]) -> Json:
        """Return the answer to `want`."""
        answer: Json = {}
        if "blocks" in names:
            answer["blocks"] = self.blocks()
        if "mempool-blocks" in names:
            answer["mempool-blocks"] = shapes.mempool_blocks(self._projected)
        if "stats" in names:
            answer |= self.stats()
        return answer

    def stats(self) -> Json:
        return {
            "mempoolInfo": shapes.mempool_info(self._waiting),
            "vBytesPerSecond": 100,
            "fees": shapes.fees(self._projected),
            "da": shapes.difficulty(self._world.seen_chain[-1].height),
        }

    def blocks(self, count: int = INITIAL_BLOCKS) -> list[Json]:
        return [shapes.extended(b, network=self._world.network) for b in self._world.seen_chain[-count:]]

    def recent(self) -> list[Json]:
        latest = sorted(self._waiting, key=lambda w: -w.uid)[:RECENT]
        return [shapes.recent(entry) for entry in latest]

    def projected(self, index: int) -> Json | None:
        """Return `projected-block-transactions` in its full form; None where that block is empty."""
        if index >= len(self._projected):
            return None
        reported = [shapes.tuple_of(entry) for entry in self._projected[index]]
        return {"index": index, "sequence": self._world.sequence, "blockTransactions": reported}

    def trees(self) -> list[Json]:
        """Return `rbfLatest`: the tree of each replacement that was not replaced itself."""
        victims = self._world.victims
        return [self.tree(txid) for txid in dict.fromkeys(victims.values()) if txid not in victims][-25:]

    def tree(self, txid: str) -> Json:
        world = self._world
        built = world.known[txid]
        own = {"txid": txid, "fee": built.fee, "vsize": built.vsize, "value": built.total_out}
        below = [self.tree(old) for old, new in world.victims.items() if new == txid]
        tx = {**own, "rate": built.fee / built.vsize, "time": world.now, "rbf": True, "fullRbf": False}
        return {"tx": tx, "time": world.now, "fullRbf": False, "replaces": below}

    def added(self, built: Built, *, prevouts: bool = False) -> Json:
        """Return one transaction as the mempool's: with its place in the queue and its package."""
        entry = next((w for w in self._waiting if w.built.txid == built.txid), None)
        if entry is None:
            return built.wire(first_seen=self._world.now, prevouts=prevouts)
        reported = built.wire(first_seen=entry.time, uid=entry.uid, prevouts=prevouts)
        by_txid = {w.built.txid: w.built for w in self._waiting}
        above = [by_txid[txid] for txid in sorted(ancestors(built, by_txid))]
        reported["ancestors"] = [{"txid": a.txid, "fee": a.fee, "weight": a.raw.weight} for a in above]
        reported["effectiveFeePerVsize"] = entry.rate
        reported["position"] = self._position(built.txid)
        if built.txid in self._world.victims.values():
            reported["replacement"] = True
        return reported

    def delta(
        self, added: Sequence[Built], removed: Sequence[Built], replaced: list[tuple[Built, Built]]
    ) -> Json:
        """Return a mempool frame."""
        sequence = self._world.next_sequence()
        bodies = {tx.txid: self.added(tx) for tx in added}
        pairs = [(old.txid, bodies[new.txid]) for old, new in replaced]
        frame = self._rest(sequence, list(bodies.values()), [tx.txid for tx in removed], [], pairs)
        return frame if replaced else {k: v for k, v in frame.items() if not k.startswith("rbf")}

    def block(self, block: Block, killed: list[tuple[Built, Built]]) -> Json:
        """Return a block frame; `killed`: a waiting transaction and the mined one that took its coin."""
        status = {
            "confirmed": True,
            "block_height": block.height,
            "block_hash": block.hash,
            "block_time": block.time,
        }
        pairs = [(old.txid, {**new.wire(), "status": status}) for old, new in killed]
        frame = self._rest(self._world.next_sequence(), [], [], block.txids, pairs)
        reported = shapes.extended(block, network=self._world.network)
        return {
            "block": reported,
            **{k: v for k, v in frame.items() if not k.startswith(("rbf", "transactions"))},
        }

    def reorg(self, cached: list[Block]) -> Json:
        reported = [shapes.extended(block, network=self._world.network) for block in cached]
        return {"blocks": reported, "da": shapes.difficulty(cached[-1].height)}

    def _rest(
        self,
        sequence: int,
        added: list[Json],
        removed: list[str],
        mined: list[str],
        pairs: list[tuple[str, Json]],
    ) -> Json:
        lists = {"sequence": sequence, "removed": removed, "mined": mined}
        short = [{"replaced": old, "by": new["txid"]} for old, new in pairs]
        full = [{"replaced": old, "by": new} for old, new in pairs]
        return {
            **self.stats(),
            "transactions": self.recent(),
            "mempool-blocks": shapes.mempool_blocks(self._projected),
            "projected-block-transactions": {i: self.projected(i) for i in range(len(self._projected))},
            "rbfLatest": self.trees(),
            "rbfLatestSummary": [],
            "mempool-txids": {**lists, "added": [tx["txid"] for tx in added], "replaced": short},
            "mempool-transactions": {**lists, "added": added, "replaced": full},
        }

    def _position(self, txid: str) -> Json:
        for index, block in enumerate(self._projected):
            depth = 0.0
            for entry in block:
                if entry.built.txid == txid:
                    return {"block": index, "vsize": depth + entry.built.vsize / 2}
                depth += entry.built.vsize
        return {"block": 0, "vsize": 0}
