"""Flow, moved value and evidence of one transaction, as made by `app.core.flow`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

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
    """A labelled sender or receiver; `basis` is the source of the label ("own label", "published", ...)."""

    name: str
    kind: str
    basis: str
    group: str | None = None
    labelled_at: str | None = None
    """ISO date of the label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The result of classification, in satoshi; `moved_low <= moved <= moved_high <= gross` always."""

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
    """Volume by flow, for a transaction that contains several flows; sums to `moved`."""
    flags: frozenset[Flag] = frozenset()
    evidence: tuple[str, ...] = ()
    missing_inputs: int = 0
    """Number of inputs whose prevout script is still unknown."""

    @property
    def counted(self) -> Sats:
        """The amount that a filter by size compares: `moved`; all that may have moved in a coinjoin.

        A coinjoin's moved value is suppressed, but the coinjoin must not vanish from a filter for that.
        """
        return self.moved_high if Flag.COINJOIN in self.flags else self.moved


def counted_sat(body: Mapping[str, Any]) -> int:
    """Return the same of a whale as the contract's `data` tells it; 0 if the amount is not known."""
    coinjoin = Flag.COINJOIN.value in (body.get("flags") or ())
    return int(body.get("moved_high_sat" if coinjoin else "moved_sat") or 0)
