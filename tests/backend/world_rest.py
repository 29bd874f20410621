"""REST answers of a hand-driven world, as measured: some from the node, some from the backend's own view."""

import re
from collections.abc import Callable
from typing import Any

from tests.backend import shapes
from tests.backend.answers import HTML, JSON, REFUSED, TEXT, UNKNOWN_TX, Answer
from tests.backend.packages import ancestors
from tests.backend.script import wire_output
from tests.backend.shapes import Block
from tests.backend.transactions import Built
from tests.backend.world import World

Json = dict[str, Any]
_TOO_MANY = 100
_PAGE, _LISTED = 10, 15


class WorldRest:
    """`node_down`: bitcoind is stopped while the backend lives on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.node_down = False
        self.out_of_sync = False

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """Return (status, content type, body); an unknown path is express' HTML 404."""
        if method == "POST":
            return self._prevouts(body) if path == "/api/v1/prevouts" else _no_such_page(method, path)
        for pattern, answer in self._routes():
            if found := re.fullmatch(pattern, path.removeprefix("/api/v1/")):
                return answer(*found.groups())
        return _no_such_page(method, path)

    def _routes(self) -> list[tuple[str, Callable[..., Answer]]]:
        return [
            (r"tx/([^/]+)(/[a-z-]+)?", self._transaction),
            (r"cpfp/([0-9a-f]{64})", self._cpfp),
            (r"block/([^/]+)(/[a-z]+)?(?:/(\d+))?", self._block),
            (r"block-height/(\d+)", self._height),
            (r"blocks/tip/(hash|height)", self._tip),
            (r"blocks(?:/(\d+))?", self._blocks),
            (r"mempool(/txids|/recent)?", self._mempool),
            (r"fees/(recommended|precise|mempool-blocks)", self._fees),
            (r"(fee-estimates|backend-info|init-data|difficulty-adjustment|prices)", self._plain),
            (r"(replacements|fullrbf/replacements)", lambda _: _ok(self._world.frames.trees())),
            (r"(statistics/2h)", lambda _: _ok([])),
        ]

    def _transaction(self, txid: str, part: str | None) -> Answer:
        if not re.fullmatch(r"[0-9a-f]{64}", txid):
            return 400, JSON, {"error": "Invalid transaction ID"}
        if part == "/rbf":
            return _ok(self._lineage(txid))
        if part == "/cached":
            gone = txid in self._world.victims and self._status(txid) is None
            return _ok(self._world.known[txid].wire(prevouts=True)) if gone else (204, JSON, None)
        status = self._status(txid)
        if status is None:
            failed = 500, JSON, {"error": f"Failed to get transaction{' status' if part else ''}"}
            return failed if self.node_down else UNKNOWN_TX
        if part == "/status":
            return _ok(status)
        return self._body(txid, status) if part is None else self._part(txid, part)

    def _body(self, txid: str, status: Json) -> Answer:
        if self._in_crowd(txid):
            return _ok(self._world.crowd.find(txid) if self._world.crowd else None)
        built = self._world.known[txid]
        if not status["confirmed"]:
            return _ok(self._world.frames.added(built, prevouts=True))
        reported = built.wire(prevouts=True)
        dropped = (
            "firstSeen",
            "uid",
            "cpfpDirty",
            "ancestors",
            "descendants",
            "bestDescendant",
            "position",
            "flags",
        )
        return _ok(
            {**{key: value for key, value in reported.items() if key not in dropped}, "status": status}
        )

    def _part(self, txid: str, part: str) -> Answer:
        built = self._world.known.get(txid)
        if built is None:
            return _no_such_page("GET", f"/api/v1/tx/{txid}{part}")
        if part == "/hex":
            return 200, TEXT, built.raw.serialize().hex()
        if part == "/outspends":
            waiting = [w.built for w in self._world.pool.values()]
            spent = {outpoint for tx in waiting for outpoint in tx.outpoints}
            made = [(txid, vout) for vout in range(len(built.raw.outputs))]
            return _ok([{"spent": o in spent or self._world.spent_in_chain(o)} for o in made])
        return _no_such_page("GET", f"/api/v1/tx/{txid}{part}")

    def _status(self, txid: str) -> Json | None:
        """Return the status; None where neither the backend's mempool nor the node knows the transaction."""
        world = self._world
        if txid in world.seen_pool or self._in_crowd(txid):
            return {"confirmed": False}
        if self.node_down:
            return None
        if txid in world.pool:
            return {"confirmed": False}
        block = world.confirmed_in(txid)
        if block is None:
            return None
        place = {"block_height": block.height, "block_hash": block.hash, "block_time": block.time}
        return {"confirmed": True, **place}

    def _in_crowd(self, txid: str) -> bool:
        return self._world.crowd is not None and txid in self._world.crowd

    def _lineage(self, txid: str) -> Json:
        victims = self._world.victims
        direct = [old for old, new in victims.items() if new == txid]
        if txid not in victims and not direct:
            return {"replacements": None, "replaces": None}
        root = txid
        while root in victims:
            root = victims[root]
        return {"replacements": self._world.frames.tree(root), "replaces": direct or None}

    def _cpfp(self, txid: str) -> Answer:
        entry = next((w for w in self._world.rated() if w.built.txid == txid), None)
        if entry is None:
            return _ok({"ancestors": []})
        by_txid = {w.built.txid: w.built for w in self._world.pool.values()}
        above = [by_txid[a] for a in sorted(ancestors(entry.built, by_txid))]
        below = [tx for tx in by_txid.values() if txid in ancestors(tx, by_txid)]
        return _ok(
            {
                "ancestors": [_relative(tx) for tx in above],
                "bestDescendant": _relative(max(below, key=lambda tx: tx.fee / tx.vsize)) if below else None,
                "descendants": [_relative(tx) for tx in below],
                "effectiveFeePerVsize": entry.rate,
                "sigops": 0,
                "fee": entry.built.fee,
                "adjustedVsize": entry.built.vsize,
            }
        )

    def _prevouts(self, outpoints: Any) -> Answer:
        if not isinstance(outpoints, list) or not all(_is_outpoint(o) for o in outpoints):
            return 400, JSON, {"error": "Invalid outpoints format"}
        if len(outpoints) > _TOO_MANY:
            return 400, JSON, {"error": "Too many outpoints requested"}
        return _ok([self._prevout(asked["txid"], asked["vout"]) for asked in outpoints])

    def _prevout(self, txid: str, vout: int) -> Json | None:
        world = self._world
        if world.crowd is not None and (found := world.crowd.prevout(txid)):
            return {"prevout": found, "unconfirmed": False}
        unconfirmed = txid in world.seen_pool
        gone = txid in world.known and not unconfirmed and world.confirmed_in(txid) is None
        if gone or (not unconfirmed and (self.node_down or world.spent_in_chain((txid, vout)))):
            return None
        coin = world.coin_of((txid, vout))
        if coin is None:
            return None
        return {"prevout": wire_output(coin.value, coin.script, world.network), "unconfirmed": unconfirmed}

    def _block(self, hash_: str, part: str | None, start: str | None) -> Answer:
        if not re.fullmatch(r"[0-9a-f]{64}", hash_):
            return 400, JSON, {"error": "Invalid block hash"}
        block = self._world.blocks.get(hash_)
        if block is None or self.node_down:
            return 500, JSON, {"error": f"Failed to get block{' summary' if part == '/summary' else ''}"}
        if part is None:
            return _ok(self._extended(block))
        page = block.built[max(int(start or 0) - 1, 0) :][:_PAGE]
        parts: dict[str, Callable[[], Any]] = {
            "/summary": lambda: shapes.summary(block),
            "/txids": lambda: block.txids,
            "/txs": lambda: [tx.wire(prevouts=True) for tx in page],
        }
        return _ok(parts[part]()) if part in parts else _no_such_page("GET", f"/api/v1/block/{hash_}{part}")

    def _extended(self, block: Block) -> Json:
        return shapes.extended(block, stale=block not in self._world.chain, network=self._world.network)

    def _height(self, height: str) -> Answer:
        found = next((b for b in self._world.chain if b.height == int(height)), None)
        if found is None or self.node_down:
            return 500, JSON, {"error": "Failed to get block at height"}
        return 200, HTML, found.hash

    def _tip(self, which: str) -> Answer:
        if which == "height":
            return 200, TEXT, self._world.seen_chain[-1].height
        if self.node_down:
            return 500, JSON, {"error": "Failed to get hash at tip"}
        return 200, TEXT, self._world.tip.hash

    def _blocks(self, height: str | None) -> Answer:
        below = [b for b in self._world.seen_chain if height is None or b.height <= int(height)]
        return _ok([self._extended(block) for block in reversed(below[-_LISTED:])])

    def _mempool(self, part: str | None) -> Answer:
        world, frames = self._world, self._world.frames
        if part == "/recent":
            return _ok(frames.recent())
        if part == "/txids":
            crowd = world.crowd.txids() if world.crowd else []
            return (500, JSON, {"error": REFUSED}) if self.node_down else _ok([*world.pool, *crowd])
        waiting = [w.built for w in world.pool.values()]
        fees, size = sum(tx.fee for tx in waiting), sum(-(-tx.raw.weight // 4) for tx in waiting)
        return _ok({"count": len(waiting), "vsize": size, "total_fee": fees, "fee_histogram": []})

    def _fees(self, kind: str) -> Answer:
        blocks = shapes.projected(self._world.rated())
        if kind == "mempool-blocks":
            return _ok(shapes.mempool_blocks(blocks))
        if self.out_of_sync or not self._world.in_sync:
            return 503, HTML, "Service Unavailable"
        reported = shapes.fees(blocks)
        return _ok({k: -int(-v // 1) for k, v in reported.items()} if kind == "recommended" else reported)

    def _plain(self, name: str) -> Answer:
        world = self._world
        match name:
            case "backend-info":
                return _ok(shapes.backend_info(world.version))
            case "init-data":
                return _ok(world.frames.init())
            case "difficulty-adjustment":
                return _ok(shapes.difficulty(world.seen_chain[-1].height))
            case "prices":
                return _ok(shapes.conversions())
        if world.version.startswith("3.3"):
            return _no_such_page("GET", "/api/v1/fee-estimates")
        return 203, JSON, {str(target): 1 for target in (1, 2, 3, 6, 25, 144, 504, 1008)}


def _ok(body: Any) -> Answer:
    return 200, JSON, body


def _no_such_page(method: str, path: str) -> Answer:
    text = f'<!DOCTYPE html>\n<html lang="en">\n<body>\n<pre>Cannot {method} {path}</pre>\n</body>\n</html>\n'
    return 404, HTML, text


def _relative(tx: Built) -> Json:
    return {"txid": tx.txid, "fee": tx.fee, "weight": tx.raw.weight}


def _is_outpoint(asked: Any) -> bool:
    return (
        isinstance(asked, dict)
        and isinstance(asked.get("vout"), int)
        and bool(re.fullmatch(r"[0-9a-fA-F]{64}", str(asked.get("txid"))))
    )
