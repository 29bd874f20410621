"""The shapes that answers have, as JSON Schema; a test holds them against real answers. Pure."""

from typing import Any

from app.core.classification import Flag, Flow, MovedIs
from app.core.events import EventType
from app.core.forecasting.market import QueueSource
from app.core.labels import KINDS
from app.core.models import SourceName
from app.core.observations import TIERS
from app.core.prediction import HORIZONS, Outcome, Status, Urgency
from app.core.urgency import PERCENTILES, Congestion
from app.views import ComponentStatus, Rung

Schema = dict[str, Any]


def text(words: str = "") -> Schema:
    return {"type": "string", "description": words} if words else {"type": "string"}


def one_of(kinds: Any) -> Schema:  # noqa: ANN401 - any StrEnum
    return {"type": "string", "enum": [kind.value for kind in kinds]}


def maybe(schema: Schema) -> Schema:
    """Null where it is not known."""
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def a_list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def an_object(properties: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """All properties are always there, but those in `optional` and `demo`."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


SATS: Schema = {"type": "integer", "minimum": 0, "description": "satoshi"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
RATE: Schema = {"type": "number", "minimum": 0, "description": "sat/vB"}
TIME: Schema = {"type": "string", "format": "date-time"}
FLAG: Schema = {"type": "boolean"}
TXID: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "display order"}
DEMO: Schema = {
    "type": "boolean",
    "description": "true while the bundled demo is played; else it may be absent",
}

PARTY = an_object(
    {
        "name": text(),
        "kind": text(),
        "basis": text("whose word the label is"),
        "group": maybe(text()),
        "labelled_at": maybe(text()),
    }
)
FORECAST: dict[str, Schema] = {
    "urgency_score": maybe(SHARE),
    "urgency": maybe(one_of(Urgency)),
    "confidence_score": maybe(SHARE),
    "predicted_block": maybe(COUNT),
    "predicted_at_height": maybe(COUNT),
    "confirmation_probability": maybe(an_object({str(blocks): SHARE for blocks in HORIZONS})),
    "eta_seconds": maybe(COUNT),
}
WHALE: dict[str, Schema] = {
    "prediction_id": text("the same through every replacement"),
    "txid": TXID,
    "replaces": a_list(TXID),
    "replaced_by": maybe(TXID),
    "peel_of": maybe(text("the prediction whose coin it carries on")),
    "conflicts_with": a_list(TXID),
    "status": one_of(Status),
    "reason": maybe(text()),
    "left_unverified": FLAG,
    "flow_type": one_of(Flow),
    "from_entities": a_list({"$ref": "#/components/schemas/Party"}),
    "to_entities": a_list({"$ref": "#/components/schemas/Party"}),
    "split_sat": {"type": "object", "additionalProperties": SATS},
    "evidence": a_list(text()),
    "gross_sat": SATS,
    "moved_sat": SATS,
    "moved_low_sat": SATS,
    "moved_high_sat": SATS,
    "internal_sat": SATS,
    "moved_is": one_of(MovedIs),
    "fee_sat": maybe(SATS),
    "vsize": maybe(NUMBER),
    "fee_rate": maybe(RATE),
    "effective_fee_rate": maybe(RATE),
    "rbf_signaled": FLAG,
    "was_modified": FLAG,
    "flags": a_list(one_of(Flag)),
    **FORECAST,
    "no_forecast": maybe(text("why there is none, in words")),
    "detected_at": TIME,
    "first_seen_by": one_of(SourceName),
    "confirmed_height": maybe(COUNT),
    "confirmed_at": maybe(TIME),
    "ended_at": maybe(TIME),
    "lead_time_s": maybe(NUMBER),
    "outcome": maybe(one_of(Outcome)),
    "demo": FLAG,
}
REVISION = an_object(
    {
        "made_at": TIME,
        "txid": TXID,
        "fee_rate": RATE,
        "p_dropped": maybe(SHARE),
        "inputs": text("where the queue was read"),
        "widened": FLAG,
        "inflow_s": maybe(NUMBER),
        "recalibration_outcomes": COUNT,
        "recalibration_age_s": maybe(NUMBER),
        **FORECAST,
    }
)
LINK = an_object(
    {
        "txid": TXID,
        "since": maybe(TIME),
        "fee_sat": maybe(SATS),
        "fee_rate": maybe(RATE),
        "replaced_by": maybe(TXID),
    }
)
EVENT = an_object(
    {
        "type": one_of(EventType),
        "id": text(),
        "sequence": COUNT,
        "timestamp": TIME,
        "data": {"type": "object", "description": "a Whale, for the types that begin with whale."},
    }
)
COMPONENT = an_object(
    {
        "name": text(),
        "status": one_of(ComponentStatus),
        "latency_ms": maybe(NUMBER),
        "error": maybe(text()),
        "since": TIME,
        "required": FLAG,
        "detail": maybe(text()),
    }
)
HEALTH = an_object(
    {
        "status": {"type": "string", "enum": ["healthy", "degraded", "unhealthy"]},
        "demo": FLAG,
        "uptime_s": NUMBER,
        "rung": one_of(Rung),
        "components": a_list({"$ref": "#/components/schemas/Component"}),
        "notices": a_list(an_object({"code": text(), "message": text(), "since": TIME})),
    }
)
URGENCY = an_object(
    {
        "block_height": maybe(COUNT),
        "fee_percentiles": an_object({str(percent): maybe(RATE) for percent in PERCENTILES}),
        "recommended_fees": an_object({tier: maybe(RATE) for tier in TIERS}),
        "blocks_to_confirm": an_object({tier: maybe(NUMBER) for tier in TIERS}),
        "mempool": an_object(
            {
                "transactions": maybe(COUNT),
                "vsize": maybe(NUMBER),
                "usage_bytes": maybe(COUNT),
                "limit_bytes": maybe(COUNT),
                "minimum_fee_rate": maybe(RATE),
            }
        ),
        "congestion": maybe(one_of(Congestion)),
        "fee_spike": maybe(FLAG),
        "queue_source": maybe(one_of(QueueSource)),
        "recalibration": an_object(
            {
                "in_use": {**FLAG, "description": "from 300 outcomes of this node on"},
                "outcomes": COUNT,
                "age_s": maybe(NUMBER),
            }
        ),
        "updated_at": TIME,
        "demo": DEMO,
    },
    optional=("demo",),
)
PAGE = an_object(
    {
        "predictions": a_list({"$ref": "#/components/schemas/Whale"}),
        "total_count": COUNT,
        "page_info": an_object({"limit": COUNT, "has_next": FLAG, "next_cursor": maybe(text())}),
        "demo": DEMO,
    },
    optional=("demo",),
)
LIFE = an_object(
    {
        **WHALE,
        "lineage": a_list(LINK),
        "forecasts": a_list({"$ref": "#/components/schemas/Forecast"}),
        "first_forecast": maybe({"$ref": "#/components/schemas/Forecast"}),
        "events": a_list({"$ref": "#/components/schemas/Event"}),
    }
)
LABEL: dict[str, Schema] = {
    "script": text("hex"),
    "address": text("an address of any network, or a script in hex"),
    "entity": text("whose it is"),
    "group": text("entities of one group are one actor"),
    "kind": {"type": "string", "enum": list(KINDS)},
    "basis": text("whose word it is"),
    "created_at": {"type": "string", "format": "date"},
}
NEW_LABEL: Schema = {
    "type": "object",
    "properties": {name: schema for name, schema in LABEL.items() if name != "script"},
    "required": ["address", "entity"],
    "additionalProperties": False,
}
LABELS = an_object(
    {"labels": a_list({"$ref": "#/components/schemas/Label"}), "total_count": COUNT, "demo": DEMO},
    optional=("demo",),
)
TOKEN = an_object(
    {
        "token": text("a JWT"),
        "token_type": {"const": "Bearer"},
        "scope": {"const": "read"},
        "expires_in": {**COUNT, "description": "seconds"},
        "expires_at": TIME,
        "demo": DEMO,
    },
    optional=("demo",),
)
ERROR = an_object({"error": an_object({"code": text(), "message": text()}), "demo": DEMO}, optional=("demo",))
SCHEMAS: dict[str, Schema] = {
    "Party": PARTY,
    "Whale": an_object(WHALE),
    "Forecast": REVISION,
    "WhaleLife": LIFE,
    "Event": EVENT,
    "Component": COMPONENT,
    "Health": HEALTH,
    "UrgencyMetrics": URGENCY,
    "PredictionPage": PAGE,
    "Label": an_object(LABEL),
    "NewLabel": NEW_LABEL,
    "Labels": LABELS,
    "Token": TOKEN,
    "Error": ERROR,
}
