"""How right Spout was: by period, over a window, and of one prediction."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from app.api.base import ApiHandler
from app.api.models import (
    BrierSkill,
    CalibrationBin,
    Correlation,
    CorrelationQuery,
    Figures,
    LeadTime,
    PeriodFigures,
    PredictionOutcome,
    Statistics,
    StatisticsQuery,
)
from app.core import scoring
from app.core.prediction import Prediction, Status
from app.core.scoring import Period

DEFAULT_DAYS = {
    Period.DAILY: 90,
    Period.WEEKLY: 366,
    Period.MONTHLY: 2 * 366,
    Period.QUARTERLY: 5 * 366,
}
"""So far back where no start is given."""
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""What is asked beyond is cut to these: nothing is kept there, and whole periods would leave the calendar."""


class StatisticsHandler(ApiHandler):
    QUERIES: ClassVar[frozenset[str]] = frozenset(("GET",))
    REVALIDATED = True

    async def get(self) -> None:
        query = self.asked_query(StatisticsQuery)
        period = query.period or Period.DAILY
        end = _within(query.end_date or self.parts.clock.now())
        start = _within(query.start_date or end - timedelta(days=DEFAULT_DAYS[period]))
        found = await self.parts.open_accounts().statistics(period, start, end)
        await self.answer_from_thread(
            lambda: Statistics(
                period=period,
                periods=[
                    PeriodFigures(start=one.start, end=one.end, **dict(figures_shape(one.figures)))
                    for one in found
                ],
            )
        )


_MINUTE = timedelta(minutes=1)


class CorrelationHandler(ApiHandler):
    QUERIES: ClassVar[frozenset[str]] = frozenset(("GET",))
    REVALIDATED = True

    async def get(self) -> None:
        days = self.asked_query(CorrelationQuery).days or 30
        # To the full minute that is next, so that what has not changed is not sent again.
        now = self.parts.clock.now()
        end = now + (_MINUTE - timedelta(seconds=now.timestamp() % 60)) % _MINUTE
        found = await self.parts.open_accounts().correlation(end - timedelta(days=days), end)
        await self.answer_from_thread(
            lambda: Correlation(
                days=days,
                start=found.start,
                end=found.end,
                **dict(figures_shape(found.figures)),
                calibration={
                    horizon: [
                        CalibrationBin(
                            **{"from": one.low}, to=one.high, n=one.n, stated=one.stated, seen=one.seen
                        )
                        for one in bins
                    ]
                    for horizon, bins in found.calibration.items()
                },
                by_flow=_groups(found.by_flow),
                by_urgency=_groups(found.by_urgency),
                by_first_source=_groups(found.by_first_source),
            )
        )


def _within(moment: datetime) -> datetime:
    return min(max(moment, _EARLIEST), _LATEST)


def figures_shape(figures: scoring.Figures) -> Figures:
    leads = figures.lead_times
    return Figures(
        n=figures.n,
        on_time=figures.on_time,
        late=figures.late,
        dropped=figures.dropped,
        replaced=figures.replaced,
        censored=figures.censored,
        excused=figures.excused,
        hit_rate=figures.hit_rate,
        hit_rate_low=figures.hit_rate_low,
        hit_rate_high=figures.hit_rate_high,
        baseline_n=figures.baseline_n,
        baseline_hit_rate=figures.baseline_hit_rate,
        brier=dict(figures.brier),
        baseline_brier=dict(figures.baseline_brier),
        brier_skill=BrierSkill(baseline=figures.skill_to_baseline, base_rate=figures.skill_to_base_rate),
        lead_time_s=LeadTime(p10=leads.p10, p50=leads.p50, p90=leads.p90),
        replaced_share=figures.replaced_share,
        flow_judged=figures.flow_judged,
        flow_right=figures.flow_right,
        false_positives=figures.false_positives,
        false_positive_rate=figures.false_positive_rate,
        false_negatives=figures.false_negatives,
        false_negative_rate=figures.false_negative_rate,
    )


def outcome_of(prediction: Prediction) -> PredictionOutcome:
    """Of its present transaction; `scored_forecast_at` is null where no forecast of it is scored."""
    scored = [one for one in scoring.forecast_outcomes(prediction) if one.txid == prediction.txid]
    opening = prediction.first_forecast if scored else None
    ended = scoring.whale_outcome(prediction)
    return PredictionOutcome(
        result=prediction.outcome if not scored else scored[0].result,
        scored_forecast_at=opening.made_at if opening else None,
        predicted_block=opening.predicted_block if opening else None,
        confirmed_height=prediction.confirmed_height,
        lead_time_s=prediction.lead_time_seconds if prediction.status is Status.CONFIRMED else None,
        flow_right=ended.flow_right if ended else None,
        excused=scoring.is_excused(prediction),
    )


def _groups(groups: Mapping[str, scoring.Figures]) -> dict[str, Figures]:
    return {name: figures_shape(figures) for name, figures in groups.items()}
