"""The REST answers a live backend would have given at a moment of the recorded run, derived from the truth.

A transaction in the backend's own mempool is answered from there, even in the seconds in which the node has
it in a block already; which moments those are, a recording's frames tell.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.backend.bodies import Bodies, Json
from tests.backend.node import ABSENT, MEMPOOL, Block, NodeHistory
from tests.backend.truth import Truth, lines, shift_of

Answer = tuple[int, str, Any]
JSON, TEXT, HTML = "application/json; charset=utf-8", "text/plain; charset=utf-8", "text/html; charset=utf-8"
UNKNOWN_TX: Answer = (404, JSON, {"error": "No such mempool or blockchain transaction"})
REFUSED = "connect ECONNREFUSED 127.0.0.1:18443"
_BLOCKS_LISTED = 15


class DerivedRest:
    """Answers for one run; `recording` names whose frames tell the backend's own mempool."""

    def __init__(self, truth: Truth, recording: Path | None = None, node: NodeHistory | None = None) -> None:
        self.truth = truth
        self.node = node or NodeHistory(truth)
        self.bodies = Bodies(self.node)
        self.seen = _seen(recording) if recording else {}
        self._replaced = [
            (e["t"], e["txid"], e["replaced_by"]) for e in truth.events if e["event"] == "replaced"
        ]

    def answer(  # noqa: PLR0911  (a route a line)
        self, method: str, path: str, body: Any, t: float
    ) -> Answer | None:
        """Return (status, content type, body) at `t`, or None where the truth does not reach."""
        if method == "POST":
            return (200, JSON, self.prevouts(body, t)) if path == "/api/v1/prevouts" else None
        if found := re.fullmatch(r"/api/v1/tx/([0-9a-f]{64})(/status|/rbf|/cached)?", path):
            return self._transaction(found[1], found[2] or "", t)
        if found := re.fullmatch(r"/api/v1/block/([0-9a-f]{64})(/summary|/txids)?", path):
            return self._block(found[1], found[2] or "", t)
        if found := re.fullmatch(r"/api/v1/block-height/(\d+)", path):
            return self._height(int(found[1]), t)
        if found := re.fullmatch(r"/api/v1/blocks(?:/(\d+))?", path):
            return self._blocks(int(found[1]) if found[1] else None, t)
        if path == "/api/v1/mempool/txids":
            return (500, JSON, {"error": REFUSED}) if self.node.down(t) else (200, JSON, self.node.mempool(t))
        return self._tip(path, t)

    def prevouts(self, outpoints: list[Json], t: float) -> list[Json | None]:
        """Return the answer of `POST prevouts`; null as well where no recording tells the script."""
        return [self._prevout(asked["txid"], asked["vout"], t) for asked in outpoints]

    def place(self, txid: str, t: float) -> str | None:
        """Return where the backend has the transaction: its own mempool first, then what the node says."""
        cached = self.seen.get(txid, ())
        index = bisect_right(cached, t, key=lambda item: item[0])
        if index and cached[index - 1][1]:
            return MEMPOOL
        return self.node.place(txid, t)

    def _transaction(self, txid: str, part: str, t: float) -> Answer | None:
        place = self.place(txid, t)
        if part == "/rbf":
            return 200, JSON, self._lineage(txid, t)
        if part == "/cached":
            gone = place == ABSENT and txid in self._victims(t)
            return (200, JSON, self.bodies.transaction(txid, MEMPOOL)) if gone else (204, JSON, None)
        if self.node.down(t) and place != MEMPOOL:
            return 500, JSON, {"error": f"Failed to get transaction{' status' if part else ''}"}
        if place in (None, ABSENT):
            return UNKNOWN_TX
        assert place is not None
        found = self.bodies.status(place) if part else self.bodies.transaction(txid, place)
        return (200, JSON, found) if found is not None else None

    def _block(self, hash_: str, part: str, t: float) -> Answer | None:
        block = self.node.blocks.get(hash_)
        if block is None:
            known = None if part else self.truth.extended.get(hash_)
            return (200, JSON, known) if known else None
        if block.t > t or self.node.down(t):
            return 500, JSON, {"error": f"Failed to get block{' summary' if part == '/summary' else ''}"}
        if part == "/summary":
            return 200, JSON, self.bodies.summary(block)
        if part == "/txids":
            return 200, JSON, list(block.txids)
        return 200, JSON, self._extended(block, t)

    def _extended(self, block: Block, t: float) -> Json:
        return self.bodies.extended(block, stale=self.node.hash_at(block.height, t) != block.hash)

    def _height(self, height: int, t: float) -> Answer | None:
        tip = self.node.tip(t)
        found = self.node.hash_at(height, t) or self._earlier(height)
        if tip is None or (found is None and height <= tip.height):
            return None
        if found is None or self.node.down(t):
            return 500, JSON, {"error": "Failed to get block at height"}
        return 200, HTML, found

    def _blocks(self, height: int | None, t: float) -> Answer | None:
        tip = self.node.tip(t)
        if tip is None:
            return None
        top, listed = min(tip.height, height if height is not None else tip.height), []
        for at in range(top, max(top - _BLOCKS_LISTED, -1), -1):
            hash_ = self.node.hash_at(at, t) or self._earlier(at)
            if hash_ is None:
                break
            block = self.node.blocks.get(hash_)
            listed.append(self._extended(block, t) if block else self.truth.extended[hash_])
        return 200, JSON, listed

    def _tip(self, path: str, t: float) -> Answer | None:
        tip = self.node.tip(t)
        if tip is None:
            return None
        if path == "/api/v1/blocks/tip/hash":
            down = self.node.down(t)
            return (500, JSON, {"error": "Failed to get hash at tip"}) if down else (200, TEXT, tip.hash)
        if path == "/api/v1/blocks/tip/height":  # the backend's own count: it does not go back
            return (
                200,
                TEXT,
                max(
                    self.node.blocks[h].height
                    for at, h in self.node.tips
                    if at <= t and h in self.node.blocks
                ),
            )
        return None

    def _earlier(self, height: int) -> str | None:
        """Return a block of before the truth's first, from the lists the frames showed."""
        first = min(block.height for block in self.node.blocks.values())
        if height >= first:
            return None
        return next((h for h, block in self.truth.extended.items() if block["height"] == height), None)

    def _prevout(self, txid: str, vout: int, t: float) -> Json | None:
        place = self.place(txid, t)
        if place == ABSENT:
            return None
        if place != MEMPOOL and (self.node.spent_in_chain((txid, vout), t) or self.node.down(t)):
            return None
        found = self.bodies.prevout(txid, vout)
        return {"prevout": found, "unconfirmed": place == MEMPOOL} if found else None

    def _victims(self, t: float) -> dict[str, str]:
        return {victim: winner for at, victim, winner in self._replaced if at <= t}

    def _lineage(self, txid: str, t: float) -> Json:
        victims = self._victims(t)
        direct = [victim for victim, winner in victims.items() if winner == txid]
        if txid not in victims and not direct:
            return {"replacements": None, "replaces": None}
        root = txid
        while root in victims:
            root = victims[root]
        return {"replacements": self._tree(root, victims, t), "replaces": direct or None}

    def _tree(self, txid: str, victims: dict[str, str], t: float) -> Json:
        sent = self.truth.sent[txid]
        size, mined = sent.weight / 4, self.place(txid, t) not in (MEMPOOL, ABSENT)
        tx = {"txid": txid, "fee": sent.fee_sat, "vsize": size, "value": sent.total_out_sat}
        return {
            "tx": {**tx, "rate": sent.fee_sat / size, "time": int(sent.t), "rbf": True, "mined": mined},
            "time": int(sent.t),
            "fullRbf": False,
            "replaces": [self._tree(v, victims, t) for v, winner in victims.items() if winner == txid],
        }


def _seen(recording: Path) -> dict[str, list[tuple[float, bool]]]:
    """Return when the recording's backend held each transaction in its own mempool."""
    shift, end, held = shift_of(recording), 0.0, defaultdict(list)
    for line in lines(recording):
        frame = line["frame"]
        end = line["t"] + shift
        delta = frame.get("mempool-txids") if line["dir"] == "in" and isinstance(frame, dict) else None
        if delta:
            for txid in delta["added"]:
                held[txid].append((end, True))
            for txid in [*delta["removed"], *delta["mined"]]:
                held[txid].append((end, False))
    for timeline in held.values():  # after the last frame only the node is known
        timeline.append((end, False))
    return held
