"""`GET /api/v1/openapi.json`: generated from the routes; a test fails when a route is missing here."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from app.api.base import ApiHandler
from app.api.models import (
    SHAPES,
    AuditQuery,
    CorrelationQuery,
    DeliveryFilters,
    ExportFilters,
    ImportQuery,
    LabelFilters,
    NewLabels,
    PredictionFilters,
    Request,
    StatisticsQuery,
    StreamMessage,
    Subscription,
    TokenRequest,
    schemas_of,
)
from app.api.openapi_access import access_paths
from app.api.openapi_alerts import alert_paths
from app.api.settings_change import SettingsChange

_REQUESTS = (NewLabels, SettingsChange, StreamMessage, Subscription, TokenRequest)
_EMPTY = {"type": "string", "maxLength": 0, "description": "counts as not given"}
_STREAM = """A WebSocket. Prove who you are with a token or key in the `Authorization` header or in the first
message, `{"token": "…"}`; then `{"subscribe": {filters}, "after": sequence}`. Messages that come back:
`{"type": "authenticated"}`, `{"type": "subscribed", "filter", "after", "last_sequence", "reset"}`, events,
and `{"error"}` before a close. Close codes: 4400 message, 4401 credential, 4408 too slow, 4429 too many,
1001 stopping, 1013 starting. docs/api.md says more."""


class OpenApiHandler(ApiHandler):
    REVALIDATED = True

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
            "schemas": schemas_of([*SHAPES.values(), *_REQUESTS], "#/components/schemas/{model}"),
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
        "/api/v1/predictions": _get(
            "predictions", "Predictions, newest first", "PredictionPage", parameters_of(PredictionFilters)
        ),
        "/api/v1/predictions.csv": _file("predictionsCsv", "text/csv"),
        "/api/v1/predictions.parquet": _file("predictionsParquet", "application/vnd.apache.parquet"),
        "/api/v1/predictions/{txid}": _get(
            "prediction",
            "One: its lineage, every revision of its forecast, its outcome, its events",
            "PredictionLife",
            [
                {
                    "name": "txid",
                    "in": "path",
                    "required": True,
                    "schema": text("any txid it has or had, or its prediction_id"),
                }
            ],
        ),
        "/api/v1/predictions/{txid}/alerts": _get(
            "alertsOfPrediction",
            "What each endpoint was sent of it, or what held it back",
            "WhaleAlerts",
            [
                {
                    "name": "txid",
                    "in": "path",
                    "required": True,
                    "schema": text("any txid it has or had, or its prediction_id"),
                }
            ],
        ),
        "/api/v1/statistics": _get(
            "statistics", "How right it was, by period", "Statistics", parameters_of(StatisticsQuery)
        ),
        "/api/v1/correlation": _get(
            "correlation",
            "Predictions against outcomes over the last days",
            "Correlation",
            parameters_of(CorrelationQuery),
        ),
        "/api/v1/urgency-metrics": _get("urgencyMetrics", "The fee market now", "UrgencyMetrics"),
        "/api/v1/labels": _get(
            "labels", "Your own labels, by name and address", "Labels", parameters_of(LabelFilters)
        )
        | {"post": _new_labels()},
        "/api/v1/labels/{address}": {"delete": _remove_label()},
        "/api/v1/settings": _get("settings", "The settings that may change while Spout runs", "SettingsList")
        | {"patch": _change_settings()},
        **alert_paths(parameters_of(DeliveryFilters)),
        **access_paths(parameters_of(AuditQuery), parameters_of(ImportQuery)),
        "/api/v1/tokens": {"post": _tokens()},
        "/api/v1/stream": {"get": _socket("stream", "Events as they happen", _STREAM)},
        "/api/v1/live": {
            "get": _socket(
                "live", "The dashboard's own feed", "A WebSocket for our own pages: same origin, same login."
            )
        },
        "/api/v1/widgets/latest-whales": _get("latestWhales", "For umbrelOS: the latest", "ListWidget"),
        "/api/v1/widgets/market": _get("marketWidget", "For umbrelOS: the market", "FourStatsWidget"),
        "/api/v1/widgets/accuracy": _get("accuracyWidget", "For umbrelOS: accuracy", "ProgressWidget"),
        "/api/v1/openapi.json": {
            "get": {
                "summary": "This document",
                "operationId": "openapi",
                "responses": {"200": {"description": "OpenAPI 3.1"}, **_refusals()},
            }
        },
        "/api/v1/docs": {
            "get": {
                "summary": "This document, to read",
                "operationId": "docs",
                "responses": {"200": {"description": "a page"}, **_refusals()},
            }
        },
        "/metrics": {
            "get": {
                "summary": "Prometheus; a scraper on this machine needs no key",
                "operationId": "metrics",
                "security": [{}, {"key": []}, {"bearer": []}, {"session": []}],
                "responses": {"200": {"description": "text"}, **_refusals()},
            }
        },
    }


def text(words: str = "") -> dict[str, Any]:
    return {"type": "string", "description": words} if words else {"type": "string"}


def parameters_of(shape: type[Request]) -> list[dict[str, Any]]:
    """Return the query parameters of a request model."""
    schema = shape.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": {"anyOf": [*_given(part, schema.get("$defs", {})), _EMPTY]},
            "description": part.get("description", ""),
        }
        for name, part in schema["properties"].items()
    ]


def _given(part: dict[str, Any], shared: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the kinds of a parameter without null, which a query cannot express, and without references."""
    return [_plain(one, shared) for one in part.get("anyOf", (part,)) if one.get("type") != "null"]


def _plain(kind: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in kind:
        kind = shared[kind["$ref"].rpartition("/")[2]]
    given = {
        name: value
        for name, value in kind.items()
        if name not in {"title", "description"} and value is not None
    }
    if isinstance(given.get("type"), list):
        given["type"] = "string"
    return given


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


def _file(name: str, content_type: str) -> dict[str, Any]:
    return {
        "get": {
            "summary": "All predictions that the filters find, one line each, as a file",
            "operationId": name,
            "parameters": parameters_of(ExportFilters),
            "responses": {
                "200": {"description": "the file, as it is made", "content": {content_type: {}}},
                **_refusals(),
            },
        }
    }


def _new_labels() -> dict[str, Any]:
    one, many = ({"$ref": f"#/components/schemas/{name}"} for name in ("NewLabel", "NewLabels"))
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


def _change_settings() -> dict[str, Any]:
    body = {"$ref": "#/components/schemas/SettingsChange"}
    return {
        "summary": "Set some, all or nothing; what is set here wins over the environment, at once",
        "operationId": "changeSettings",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _json("SettingsList", "all, as they are now"), **_refusals()},
    }


def _tokens() -> dict[str, Any]:
    body = {"$ref": "#/components/schemas/TokenRequest"}
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
