"""The server on the one port: it opens first, and applications are mounted as they get ready.

    server = Server(settings, keyring, clock, entrance)
    server.listen()                      # unless the entrance is open already: /healthz answers
    await server.mount_api(live=..., bus=..., history=None, keys=None)
    server.attach(history, keys, …)      # once the database is open
    await server.mount_pages(load)       # once Panel is imported
    ...
    await server.close()

Only Tornado is imported here: pydantic, structlog, PyJWT, argon2 and Panel come after the port is open.
"""

import asyncio
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

from app.clock import Clock
from app.keyring import Keyring
from app.own_thread import on_its_own_thread
from app.settings import PASSWORD_FILE, ListenAddress, Secret
from app.web import (
    ENDED_SESSIONS_FILE,
    EndedSessions,
    Entrance,
    Gate,
    HealthzHandler,
    PasswordFile,
    Sessions,
    application_of,
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
    from app.settings import Settings
    from app.views import Accounts, History, LiveSnapshot
    from app.web import PagesBundle

_GOODBYE_SECONDS = 1.0


class Server:
    def __init__(
        self, settings: "Settings", keyring: Keyring, clock: Clock, entrance: Entrance | None = None
    ) -> None:
        """`entrance`: one that may be open already; else `listen` opens the settings' own."""
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
        self._entrance = entrance or Entrance(ListenAddress(settings.host, settings.port), clock)
        self._entrance.guard(self.gate)
        self._door = self._entrance.door
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
        self._entrance.open()
        self.port = self._entrance.port
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
        self._door.own = application_of(
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
        build = await on_its_own_thread(load)
        bokeh_app = await _import("app.web.bokeh_app")
        pages = build()
        application = bokeh_app.pages_application(pages, self.gate, self._keyring.derive("bokeh"))
        self._door.own.add_handlers(r".*", [spec for spec in pages.handlers if bokeh_app.is_beside_api(spec)])
        self._door.pages, self._door.ready, self._pages = application, True, pages
        self._closers += [pages.close, application.stop]
        pages.open()

    async def close(self) -> None:
        """Refuse new connections, notify the streams, close the rest; about a second at most."""
        self._entrance.refuse_new()
        for task in self._beside:
            task.cancel()
        if self._streams is not None:
            self._streams.close()
        for closer in reversed(self._closers):
            closer()
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._entrance.close_connections()
        except TimeoutError:
            return


async def _import(name: str) -> ModuleType:
    """Import on another thread: the port keeps answering meanwhile."""
    return await on_its_own_thread(lambda: importlib.import_module(name))
