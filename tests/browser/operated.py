"""A box with a password and the operator's real file, on a clock that a test moves; no node behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.bus import Bus
from app.core.events import Event
from app.keyring import Keyring
from app.metrics import Metrics
from app.server import Server
from app.settings import SettingsInForce, read_settings
from app.store import AuditLog, KeyStore, LabelStore, SettingStore, open_operator
from app.web import LoginRequiredWebSocket
from dashboard.build import PageOptions, build_pages
from tests.browser.sea import Sea
from tests.fakes import FakeClock

PASSWORD = "a whale of a word"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatedBox:
    address: str
    clock: FakeClock


@asynccontextmanager
async def an_operated_box(room: Path) -> AsyncIterator[OperatedBox]:
    clock, sea = FakeClock(), Sea()
    operator = await open_operator(room, at=clock.now(), owner=True)
    environ = {"SPOUT_PORT": "0", "SPOUT_DATA_DIR": str(room), "SPOUT_PASSWORD": PASSWORD}
    settings, file = read_settings(environ), operator.file
    server = Server(settings, Keyring(b"a secret of the tests, long enough"), clock)
    server.listen()
    try:
        await server.mount_api(live=sea.live, bus=Bus[Event](), metrics=Metrics())
        own = SettingStore(file, SettingsInForce(settings), clock.now)
        server.attach(sea.past, KeyStore(file), LabelStore(file), own, audit=AuditLog(file))  # type: ignore[arg-type]  # the sea's past has no flows
        options = PageOptions(version="test", door=LoginRequiredWebSocket)
        await server.mount_pages(lambda: lambda: build_pages(sea.live, sea.past, options))  # type: ignore[arg-type]  # as above
        yield OperatedBox(address=server.url.rstrip("/"), clock=clock)
    finally:
        await server.close()
        await file.close()
