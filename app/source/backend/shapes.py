"""The mempool backend's JSON as msgspec types: only the fields that are used, under the backend's names."""

from typing import Annotated

import msgspec

from app.core.units import MOST_BTC
from app.source.resilience import Count, FeeRate, Size


class WirePrevout(msgspec.Struct):
    value: int
    scriptpubkey: str


class WireInput(msgspec.Struct):
    txid: str
    vout: int
    sequence: Count = 0xFFFFFFFF
    scriptsig: str = ""
    witness: list[str] = []
    prevout: WirePrevout | None = None


class WireOutput(msgspec.Struct):
    value: int
    scriptpubkey: str
    scriptpubkey_address: str | None = None


class WireStatus(msgspec.Struct):
    confirmed: bool
    block_height: int | None = None
    block_hash: str | None = None


class WireTransaction(
    msgspec.Struct, rename={"package_feerate": "effectiveFeePerVsize", "adjusted_vsize": "adjustedVsize"}
):
    txid: str
    vin: list[WireInput]
    vout: list[WireOutput]
    fee: float | None = None
    weight: int | None = None
    vsize: float | None = None
    adjusted_vsize: float | None = None
    package_feerate: float | None = None
    status: WireStatus | None = None


class WireBlock(msgspec.Struct):
    id: str
    height: int
    previousblockhash: str | None = None
    timestamp: int | None = None
    stale: bool | None = None


class WireBlockEntry(msgspec.Struct):
    txid: str
    value: float
    fee: float | None = None
    vsize: float | None = None


class WireFees(msgspec.Struct, rename="camel"):
    fastest_fee: FeeRate
    half_hour_fee: FeeRate
    hour_fee: FeeRate
    economy_fee: FeeRate
    minimum_fee: FeeRate


class WireProjectedBlock(msgspec.Struct, rename="camel"):
    block_v_size: Size
    n_tx: Count
    total_fees: float
    median_fee: FeeRate
    fee_range: list[FeeRate]


class WireMempoolInfo(msgspec.Struct):
    size: Count
    bytes: Count
    usage: Count | None = None
    maxmempool: Count | None = None
    mempoolminfee: Annotated[float, msgspec.Meta(ge=0, le=MOST_BTC)] | None = None
    """In BTC per 1,000 vbytes."""
    loaded: bool | None = None


class WirePrevoutAnswer(msgspec.Struct):
    prevout: WirePrevout | None = None


class WirePackage(msgspec.Struct, rename={"feerate": "effectiveFeePerVsize"}):
    feerate: float | None = None
    ancestors: list[msgspec.Raw] = []
    descendants: list[msgspec.Raw] = []


class WireRbfTx(msgspec.Struct):
    txid: str


class WireRbfTree(msgspec.Struct):
    tx: WireRbfTx


class WireRbf(msgspec.Struct):
    replacements: WireRbfTree | None = None
