"""Which events an endpoint gets, by type, flow, amount, urgency and entity."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from app.core.classification import Flow, counted_sat
from app.core.events import TO_ONE_ENDPOINT, EventType
from app.core.prediction import Status, Urgency
from app.core.units import SATS_PER_BTC

QUIET_TYPES: Final = frozenset((EventType.UPDATED, EventType.MEMORY_PRESSURE))
QUIET_FLOWS: Final = frozenset((Flow.INTERNAL,))
_URGENCIES: Final = (Urgency.LOW, Urgency.MEDIUM, Urgency.HIGH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """An empty set means all types but QUIET_TYPES, or all flows but QUIET_FLOWS; None means no limit."""

    types: frozenset[EventType] = frozenset()
    flow_types: frozenset[Flow] = frozenset()
    entities: frozenset[str] = frozenset()
    min_moved_btc: Decimal | None = None
    min_urgency: Urgency | None = None
    confirmed_only: bool = False


def wanted(rules: Rules, type_: EventType, body: Mapping[str, Any]) -> bool:
    """Return whether an event, with the contract's `data` as its body, is sent under these rules."""
    return refused_by(rules, type_, body) is None


def refused_by(rules: Rules, type_: EventType, body: Mapping[str, Any]) -> str | None:
    """Return the name of the first rule that an event does not pass; None if it passes all.

    The rules on a whale's amount, flow, urgency and entities do not apply to other events.
    """
    if type_ in TO_ONE_ENDPOINT:
        return "types"  # addressed to one endpoint, and routed to it by its producer
    if type_ not in rules.types if rules.types else _is_quiet(type_, body):
        return "types"
    return _refused_whale(rules, body) if type_.value.startswith("whale.") else None


def _is_quiet(type_: EventType, body: Mapping[str, Any]) -> bool:
    """Return whether it is sent only to those who ask for its type: one coin moved in hops is one alert."""
    return type_ in QUIET_TYPES or body.get("peel_of") is not None


def _refused_whale(rules: Rules, body: Mapping[str, Any]) -> str | None:
    flow = body.get("flow_type")
    if rules.confirmed_only and body.get("status") != Status.CONFIRMED.value:
        return "confirmed_only"
    if flow not in rules.flow_types if rules.flow_types else flow in QUIET_FLOWS:
        return "flow_types"
    if rules.min_moved_btc is not None and counted_sat(body) < rules.min_moved_btc * SATS_PER_BTC:
        return "min_moved_btc"
    if rules.min_urgency is not None and not _urgent(body.get("urgency"), rules.min_urgency):
        return "min_urgency"
    wanted = {name.casefold() for name in rules.entities}
    return "entities" if wanted and not wanted & _parties(body) else None


def _urgent(reported: object, least: Urgency) -> bool:
    try:
        return _URGENCIES.index(Urgency(str(reported))) >= _URGENCIES.index(least)
    except ValueError:
        return False


def _parties(body: Mapping[str, Any]) -> set[str]:
    """Return names and groups, case folded: as a search finds them, and a watched net flow."""
    both = (*(body.get("from_entities") or ()), *(body.get("to_entities") or ()))
    return {str(one[key]).casefold() for one in both for key in ("name", "group") if one.get(key)}
