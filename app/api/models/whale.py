"""A whale as the API, the stream, the webhooks and the pages tell it."""

from typing import Annotated, Any

from pydantic import Field

from app.api.models.kinds import (
    Count,
    FeeRate,
    Height,
    Moment,
    Sats,
    Seconds,
    Shape,
    Share,
    Txid,
    keyed,
)
from app.core.classification import Flag, Flow, MovedIs
from app.core.models import SourceName
from app.core.prediction import HORIZONS, Outcome, Status, Urgency

_CHANCE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
Chances = Annotated[
    dict[str, float], keyed(HORIZONS, _CHANCE, "the chance to be confirmed within so many blocks")
]


class Entity(Shape):
    """A named sender or receiver."""

    name: str
    kind: str = Field(description="exchange, custodian, etf, pool, government, company, bridge, other")
    basis: str = Field(description="whose word the label is: published, attributed, own label")
    group: str | None = Field(description="entities of one group are one actor; null: it stands alone")
    labelled_at: str | None = Field(description="ISO date of the label; null: not known")


class FiatValue(Shape):
    """What moves, by the price of the operator's own backend."""

    currency: str = Field(description="ISO 4217", examples=["EUR"])
    amount: float = Field(description="in units of that currency, rounded to hundredths")


class ForecastFigures(Shape):
    """When it will confirm; null where there is no forecast."""

    urgency_score: Share | None = Field(description="null: no forecast")
    urgency: Urgency | None = Field(description="low, medium from 0.40, high from 0.75; null: no forecast")
    confidence_score: Share | None = Field(
        description="the chance to be confirmed by predicted_block, else in 144 blocks; null: no forecast"
    )
    predicted_block: Height | None = Field(
        description="the first height with a chance of 0.8; null: none within 144 blocks, or no forecast"
    )
    predicted_at_height: Height | None = Field(
        description="the tip when the forecast was made; null: no forecast"
    )
    confirmation_probability: Chances | None = Field(
        description="the chance to be confirmed within so many blocks; null: no forecast"
    )
    eta_seconds: Count | None = Field(description="seconds to the predicted block; null where that is null")


class MempoolWhaleSignal(ForecastFigures):
    """One whale: what moves, who pays whom, when it will confirm, what became of it."""

    prediction_id: str = Field(description="the same through every replacement")
    txid: Txid
    replaces: list[Txid] = Field(description="the txids it had before, oldest first")
    replaced_by: Txid | None = Field(description="where the id could not go on; else null")
    peel_of: str | None = Field(description="the prediction whose coin it carries on; null: none is known")
    conflicts_with: list[Txid]
    status: Status
    reason: str | None = Field(
        description="why it ended, or what is uncertain, in words; null: nothing to say"
    )
    left_unverified: bool = Field(description="it left the mempool and no source could say why")
    flow_type: Flow = Field(
        description="inflow: to an exchange; outflow: from one; internal: within one group; "
        "inter_exchange; unknown"
    )
    from_entities: list[Entity]
    to_entities: list[Entity]
    split_sat: dict[str, Sats] = Field(
        description="satoshi by flow, where one transaction is several; else empty"
    )
    evidence: list[str] = Field(description="why this flow and this amount, in words")
    gross_sat: Sats = Field(description="all outputs, satoshi")
    moved_sat: Sats = Field(description="what leaves the sender, satoshi")
    moved_low_sat: Sats = Field(description="what certainly moves, satoshi")
    moved_high_sat: Sats = Field(description="what may move at most, satoshi")
    internal_sat: Sats = Field(description="what stays in the sender's group beside a payment, satoshi")
    moved_is: MovedIs = Field(
        description="certain: every output attributed by script or label; likely; up_to: heuristics disagree"
    )
    value_fiat: FiatValue | None = Field(
        description="of moved_sat; null: off, or no price younger than two hours is known"
    )
    fee_sat: Sats | None = Field(description="satoshi; null: a spent amount is not known")
    vsize: float | None = Field(description="virtual bytes; null: not known")
    fee_rate: FeeRate | None = Field(description="its own, sat/vB; null: fee or size is not known")
    effective_fee_rate: FeeRate | None = Field(
        description="of its package, else its own, sat/vB; null: neither is known"
    )
    rbf_signaled: bool = Field(description="BIP 125")
    was_modified: bool = Field(description="it was replaced at least once")
    flags: list[Flag]
    no_forecast: str | None = Field(description="why there is no forecast, in words; null where there is one")
    detected_at: Moment = Field(description="first sight, UTC")
    first_seen_by: SourceName
    confirmed_height: Height | None = Field(description="null: not confirmed")
    confirmed_at: Moment | None = Field(description="when Spout first knew, UTC; null: not confirmed")
    ended_at: Moment | None = Field(
        description="when it was confirmed, replaced or dropped, UTC; null: it is pending"
    )
    lead_time_s: Seconds | None = Field(
        description="from first sight to confirmation; null until then, and for one first seen in a block"
    )
    outcome: Outcome | None = Field(
        description="censored while it is open; null: confirmed without a forecast that could be scored"
    )
    demo: bool


class ForecastRevision(ForecastFigures):
    """One revision of a forecast."""

    made_at: Moment
    txid: Txid
    fee_rate: FeeRate = Field(description="of its package, sat/vB")
    p_dropped: Share | None = Field(description="the chance that it is never confirmed; null: not worked out")
    inputs: str = Field(description="where the queue was read: projected_blocks, bitcoind, electrs")
    widened: bool = Field(description="arrivals had been watched for a short time only, so it is less sure")
    inflow_s: Seconds | None = Field(
        description="how long arrivals had been watched, seconds; null: not known"
    )
    recalibration_outcomes: Count = Field(description="this node's own outcomes that it was recalibrated by")
    recalibration_age_s: Seconds | None = Field(description="null: it was not recalibrated")


class Link(Shape):
    """One txid of a prediction; `since` and the fee are those told then, null where nothing was told."""

    txid: Txid
    since: Moment | None = Field(description="when it was told, UTC; null: nothing was told of it")
    fee_sat: Sats | None = Field(description="satoshi; null: not known then")
    fee_rate: FeeRate | None = Field(description="sat/vB; null: not known then")
    replaced_by: Txid | None = Field(description="null: it is the latest")


class PageInfo(Shape):
    """Where a page stands; `next_cursor` goes into `cursor`."""

    limit: Count
    has_next: bool
    next_cursor: str | None = Field(description="opaque; null on the last page")
