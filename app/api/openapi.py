"""`GET /api/v1/openapi.json`: the API as it stands; a test fails when a route is missing here."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from app.api.base import ApiHandler
from app.api.query import MOST
from app.api.schemas import SCHEMAS, TIME, one_of, text
from app.core.classification import Flow
from app.core.prediction import Status, Urgency

_STREAM = """A WebSocket. Prove who you are with a token or key in the `Authorization` header or in the first
message, `{"token": "…"}`; then `{"subscribe": {filters}, "after": sequence}`. Messages that come back:
`{"type": "authenticated"}`, `{"type": "subscribed", "filter", "after", "last_sequence", "reset"}`, events,
and `{"error"}` before a close. Close codes: 4400 message, 4401 credential, 4408 too slow, 4429 too many,
1001 stopping, 1013 starting. docs/api.md says more."""


class OpenApiHandler(ApiHandler):
    async def get(self) -> None:
        self.answer(document())


def document() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Spout",
            "version": _version(),
            "description": "Whales in your own mempool. Amounts are satoshi, feerates sat/vB, times UTC.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"bearer": []}, {"session": []}],
        "paths": paths(),
        "components": {
            "schemas": SCHEMAS,
            "responses": {"Error": _json("Error", "What went wrong, and how to mend it")},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "an API key or a token"},
                "session": {"type": "apiKey", "in": "cookie", "name": "spout_session"},
            },
        },
    }


def paths() -> dict[str, Any]:
    return {
        "/healthz": {
            "get": {
                "summary": "Alive: answers as soon as the port is open",
                "operationId": "healthz",
                "security": [],
                "responses": {"200": {"description": "`pages` is starting or ready"}},
            }
        },
        "/api/v1/health": _get("health", "Each component, and all together", "Health"),
        "/api/v1/predictions": _get("predictions", "Predictions, newest first", "PredictionPage", _filters()),
        "/api/v1/predictions/{txid}": _get(
            "prediction",
            "One: its lineage, every revision of its forecast, its outcome, its events",
            "WhaleLife",
            [
                {
                    "name": "txid",
                    "in": "path",
                    "required": True,
                    "schema": text("any txid it has or had, or its prediction_id"),
                }
            ],
        ),
        "/api/v1/urgency-metrics": _get("urgencyMetrics", "The fee market now", "UrgencyMetrics"),
        "/api/v1/labels": _get("labels", "Your own labels", "Labels") | {"post": _new_labels()},
        "/api/v1/labels/{address}": {"delete": _remove_label()},
        "/api/v1/tokens": {"post": _tokens()},
        "/api/v1/stream": {"get": _socket("stream", "Events as they happen", _STREAM)},
        "/api/v1/live": {
            "get": _socket(
                "live", "The dashboard's own feed", "A WebSocket for our own pages: same origin, same login."
            )
        },
        "/api/v1/openapi.json": {
            "get": {
                "summary": "This document",
                "operationId": "openapi",
                "responses": {"200": {"description": "OpenAPI 3.1"}, **_refusals()},
            }
        },
        "/metrics": {
            "get": {
                "summary": "Prometheus; a scraper on this machine needs no key",
                "operationId": "metrics",
                "responses": {"200": {"description": "text"}, **_refusals()},
            }
        },
    }


def _filters() -> list[dict[str, Any]]:
    day = {"anyOf": [TIME, {"type": "string", "format": "date"}]}
    kinds: dict[str, tuple[dict[str, Any], str]] = {
        "status": (one_of(Status), ""),
        "flow_type": (one_of(Flow), ""),
        "min_btc_value": (text(), "moved, in BTC, at most 8 decimals"),
        "min_urgency": (one_of(Urgency), "this or more urgent"),
        "entity": (text(), "a sender's or receiver's name"),
        "start_date": (day, "detected then or later; without a zone it is UTC"),
        "end_date": (day, "detected before then; a bare date counts whole"),
        "limit": ({"type": "integer", "minimum": 1, "maximum": MOST, "default": 100}, ""),
        "cursor": (text(), "next_cursor of the page before"),
    }
    return [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": words}
        for name, (schema, words) in kinds.items()
    ]


def _get(
    name: str, summary: str, schema: str, parameters: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "operationId": name,
            "parameters": parameters or [],
            "responses": {"200": _json(schema, summary), **_refusals()},
        }
    }


def _new_labels() -> dict[str, Any]:
    one = {"$ref": "#/components/schemas/NewLabel"}
    many = {"type": "object", "properties": {"labels": {"type": "array", "items": one}}}
    return {
        "summary": "Add one label, or many at once: all or none; an earlier one for the same script goes",
        "operationId": "addLabels",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [one, many]}}},
        },
        "responses": {"201": _json("Labels", "as they are kept"), **_refusals()},
    }


def _remove_label() -> dict[str, Any]:
    address = {"name": "address", "in": "path", "required": True, "schema": text("or its script in hex")}
    return {
        "summary": "Forget a label of yours",
        "operationId": "removeLabel",
        "parameters": [address],
        "responses": {"204": {"description": "it is gone"}, **_refusals()},
    }


def _tokens() -> dict[str, Any]:
    body = {"type": "object", "properties": {"key": text("instead of a header")}}
    return {
        "summary": "An API key in, a token for ten minutes out",
        "operationId": "token",
        "security": [{"key": []}, {"bearer": []}],
        "requestBody": {"required": False, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _json("Token", "the token"), **_refusals()},
    }


def _socket(name: str, summary: str, words: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "operationId": name,
        "description": words,
        "responses": {"101": {"description": "the WebSocket is open"}, **_refusals()},
    }


def _json(schema: str, words: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": words, "content": content}


def _refusals() -> dict[str, Any]:
    return {"default": {"$ref": "#/components/responses/Error"}}


def _version() -> str:
    try:
        return version("spout")
    except PackageNotFoundError:
        return "unknown"
