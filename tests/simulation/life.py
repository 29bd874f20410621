"""One run of the program in a simulation: its engine, alerts and files, from start to a stop or a kill."""

import shutil
import ssl
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from app.bus import Bus
from app.core.events import Event
from app.engine import Engine
from app.settings import SettingsInForce, read_settings
from app.source import Surroundings, sources_of
from app.source.resilience import trusting
from app.store import LabelStore, OperatorFile, SettingStore, open_operator
from app.views import LiveSnapshot, Snapshot
from notifiers.dialler import Dialler
from notifiers.directory import Directory
from notifiers.sealing import Seal
from notifiers.service import Alerts
from tests.notifiers.builders import a_dialler
from tests.notifiers.stage import KEYRING, staged
from tests.simulation.receiver_in_memory import ReceiverInMemory
from tests.simulation.virtual import LoopClock


class Life:
    """One run of the program over a data directory: from start to a stop, or to a kill."""

    def __init__(self, engine: Engine, alerts: Alerts, operator: OperatorFile, live: LiveSnapshot) -> None:
        self.engine, self.alerts, self.operator, self.live = engine, alerts, operator, live

    @classmethod
    async def begin(
        cls, room: Path, clock: LoopClock, sources: Mapping[str, str], jitter: Callable[[], float]
    ) -> "Life":
        """`sources`: the settings that name them."""
        settings = read_settings({"SPOUT_DATA_DIR": str(room), **sources})
        in_force = SettingsInForce(settings)
        operator = (await open_operator(room, at=clock.now(), owner=True)).file
        now, bus = clock.now(), Bus[Event]()
        live = LiveSnapshot(Snapshot(version=0, made_at=now, started_at=now))
        alerts = Alerts(
            directory=Directory(operator, Seal(KEYRING)),
            dialler=shared_dialler(),
            clock=clock,
            bus=bus,
            jitter=jitter,
        )
        engine = Engine(
            settings=in_force,
            live=live,
            bus=bus,
            clock=clock,
            labels=LabelStore(operator),
            own_settings=SettingStore(operator, in_force, clock.now),
            demo=False,
            alerts=alerts,
        )
        await engine.open()
        engine.start(
            lambda emit, seen: sources_of(
                settings,
                Surroundings(
                    emit=emit, seen_txids=seen, clock=clock, jitter=jitter, tls=shared_authorities()
                ),
            )
        )
        return cls(engine, alerts, operator, live)

    async def stop(self) -> None:
        await self.engine.close()
        self.alerts.close()
        await self.operator.close()


_made: dict[int, Path] = {}


async def template(receiver: ReceiverInMemory, near: Path) -> Path:
    """A data directory with one endpoint, made once: DuckDB takes longer to make a file than to open it."""
    if receiver.port not in _made:
        room = Path(tempfile.mkdtemp(prefix="spout-template-", dir=near))
        async with staged(room, dialler=shared_dialler(), run=False) as stage:
            await stage.add(receiver.url())
        for lock in room.glob("*lock"):
            lock.unlink()
        _made[receiver.port] = room
    return _made[receiver.port]


@cache
def shared_dialler() -> Dialler:
    """One for all seeds: it reads the certificates of the system."""
    return a_dialler()


@cache
def shared_authorities() -> ssl.SSLContext:
    """One for all lives: reading the system's takes tens of milliseconds, and nothing here speaks TLS."""
    return trusting(None)


def forget_template(receiver: ReceiverInMemory) -> None:
    if room := _made.pop(receiver.port, None):
        shutil.rmtree(room)
