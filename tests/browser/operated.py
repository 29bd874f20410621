"""A box with the operator's real file and real alerts, on a clock that a test moves; no node behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

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
from tests.fakes import NOON, FakeClock
from tests.notifiers.stage import Stage, staged

PASSWORD = "a whale of a word"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatedBox:
    address: str
    clock: FakeClock
    stage: Stage
    """What happens on it is an alert, to real receivers."""
    sea: Sea
    keys: KeyStore

    async def advance(self, seconds: float) -> None:
        """Move on, then let what is due by time alone be looked at; the pages' clock follows."""
        await self.clock.advance(seconds)
        for _ in range(3):
            await asyncio.sleep(0.05)
            await self.clock.advance(1.1)
        self.sea.now = self.clock.now()
        self.sea.show()


class Shelf:
    """Backups in a directory: the files are real, what is in them is not."""

    def __init__(self, room: Path, clock: FakeClock) -> None:
        self._room, self._clock = room, clock
        self._made: list[tuple[Path, datetime]] = []

    async def back_up(self) -> Path:
        at = self._clock.now()
        path = self._room / f"spout-{at:%Y%m%d-%H%M%S}.backup"
        path.write_bytes(b"kept" * 500_000)
        self._made.insert(0, (path, at))
        return path

    def backups(self) -> list[tuple[Path, datetime]]:
        return self._made


@asynccontextmanager
async def an_operated_box(
    room: Path, *, at: datetime = NOON, password: str | None = PASSWORD
) -> AsyncIterator[OperatedBox]:
    """`password` None: whoever opens the page may change everything, until one is set there."""
    clock, sea = FakeClock(at), Sea(at)
    operator = await open_operator(room, at=at, owner=True)
    environ = {"SPOUT_PORT": "0", "SPOUT_DATA_DIR": str(room)}
    environ |= {"SPOUT_PASSWORD": password} if password else {}
    settings, file = read_settings(environ), operator.file
    in_force = SettingsInForce(settings)
    server = Server(settings, Keyring(b"a secret of the tests, long enough"), clock)
    server.listen()
    try:
        async with staged(room, clock=clock, zone=lambda: ZoneInfo(in_force.current.timezone)) as stage:
            await server.mount_api(live=sea.live, bus=Bus[Event](), metrics=Metrics())
            own, keys = SettingStore(file, in_force, clock.now), KeyStore(file)
            server.attach(
                sea.past,  # type: ignore[arg-type]  # the sea's past has no flows
                keys,
                LabelStore(file),
                own,
                stage.alerts,
                audit=AuditLog(file),
                backups=Shelf(room, clock),
            )
            options = PageOptions(version="test", door=LoginRequiredWebSocket)
            await server.mount_pages(lambda: lambda: build_pages(sea.live, sea.past, options))  # type: ignore[arg-type]  # no flows in it
            address = server.url.rstrip("/")
            yield OperatedBox(address=address, clock=clock, stage=stage, sea=sea, keys=keys)
    finally:
        await server.close()
        await file.close()
