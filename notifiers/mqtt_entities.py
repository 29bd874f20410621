"""What MQTT tells: Home Assistant's discovery, the state, and one message a whale. Pure.

Nothing of the operator's own stands in it: no label, no name; whoever may read the broker reads amounts.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.api.models import HealthStatus, overall
from app.core.contract import iso
from app.core.events import Event, EventType
from app.core.scoring import ENOUGH
from app.core.totals import moved_in_all, net_to_exchanges
from app.core.units import SATS_PER_BTC
from app.views import Snapshot

NET_OVER = timedelta(hours=24)
STATUS_TOPIC = "homeassistant/status"
"""Where Home Assistant says `online` after a restart: it wants everything announced again."""
_SENSORS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("pending_btc", "Waiting", {"unit_of_measurement": "BTC", "state_class": "measurement"}),
    ("pending_whales", "Whales waiting", {"state_class": "measurement"}),
    ("net_flow_btc", "Net to exchanges, 24 h", {"unit_of_measurement": "BTC", "state_class": "measurement"}),
    ("last_whale_btc", "Last whale", {"unit_of_measurement": "BTC"}),
    ("accuracy", "Forecasts that held", {"unit_of_measurement": "%", "state_class": "measurement"}),
    ("health", "Health", {"device_class": "enum", "options": [status.value for status in HealthStatus]}),
)


class MqttTopics:
    """The topics of one Spout; `name` tells two of one broker apart."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = f"spout/{name}/state"
        self.available = f"spout/{name}/available"
        self.whale = f"spout/{name}/whale"

    def discovery(self, kind: str, entity: str) -> str:
        return f"homeassistant/{kind}/spout_{self.name}/{entity}/config"


def announcements(topics: MqttTopics, version: str, url: str | None) -> dict[str, str]:
    """Return the discovery messages by topic, to be retained."""
    device: dict[str, Any] = {
        "identifiers": [f"spout_{topics.name}"],
        "name": "Spout",
        "manufacturer": "Spout",
        "sw_version": version,
    }
    if url is not None:
        device["configuration_url"] = url
    common = {"availability_topic": topics.available, "device": device, "has_entity_name": True}
    found = {
        topics.discovery("sensor", entity): {
            **common,
            **more,
            "name": words,
            "unique_id": f"spout_{topics.name}_{entity}",
            "state_topic": topics.state,
            "value_template": f"{{{{ value_json.{entity} }}}}",
        }
        for entity, words, more in _SENSORS
    }
    found[topics.discovery("event", "whale")] = {
        **common,
        "name": "Whale",
        "unique_id": f"spout_{topics.name}_whale",
        "state_topic": topics.whale,
        "event_types": ["detected"],
    }
    return {topic: _json(config) for topic, config in found.items()}


def state_of(snapshot: Snapshot, now: datetime) -> str:
    """Return the sensors' state; what is unknown is null, which Home Assistant shows as unknown."""
    known = (*snapshot.pending, *snapshot.ended)
    last = max(known, key=lambda one: one.detected_at, default=None)
    seen = snapshot.accuracy
    return _json(
        {
            "pending_btc": _btc(moved_in_all(snapshot.pending)),
            "pending_whales": len(snapshot.pending),
            "net_flow_btc": _btc(net_to_exchanges(known, now - NET_OVER)),
            "last_whale_btc": None if last is None else _btc(last.classification.moved),
            "accuracy": round(100 * seen.on_time / seen.n, 1) if seen and seen.n >= ENOUGH else None,
            "health": overall(snapshot.components).value,
        }
    )


def whale_message(event: Event) -> str | None:
    """Return the message of a whale's first event, never retained; None for any other event."""
    if event.type is not EventType.DETECTED:
        return None
    body: Mapping[str, Any] = event.body
    moved = body.get("moved_sat")
    value = body.get("value_fiat") or {}
    return _json(
        {
            "event_type": "detected",
            "prediction_id": event.prediction_id,
            "txid": body.get("txid"),
            "moved_btc": None if moved is None else _btc(moved),
            "value": value.get("amount"),
            "currency": value.get("currency"),
            "flow": body.get("flow_type"),
            "urgency": body.get("urgency"),
            "detected_at": iso(event.timestamp),
        }
    )


def _btc(sats: int) -> float:
    return round(sats / SATS_PER_BTC, 8)


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), allow_nan=False)
