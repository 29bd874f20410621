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

    transactions: Count | None = Field(description="null: not known")
    vsize: float | None = Field(description="virtual bytes; null: not known")
    usage_bytes: Count | None = Field(description="memory in use; null: not known")
    limit_bytes: Count | None = Field(description="memory it may use; null: not known")
    minimum_fee_rate: FeeRate | None = Field(description="what it takes at least, sat/vB; null: not known")


class Recalibration(Shape):
    """Whether this node's own outcomes correct the stated chances."""

    in_use: bool = Field(description="from 300 outcomes of this node on")
    outcomes: Count
    age_s: Seconds | None = Field(description="since it was worked out; null: none is in use")


class UrgencyMetrics(Answer):
    """`GET /api/v1/urgency-metrics`."""

    block_height: Height | None = Field(description="the tip; null: not known yet")
    fee_percentiles: Annotated[
        dict[str, float | None],
        keyed(PERCENTILES, _RATE, "by percentile of the vbytes that wait; null: not known"),
    ]
    recommended_fees: Annotated[
        dict[str, float | None], keyed(TIERS, _RATE, "as the source says; null: not known")
    ]
    blocks_to_confirm: Annotated[
        dict[str, int | None],
        keyed(TIERS, INTEGER_OR_NULL, "for a new transaction at that fee; null: over 144 blocks, or unknown"),
    ]
    mempool: Mempool
    congestion: Congestion | None = Field(description="null: not known yet")
    fee_spike: bool | None = Field(description="null: not known yet")
    queue_source: QueueSource | None = Field(
        description="where the queue was read; null: it was not read yet"
    )
    recalibration: Recalibration
    updated_at: Moment
