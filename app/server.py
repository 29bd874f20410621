"""The one server on the one port: it opens first, and what it serves moves in as it gets ready.

    server = Server(settings, keyring, clock)
    server.listen()                      # /healthz answers, pages say "starting", the API says 503
    await server.mount_api(live=..., bus=..., history=None, keys=None)
    server.attach(history, keys, labels) # once the database is open
    await server.mount_pages(load)       # once Panel is imported
    ...
    await server.close()

Only Tornado is imported here: structlog, PyJWT, argon2 and Panel come after the port is open.
"""

import asyncio
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.routing import Router
from tornado.web import Application

from app.clock import Clock
from app.errors import SettingsError
from app.keyring import Keyring
from app.settings import Settings
from app.web.access_log import log_request
from app.web.first import HealthzHandler, LoginNeededHandler, StartingApiHandler, StartingPageHandler
from app.web.gate import Gate
from app.web.headers import SecureHeaders
from app.web.sessions import Sessions

if TYPE_CHECKING:
    from app.api.parts import Keys, Labels, Parts
    from app.api.streams import StreamLimits, Streams
    from app.bus import Bus
    from app.core.events import Event
    from app.metrics import Metrics
    from app.views import History, Live
    from app.web.bundle import PagesBundle

_LARGEST_BODY_BYTES = 1024 * 1024
_LARGEST_HEADER_BYTES = 32 * 1024
_LARGEST_BUFFER_BYTES = 4 * 1024 * 1024
_LARGEST_SOCKET_MESSAGE_BYTES = 64 * 1024
_IDLE_SECONDS = 120
_BODY_SECONDS = 30
_PING_SECONDS = 20
_GOODBYE_SECONDS = 1.0
_OWN = ("/healthz", "/metrics", "/login", "/logout", "/api")


class FrontDoor(Router):
    """Decides which application answers: ours for the API, Bokeh's for the pages, behind the gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.ready = False
        self.own = _application(
            [
                (r"/healthz", HealthzHandler, {"door": self}),
                (r"/login|/logout", StartingPageHandler),
                (r".*", StartingApiHandler),
            ]
        )
        self.pages: Application = _application([(r".*", StartingPageHandler)])
        self._login_needed = _application([(r".*", LoginNeededHandler, {"gate": gate})])

    def find_handler(
        self,
        request: HTTPServerRequest,
        **kwargs: Any,  # noqa: ANN401 - Tornado's shape
    ) -> HTTPMessageDelegate | None:
        if request.path in _OWN or request.path.startswith("/api/"):
            return self.own.find_handler(request, **kwargs)
        if not self.ready or self._gate.admits(request):
            return self.pages.find_handler(request, **kwargs)
        return self._login_needed.find_handler(request, **kwargs)


class Server:
    def __init__(self, settings: Settings, keyring: Keyring, clock: Clock) -> None:
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self.gate = Gate(settings, Sessions(keyring, settings.password, clock.now))
        self._door = FrontDoor(self.gate)
        self._http: HTTPServer | None = None
        self._parts: Parts | None = None
        self._streams: Streams | None = None
        self._pages: PagesBundle | None = None
        self._closers: list[Callable[[], object]] = []
        self.port = settings.port

    @property
    def url(self) -> str:
        """Where the dashboard is, for the operator to open."""
        host = self._settings.host.strip("[]")
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown, not bound
        return f"http://[{shown}]:{self.port}/" if ":" in shown else f"http://{shown}:{self.port}/"

    def listen(self) -> None:
        """Open the port; from here on `/healthz` answers.

        Raises:
            SettingsError: if the port is taken or the address is not ours.
        """
        server = HTTPServer(
            self._door,
            max_body_size=_LARGEST_BODY_BYTES,
            max_header_size=_LARGEST_HEADER_BYTES,
            max_buffer_size=_LARGEST_BUFFER_BYTES,
            idle_connection_timeout=_IDLE_SECONDS,
            body_timeout=_BODY_SECONDS,
        )
        try:
            sockets = bind_sockets(self._settings.port, self._settings.host.strip("[]"))
        except OSError as error:
            raise SettingsError(
                f"Cannot listen on SPOUT_HOST={self._settings.host}, SPOUT_PORT={self._settings.port}: "
                f"{error.strerror or error}; set another SPOUT_PORT, or end what uses it"
            ) from error
        server.add_sockets(sockets)
        self.port = sockets[0].getsockname()[1]
        self._http = server

    async def mount_api(
        self,
        *,
        live: "Live",
        bus: "Bus[Event]",
        metrics: "Metrics",
        history: "History | None" = None,
        keys: "Keys | None" = None,
        stream_limits: "StreamLimits | None" = None,
    ) -> None:
        """Serve the API and the login; what needs the database answers 503 until `attach`."""
        api = await _import("app.api.mount")
        mounted = api.mount(
            settings=self._settings,
            keyring=self._keyring,
            clock=self._clock,
            gate=self.gate,
            live=live,
            bus=bus,
            metrics=metrics,
            stream_limits=stream_limits,
        )
        self._parts, self._streams = mounted.parts, mounted.streams
        self._closers.append(mounted.close)
        if history is not None and keys is not None:
            self.attach(history, keys)
        self._door.own = _application(
            [(r"/healthz", HealthzHandler, {"door": self._door}), *mounted.handlers],
            gate=self.gate,
            default_handler_class=mounted.not_found,
            default_handler_args={"parts": mounted.parts},
        )

    def attach(self, history: "History", keys: "Keys", labels: "Labels | None" = None) -> None:
        """The database is open: what reads it can answer now. After `mount_api`."""
        if self._parts is None:
            raise RuntimeError("mount_api comes first")
        self._parts.history, self._parts.keys, self._parts.labels = history, keys, labels

    async def mount_pages(self, load: "Callable[[], Callable[[], PagesBundle]]") -> None:
        """Serve the pages. `load` imports them, on another thread; what it returns builds them here."""
        build = await asyncio.get_running_loop().run_in_executor(None, load)
        bokeh_app = await _import("app.web.bokeh_app")
        pages = build()
        application = bokeh_app.pages_application(pages, self.gate, self._keyring.derive("bokeh"))
        self._door.own.add_handlers(r".*", [spec for spec in pages.handlers if bokeh_app.is_beside_api(spec)])
        self._door.pages, self._door.ready, self._pages = application, True, pages
        self._closers += [pages.close, application.stop]
        pages.open()

    async def close(self) -> None:
        """Let nobody in any more, say goodbye to the streams, let go of the rest; about a second at most."""
        if self._http is not None:
            self._http.stop()
        if self._streams is not None:
            self._streams.close()
        for closer in reversed(self._closers):
            closer()
        if self._http is not None:
            try:
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await self._http.close_all_connections()
            except TimeoutError:
                return


async def _import(name: str) -> ModuleType:
    """On another thread: the port goes on answering meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(None, importlib.import_module, name)


def _application(handlers: list[Any], **settings: Any) -> Application:  # noqa: ANN401 - Tornado's own
    return Application(
        handlers,
        transforms=[SecureHeaders],
        log_function=log_request,
        websocket_ping_interval=_PING_SECONDS,
        websocket_ping_timeout=_PING_SECONDS,
        websocket_max_message_size=_LARGEST_SOCKET_MESSAGE_BYTES,
        **settings,
    )
