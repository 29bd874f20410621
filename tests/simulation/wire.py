"""Transactions, blocks and projected blocks in the mempool backend's own JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tests.simulation.scripts import Output

Frame = dict[str, Any]

_BLOCK_VBYTES: Final = 998_000.0
_HALF_BAND: Final = 1_250.0
_PERCENTS: Final = (10, 25, 50, 75, 90)
_ONE_BTC: Final = 100_000_000
_SUBSIDY_SAT: Final = 312_500_000
_MAINNET_DIFFICULTY: Final = 146_472_570_619_930.78


@dataclass(slots=True, eq=False)
class Tx:
    """A made-up transaction; `spends` and `pays` are in order, `spent` is what each input was worth."""

    txid: str
    fee: int
    weight: int
    arrived: float
    spends: tuple[tuple[str, int], ...]
    spent: tuple[tuple[Output, int], ...]
    pays: tuple[tuple[Output, int], ...]
    signature: str
    key: str
    signals: bool
    whale: bool
    effective: float
    order: int
    parent: "Tx | None" = None
    child: "Tx | None" = None
    replaces: str | None = None
    position: tuple[int, float] = field(default=(0, 0.0))

    @property
    def vsize(self) -> float:
        return self.weight / 4

    @property
    def rate(self) -> float:
        return self.fee / self.vsize

    @property
    def value(self) -> int:
        return sum(sat for _, sat in self.pays)


def transaction(tx: Tx, wall: float) -> Frame:
    """Return it as an entry of `added`: input values are not known to the backend."""
    relatives = [{"txid": one.txid, "fee": one.fee, "weight": one.weight} for one in (tx.parent,) if one]
    answer: Frame = {
        "txid": tx.txid,
        "version": 2,
        "locktime": 0,
        "size": int(tx.vsize * 1.58),
        "weight": tx.weight,
        "fee": tx.fee,
        "vin": [_input(tx, txid, vout) for txid, vout in tx.spends],
        "vout": [_output(output, sat) for output, sat in tx.pays],
        "status": {"confirmed": False},
        "order": tx.order * 2_654_435_761 % 2**32,
        "vsize": -(-tx.weight // 4),
        "adjustedVsize": _plain(tx.vsize),
        "sigops": 0,
        "feePerVsize": _plain(tx.rate),
        "adjustedFeePerVsize": _plain(tx.rate),
        "effectiveFeePerVsize": _plain(tx.effective),
        "firstSeen": int(wall + tx.arrived),
        "uid": tx.order,
        "cpfpDirty": False,
        "ancestors": relatives,
        "descendants": [],
        "bestDescendant": None,
        "position": {"block": tx.position[0], "vsize": _plain(tx.position[1])},
        "flags": 1099511631882,
    }
    if tx.parent:
        answer["cpfpChecked"] = True
    if tx.replaces:
        answer["replacement"] = True
    return answer


def _input(tx: Tx, txid: str, vout: int) -> Frame:
    return {
        "is_coinbase": False,
        "prevout": None,
        "scriptsig": "",
        "scriptsig_asm": "",
        "sequence": 0xFFFFFFFD if tx.signals else 0xFFFFFFFF,
        "txid": txid,
        "vout": vout,
        "witness": [tx.signature, tx.key],
        "inner_redeemscript_asm": "",
        "inner_witnessscript_asm": "",
    }


def _output(output: Output, sat: int) -> Frame:
    return {
        "value": sat,
        "scriptpubkey": output.script,
        "scriptpubkey_address": output.address,
        "scriptpubkey_asm": output.asm,
        "scriptpubkey_type": output.kind,
    }


def summary(tx: Tx, wall: float) -> Frame:
    """Return it as an entry of `transactions`, the last six."""
    rate = _plain(tx.effective)
    time = int(wall + tx.arrived)
    return {
        "txid": tx.txid,
        "fee": tx.fee,
        "vsize": _plain(tx.vsize),
        "value": tx.value,
        "rate": rate,
        "time": time,
    }


def projected_tuple(tx: Tx, wall: float) -> list[Any]:
    """Return [txid, fee, vsize, value, rate, flags, time]."""
    rate = round(tx.effective, 2)
    return [
        tx.txid,
        tx.fee,
        _plain(tx.vsize),
        tx.value,
        _plain(rate),
        1099511631882,
        int(wall + tx.arrived),
    ]


def projected_block(members: Sequence[Tx]) -> Frame:
    """Return an entry of `mempool-blocks`; the members stand in the order they would be mined."""
    rates = np.array([tx.effective for tx in members])
    sizes = np.array([tx.vsize for tx in members])
    median, fee_range = fee_statistics(rates, sizes)
    return {
        "blockSize": int(sizes.sum() * 1.58),
        "blockVSize": _plain(float(sizes.sum())),
        "nTx": len(members),
        "totalFees": sum(tx.fee for tx in members),
        "medianFee": _plain(median),
        "feeRange": [_plain(rate) for rate in fee_range],
    }


def fee_statistics(rates: np.ndarray, sizes: np.ndarray) -> tuple[float, list[float]]:
    """Return the median by size, half a block from the top (0 if less), and seven percentiles by count."""
    if len(rates) <= 1:
        return 0.0, [0.0] * 7
    order = np.argsort(rates, kind="stable")
    ascending, weights = rates[order], sizes[order]
    ends = _BLOCK_VBYTES - weights.sum() + np.cumsum(weights)
    low, high = _BLOCK_VBYTES / 2 - _HALF_BAND, _BLOCK_VBYTES / 2 + _HALF_BAND
    inside = np.clip(np.minimum(ends, high) - np.maximum(ends - weights, low), 0.0, None)
    median = float((inside * ascending).sum() / inside.sum()) if inside.sum() > 0 else 0.0
    at = [ascending[int((len(rates) - 1) * percent / 100)] for percent in (1, *_PERCENTS, 99)]
    return median, [float(rate) for rate in at]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a `block` frame tells of a block."""

    height: int
    hash: str
    previous: str
    timestamp: int
    transactions: int
    vbytes: float
    fees: int
    median: float
    fee_range: tuple[float, ...]
    miner: Output


