"""The reference forecasts: 269,574 simulated first-seen whales with their fate."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.core.forecasting.eviction import chance_of_eviction
from app.core.forecasting.feerates import Floats
from app.core.forecasting.model import ForecastModel, Standings
from app.core.forecasting.pace import USUAL_CAPACITY_VBYTES
from tests.bench.scoring import FATES, Counts, Flags, Outcomes

FILE: Final = Path(__file__).parents[2] / "../shared/forecast_reference/forecasts.parquet"
LEARNED_FROM: Final = (1, 2, 3, 4)
TIERS: Final = ("fastest", "half_hour", "hour", "economy", "minimum")

_USUAL_VSIZE: Final = 330.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cases:
    """Forecasts to be made, and all that is needed to score them and the baselines on the same rows."""

    regime: NDArray[np.str_]
    seed: Counts
    standings: Standings
    feerates: Floats
    tiers: Floats
    index: Counts
    outcomes: Outcomes
    p_dropped: Floats

    def __len__(self) -> int:
        return len(self.seed)


def read_reference(path: Path = FILE) -> Cases:
    columns = {name: column.to_numpy() for name, column in _table(path)}

    def number(name: str) -> Floats:
        return columns[name].astype(np.float64)

    interval = 600.0 * (1.0 + 0.5 * (number("mean_interval") / 600.0 - 1.0))
    to_blocks = interval / USUAL_CAPACITY_VBYTES
    ahead = number("vb_ahead") + number("vb_same_bin") / 2.0 + _USUAL_VSIZE / 2.0
    ahead_blocks = ahead / USUAL_CAPACITY_VBYTES
    room = (number("mempool_limit_vb") - ahead) / USUAL_CAPACITY_VBYTES
    inflow = 0.9 * number("inflow_a") + 0.1 * number("inflow_d")
    feerates = number("feerate")
    fates = columns["fate"].astype(str)
    return Cases(
        regime=columns["regime"].astype(str),
        seed=columns["seed"].astype(np.intp),
        standings=Standings(
            ahead=ahead_blocks,
            inflow=inflow * to_blocks,
            fresh=np.ones(len(feerates), dtype=bool),
            below_one=feerates < 1.0,
        ),
        feerates=feerates,
        tiers=np.stack([number(f"fee_{tier}") for tier in TIERS], axis=1),
        index=columns["projected_index"].astype(np.intp),
        outcomes=Outcomes(
            fate=np.array([FATES[fate] for fate in fates], dtype=np.intp),
            blocks=columns["blocks"].astype(np.intp),
        ),
        p_dropped=chance_of_eviction(
            ahead_blocks, room, number("inflow_c") * to_blocks, number("inflow_d") * to_blocks
        ),
    )


def standings_at(standings: Standings, chosen: Flags) -> Standings:
    return Standings(
        ahead=standings.ahead[chosen],
        inflow=standings.inflow[chosen],
        fresh=standings.fresh[chosen],
        below_one=standings.below_one[chosen],
        widening=standings.widening,
    )


def in_pieces(model: ForecastModel, standings: Standings, piece: int = 20_000) -> Floats:
    """Forecast many rows without holding every intermediate array at once."""
    parts = []
    for start in range(0, len(standings.ahead), piece):
        chosen = np.zeros(len(standings.ahead), dtype=bool)
        chosen[start : start + piece] = True
        parts.append(model.probabilities(standings_at(standings, chosen)))
    return np.concatenate(parts)


def _table(path: Path) -> list[tuple[str, object]]:
    table = pq.read_table(path)
    return [(name, table.column(name)) for name in table.column_names]
