"""The record of one whale from first seen to its end, the same through replacements."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.classification import Classification, Flag, Flow
from app.core.models import SourceName, Transaction
from app.core.prices import Price
from app.core.units import BlockHash, Height, SatPerVb, Txid

HORIZONS = (1, 2, 3, 6, 12, 24, 144)
"""Numbers of blocks for which a probability is stated; the contract's keys."""
FARTHEST = Height(HORIZONS[-1])
"""Number of blocks after which a forecast without a predicted block is due."""


class Status(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REPLACED = "replaced"
    DROPPED = "dropped"


class Outcome(StrEnum):
    ON_TIME = "on_time"
    LATE = "late"
    DROPPED = "dropped"
    REPLACED = "replaced"
    CENSORED = "censored"


class Urgency(StrEnum):
    """Ascending: filters compare by declaration order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When a transaction will confirm, as forecast at `made_at` with the tip at `at_height`."""

    made_at: datetime
    at_height: Height
    txid: Txid
    feerate: SatPerVb
    """Feerate of its package, sat/vB."""
    probabilities: tuple[float, ...]
    """P(confirmed within n blocks) for n in HORIZONS, ascending."""
    p_dropped: float | None
    predicted_block: Height | None
    """The first height whose probability is at least 0.8; None if there is none within 144 blocks."""
    eta_seconds: int | None
    confidence_score: float | None
    urgency_score: float
    urgency: Urgency
    inputs: str
    """Source of the queue: projected_blocks, bitcoind or electrs."""
    widened: bool = False
    """Whether the distribution was widened because the inflow had not been observed for long enough."""
    inflow_seconds: float | None = None
    """How long arrivals had been observed."""
    recalibration_outcomes: int = 0
    """Number of the node's own outcomes that the probabilities were recalibrated with; 0: none yet."""
    recalibration_age_seconds: float | None = None
    raw: tuple[float, ...] = ()
    """The probabilities before recalibration, kept with an opening forecast because later recalibrations
    are fitted to them. Empty: no recalibration was applied."""
    projected_block: int | None = None
    """Number of the projected block that its feerate reaches, 1 is the next: the baseline to which our
    forecast is compared. None where no source projects blocks."""

    @property
    def due_height(self) -> Height:
        """The height at which the forecast is decided: the predicted block, else 144 blocks on."""
        return self.predicted_block or Height(self.at_height + FARTHEST)


REVISIONS_HELD = 100
"""Latest forecasts held in memory per prediction, besides the first for each txid; the store keeps all."""


def thinned(forecasts: tuple[Forecast, ...], latest: int = REVISIONS_HELD) -> tuple[Forecast, ...]:
    """Return the first forecast for each txid and the last `latest` ones, in their order."""
    openings = {one.txid: index for index, one in reversed(list(enumerate(forecasts)))}
    kept = {*openings.values(), *range(max(0, len(forecasts) - latest), len(forecasts))}
    return tuple(forecasts[index] for index in sorted(kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """The replacement of one transaction of a prediction by another, kept to score its forecast."""

    txid: Txid
    by: Txid
    at: datetime
    at_height: Height | None
    """Height of the tip at that time; None if it was not known."""
    flow: Flow | None
    """The flow with which `txid` was announced."""
    overdue_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One whale. `first_forecast` is frozen and scored; `forecasts` holds the revisions, oldest first.

    Where there are many revisions, those in the middle are kept in the store only (`thinned`).
    `version` counts every change, so that two copies can be compared.
    """

    prediction_id: str
    version: int
    tx: Transaction
    classification: Classification
    status: Status
    detected_at: datetime
    detected_height: Height | None
    first_seen_by: SourceName
    updated_at: datetime
    flags: frozenset[Flag] = frozenset()
    """Flags set by the tracker; `all_flags` adds those of the classification."""
    replaces: tuple[Txid, ...] = ()
    replaced_by: Txid | None = None
    conflicts_with: tuple[Txid, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    first_forecast: Forecast | None = None
    package_feerate: SatPerVb | None = None
    confirmed_height: Height | None = None
    confirmed_hash: BlockHash | None = None
    confirmed_at: datetime | None = None
    """When we first knew that it was confirmed; the block's own timestamp can be hours off."""
    ended_at: datetime | None = None
    reason: str | None = None
    """Why it ended or what is uncertain, as text."""
    left_unverified: bool = False
    held_by: tuple[SourceName, ...] = ()
    """Sources in whose mempools the current transaction is, one name a mempool, as known when this version
    was stored: after a restart each of them is waited for. () in records older than this field."""
    reorged: int = 0
    peel_of: str | None = None
    """Id of the prediction that was announced for the peel chain this transaction continues."""
    first_seen_in_block: bool = False
    outcome: Outcome | None = Outcome.CENSORED
    """None: confirmed without a forecast that could be scored."""
    announced_flow: Flow | None = None
    """Flow of the current transaction when it was first seen; None in records older than this field."""
    overdue_since: datetime | None = None
    """When the block at which the scored forecast was due was mined without this transaction."""
    replacements: tuple[Replacement, ...] = ()
    """The replacements that led to the current transaction or ended the prediction; oldest first."""
    clock_steps_seconds: float = 0.0
    """Sum of wall clock steps (back: negative) between first seen and the end."""
    price: Price | None = None
    """The price when this version was stored, so that its event says the same each time it is read."""
    demo: bool = False

    @property
    def txid(self) -> Txid:
        return self.tx.txid

    @property
    def effective_feerate(self) -> SatPerVb | None:
        """The feerate a miner earns by including it: its package's as last known, else its own."""
        return self.tx.feerate if self.package_feerate is None else self.package_feerate

    @property
    def all_flags(self) -> frozenset[Flag]:
        """All flags; CPFP follows from the package feerate as it is now, not as it was when first seen."""
        of_package = {Flag.CPFP} if self.tx.is_of_package(self.package_feerate) else set()
        return self.flags | self.classification.flags - {Flag.CPFP} | of_package

    @property
    def forecast(self) -> Forecast | None:
        """The latest forecast of the current transaction; None if it has none."""
        latest = self.forecasts[-1] if self.forecasts else None
        return latest if latest is not None and latest.txid == self.txid else None

    @property
    def unforecast(self) -> str | None:
        """Why there is no forecast, as text; None where there is one."""
        if self.forecast is not None:
            return None
        if self.first_seen_in_block:
            return "it was first seen in its block"
        if self.status is Status.CONFIRMED:
            return "it confirmed before anything was known to forecast it from"
        if self.tx.vsize is None or self.effective_feerate is None:
            return "its fee is not known"
        if self.effective_feerate <= 0:
            return "it pays no fee, and no child is known that pays for it"
        return "the market is not known yet"

    @property
    def lead_time_seconds(self) -> float | None:
        """Seconds from first seen to confirmed; None until confirmed, and if first seen in a block."""
        if self.confirmed_at is None or self.first_seen_in_block:
            return None
        return (self.confirmed_at - self.detected_at).total_seconds() - self.clock_steps_seconds
