"""The server on the one port: it opens first, and applications are mounted as they get ready.

    server = Server(settings, keyring, clock)
    server.listen()                      # /healthz answers, pages say "starting", the API says 503
    await server.mount_api(live=..., bus=..., history=None, keys=None)
    server.attach(history, keys, …)      # once the database is open
    await server.mount_pages(load)       # once Panel is imported
    ...
    await server.close()

Only Tornado is imported here: structlog, PyJWT, argon2 and Panel come after the port is open.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.routing import Router
from tornado.web import Application, GZipContentEncoding

from app.clock import Clock
from app.errors import SettingsError
from app.keyring import Keyring
from app.settings import PASSWORD_FILE, Secret, Settings
from app.web import (
    ENDED_SESSIONS_FILE,
    LARGEST_STRANGERS_BODY_BYTES,
    LARGEST_UNPROVED_BODY_BYTES,
    BodyAfterProof,
    ConnectionLimits,
    Connections,
    Correlated,
    DoorServer,
    EndedSessions,
    Gate,
    HealthzHandler,
    LoginNeededHandler,
    MethodsHandler,
    NoSuchPathHandler,
    PasswordFile,
    SecureHeaders,
    Sessions,
    StartingApiHandler,
    StartingPageHandler,
    connection_of,
    is_small,
    largest_body_bytes,
    log_request,
    note_request,
    raise_descriptor_limit,
)

if TYPE_CHECKING:
    from app.api import (
        Audit,
        Backups,
        Endpoints,
        Keys,
        Labels,
        Limiter,
        OwnSettings,
        Parts,
        StreamLimits,
        Streams,
    )
    from app.bus import Bus
    from app.core.events import Event
    from app.metrics import Metrics
    from app.views import Accounts, History, LiveSnapshot
    from app.web import PagesBundle

_LARGEST_SOCKET_MESSAGE_BYTES = 64 * 1024
_PING_SECONDS = 20
_GOODBYE_SECONDS = 1.0
_OWN = ("/healthz", "/metrics", "/login", "/logout", "/api")


class FrontDoor(Router):
    """Selects the application: ours for the API, Bokeh's for the pages, behind access control."""

    def __init__(self, gate: Gate, clock: Clock) -> None:
        self._gate = gate
        self._clock = clock
        self.ready = False
        self.has_proved: Callable[[HTTPServerRequest], Awaitable[bool]] | None = None
        """Whether a request has a valid key; None until keys can be looked up."""
        self.own = _application(
            [
                (r"/healthz", HealthzHandler, {"door": self}),
                (r"/login|/logout", StartingPageHandler),
                (r".*", StartingApiHandler),
            ]
        )
        self.pages: Application = _application([(r".*", StartingPageHandler)])
        self._login_needed = _application([(r".*", LoginNeededHandler, {"gate": gate})])
        self._no_such_path = _application([(r".*", NoSuchPathHandler)])
        self._methods = _application([(r".*", MethodsHandler)])

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
        if request.path in _OWN or request.path.startswith("/api/"):
            return self.own.find_handler(request, **kwargs)
        if request.method == "OPTIONS":
            return self._methods.find_handler(request, **kwargs)
        if not self.ready or self._gate.admits(request):
            return self.pages.find_handler(request, **kwargs)
        return self._login_needed.find_handler(request, **kwargs)

    def _most_body_bytes(self, request: HTTPServerRequest) -> int:
        """Return the body limit, as far as it is known at once."""
        known = connection_of(request)
        if (known is not None and known.proved) or self._gate.session(request) is not None:
            return largest_body_bytes(request.path)
        if any(name in request.headers for name in ("X-API-Key", "Authorization")):
            return LARGEST_UNPROVED_BODY_BYTES
        return LARGEST_STRANGERS_BODY_BYTES


