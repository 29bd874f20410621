"""The filter of a stream client. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.api.models import FilterInForce, Subscription
from app.api.problems import bad_parameter
from app.api.query import asked
from app.core.classification import Flow, counted_sat
from app.core.events import TO_ONE_ENDPOINT, Event, EventType
from app.core.prediction import Status, Urgency
from app.core.units import SATS_PER_BTC

_RANKS = {urgency.value: rank for rank, urgency in enumerate(Urgency)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """None lets everything pass.

    All criteria but `types` apply to events of whales only: source events reach every client,
    unless `types` excludes them.
    """

    types: tuple[EventType, ...] | None = None
    status: tuple[Status, ...] | None = None
    flow_type: tuple[Flow, ...] | None = None
    min_moved_sat: int | None = None
    min_btc_value: str | None = None
    min_urgency: Urgency | None = None
    entity: str | None = None

    def passes(self, event: Event) -> bool:
        if event.type in TO_ONE_ENDPOINT:
            return False
        if self.types is not None and event.type not in self.types:
            return False
        return event.prediction_id is None or self._wants(event.body)

    @property
    def in_force(self) -> FilterInForce:
        """Return the filter as the server echoes it: every criterion, null if unset."""
        return FilterInForce(
            types=None if self.types is None else list(self.types),
            status=None if self.status is None else list(self.status),
            flow_type=None if self.flow_type is None else list(self.flow_type),
            min_btc_value=self.min_btc_value,
            min_urgency=self.min_urgency,
            entity=self.entity,
        )

    def _wants(self, whale: Mapping[str, Any]) -> bool:
        if self.status is not None and whale.get("status") not in self.status:
            return False
        if self.flow_type is not None and whale.get("flow_type") not in self.flow_type:
            return False
        if self.min_moved_sat is not None and counted_sat(whale) < self.min_moved_sat:
            return False
        if self.min_urgency and _RANKS.get(str(whale.get("urgency")), -1) < _RANKS[self.min_urgency]:
            return False
        return self.entity is None or self.entity.lower() in _names(whale)


def event_filter(given: object) -> EventFilter:
    """Return the filter requested by `subscribe`.

    Raises:
        Problem: 400, naming what is unknown or invalid.
    """
    if not isinstance(given, dict):
        raise bad_parameter("subscribe", "must be an object of filters; {} asks for everything")
    wanted = asked(Subscription, given)
    amount = wanted.min_btc_value
    return EventFilter(
        types=wanted.types,
        status=wanted.status,
        flow_type=wanted.flow_type,
        min_moved_sat=None if amount is None else int(amount * SATS_PER_BTC),
        min_btc_value=None if amount is None else f"{amount:f}",
        min_urgency=wanted.min_urgency,
        entity=wanted.entity,
    )


def _names(whale: Mapping[str, Any]) -> set[str]:
    parties = [*whale.get("from_entities", ()), *whale.get("to_entities", ())]
    return {str(party[part]).lower() for party in parties for part in ("name", "group") if party.get(part)}
