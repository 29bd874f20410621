"""Every route of the API, with its handler."""

import re
from dataclasses import dataclass
from typing import Any

from tornado.web import RequestHandler

from app.api.accuracy import CorrelationHandler, StatisticsHandler
from app.api.alerts import CalledHostsHandler, PreviewHandler, WhaleAlertsHandler
from app.api.audit import AuditHandler
from app.api.backups import BackupsHandler
from app.api.deliveries import DeliveriesHandler, RedeliverHandler, RedeliverSinceHandler
from app.api.docs import DocsHandler
from app.api.endpoints import (
    EndpointHandler,
    EndpointsHandler,
    EndpointTestHandler,
    NewEndpointTestHandler,
    SecretHandler,
)
from app.api.export import CsvExportHandler, ParquetExportHandler
from app.api.exposition import MetricsHandler
from app.api.health import HealthHandler
from app.api.keys import KeyHandler, KeysHandler
from app.api.label_import import LabelImportHandler
from app.api.labels import LabelHandler, LabelsHandler
from app.api.login import LoginHandler, LogoutHandler
from app.api.openapi import OpenApiHandler
from app.api.parts import Parts
from app.api.password import ConfirmHandler, PasswordHandler
from app.api.predictions import PredictionHandler, PredictionsHandler
from app.api.settings import SettingsHandler
from app.api.stream import StreamHandler, Streams
from app.api.token_route import TokensHandler
from app.api.urgency import UrgencyMetricsHandler
from app.api.widgets import AccuracyWidgetHandler, LatestWhalesHandler, MarketHandler

UrlSpec = tuple[str, type[RequestHandler], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """A route; `path` as in OpenAPI: `{name}` stands for one segment."""

    path: str
    handler: type[RequestHandler]

    @property
    def pattern(self) -> str:
        return re.sub(r"\{\w+\}", "([^/]+)", self.path.replace(".", r"\."))


ROUTES = (
    Route("/api/v1/health", HealthHandler),
    Route("/api/v1/predictions", PredictionsHandler),
    Route("/api/v1/predictions.csv", CsvExportHandler),
    Route("/api/v1/predictions.parquet", ParquetExportHandler),
    Route("/api/v1/predictions/{txid}", PredictionHandler),
    Route("/api/v1/predictions/{txid}/alerts", WhaleAlertsHandler),
    Route("/api/v1/statistics", StatisticsHandler),
    Route("/api/v1/correlation", CorrelationHandler),
    Route("/api/v1/urgency-metrics", UrgencyMetricsHandler),
    Route("/api/v1/labels", LabelsHandler),
    Route("/api/v1/labels/import", LabelImportHandler),
    Route("/api/v1/labels/{address}", LabelHandler),
    Route("/api/v1/settings", SettingsHandler),
    Route("/api/v1/endpoints", EndpointsHandler),
    Route("/api/v1/endpoints/test", NewEndpointTestHandler),
    Route("/api/v1/endpoints/preview", PreviewHandler),
    Route("/api/v1/endpoints/{id}", EndpointHandler),
    Route("/api/v1/endpoints/{id}/test", EndpointTestHandler),
    Route("/api/v1/endpoints/{id}/rotate-secret", SecretHandler),
    Route("/api/v1/deliveries", DeliveriesHandler),
    Route("/api/v1/deliveries/redeliver", RedeliverSinceHandler),
    Route("/api/v1/deliveries/{id}/redeliver", RedeliverHandler),
    Route("/api/v1/hosts", CalledHostsHandler),
    Route("/api/v1/keys", KeysHandler),
    Route("/api/v1/keys/{name}", KeyHandler),
    Route("/api/v1/audit", AuditHandler),
    Route("/api/v1/backups", BackupsHandler),
    Route("/api/v1/password", PasswordHandler),
    Route("/api/v1/confirm", ConfirmHandler),
    Route("/api/v1/tokens", TokensHandler),
    Route("/api/v1/stream", StreamHandler),
    Route("/api/v1/widgets/latest-whales", LatestWhalesHandler),
    Route("/api/v1/widgets/market", MarketHandler),
    Route("/api/v1/widgets/accuracy", AccuracyWidgetHandler),
    Route("/api/v1/openapi.json", OpenApiHandler),
    Route("/api/v1/docs", DocsHandler),
    Route("/metrics", MetricsHandler),
)


def api_handlers(parts: Parts, streams: Streams) -> list[UrlSpec]:
    return [
        (
            route.pattern,
            route.handler,
            {"parts": parts, "streams": streams} if route.handler is StreamHandler else {"parts": parts},
        )
        for route in ROUTES
    ]


def login_handlers(parts: Parts) -> list[UrlSpec]:
    """Return the handlers of login and logout."""
    return [(r"/login", LoginHandler, {"parts": parts}), (r"/logout", LogoutHandler, {"gate": parts.gate})]
