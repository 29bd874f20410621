"""A store, a directory and the alerts over them, as the engine puts them together; real files."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.api.models import Endpoint, NewEndpoint
from app.bus import Bus
from app.clock import Clock, SystemClock
from app.core.events import Event, EventType, Happening
from app.keyring import Keyring
from app.store import Database, OperatorFile, PredictionStore, open_database, open_operator
from app.views import DeliveryQuery
from notifiers.dialler import Dialler
from notifiers.directory import Directory
from notifiers.sealing import Seal
from notifiers.service import Alerts
from tests.fakes import FakeClock
from tests.notifiers.builders import a_dialler

KEYRING = Keyring(b"a secret of the tests, long enough")


@dataclass(slots=True, kw_only=True)
class Stage:
    alerts: Alerts
    store: PredictionStore
    directory: Directory
    bus: Bus[Event]
    clock: Clock
    database: Database
    disabled: list[tuple[str, str]] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    """What went into the audit log."""
    working: bool = True

    async def add(self, url: str | None, **more: Any) -> Endpoint:
        reported = {"name": more.pop("name", url), "kind": "webhook", "reach": "lan", "url": url, **more}
        return await self.alerts.add(NewEndpoint.model_validate(reported))

    async def happen(
        self, count: int = 1, type_: EventType = EventType.FEES_SPIKED, **facts: Any
    ) -> list[Event]:
        """As the pipeline does: store, then publish."""
        happenings = [
            Happening(type=type_, at=self.clock.now(), facts=facts or {"words": "fees"}) for _ in range(count)
        ]
        events = await self.store.append(happenings, ())
        for event in events:
            self.bus.publish(event)
        return list(events)

    async def statuses(self, endpoint_id: str | None = None) -> list[str]:
        page = await self.alerts.deliveries(DeliveryQuery(endpoint_id=endpoint_id, limit=1_000))
        return [str(one.status) for one in reversed(page.deliveries)]


@asynccontextmanager
async def staged(
    room: Path,
    *,
    clock: Clock | None = None,
    dialler: Dialler | None = None,
    run: bool = True,
    keyring: Keyring = KEYRING,
    zone: ZoneInfo | Callable[[], ZoneInfo] = ZoneInfo("UTC"),  # noqa: B008 - as immutable as a number
    fee: Callable[[], float | None] = lambda: None,
) -> AsyncIterator[Stage]:
    clock = clock or SystemClock()
    opened = await open_database(room, at=clock.now())
    operator = await open_operator(room, at=clock.now())
    directory, bus, disabled = Directory(operator.file, Seal(keyring)), Bus[Event](), list[tuple[str, str]]()
    noted: list[str] = []

    async def reported(_id: str, name: str, because: str) -> None:
        disabled.append((name, because))

    async def note(words: str) -> None:
        noted.append(words)

    stage: Stage
    alerts = Alerts(
        directory=directory,
        dialler=dialler or a_dialler(),
        clock=clock,
        bus=bus,
        jitter=lambda: 0.0,
        working=lambda: stage.working,
        disabled=reported,
        zone=zone if callable(zone) else lambda: zone,
        fee=fee,
        note=note,
    )
    store = PredictionStore(opened, (alerts.ride,))
    await alerts.open()
    alerts.attach(opened.database, store)
    stage = Stage(
        alerts=alerts,
        store=store,
        directory=directory,
        bus=bus,
        clock=clock,
        database=opened.database,
        disabled=disabled,
        noted=noted,
    )
    running = asyncio.create_task(alerts.run()) if run else None
    try:
        yield stage
    finally:
        if running is not None:
            running.cancel()
            await asyncio.wait({running})
        alerts.close()
        await opened.database.close()
        await operator.file.close()


def alerts_over(file: OperatorFile, clock: Clock) -> Alerts:
    """As a command or a demo has them: endpoints, and no deliveries."""
    return Alerts(
        directory=Directory(file, Seal(KEYRING)),
        dialler=a_dialler(),
        clock=clock,
        bus=Bus[Event](),
        jitter=lambda: 0.0,
    )


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for what a real far side brings about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the far side has no event of ours
            await asyncio.sleep(0.005)


async def until_as_time_passes(stage: Stage, condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """As `until`, while the clock goes on: what came due may have been looked for a moment before it did."""
    clock = stage.clock
    assert isinstance(clock, FakeClock)
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)
            await clock.advance(1.1)


async def until_settled(stage: Stage, statuses: list[str]) -> None:
    """Until the outbox says so of all deliveries, oldest first."""
    async with asyncio.timeout(60):
        while await stage.statuses() != statuses:  # noqa: ASYNC110 - the store has no event
            await asyncio.sleep(0.01)


async def until_attempted(stage: Stage, attempts: int) -> None:
    """Until so many attempts at the newest delivery are kept, and its lane waits for its time."""
    async with asyncio.timeout(60):
        while True:
            page = await stage.alerts.deliveries(DeliveryQuery())
            if page.deliveries and len(page.deliveries[0].attempts) >= attempts:
                break
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
