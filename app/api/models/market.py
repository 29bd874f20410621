"""What the fee market is like now; what nobody has said is null."""

from typing import Annotated, Any

from pydantic import Field

from app.api.models.kinds import (
    INTEGER_OR_NULL,
    Answer,
    Count,
    FeeRate,
    Height,
    Moment,
    Seconds,
    Shape,
    keyed,
)
from app.core.forecasting import PERCENTILES, Congestion, QueueSource
from app.core.observations import TIERS

_RATE: dict[str, Any] = {"type": ["number", "null"], "minimum": 0, "description": "sat/vB"}


class Mempool(Shape):
    """The node's own."""

    transactions: Count | None
    vsize: float | None = Field(description="virtual bytes")
    usage_bytes: Count | None
    limit_bytes: Count | None
    minimum_fee_rate: FeeRate | None


class Recalibration(Shape):
    """Whether this node's own outcomes correct the stated chances."""

    in_use: bool = Field(description="from 300 outcomes of this node on")
    outcomes: Count
    age_s: Seconds | None


class UrgencyMetrics(Answer):
    """`GET /api/v1/urgency-metrics`."""

    block_height: Height | None
    fee_percentiles: Annotated[
        dict[str, float | None], keyed(PERCENTILES, _RATE, "by percentile of the vbytes that wait")
    ]
    recommended_fees: Annotated[dict[str, float | None], keyed(TIERS, _RATE, "as the source says")]
    blocks_to_confirm: Annotated[
        dict[str, int | None],
        keyed(TIERS, INTEGER_OR_NULL, "for a new transaction at that fee; null: over 144 blocks, or unknown"),
    ]
    mempool: Mempool
    congestion: Congestion | None
    fee_spike: bool | None
    queue_source: QueueSource | None
    recalibration: Recalibration
    updated_at: Moment
