"""What runs beside: heartbeats, the command's socket, health."""

import asyncio
import json
from pathlib import Path

from app.views import ComponentStatus
from notifiers import ask_running
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


async def test_a_running_spout_tests_by_its_socket(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with staged(tmp_path) as stage:
            await stage.add(receiver.url(), name="hook")
            await until((tmp_path / "control.sock").exists)
            runs, tested = await ask_running(tmp_path, "hook")
            _, unknown = await ask_running(tmp_path, "other")
            hosts = await stage.alerts.hosts()

    assert (runs, tested is not None and tested.delivered, unknown) == (True, True, None)
    assert (json.loads(receiver.got[0].body)["type"], [host for host, *_ in hosts]) == ("test", ["127.0.0.1"])


async def test_beside_no_running_spout_there_is_no_socket(tmp_path: Path) -> None:
    assert await ask_running(tmp_path, "hook") == (False, None)


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
