"""Every transaction of a recording forecast from the real frames, and what the truth says of it."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.core.forecasting.feerates import by_bucket
from app.core.forecasting.inflow import Inflow, no_inflow_seen
from app.core.forecasting.market import (
    Market,
    limit_vbytes,
    queue_of_projected_blocks,
)
from app.core.forecasting.model import ForecastModel, Waiting, forecast_many
from app.core.forecasting.pace import pace_of
from app.core.forecasting.passagetable import PassageTable
from app.core.models import SourceName
from app.core.observations import MempoolMeasured, ProjectedBlock
from app.core.units import Height, SatPerVb, Sats, Txid, VBytes
from tests.bench.baselines import learn_frequencies, percentile_rule, position_class, position_rule
from tests.bench.rows import BenchRow, shown
from tests.bench.scoring import CONFIRMED, DROPPED, PENDING, REPLACED, Outcomes, Stated, brier

FOLDER: Final = Path(__file__).parents[2] / "../shared/recordings"
RECORDINGS: Final = {
    "g12_fee_market": ("g12_fee_market", "truth_final.json.gz"),
    "g12_fee_market_2": ("extra/g12_fee_market", "extra/truth_final.json.gz"),
    "mixed": ("mixed", "truth_final.json.gz"),
}
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_FATES: Final = {"confirmed": CONFIRMED, "stale": CONFIRMED, "replaced": REPLACED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What ours and the baselines had to go by when a transaction was first seen."""

    txid: str
    height: int
    chances: tuple[float, ...]
    feerate: float
    tiers: tuple[float, ...]
    index: int


@dataclass(slots=True)
class BenchListener:
    """Keeps the market from frames, and forecasts each transaction as it is added."""

    table: PassageTable
    target_seconds: float | None = None
    inflow: Inflow = field(default_factory=no_inflow_seen)
    said: dict[str, Said] = field(default_factory=dict)
    replaced_at: dict[str, int] = field(default_factory=dict)
    height: int = 0
    _block_times: dict[int, float] = field(default_factory=dict)
    _projected: tuple[ProjectedBlock, ...] = ()
    _tiers: tuple[float, ...] = ()
    _pool: Mapping[str, Any] = field(default_factory=dict)
    _last: float | None = None

    def receive(self, t: float, frame: Mapping[str, Any]) -> None:
        for block in (*frame.get("blocks", ()), *([frame["block"]] if "block" in frame else ())):
            self.height = int(block["height"])
            self._block_times[self.height] = float(block["timestamp"])
        if "mempool-blocks" in frame:
            self._projected = tuple(_projected(one) for one in frame["mempool-blocks"])
        if "fees" in frame:
            fees = frame["fees"]
            names = ("fastestFee", "halfHourFee", "hourFee", "economyFee", "minimumFee")
            self._tiers = tuple(float(fees[name]) for name in names)
        self._pool = frame.get("mempoolInfo", self._pool)
        delta = frame.get("mempool-transactions")
        if delta is not None:
            self._change(t, delta)

    def _change(self, t: float, delta: Mapping[str, Any]) -> None:
        added = delta["added"]
        rates = [float(tx["effectiveFeePerVsize"]) for tx in added]
        sizes = [float(tx["adjustedVsize"]) for tx in added]
        if self._last is not None and t > self._last:
            self.inflow = self.inflow.observed(by_bucket(rates, sizes), t - self._last)
        self._last = t
        for one in delta["replaced"]:
            self.replaced_at.setdefault(one["replaced"], self.height)
        waiting = [
            Waiting(txid=Txid(tx["txid"]), feerate=rate, vsize=size, age_seconds=0.0)
            for tx, rate, size in zip(added, rates, sizes, strict=True)
        ]
        times = [self._block_times[height] for height in sorted(self._block_times)]
        pace = pace_of(np.diff(times).tolist(), target_seconds=self.target_seconds)
        model = ForecastModel(table=self.table, pace=pace)
        made = forecast_many(waiting, self._market(), self.inflow, model, _START + timedelta(seconds=t))
        for tx, forecast in zip(added, made, strict=True):
            if forecast is not None and tx["txid"] not in self.said:
                self.said[tx["txid"]] = Said(
                    txid=tx["txid"],
                    height=self.height,
                    chances=forecast.probabilities,
                    feerate=float(tx["effectiveFeePerVsize"]),
                    tiers=self._tiers,
                    index=1 + int((tx.get("position") or {"block": 0})["block"]),
                )

    def _market(self) -> Market:
        pool = self._pool
        measured = MempoolMeasured(
            count=int(pool["size"]),
            vbytes=int(pool["bytes"]),
            usage_bytes=int(pool["usage"]),
            limit_bytes=int(pool["maxmempool"]),
            minimum_feerate=SatPerVb(float(pool["mempoolminfee"]) * 1e5),
            loaded=True,
            source=SourceName.MEMPOOL_WS,
        )
        return Market(
            tip_height=Height(self.height),
            queue=queue_of_projected_blocks(
                self._projected, mempool_vbytes=measured.vbytes, floor=measured.minimum_feerate
            ),
            mempool_vbytes=measured.vbytes,
            mempool_limit_vbytes=limit_vbytes(measured),
            floor=measured.minimum_feerate,
        )


