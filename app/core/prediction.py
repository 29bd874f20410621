"""A whale as Spout remembers it: one record from first sight to its end, the same through replacements."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.classification import Classification, Flag
from app.core.models import SourceName, Transaction
from app.core.units import BlockHash, Height, SatPerVb, Txid

HORIZONS = (1, 2, 3, 6, 12, 24, 144)
"""Blocks for which a probability is stated; the contract's keys."""


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
    """Ascending: filters go by the order in which they are declared."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When it will confirm, as believed at `made_at` with the chain at `at_height`."""

    made_at: datetime
    at_height: Height
    txid: Txid
    feerate: SatPerVb
    """Of its package, sat/vB."""
    probabilities: tuple[float, ...]
    """P(confirmed within n blocks) for n in HORIZONS, ascending."""
    p_dropped: float | None
    predicted_block: Height | None
    """The first height with a probability of at least 0.8; None if there is none within 144 blocks."""
    eta_seconds: int | None
    confidence_score: float | None
    urgency_score: float
    urgency: Urgency
    inputs: str
    """Where the queue was read: projected_blocks, bitcoind, electrs."""
    widened: bool = False
    """The inflow's window was still short, so the spread is wider."""
    inflow_seconds: float | None = None
    """How long arrivals had been watched."""
    recalibration_outcomes: int = 0
    """How many of the node's own outcomes straightened the probabilities; 0: none yet."""
    recalibration_age_seconds: float | None = None
    unstraightened: tuple[float, ...] = ()
    """The probabilities before the node's own outcomes straightened them, kept with an opening forecast:
    the next ones are learned from these. Empty: they were stated as they are."""


REVISIONS_HELD = 100
"""Of one forecast in memory: the first for each txid and so many of the latest; the store keeps all."""


def thinned(forecasts: tuple[Forecast, ...], latest: int = REVISIONS_HELD) -> tuple[Forecast, ...]:
    """Return the first forecast for each txid and the `latest` last ones, in their order."""
    openings = {one.txid: index for index, one in reversed(list(enumerate(forecasts)))}
    kept = {*openings.values(), *range(max(0, len(forecasts) - latest), len(forecasts))}
    return tuple(forecasts[index] for index in sorted(kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One whale. `first_forecast` is frozen and scored; `forecasts` holds its revisions, oldest first.

    Where they are many, some of the middle are left to the store (`thinned`).
    `version` counts every change, so that two copies can be told apart.
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
    """Those that come from its life; the classification's come on top in `all_flags`."""
    replaces: tuple[Txid, ...] = ()
    replaced_by: Txid | None = None
    conflicts_with: tuple[Txid, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    first_forecast: Forecast | None = None
    package_feerate: SatPerVb | None = None
    confirmed_height: Height | None = None
    confirmed_hash: BlockHash | None = None
    confirmed_at: datetime | None = None
    """When we first knew; the block's own timestamp can be hours off."""
    ended_at: datetime | None = None
    reason: str | None = None
    """Why it ended or what is uncertain, in words."""
    left_unverified: bool = False
    reorged: int = 0
    peel_of: str | None = None
    """The prediction that was announced for the coin this one carries on."""
    first_seen_in_block: bool = False
    outcome: Outcome | None = Outcome.CENSORED
    """None: confirmed, and nothing had been forecast that could be scored."""
    demo: bool = False

    @property
    def txid(self) -> Txid:
        return self.tx.txid

    @property
    def effective_feerate(self) -> SatPerVb | None:
        """What a miner earns by it: its package's feerate as last known, else its own."""
        return self.tx.feerate if self.package_feerate is None else self.package_feerate

    @property
    def all_flags(self) -> frozenset[Flag]:
        """Whether it is of a package is said by what that pays now, not at first sight."""
        of_package = {Flag.CPFP} if self.tx.is_of_package(self.package_feerate) else set()
        return self.flags | self.classification.flags - {Flag.CPFP} | of_package

    @property
    def forecast(self) -> Forecast | None:
        """The latest one of the present transaction."""
        latest = self.forecasts[-1] if self.forecasts else None
        return latest if latest is not None and latest.txid == self.txid else None

    @property
    def unforecast(self) -> str | None:
        """Why there is no forecast, in words; None where there is one."""
        if self.forecast is not None:
            return None
        if self.first_seen_in_block:
            return "it was first seen in its block"
        if self.tx.vsize is None or self.effective_feerate is None:
            return "its fee is not known"
        if self.effective_feerate <= 0:
            return "it pays no fee, and no child is known that pays for it"
        return "the market is not known yet"

    @property
    def lead_time_seconds(self) -> float | None:
        """From first sight to confirmation; None until then, and for one first seen in a block."""
        if self.confirmed_at is None or self.first_seen_in_block:
            return None
        return (self.confirmed_at - self.detected_at).total_seconds()
