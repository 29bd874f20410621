"""Transaction and block bodies as the backend's REST gives them, from what the recordings hold."""

from typing import Any

from tests.backend.encoding import address_to_script
from tests.backend.node import MEMPOOL, Block, NodeHistory
from tests.backend.rawtx import ordering
from tests.backend.script import script_spent_by, wire_output, with_prevout

Json = dict[str, Any]
CONFIRMED_KEYS = (
    *("txid", "version", "locktime", "size", "weight", "fee", "vin", "vout", "status", "order", "vsize"),
    *("adjustedVsize", "sigops", "feePerVsize", "adjustedFeePerVsize", "effectiveFeePerVsize"),
)
_WALL_ZERO = 1795339533.4  # unix time of t = 0 in the first run; only `firstSeen` of unseen ones uses it


class Bodies:
    """Builds bodies; what no recording tells is None (a taproot prevout of before the first recording)."""

    def __init__(self, node: NodeHistory) -> None:
        self._node, self._truth = node, node.truth

    def transaction(self, txid: str, place: str) -> Json | None:
        """Return `tx/:txid` for a transaction at `place` (MEMPOOL or a block's hash)."""
        base = self._base(txid)
        if base is None:
            return None
        tx = {**base, "vin": [self._with_prevout(entry) for entry in base["vin"]]}
        if place == MEMPOOL:
            return tx
        return {**{key: tx[key] for key in CONFIRMED_KEYS}, "status": self.status(place)}

    def status(self, place: str) -> Json:
        if place == MEMPOOL:
            return {"confirmed": False}
        block = self._node.blocks[place]
        return {
            "confirmed": True,
            "block_height": block.height,
            "block_hash": block.hash,
            "block_time": block.time,
        }

    def prevout(self, txid: str, vout: int) -> Json | None:
        """Return one output, with its script."""
        if txid in self._truth.frames:
            outputs: list[Json] = self._truth.frames[txid]["vout"]
            return outputs[vout] if vout < len(outputs) else None
        if txid in self._truth.raw:
            raw = self._truth.raw[txid].outputs
            return wire_output(*raw[vout]) if vout < len(raw) else None
        if txid in self._truth.sent:
            return _output(self._truth.sent[txid].outputs[vout])
        return self._truth.outputs.get((txid, vout)) or self._proven(txid, vout)

    def summary(self, block: Block) -> list[Json]:
        return [self._summary_entry(txid, block) for txid in block.txids]

    def extended(self, block: Block, *, stale: bool) -> Json:
        known = self._truth.extended.get(block.hash)
        if known is not None:
            return {**known, "stale": stale}
        fees = self._fees(block)
        return {
            "id": block.hash,
            "height": block.height,
            "timestamp": block.time,
            "tx_count": len(block.txids),
            "weight": block.weight,
            "previousblockhash": block.previous,
            "stale": stale,
            "extras": {"totalFees": fees, "reward": _subsidy(block.height) + fees, "orphans": []},
        }

    def _base(self, txid: str) -> Json | None:
        if txid in self._truth.frames:
            return self._truth.frames[txid]
        sent, raw = self._truth.sent.get(txid), self._truth.raw.get(txid)
        if sent is None and raw is None:
            return None
        if raw is not None:
            bare = raw.wire()
        else:
            assert sent is not None
            bare = _bare(txid, sent)
        fee = sent.fee_sat if sent else 0
        rate = fee / (bare["weight"] / 4)
        return {
            **bare,
            "fee": fee,
            "status": {"confirmed": False},
            "order": ordering(txid),
            "vsize": -(-bare["weight"] // 4),
            "adjustedVsize": bare["weight"] / 4,
            "sigops": 0,
            "feePerVsize": rate,
            "adjustedFeePerVsize": rate,
            "effectiveFeePerVsize": rate,
            "firstSeen": int(_WALL_ZERO + sent.t) if sent else 0,
        }

    def _with_prevout(self, entry: Json) -> Json:
        if entry["prevout"] or entry["is_coinbase"]:
            return entry
        found = self.prevout(entry["txid"], entry["vout"])
        return with_prevout(entry, found) if found else entry

    def _proven(self, txid: str, vout: int) -> Json | None:
        """Return what the spending input itself proves of an output made before the recordings."""
        for spender in self._node.spenders.get((txid, vout), ()):
            value = next(sat for t, v, sat in self._truth.sent[spender].inputs if (t, v) == (txid, vout))
            base = self._base(spender)
            for entry in base["vin"] if base else ():
                if (entry["txid"], entry["vout"]) == (txid, vout):
                    script = script_spent_by(entry)
                    return wire_output(value, script) if script else None
        return None

    def _summary_entry(self, txid: str, block: Block) -> Json:
        base = self._base(txid)
        if (
            base is None
        ):  # a coinbase that no ZMQ line holds: its value is the rule's, its size the block's rest
            value, size, fee = _subsidy(block.height) + self._fees(block), self._rest_of(block), 0
        else:
            value, size, fee = sum(out["value"] for out in base["vout"]), base["weight"] / 4, base["fee"]
        return {
            "txid": txid,
            "fee": fee,
            "vsize": size,
            "value": value,
            "rate": fee / size,
            "flags": base.get("flags", 0) if base else 0,
            "time": block.time,
        }

    def _rest_of(self, block: Block) -> float:
        others = sum(sent.weight for txid in block.txids if (sent := self._truth.sent.get(txid)))
        return max(block.weight - 324 - others, 4) / 4

    def _fees(self, block: Block) -> int:
        return sum(sent.fee_sat for txid in block.txids if (sent := self._truth.sent.get(txid)))


def _output(reported: Json) -> Json:
    if "addr" in reported:
        return wire_output(reported["sat"], address_to_script(reported["addr"]))
    payload = bytes.fromhex(reported["data"])
    return wire_output(reported["sat"], b"\x6a" + bytes([len(payload)]) + payload)


def _bare(txid: str, sent: Any) -> Json:
    """Return a body from the truth alone (the `setup` ones): scripts from addresses, inputs unsigned."""
    unsigned: Json = {
        "is_coinbase": False,
        "prevout": None,
        "scriptsig": "",
        "scriptsig_asm": "",
        "witness": [],
    }
    inner = {"sequence": 0xFFFFFFFD, "inner_redeemscript_asm": "", "inner_witnessscript_asm": ""}
    return {
        "txid": txid,
        "version": 2,
        "locktime": 0,
        "size": sent.vsize,
        "weight": sent.weight,
        "vin": [{**unsigned, **inner, "txid": parent, "vout": vout} for parent, vout, _ in sent.inputs],
        "vout": [_output(reported) for reported in sent.outputs],
    }


def _subsidy(height: int) -> int:
    return 50_0000_0000 >> (height // 150)  # regtest halves each 150 blocks
