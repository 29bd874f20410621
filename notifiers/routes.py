"""Which endpoints are sent to, by which policy, and what of an event may leave Spout."""

from dataclasses import dataclass, replace
from typing import Final

from app.core.alerts import Policy, Watch, masked, masked_words
from app.core.events import Event, EventType

_NAMING: Final = frozenset(
    (EventType.ALERT_DIGEST, EventType.ALERT_SUMMARY, EventType.FLOW_CROSSED, EventType.REPORT_PERIODIC)
)
"""What names parties in its words."""


@dataclass(frozen=True, slots=True)
class RoutedEndpoint:
    """An enabled endpoint and its policy."""

    id: str
    policy: Policy
    watch: Watch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Replaced whole. `public`, `own`, `hidden`: names of own labels, see `masked` and `masked_words`."""

    each: tuple[RoutedEndpoint, ...] = ()
    public: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def leaving(self, event: Event) -> Event:
        """Return the event without what is private now, as it may leave Spout, first or again."""
        if event.type in _NAMING:
            return replace(event, body=masked_words(event.body, self.hidden))
        if event.prediction_id is None:
            return event
        return replace(event, body=masked(event.body, self.public, self.own))
