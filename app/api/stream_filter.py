"""What a client of the stream wants to hear. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.api.problems import bad_parameter
from app.api.query import Choice, btc_to_sats, choice, entity_name, refuse_unknown
from app.core.classification import Flow
from app.core.events import Event, EventType
from app.core.prediction import Status, Urgency

FILTERS = ("types", "status", "flow_type", "min_btc_value", "min_urgency", "entity")
_RANKS = {urgency.value: rank for rank, urgency in enumerate(Urgency)}
_MOST_CHOICES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """None lets everything pass.

    All but `types` are asked of whales only: that a source is down is told to whoever listens,
    unless `types` leaves it out.
    """

    types: tuple[EventType, ...] | None = None
    status: tuple[Status, ...] | None = None
    flow_type: tuple[Flow, ...] | None = None
    min_moved_sat: int | None = None
    min_btc_value: str | None = None
    min_urgency: Urgency | None = None
    entity: str | None = None

    def passes(self, event: Event) -> bool:
        if self.types is not None and event.type not in self.types:
            return False
        return event.prediction_id is None or self._wants(event.body)

    @property
    def in_force(self) -> dict[str, Any]:
        """As the server echoes it: every filter, null where there is none."""
        return {
            "types": None if self.types is None else [kind.value for kind in self.types],
            "status": None if self.status is None else [status.value for status in self.status],
            "flow_type": None if self.flow_type is None else [flow.value for flow in self.flow_type],
            "min_btc_value": self.min_btc_value,
            "min_urgency": self.min_urgency.value if self.min_urgency else None,
            "entity": self.entity,
        }

    def _wants(self, whale: Mapping[str, Any]) -> bool:
        if self.status is not None and whale.get("status") not in self.status:
            return False
        if self.flow_type is not None and whale.get("flow_type") not in self.flow_type:
            return False
        if self.min_moved_sat is not None and (whale.get("moved_sat") or 0) < self.min_moved_sat:
            return False
        if self.min_urgency and _RANKS.get(str(whale.get("urgency")), -1) < _RANKS[self.min_urgency]:
            return False
        return self.entity is None or self.entity.lower() in _names(whale)


def event_filter(told: object) -> EventFilter:
    """Return the filter that `subscribe` asks for.

    Raises:
        Problem: 400, naming what is unknown or cannot be meant.
    """
    if not isinstance(told, dict):
        raise bad_parameter("subscribe", "must be an object of filters; {} asks for everything")
    refuse_unknown(told, FILTERS)
    amount = _text("min_btc_value", told.get("min_btc_value"))
    return EventFilter(
        types=_choices("types", told.get("types"), EventType),
        status=_choices("status", told.get("status"), Status),
        flow_type=_choices("flow_type", told.get("flow_type"), Flow),
        min_moved_sat=btc_to_sats("min_btc_value", amount),
        min_btc_value=amount,
        min_urgency=choice("min_urgency", _text("min_urgency", told.get("min_urgency")), Urgency),
        entity=entity_name(_text("entity", told.get("entity"))),
    )


def _choices(name: str, told: object, kinds: type[Choice]) -> tuple[Choice, ...] | None:
    """One value or a list of them."""
    if told is None:
        return None
    values = told if isinstance(told, list) else [told]
    if not all(isinstance(value, str) for value in values) or len(values) > _MOST_CHOICES:
        raise bad_parameter(name, "must be a text or a list of texts")
    return tuple(kind for value in values if (kind := choice(name, str(value), kinds)) is not None)


def _text(name: str, told: object) -> str | None:
    if told is None:
        return None
    if isinstance(told, bool) or not isinstance(told, str | int | float):
        raise bad_parameter(name, "must be a text or a number")
    return str(told)


def _names(whale: Mapping[str, Any]) -> set[str]:
    parties = [*whale.get("from_entities", ()), *whale.get("to_entities", ())]
    return {str(party[part]).lower() for party in parties for part in ("name", "group") if party.get(part)}
