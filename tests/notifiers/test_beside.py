"""What runs beside: heartbeats, health."""

import asyncio
from pathlib import Path

from app.api.models import EndpointChange
from app.views import ComponentStatus
from tests.fakes import FakeClock
from tests.notifiers.receivers import Say, receiving
from tests.notifiers.stage import staged, until


async def test_a_heartbeat_calls_every_few_minutes_while_detection_works(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving() as monitor:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(monitor.url("/push"), kind="heartbeat", every_minutes=2)
            async with asyncio.timeout(60):
                while len(monitor.got) < 2:
                    await clock.advance(10)
                    await asyncio.sleep(0.01)
            stage.working = False
            await asyncio.sleep(0.1)
            so_far = len(monitor.got)
            for _ in range(60):
                await clock.advance(10)
                await asyncio.sleep(0.001)

    assert [got.method for got in monitor.got] == ["GET"] * so_far


async def test_a_heartbeat_begins_as_soon_as_detection_works(tmp_path: Path) -> None:
    with receiving() as monitor:
        async with staged(tmp_path, clock=(clock := FakeClock())) as stage:
            stage.working = False
            await stage.add(monitor.url("/push"), kind="heartbeat", every_minutes=60)
            await _pass(clock, 5)
            before = len(monitor.got)
            stage.working = True
            await _pass(clock, 5)
            await until(lambda: len(monitor.got) == 1)

    assert before == 0


async def test_a_changed_heartbeat_is_called_where_it_is_now_at_once(tmp_path: Path) -> None:
    with receiving() as monitor:
        async with staged(tmp_path, clock=(clock := FakeClock())) as stage:
            endpoint = await stage.add(monitor.url("/old"), kind="heartbeat", every_minutes=60)
            await _pass(clock, 3)
            await until(lambda: len(monitor.got) == 1)
            await stage.alerts.change(
                endpoint.id, EndpointChange.model_validate({"url": monitor.url("/new")})
            )
            await until(lambda: len(monitor.got) == 2)

    assert [got.path for got in monitor.got] == ["/old", "/new"]


async def test_a_heartbeat_that_is_gone_is_disabled(tmp_path: Path) -> None:
    with receiving(lambda _got: Say(410)) as monitor:
        async with staged(tmp_path) as stage:
            await stage.add(monitor.url("/push"), name="push", kind="heartbeat", every_minutes=1)
            await until(lambda: bool(stage.disabled))

    assert stage.disabled == [("push", "it answered 410: gone")]


async def _pass(clock: FakeClock, seconds: int) -> None:
    for _ in range(seconds):
        await clock.advance(1)
        await asyncio.sleep(0.02)


async def test_health_follows_from_the_endpoints(tmp_path: Path) -> None:
    with receiving(lambda _got: Say(410)) as gone:
        async with staged(tmp_path) as stage:
            before = stage.alerts.component().status
            await stage.add(gone.url(), name="gone")
            added = stage.alerts.component().status
            await stage.happen()
            await until(lambda: bool(stage.disabled))
            after = stage.alerts.component()

    assert (before, added, after.status) == (
        ComponentStatus.OFF,
        ComponentStatus.OK,
        ComponentStatus.DEGRADED,
    )
    assert after.error == "gone is disabled: it answered 410: gone"
