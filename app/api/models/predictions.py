"""Predictions as the API lists them, and one with its whole life."""

from pydantic import Field

from app.api.models.events import Event
from app.api.models.kinds import Answer, Count
from app.api.models.mapping import MempoolWhaleSignal
from app.api.models.scores import PredictionOutcome
from app.api.models.whale import ForecastRevision, Link, PageInfo


class PredictionPage(Answer):
    """`GET /api/v1/predictions`."""

    predictions: list[MempoolWhaleSignal] = Field(description="newest first")
    total_count: Count
    page_info: PageInfo


class PredictionLife(MempoolWhaleSignal):
    """`GET /api/v1/predictions/{txid}`: the whale, and how it came to be what it is."""

    lineage: list[Link] = Field(description="every txid it had, oldest first")
    forecasts: list[ForecastRevision] = Field(description="every revision, oldest first")
    first_forecast: ForecastRevision | None = Field(
        description="the one that is scored; null: nothing was forecast"
    )
    outcome_detail: PredictionOutcome | None = Field(description="null: not worked out yet")
    events: list[Event] = Field(description="everything that was told of it, oldest first")
