"""The forecaster over real transactions of mainnet: 2.3 hours of December 2014, beside the naive baseline.

Source: bitcoinfees/feesim and bitcoin-feemodel (MIT), as shared/mainnet/feemodel_dec2014 tells. No bar: 23
blocks, and rules of that time (no RBF, no segwit, part of each block by age); sizes are bytes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb

from app.core.forecasting import Forecaster, MinerBeliefs, PassageTable, project
from app.core.models import Block, SourceName, Transaction
from app.core.observations import BlockConnected, FeeBin, QueueProjected
from app.core.prediction import Prediction
from app.core.scoring import BRIER_HORIZONS, LeadTimes, figures_of, forecast_outcomes, sums_of
from app.core.tracking import lifecycle
from app.core.units import BlockHash, Height, SatPerVb, Sats, Txid, VBytes
from tests.bench.rows import BenchRow, shown
from tests.store.builders import a_classification

FOLDER: Final = Path(__file__).parents[2] / ".." / "shared" / "mainnet" / "feemodel_dec2014"
QUEUE_EVERY_SECONDS: Final = 30
WARM_SECONDS: Final = 1_800
"""Half an hour of arrivals is heard before anything is scored."""


@dataclass(frozen=True, slots=True)
class Seen:
    txid: str
    at: float
    fee: int
    size: int
    confirmed_height: int

    @property
    def feerate(self) -> float:
        return self.fee / self.size


def rows() -> Iterator[BenchRow]:
    if not FOLDER.exists():
        yield shown("forecast.mainnet", "absent: shared/mainnet", "")
        return
    whales = _lived(*_read())
    outcomes = [one for whale in whales for one in forecast_outcomes(whale)]
    tip = max(whale.confirmed_height or 0 for whale in whales)
    found = figures_of(sums_of(outcomes, [], Height(tip)), LeadTimes())
    name = "forecast.mainnet.dec2014"
    yield shown(f"{name}.n", found.n, "came due")
    yield shown(f"{name}.censored", found.censored, "still waiting")
    for key, value in (
        ("hit_rate", found.hit_rate),
        ("hit_rate_low", found.hit_rate_low),
        ("hit_rate_high", found.hit_rate_high),
        ("baseline_n", found.baseline_n),
        ("baseline_hit_rate", found.baseline_hit_rate),
        ("skill_to_baseline", found.skill_to_baseline),
        ("skill_to_base_rate", found.skill_to_base_rate),
    ):
        yield shown(f"{name}.{key}", "unknown" if value is None else float(value), "")
    for n in BRIER_HORIZONS:
        ours, theirs = found.brier[str(n)], found.baseline_brier[str(n)]
        yield shown(f"{name}.brier{n}", "unknown" if ours is None else ours, "ours")
        yield shown(f"{name}.baseline_brier{n}", "unknown" if theirs is None else theirs, "projected block")


def _read() -> tuple[list[Seen], list[tuple[float, Block]]]:
    """The transactions that pay a fee, by first sight, and the blocks, by the moment the node had them."""
    connection = duckdb.connect()
    found = connection.execute(
        "SELECT txid, first_seen, fee_sat, size, confirmed_height FROM read_parquet(?) "
        "WHERE fee_sat > 0 ORDER BY first_seen",
        [str(FOLDER / "txs.parquet")],
    ).fetchall()
    listed = connection.execute(
        "SELECT height, CASE WHEN seen_by_node > 0 THEN seen_by_node ELSE header_time END, hash "
        "FROM read_csv(?) ORDER BY height",
        [str(FOLDER / "blocks.csv")],
    ).fetchall()
    connection.close()
    blocks = []
    for height, at, name in listed:
        block = Block(hash=BlockHash(name), height=Height(height), time=_moment(at))
        blocks.append((float(at), block))
    return [Seen(txid, float(at), fee, size, confirmed) for txid, at, fee, size, confirmed in found], blocks


def _lived(seen: Sequence[Seen], blocks: Sequence[tuple[float, Block]]) -> list[Prediction]:
    """Each transaction that came after half an hour is forecast at its first sight and lived to its end."""
    forecaster = Forecaster(PassageTable(MinerBeliefs()))
    began = blocks[0][0]
    came = {block.height: at for at, block in blocks}
    moments: list[tuple[float, int, object]] = [(at, 0, block) for at, block in blocks]
    moments += [(began + step, 1, None) for step in range(1, int(blocks[-1][0] - began), QUEUE_EVERY_SECONDS)]
    moments += [(one.at, 2, one) for one in seen if began < one.at < blocks[-1][0]]
    tip = blocks[0][1]
    whales = []
    for at, _, what in sorted(moments, key=lambda one: one[:2]):
        if isinstance(what, Block):
            tip = what
            forecaster.receive(BlockConnected(block=what, source=SourceName.BITCOIND), _moment(at))
            forecaster.receive(_queue_at(seen, came, at), _moment(at))
        elif what is None:
            forecaster.receive(_queue_at(seen, came, at), _moment(at))
        elif isinstance(what, Seen) and at > began + WARM_SECONDS:
            whales.append(_followed(what, tip, blocks, forecaster))
    return whales


def _followed(
    one: Seen, tip: Block, blocks: Sequence[tuple[float, Block]], forecaster: Forecaster
) -> Prediction:
    at = _moment(one.at)
    tx = Transaction(txid=Txid(one.txid), inputs=(), outputs=(), fee=Sats(one.fee), vsize=VBytes(one.size))
    whale = lifecycle.begin(tx, a_classification(), source=SourceName.BITCOIND, at=at, tip=tip)
    (forecast,) = forecaster.forecast([whale], at)
    if forecast is not None:
        whale = lifecycle.with_forecast(whale, forecast, at)
    for passed, block in blocks:
        if passed <= one.at or whale.confirmed_height is not None:
            continue
        if block.height == one.confirmed_height:
            whale = lifecycle.confirm(whale, block, _moment(passed))
        elif lifecycle.is_overdue(whale, block.height):
            whale = lifecycle.overdue(whale, _moment(passed))
    return whale


def _queue_at(seen: Sequence[Seen], came: dict[Height, float], at: float) -> QueueProjected:
    """The queue at that moment, in bins of a twentieth of their feerate, as a node tells it."""
    sizes: Counter[float] = Counter()
    for one in seen:
        if one.at > at:
            break
        if came.get(Height(one.confirmed_height), float("inf")) > at:
            sizes[float(f"{one.feerate:.2g}")] += one.size
    bins = tuple(FeeBin(SatPerVb(feerate), VBytes(size)) for feerate, size in sizes.items())
    return QueueProjected(blocks=project(bins), source=SourceName.BITCOIND, bins=bins)


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