def recorded_rows(table: PassageTable) -> Iterator[BenchRow]:
    """Yield Brier at 1 and 3 with N. The frequency baselines are learned in sample: in their favour."""
    for name, (stem, truth_name) in RECORDINGS.items():
        path = FOLDER / f"{stem}.ws.jsonl.gz"
        if not path.exists():
            yield shown(f"forecast.recorded.{name}", "absent: shared/recordings", "")
            continue
        listener = BenchListener(table)
        for t, frame in frames(path):
            listener.receive(t, frame)
        truth = json.loads(gzip.decompress((FOLDER / truth_name).read_bytes()))
        yield from _scores(f"forecast.recorded.{name}", listener, truth)


def frames(path: Path) -> Iterator[tuple[float, dict[str, Any]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["dir"] == "in" and isinstance(entry["frame"], dict):
                yield float(entry["t"]), entry["frame"]


def _scores(prefix: str, listener: BenchListener, truth: Mapping[str, Any]) -> Iterator[BenchRow]:
    said = [one for one in listener.said.values() if one.txid in truth]
    outcomes = Outcomes(
        fate=np.array([_fate(one, truth) for one in said], dtype=np.intp),
        blocks=np.array([_blocks(one, truth, listener) for one in said], dtype=np.intp),
    )
    index = np.array([one.index for one in said], dtype=np.intp)
    classes = position_class(index)
    stated = {
        "ours": Stated.from_chances(np.array([one.chances for one in said])),
        "b1": percentile_rule(np.array([one.feerate for one in said]), np.array([one.tiers for one in said])),
        "b2": position_rule(index),
        "b2c": learn_frequencies(classes, outcomes).stated(classes),
        "climatology": learn_frequencies(np.zeros_like(classes), outcomes, 1).stated(np.zeros_like(classes)),
    }
    yield shown(f"{prefix}.forecasts", len(said), "transactions")
    for n in (1, 3):
        yield shown(f"{prefix}.n{n}", int(outcomes.evaluable(n).sum()), "evaluable")
        for forecaster, one in stated.items():
            yield shown(f"{prefix}.{forecaster}.brier{n}", brier(one, outcomes, n), "")


def _fate(said: Said, truth: Mapping[str, Any]) -> int:
    fate = truth[said.txid]["fate"]
    if fate in {"never", "in_mempool"}:
        return PENDING
    return _FATES.get(fate, DROPPED)


def _blocks(said: Said, truth: Mapping[str, Any], listener: BenchListener) -> int:
    height = truth[said.txid].get("height")
    if _fate(said, truth) == CONFIRMED and height is not None:
        return max(1, int(height) - said.height)
    end = listener.replaced_at.get(said.txid, listener.height)
    return max(0, end - said.height)


def _projected(block: Mapping[str, Any]) -> ProjectedBlock:
    return ProjectedBlock(
        vsize=VBytes(float(block["blockVSize"])),
        count=int(block["nTx"]),
        total_fees=Sats(int(block["totalFees"])),
        median=SatPerVb(float(block["medianFee"])),
        fee_range=tuple(float(rate) for rate in block["feeRange"]),
    )
