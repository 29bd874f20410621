"""Every route of the API, and who answers it."""

import re
from dataclasses import dataclass
from typing import Any

from tornado.web import RequestHandler

from app.api.exposition import MetricsHandler
from app.api.health import HealthHandler
from app.api.labels import LabelHandler, LabelsHandler
from app.api.login import LoginHandler, LogoutHandler, Passwords
from app.api.openapi import OpenApiHandler
from app.api.parts import Parts
from app.api.predictions import PredictionHandler, PredictionsHandler
from app.api.stream import StreamHandler
from app.api.streams import Streams
from app.api.throttle import Throttle
from app.api.token_route import TokensHandler
from app.api.urgency import UrgencyMetricsHandler

UrlSpec = tuple[str, type[RequestHandler], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """`path` as OpenAPI writes it: `{name}` stands for one segment."""

    path: str
    handler: type[RequestHandler]

    @property
    def pattern(self) -> str:
        return re.sub(r"\{\w+\}", "([^/]+)", self.path)


ROUTES = (
    Route("/api/v1/health", HealthHandler),
    Route("/api/v1/predictions", PredictionsHandler),
    Route("/api/v1/predictions/{txid}", PredictionHandler),
    Route("/api/v1/urgency-metrics", UrgencyMetricsHandler),
    Route("/api/v1/labels", LabelsHandler),
    Route("/api/v1/labels/{address}", LabelHandler),
    Route("/api/v1/tokens", TokensHandler),
    Route("/api/v1/stream", StreamHandler),
    Route("/api/v1/openapi.json", OpenApiHandler),
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


def login_handlers(parts: Parts, passwords: Passwords | None) -> list[UrlSpec]:
    """The way in and out of the pages."""
    return [
        (
            r"/login",
            LoginHandler,
            {"gate": parts.gate, "passwords": passwords, "throttle": Throttle(), "clock": parts.clock},
        ),
        (r"/logout", LogoutHandler, {"gate": parts.gate}),
    ]
