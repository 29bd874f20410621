"""The contract's event types, and events before and after the store has numbered them.

Sequence numbers are assigned by the store, in order of publication.
"""

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
    ALERT_DIGEST = "alert.digest"
    ALERT_SUMMARY = "alert.summary"
    FEES_CROSSED = "fees.crossed"
    FLOW_CROSSED = "flow.crossed"
    REPORT_PERIODIC = "report.periodic"


TO_ONE_ENDPOINT = frozenset(
    {
        EventType.TEST,
        EventType.ALERT_DIGEST,
        EventType.ALERT_SUMMARY,
        EventType.FEES_CROSSED,
        EventType.FLOW_CROSSED,
        EventType.REPORT_PERIODIC,
    }
)
"""Delivered only to the endpoint they are made for, never on the stream; numbered with the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event before the store has numbered it. Exactly one of `prediction` and `facts` is set."""

    type: EventType
    at: datetime
    prediction: Prediction | None = None
    facts: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A numbered and stored event; `body` is the contract's `data`."""

    type: EventType
    id: str
    sequence: int
    timestamp: datetime
    body: dict[str, Any]
    prediction_id: str | None = None
