"""What the coins of one transaction do, as far as it can be known; made by `app.core.classify`."""

from dataclasses import dataclass, field
from enum import StrEnum

from app.core.units import Sats


class Flow(StrEnum):
    INFLOW = "inflow"
    OUTFLOW = "outflow"
    INTERNAL = "internal"
    INTER_EXCHANGE = "inter_exchange"
    UNKNOWN = "unknown"


class MovedIs(StrEnum):
    CERTAIN = "certain"
    LIKELY = "likely"
    UP_TO = "up_to"


class Flag(StrEnum):
    CONSOLIDATION = "consolidation"
    BATCH = "batch"
    COINJOIN = "coinjoin"
    SWEEP = "sweep"
    PEEL = "peel"
    CPFP = "cpfp"
    FEE_SPIKE = "fee_spike"
    CONFLICT = "conflict"
    LATE_SEEN = "late_seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A named sender or receiver; `basis` says whose word the label is ("own label", "published", ...)."""

    name: str
    kind: str
    basis: str
    group: str | None = None
    labelled_at: str | None = None
    """ISO date of the label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Amounts in satoshi; `moved_low <= moved <= moved_high <= gross` always."""

    flow: Flow
    gross: Sats
    moved: Sats
    moved_low: Sats
    moved_high: Sats
    moved_is: MovedIs
    internal: Sats
    from_entities: tuple[Party, ...] = ()
    to_entities: tuple[Party, ...] = ()
    split: dict[Flow, Sats] = field(default_factory=dict)
    """Volume by flow where one transaction is several; sums to `moved`."""
    flags: frozenset[Flag] = frozenset()
    evidence: tuple[str, ...] = ()
    missing_inputs: int = 0
    """Inputs whose spent script is still unknown."""
