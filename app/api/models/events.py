"""Events: the envelope on the stream, in the API and in webhooks alike, and what each type says."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from app.api.models.kinds import Count, FeeRate, Height, Moment, Sats, Seconds, Shape, Share
from app.core.events import EventType
from app.views import Level


class Event(Shape):
    """Numbered without gaps for whoever hears all; `data` is as `DATA_OF` says for its type."""

    type: EventType
    id: str
    sequence: Count
    timestamp: Moment
    data: dict[str, Any] = Field(
        description="a MempoolWhaleSignal for types that begin with whale.; else as the type's schema says"
    )


class AccuracyBecause(StrEnum):
    """Why accuracy fell, as far as the figures tell."""

    FEE_SPIKE = "fee_spike"
    EMPTY_BLOCKS = "empty_blocks"
    SOURCE_DEGRADED = "source_degraded"
    MODEL = "model"
    UNKNOWN = "unknown"


class AccuracyChanged(Shape):
    """accuracy.degraded, accuracy.recovered."""

    window: str = Field(description="1h, 24h or 7d: the shortest with at least 20 outcomes")
    n: Count
    on_time: Count
    hit_rate: Share
    hit_rate_low: Share
    hit_rate_high: Share
    threshold: Share
    because: AccuracyBecause | None = Field(description="null when it recovered")
    words: str


class SourceChanged(Shape):
    """source.degraded, source.recovered: how much is seen has changed."""

    rung: Level = Field(description="now, best first")
    before: Level | None = Field(description="null: Spout had just started")
    since: Moment
    reason: str | None = Field(description="in words; null: nothing is wrong")


class FeesSpiked(Shape):
    """fees.spiked."""

    next_block_median: FeeRate | None = Field(
        description="of the next projected block, sat/vB; null: not known"
    )
    tip_height: Height | None = Field(description="null: not known yet")


class MemoryPressure(Shape):
    """memory.pressure: pending whales were unloaded; the store has them."""

    rss_mb: float = Field(description="resident memory, MB")
    limit_mb: int = Field(description="resident memory it may have, MB")
    shed: Count = Field(description="whales unloaded just now")
    pending: Count = Field(description="whales that stay loaded")


class EndpointDisabled(Shape):
    """endpoint.disabled."""

    endpoint_id: str
    name: str
    because: str


class TestAlert(Shape):
    """test: only to the endpoint that is tested."""

    endpoint_id: str | None = Field(default=None, description="whom it is made for; null: not kept")
    words: str


class AlertDigest(Shape):
    """alert.digest, alert.summary: what quiet hours or a budget held back."""

    endpoint_id: str | None = Field(default=None, description="whom it is made for; null: not kept")
    start: Moment
    end: Moment
    count: Count
    moved_sat: Sats
    prediction_ids: list[str]
    words: str


class FeesCrossed(Shape):
    """fees.crossed: the next block's fee went over or under what an endpoint watches."""

    endpoint_id: str | None = Field(default=None, description="whom it is made for; null: not kept")
    direction: str = Field(json_schema_extra={"enum": ["under", "over"]})
    fee_rate: FeeRate
    limit: FeeRate
    words: str


class FlowCrossed(Shape):
    """flow.crossed: more than what an endpoint watches went to or from exchanges."""

    endpoint_id: str | None = Field(default=None, description="whom it is made for; null: not kept")
    entity: str | None = Field(description="null: all exchanges together")
    direction: str = Field(json_schema_extra={"enum": ["inflow", "outflow"]})
    net_sat: Sats
    limit_sat: Sats
    hours: int = Field(description="within so many hours")
    words: str


class PeriodicReport(Shape):
    """report.periodic: a day or a week in figures."""

    endpoint_id: str | None = Field(default=None, description="whom it is made for; null: not kept")
    start: Moment
    end: Moment
    whales: Count
    net_flow_sat: int = Field(description="to exchanges less from them, satoshi")
    largest_sat: Sats | None = Field(description="what the largest whale moves, satoshi; null: no whale")
    due: Count = Field(description="forecasts that came due")
    hit_rate: Share | None = Field(description="on time of those that came due; null below 20")
    uptime_s: Seconds | None = Field(description="null: not measured")
    words: str
