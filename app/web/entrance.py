"""The port and the door behind it: open before the settings are read, so that `/healthz` answers at once.

entrance = Entrance(ListenAddress("127.0.0.1", 8411), clock)
entrance.open()          # /healthz answers, pages say "starting", the API says 503
entrance.guard(gate)     # once the settings are read: who may come in
"""

import errno
import re
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.routing import Router
from tornado.web import Application, GZipContentEncoding

from app.clock import Clock
from app.errors import SettingsError
from app.settings import ListenAddress
from app.web.access_log import log_request
from app.web.connections import ConnectionLimits, Connections, connection_of, raise_descriptor_limit
from app.web.correlated import Correlated
from app.web.first import (
    HealthzHandler,
    LoginNeededHandler,
    MethodsHandler,
    NoSuchPathHandler,
    StartingApiHandler,
    StartingPageHandler,
)
from app.web.gate import Gate
from app.web.headers import SecureHeaders
from app.web.http_server import (
    LARGEST_STRANGERS_BODY_BYTES,
    LARGEST_UNPROVED_BODY_BYTES,
    BodyAfterProof,
    DoorServer,
    is_small,
    largest_body_bytes,
    note_request,
)

_LARGEST_SOCKET_MESSAGE_BYTES = 64 * 1024
_LONGEST_HOST = 80
_NO_GZIP = re.compile(r"gzip\s*;\s*q\s*=\s*0(\.0*)?\s*(,|$)", re.IGNORECASE)
_PING_SECONDS = 20
_OWN = ("/healthz", "/metrics", "/login", "/logout", "/api")
_OF_THE_PAGES = "/api/v1/live"
"""Mounted with them: until then the API is not to say that there is no such route."""


class FrontDoor(Router):
    """Selects the application: ours for the API, Bokeh's for the pages, behind access control."""

    def __init__(self, clock: Clock) -> None:
        self._gate: Gate | None = None
        self._clock = clock
        self.ready = False
        self.has_proved: Callable[[HTTPServerRequest], Awaitable[bool]] | None = None
        """Whether a request has a valid key; None until keys can be looked up."""
        self.own = application_of(
            [
                (r"/healthz", HealthzHandler, {"door": self}),
                (r"/login|/logout", StartingPageHandler),
                (r".*", StartingApiHandler),
            ]
        )
        self._starting = self.own
        self.pages: Application = application_of([(r".*", StartingPageHandler)])
        self._login_needed = self.pages
        self._no_such_path = application_of([(r".*", NoSuchPathHandler)])
        self._methods = application_of([(r".*", MethodsHandler)])

    def guard(self, gate: Gate) -> None:
        self._gate = gate
        self._login_needed = application_of([(r".*", LoginNeededHandler, {"gate": gate})])

    def find_handler(
        self,
        request: HTTPServerRequest,
        **kwargs: Any,  # noqa: ANN401 - Tornado's shape
    ) -> HTTPMessageDelegate | None:
        most, at = self._most_body_bytes(request), self._clock.monotonic()
        note_request(request, most, at)
        found = self._find(request, **kwargs)
        if found is None:
            return None
        if self.has_proved is not None and most == LARGEST_UNPROVED_BODY_BYTES and not is_small(request):
            found = BodyAfterProof(found, request, self.has_proved, at)
        return Correlated(found, request)

    def _find(
        self,
        request: HTTPServerRequest,
        **kwargs: Any,  # noqa: ANN401 - Tornado's shape
    ) -> HTTPMessageDelegate | None:
        if "%00" in request.path:
            return self._no_such_path.find_handler(request, **kwargs)
        if request.path == _OF_THE_PAGES and not self.ready:
            return self._starting.find_handler(request, **kwargs)
        if request.path in _OWN or request.path.startswith("/api/"):
            return self.own.find_handler(request, **kwargs)
        if request.method == "OPTIONS":
            return self._methods.find_handler(request, **kwargs)
        if not self.ready or (self._gate is not None and self._gate.admits(request)):
            return self.pages.find_handler(request, **kwargs)
        return self._login_needed.find_handler(request, **kwargs)

    def _most_body_bytes(self, request: HTTPServerRequest) -> int:
        """Return the body limit, as far as it is known at once."""
        known = connection_of(request)
        has_session = self._gate is not None and self._gate.session(request) is not None
        if (known is not None and known.proved) or has_session:
            return largest_body_bytes(request.path)
        if any(name in request.headers for name in ("X-API-Key", "Authorization")):
            return LARGEST_UNPROVED_BODY_BYTES
        return LARGEST_STRANGERS_BODY_BYTES


class Entrance:
    """The one port, and what it leads to."""

    def __init__(self, address: ListenAddress, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._http: DoorServer | None = None
        self._gate: Gate | None = None
        self.door = FrontDoor(clock)
        self.port = address.port

    def open(self) -> None:
        """Listen, if it does not yet; from here on `/healthz` answers.

        Raises:
            SettingsError: if the port is taken or the address is not ours.
        """
        if self._http is not None:
            return
        limits = ConnectionLimits.for_descriptors(raise_descriptor_limit())
        connections = Connections(limits, self._is_proxy)
        host, port = self._address.host, self._address.port
        try:
            sockets = bind_sockets(port, host.strip("[]"))
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "no name of a machine"
            where = f"SPOUT_HOST={host[:_LONGEST_HOST]}, SPOUT_PORT={port}"
            raise SettingsError(f"Cannot listen on {where}: {why}; {_remedy(error)}") from error
        self._http = DoorServer(self.door, connections, self._clock)
        self._http.add_sockets(sockets)
        self.port = sockets[0].getsockname()[1]

    def guard(self, gate: Gate) -> None:
        """From here on `gate` says who may see the pages, and which peers are proxies."""
        self._gate = gate
        self.door.guard(gate)

    def refuse_new(self) -> None:
        """Stop listening; open connections go on."""
        if self._http is not None:
            self._http.stop()

    async def close_connections(self) -> None:
        if self._http is not None:
            await self._http.close_all_connections()

    def _is_proxy(self, peer: str) -> bool:
        return self._gate is not None and self._gate.proxies.holds(peer)


def _remedy(error: OSError | UnicodeError) -> str:
    if isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EPERM):
        return "set another SPOUT_PORT, or end what uses it"
    return "SPOUT_HOST must be an address of this machine, or 0.0.0.0 for all of them"


class Compressed(GZipContentEncoding):
    """Tornado's, which looks for the word alone: `gzip;q=0` asks for none (RFC 9110, 12.5.3)."""

    def __init__(self, request: HTTPServerRequest) -> None:
        super().__init__(request)
        self._gzipping = self._gzipping and not _NO_GZIP.search(request.headers["Accept-Encoding"])


def application_of(handlers: list[Any], **settings: Any) -> Application:  # noqa: ANN401 - Tornado's own
    return Application(
        handlers,
        transforms=[SecureHeaders, Compressed],
        log_function=log_request,
        websocket_ping_interval=_PING_SECONDS,
        websocket_ping_timeout=_PING_SECONDS,
        websocket_max_message_size=_LARGEST_SOCKET_MESSAGE_BYTES,
        **settings,
    )
