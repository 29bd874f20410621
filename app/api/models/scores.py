"""How right Spout was: the outcome of one prediction, and the figures over many."""

from typing import Annotated

from pydantic import Field

from app.api.models.kinds import NUMBER_OR_NULL, Answer, Count, Height, Moment, Seconds, Shape, Share, keyed
from app.core.prediction import HORIZONS, Outcome
from app.core.scoring import BRIER_HORIZONS, Period


class PredictionOutcome(Shape):
    """What became of one prediction, by the rules of docs/accuracy.md."""

    result: Outcome | None = Field(description="null: it was confirmed and nothing had been forecast")
    scored_forecast_at: Moment | None = Field(
        description="when the scored forecast was made; null: none is scored"
    )
    predicted_block: Height | None = Field(
        description="of the scored forecast; null: over 144 blocks, or none"
    )
    confirmed_height: Height | None = Field(description="null: not confirmed")
    lead_time_s: Seconds | None = Field(
        description="from first sight to confirmation; null: not confirmed, or first seen in a block"
    )
    flow_right: bool | None = Field(description="null until it is confirmed")
    excused: bool = Field(description="first seen less than 180 s before its block; counted apart")


class BrierSkill(Shape):
    """1 is perfect, 0 no better than the reference, below 0 worse."""

    baseline: float | None = Field(
        description="against the projected block + 1; null below 20, or the reference was never wrong"
    )
    base_rate: float | None = Field(
        description="against the share that was confirmed in time; null as baseline"
    )


class LeadTime(Shape):
    """Quantiles, in seconds, from first sight to confirmation."""

    p10: Seconds | None = Field(description="null: nothing was confirmed")
    p50: Seconds | None = Field(description="null: nothing was confirmed")
    p90: Seconds | None = Field(description="null: nothing was confirmed")


class Figures(Shape):
    """n = on_time + late + dropped; replaced and censored are in no hit rate."""

    n: Count = Field(description="forecasts that came due")
    on_time: Count
    late: Count
    dropped: Count
    replaced: Count = Field(description="by their owners, before the predicted block was mined")
    censored: Count = Field(description="still pending, the predicted block not mined yet")
    excused: Count
    hit_rate: Share | None = Field(description="on_time / n; null below 20")
    hit_rate_low: Share | None = Field(description="Wilson, 95 %; null below 20")
    hit_rate_high: Share | None = Field(description="Wilson, 95 %; null below 20")
    baseline_n: Count = Field(description="those of n for which a projected block was known at the forecast")
    baseline_hit_rate: Share | None = Field(
        description="the projected block + 1, same transactions; null below 20"
    )
    brier: Annotated[
        dict[str, float | None], keyed(BRIER_HORIZONS, NUMBER_OR_NULL, "by blocks; null below 20")
    ]
    baseline_brier: Annotated[
        dict[str, float | None], keyed(BRIER_HORIZONS, NUMBER_OR_NULL, "by blocks; null below 20")
    ]
    brier_skill: BrierSkill
    lead_time_s: LeadTime
    replaced_share: Share | None = Field(description="replaced / (n + replaced); null below 20")
    flow_judged: Count = Field(description="confirmed whales whose flow can be judged")
    flow_right: Count
    false_positives: Count = Field(description="ended dropped, or the flow changed")
    false_positive_rate: Share | None = Field(
        description="false_positives of announced whales that ended; null below 20"
    )
    false_negatives: Count = Field(description="whales of blocks that were never announced")
    false_negative_rate: Share | None = Field(
        description="false_negatives of whales that were confirmed; null below 20"
    )


class PeriodFigures(Figures):
    """The figures of one period: from `start` up to, not including, `end`."""

    start: Moment
    end: Moment


class Statistics(Answer):
    """`GET /api/v1/statistics`."""

    period: Period
    periods: list[PeriodFigures] = Field(description="oldest first")


class CalibrationBin(Shape):
    """Stated chances from `from` up to `to`; what was stated on the mean, and what was seen."""

    from_: Share = Field(alias="from")
    to: Share
    n: Count
    stated: Share | None = Field(description="null where n is 0")
    seen: Share | None = Field(description="null where n is 0")


class Correlation(Answer, Figures):
    """`GET /api/v1/correlation`: predictions against outcomes over a window that ends now."""

    days: int = Field(json_schema_extra={"minimum": 1, "maximum": 90})
    start: Moment
    end: Moment
    calibration: dict[str, list[CalibrationBin]] = Field(
        description=f"by blocks: {', '.join(str(blocks) for blocks in HORIZONS)}"
    )
    by_flow: dict[str, Figures]
    by_urgency: dict[str, Figures]
    by_first_source: dict[str, Figures]
