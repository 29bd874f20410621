"""The bodies beside the transactions: blocks, projected blocks, fees, mempool figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.backend.encoding import REGTEST, Network
from tests.backend.rawtx import RawTransaction
from tests.backend.script import script_address
from tests.backend.transactions import Built

Json = dict[str, Any]
BLOCK_VSIZE, PROJECTED = 1_000_000, 8
CURRENCIES = ("USD", "EUR", "GBP", "CAD", "CHF", "AUD", "JPY")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction in the mempool; `rate` is its effective feerate, sat/vB, `time` unix seconds."""

    built: Built
    time: int
    uid: int
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the story; `txids` with the coinbase first."""

    hash: str
    previous: str
    height: int
    time: int
    coinbase: RawTransaction
    built: tuple[Built, ...]

    @property
    def txids(self) -> list[str]:
        return [self.coinbase.txid, *(tx.txid for tx in self.built)]

    @property
    def fees(self) -> int:
        return sum(tx.fee for tx in self.built)


def backend_info(version: str) -> Json:
    return {
        "hostname": "backend",
        "version": version,
        "gitCommit": "0000000",
        "lightning": False,
        "backend": "electrum",
        "coreVersion": "/Satoshi:29.0.0/",
        "osVersion": "Linux",
    }


def conversions() -> Json:
    return {"time": 0, **dict.fromkeys(CURRENCIES, -1)}


def mempool_info(waiting: Sequence[Waiting]) -> Json:
    minimum = dict.fromkeys(("mempoolminfee", "minrelaytxfee", "incrementalrelayfee"), 1e-05)
    return {
        "loaded": True,
        "size": len(waiting),
        "bytes": sum(-(-w.built.raw.weight // 4) for w in waiting),
        "usage": 32 + 1200 * len(waiting),
        "total_fee": sum(w.built.fee for w in waiting) / 1e8,
        "maxmempool": 300_000_000,
        **minimum,
        "unbroadcastcount": 0,
        "fullrbf": True,
    }


def projected(waiting: Iterable[Waiting]) -> list[list[Waiting]]:
    """Split the mempool into the next blocks, best first; the last one holds all that lies beyond."""
    blocks: list[list[Waiting]] = []
    filled = float(BLOCK_VSIZE)
    for entry in sorted(waiting, key=lambda w: (-w.rate, w.uid)):
        if filled + entry.built.vsize > BLOCK_VSIZE and len(blocks) < PROJECTED:
            blocks.append([])
            filled = 0.0
        blocks[-1].append(entry)
        filled += entry.built.vsize
    return blocks


def mempool_blocks(blocks: list[list[Waiting]]) -> list[Json]:
    return [_projected_block(block) for block in blocks]


def fees(blocks: list[list[Waiting]]) -> dict[str, float]:
    """Return the recommendation as the WebSocket has it: floats, at least 1 sat/vB."""
    medians = [_projected_block(block)["medianFee"] for block in blocks]
    tiers = [max(1.0, medians[i]) if i < len(medians) else 1.0 for i in (0, 1, 2)]
    return {
        "fastestFee": max(tiers[0], 1.5),
        "halfHourFee": max(tiers[1], 1.25),
        "hourFee": tiers[2],
        "economyFee": 1,
        "minimumFee": 1,
    }


def tuple_of(entry: Waiting) -> list[Any]:
    built = entry.built
    return [built.txid, built.fee, built.vsize, built.total_out, entry.rate, 1099511631881, entry.time]


def recent(entry: Waiting) -> Json:
    built = entry.built
    own = {"txid": built.txid, "fee": built.fee, "vsize": built.vsize, "value": built.total_out}
    return {**own, "rate": built.fee / built.vsize, "time": entry.time}


def difficulty(height: int) -> Json:
    return {
        "progressPercent": height % 2016 / 20.16,
        "difficultyChange": 0,
        "estimatedRetargetDate": 1_900_000_000_000,
        "remainingBlocks": 2016 - height % 2016,
        "remainingTime": 600_000 * (2016 - height % 2016),
        "previousRetarget": 0,
        "previousTime": 1_700_000_000,
        "nextRetargetHeight": height - height % 2016 + 2016,
        "timeAvg": 600_000,
        "adjustedTimeAvg": 600_000,
        "timeOffset": 0,
        "expectedBlocks": height % 2016,
    }


def extended(block: Block, *, stale: bool = False, network: Network = REGTEST) -> Json:
    """Return the BlockExtended of a block."""
    rates = sorted(tx.fee / tx.vsize for tx in block.built) or [0.0]
    weight = 320 + block.coinbase.weight + sum(tx.raw.weight for tx in block.built)
    return {
        "id": block.hash,
        "height": block.height,
        "version": 805306368,
        "timestamp": block.time,
        "bits": 545259519,
        "nonce": 0,
        "difficulty": 4.656542373906925e-10,
        "merkle_root": block.coinbase.txid,
        "tx_count": len(block.txids),
        "size": weight // 3,
        "weight": weight,
        "previousblockhash": block.previous,
        "mediantime": block.time - 600,
        "stale": stale,
        "extras": {
            "reward": block.coinbase.outputs[0][0],
            "coinbaseRaw": block.coinbase.inputs[0].script.hex(),
            "orphans": [],
            "medianFee": rates[len(rates) // 2],
            "feeRange": _range(rates),
            "totalFees": block.fees,
            "avgFee": block.fees // max(len(block.built), 1),
            "avgFeeRate": int(sum(rates) / len(rates)),
            "totalInputs": sum(len(tx.coins) for tx in block.built),
            "totalOutputs": 2 + sum(len(tx.raw.outputs) for tx in block.built),
            "totalOutputAmt": sum(tx.total_out for tx in block.built),
            "virtualSize": weight / 4,
            "coinbaseAddress": script_address(block.coinbase.outputs[0][1], network),
            "pool": {"id": 0, "name": "Unknown", "slug": "unknown", "minerNames": None},
            "matchRate": None,
            "firstSeen": None,
        },
    }


def summary(block: Block) -> list[Json]:
    size = block.coinbase.weight / 4
    coinbase = {"txid": block.coinbase.txid, "fee": 0, "vsize": size, "value": block.coinbase.outputs[0][0]}
    entries = [{**coinbase, "rate": 0, "flags": 1, "time": block.time}]
    for tx in block.built:
        own = {"txid": tx.txid, "fee": tx.fee, "vsize": tx.vsize, "value": tx.total_out}
        entries.append({**own, "rate": tx.fee / tx.vsize, "flags": 1099511631881, "time": block.time})
    return entries


def _projected_block(block: list[Waiting]) -> Json:
    rates = [entry.rate for entry in reversed(block)]
    size = sum(entry.built.vsize for entry in block)
    return {
        "blockSize": sum(entry.built.raw.size for entry in block),
        "blockVSize": size,
        "nTx": len(block),
        "totalFees": sum(entry.built.fee for entry in block),
        "medianFee": rates[len(rates) // 2] if size > BLOCK_VSIZE / 2 else 0,
        "feeRange": _range(rates),
    }


def _range(rates: list[float]) -> list[float]:
    """Return seven rates from the lowest to the highest (10th, 25th … as the backend has them)."""
    last = len(rates) - 1
    return [rates[round(last * share)] for share in (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)]
