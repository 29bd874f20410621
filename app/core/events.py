"""What Spout says: the contract's events. Sequences are given by the store, in the order of telling."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.core.prediction import Prediction


class EventType(StrEnum):
    DETECTED = "whale.detected"
    UPDATED = "whale.updated"
    REPLACED = "whale.replaced"
    CONFIRMED = "whale.confirmed"
    DROPPED = "whale.dropped"
    CONFLICTED = "whale.conflicted"
    REORGED = "whale.reorged"
    ACCURACY_DEGRADED = "accuracy.degraded"
    ACCURACY_RECOVERED = "accuracy.recovered"
    SOURCE_DEGRADED = "source.degraded"
    SOURCE_RECOVERED = "source.recovered"
    FEES_SPIKED = "fees.spiked"
    MEMORY_PRESSURE = "memory.pressure"
    ENDPOINT_DISABLED = "endpoint.disabled"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something to be told, not yet numbered. Exactly one of `prediction` and `facts` is set."""

    type: EventType
    at: datetime
    prediction: Prediction | None = None
    facts: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Numbered and stored; `body` is the contract's `data`."""

    type: EventType
    id: str
    sequence: int
    timestamp: datetime
    body: dict[str, Any]
    prediction_id: str | None = None