class Server:
    def __init__(self, settings: Settings, keyring: Keyring, clock: Clock) -> None:
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self._password_file = PasswordFile(settings.data_dir / PASSWORD_FILE)
        kept = None if settings.password else self._password_file.read()
        sessions = Sessions(
            keyring,
            settings.password or (Secret(kept) if kept else None),
            clock.now,
            port=settings.port,
            ended=EndedSessions(settings.data_dir / ENDED_SESSIONS_FILE),
        )
        self.gate = Gate(settings, sessions, clock, has_password=kept is not None)
        self._door = FrontDoor(self.gate, clock)
        self._http: DoorServer | None = None
        self._beside: list[asyncio.Task[None]] = []
        self._parts: Parts | None = None
        self._streams: Streams | None = None
        self._pages: PagesBundle | None = None
        self._closers: list[Callable[[], object]] = []
        self.port = settings.port

    @property
    def url(self) -> str:
        """Return the dashboard's address, to be shown to the operator."""
        host = self._settings.host.strip("[]")
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown, not bound
        return f"http://[{shown}]:{self.port}/" if ":" in shown else f"http://{shown}:{self.port}/"

    def listen(self) -> None:
        """Open the port; from here on `/healthz` answers.

        Raises:
            SettingsError: if the port is taken or the address is not ours.
        """
        limits = ConnectionLimits.for_descriptors(raise_descriptor_limit())
        connections = Connections(limits, self.gate.proxies.holds)
        server = DoorServer(self._door, connections, self._clock)
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
        self._beside.append(asyncio.create_task(self.gate.proxies.keep_resolved()))

    async def mount_api(
        self,
        *,
        live: "LiveSnapshot",
        bus: "Bus[Event]",
        metrics: "Metrics",
        history: "History | None" = None,
        keys: "Keys | None" = None,
        stream_limits: "StreamLimits | None" = None,
        limiter: "Limiter | None" = None,
    ) -> None:
        """Serve the API and the login; routes that need the database answer 503 until `attach`."""
        api = await _import("app.api.mount")
        mounted = api.mount(
            settings=self._settings,
            keyring=self._keyring,
            clock=self._clock,
            gate=self.gate,
            password_file=self._password_file,
            live=live,
            bus=bus,
            metrics=metrics,
            stream_limits=stream_limits,
            limiter=limiter,
        )
        self._parts, self._streams = mounted.parts, mounted.streams
        self._closers.append(mounted.close)
        self._beside.append(asyncio.create_task(mounted.follow()))
        self._door.has_proved = mounted.has_proved
        if history is not None and keys is not None:
            self.attach(history, keys)
        self._door.own = _application(
            [(r"/healthz", HealthzHandler, {"door": self._door}), *mounted.handlers],
            gate=self.gate,
            default_handler_class=mounted.not_found,
            default_handler_args={"parts": mounted.parts},
        )

    def attach(
        self,
        history: "History",
        keys: "Keys",
        labels: "Labels | None" = None,
        own_settings: "OwnSettings | None" = None,
        endpoints: "Endpoints | None" = None,
        accounts: "Accounts | None" = None,
        audit: "Audit | None" = None,
        backups: "Backups | None" = None,
    ) -> None:
        """Attach the open database: routes that read it can answer now. Call after `mount_api`."""
        if self._parts is None:
            raise RuntimeError("mount_api comes first")
        self._parts.history, self._parts.keys, self._parts.labels = history, keys, labels
        self._parts.settings = own_settings
        self._parts.endpoints = endpoints
        self._parts.accounts = accounts
        self._parts.audit = audit
        self._parts.backups = backups

    async def mount_pages(self, load: "Callable[[], Callable[[], PagesBundle]]") -> None:
        """Serve the pages. `load` imports them on another thread; the function returned builds them."""
        build = await asyncio.get_running_loop().run_in_executor(None, load)
        bokeh_app = await _import("app.web.bokeh_app")
        pages = build()
        application = bokeh_app.pages_application(pages, self.gate, self._keyring.derive("bokeh"))
        self._door.own.add_handlers(r".*", [spec for spec in pages.handlers if bokeh_app.is_beside_api(spec)])
        self._door.pages, self._door.ready, self._pages = application, True, pages
        self._closers += [pages.close, application.stop]
        pages.open()

    async def close(self) -> None:
        """Refuse new connections, notify the streams, close the rest; about a second at most."""
        if self._http is not None:
            self._http.stop()
        for task in self._beside:
            task.cancel()
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
    """Import on another thread: the port keeps answering meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(None, importlib.import_module, name)


def _application(handlers: list[Any], **settings: Any) -> Application:  # noqa: ANN401 - Tornado's own
    return Application(
        handlers,
        transforms=[SecureHeaders, GZipContentEncoding],
        log_function=log_request,
        websocket_ping_interval=_PING_SECONDS,
        websocket_ping_timeout=_PING_SECONDS,
        websocket_max_message_size=_LARGEST_SOCKET_MESSAGE_BYTES,
        **settings,
    )
