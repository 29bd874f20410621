"""Assembles the API's application; imported off the event loop, once the port is open."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tornado.httputil import HTTPServerRequest

from app.api.base import NotFoundHandler
from app.api.guard import brings_good_key
from app.api.limits import Limiter
from app.api.parts import Parts
from app.api.passwords import Confirmations, Passwords
from app.api.routes import UrlSpec, api_handlers, login_handlers
from app.api.stream import StreamLimits, Streams
from app.api.tokens import Tokens
from app.bus import Bus
from app.clock import Clock
from app.core.events import Event
from app.keyring import Keyring
from app.metrics import Metrics
from app.settings import Settings
from app.views import LiveSnapshot
from app.web import Gate, PasswordFile


@dataclass(frozen=True, slots=True, kw_only=True)
class MountedApi:
    parts: Parts
    streams: Streams
    handlers: list[UrlSpec]
    not_found: type[Any]
    has_proved: Callable[[HTTPServerRequest], Awaitable[bool]]
    follow: Callable[[], Coroutine[Any, Any, None]]
    """Adopts a password that another process sets; until cancelled."""
    close: Callable[[], None]


def mount(
    *,
    settings: Settings,
    keyring: Keyring,
    clock: Clock,
    gate: Gate,
    password_file: PasswordFile,
    live: LiveSnapshot,
    bus: Bus[Event],
    metrics: Metrics,
    stream_limits: StreamLimits | None = None,
    limiter: Limiter | None = None,
) -> MountedApi:
    parts = Parts(
        live=live,
        gate=gate,
        tokens=Tokens(keyring, clock),
        clock=clock,
        metrics=metrics,
        limiter=limiter or Limiter(),
        passwords=(passwords := Passwords(settings.password, password_file, gate)),
        confirmations=Confirmations(clock),
        data_dir=settings.data_dir,
    )
    streams = Streams(bus, clock, stream_limits or StreamLimits(clients=settings.stream_clients))
    return MountedApi(
        parts=parts,
        streams=streams,
        handlers=[*api_handlers(parts, streams), *login_handlers(parts)],
        not_found=NotFoundHandler,
        has_proved=lambda request: brings_good_key(request, parts),
        follow=lambda: passwords.follow(clock),
        close=passwords.close,
    )
