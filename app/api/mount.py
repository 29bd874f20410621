"""Puts the API together; imported off the event loop, once the port is open."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.api.base import NotFoundHandler
from app.api.login import Passwords
from app.api.parts import Parts
from app.api.routes import UrlSpec, api_handlers, login_handlers
from app.api.streams import StreamLimits, Streams
from app.api.tokens import Tokens
from app.bus import Bus
from app.clock import Clock
from app.core.events import Event
from app.keyring import Keyring
from app.metrics import Metrics
from app.settings import Settings
from app.views import Live
from app.web.gate import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class MountedApi:
    parts: Parts
    streams: Streams
    handlers: list[UrlSpec]
    not_found: type[Any]
    close: Callable[[], None]


def mount(
    *,
    settings: Settings,
    keyring: Keyring,
    clock: Clock,
    gate: Gate,
    live: Live,
    bus: Bus[Event],
    metrics: Metrics,
    stream_limits: StreamLimits | None = None,
) -> MountedApi:
    parts = Parts(live=live, bus=bus, gate=gate, tokens=Tokens(keyring, clock), clock=clock, metrics=metrics)
    streams = Streams(stream_limits)
    passwords = Passwords(settings.password) if settings.password else None
    return MountedApi(
        parts=parts,
        streams=streams,
        handlers=[*api_handlers(parts, streams), *login_handlers(parts, passwords)],
        not_found=NotFoundHandler,
        close=passwords.close if passwords else lambda: None,
    )