def block(header: Header) -> Frame:
    """Return it as the backend's BlockExtended."""
    count = max(1, header.transactions)
    return {
        "id": header.hash,
        "height": header.height,
        "version": 536870912,
        "timestamp": header.timestamp,
        "bits": 386018000,
        "nonce": 0,
        "difficulty": _MAINNET_DIFFICULTY,
        "merkle_root": header.hash[::-1],
        "tx_count": header.transactions,
        "size": int(header.vbytes * 1.58) + 300,
        "weight": int(header.vbytes * 4) + 1_200,
        "previousblockhash": header.previous,
        "mediantime": header.timestamp - 3_000,
        "stale": False,
        "extras": {
            "reward": _SUBSIDY_SAT + header.fees,
            "coinbaseRaw": "",
            "orphans": [],
            "medianFee": _plain(header.median),
            "feeRange": [_plain(rate) for rate in header.fee_range],
            "totalFees": header.fees,
            "avgFee": header.fees // count,
            "avgFeeRate": int(header.fees / header.vbytes) if header.vbytes else 0,
            "utxoSetChange": 0,
            "avgTxSize": header.vbytes * 1.58 / count,
            "totalInputs": count,
            "totalOutputs": 2 * count,
            "totalOutputAmt": 0,
            "segwitTotalTxs": count - 1,
            "segwitTotalSize": int(header.vbytes * 1.58),
            "segwitTotalWeight": int(header.vbytes * 4),
            "virtualSize": _plain(header.vbytes + 300),
            "coinbaseAddress": header.miner.address,
            "coinbaseAddresses": [header.miner.address],
            "coinbaseSignature": header.miner.asm,
            "coinbaseSignatureAscii": "",
            "header": "",
            "utxoSetSize": None,
            "totalInputAmt": None,
            "pool": {"id": 0, "name": "Unknown", "slug": "unknown", "minerNames": None},
            "matchRate": None,
            "expectedFees": None,
            "expectedWeight": None,
            "firstSeen": None,
        },
    }


def mempool_info(count: int, vbytes: float, fees: int, floor: float, limit_vbytes: float) -> Frame:
    return {
        "loaded": True,
        "size": count,
        "bytes": int(vbytes),
        "usage": int(vbytes * 300e6 / limit_vbytes) + 32,
        "total_fee": fees / _ONE_BTC,
        "maxmempool": 300000000,
        "mempoolminfee": round(floor * 1e-5, 10),
        "minrelaytxfee": round(floor * 1e-5, 10),
        "incrementalrelayfee": 1e-06,
        "dustrelayfee": 3e-05,
        "dustrelayfeefloor": 3e-05,
        "dustdynamic": "off",
        "unbroadcastcount": 0,
        "fullrbf": True,
        "rbf_policy": "always",
        "truc_policy": "accept",
    }


def recommended(tiers: Sequence[float]) -> Frame:
    names = ("fastestFee", "halfHourFee", "hourFee", "economyFee", "minimumFee")
    return {name: _plain(round(float(rate), 3)) for name, rate in zip(names, tiers, strict=True)}


def _plain(number: float) -> float | int:
    """Return an int where the backend's JSON has one."""
    return int(number) if float(number).is_integer() else float(number)
