"""Events concluded outside the tracker, numbered and stored with its own."""

from datetime import datetime

from app.core.events import EventType, Happening
from app.core.observations import AccuracyChanged, EndpointGivenUp
from app.core.tracking.beliefs import Beliefs


def given_up(beliefs: Beliefs, observation: EndpointGivenUp, at: datetime) -> None:
    facts = {
        "endpoint_id": observation.endpoint_id,
        "name": observation.name,
        "because": observation.because,
    }
    beliefs.announce(Happening(type=EventType.ENDPOINT_DISABLED, at=at, facts=facts))


def accuracy_changed(beliefs: Beliefs, observation: AccuracyChanged, at: datetime) -> None:
    change = observation.change
    low, high = change.interval
    facts = {
        "window": change.window,
        "n": change.n,
        "on_time": change.on_time,
        "hit_rate": change.hit_rate,
        "hit_rate_low": low,
        "hit_rate_high": high,
        "threshold": change.threshold,
        "because": change.because.value if change.because else None,
        "words": change.message,
    }
    kind = EventType.ACCURACY_DEGRADED if change.degraded else EventType.ACCURACY_RECOVERED
    beliefs.announce(Happening(type=kind, at=at, facts=facts))
