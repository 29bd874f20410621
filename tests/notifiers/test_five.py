"""A thousand events to five endpoints, of which only two are well."""

import asyncio
import json
import time
from pathlib import Path

import psutil

from app.views import DeliveryQuery
from tests.fakes import FakeClock
from tests.notifiers.receivers import Receiver, Say, receiving
from tests.notifiers.stage import Stage, staged, until

EVENTS = 1_000
AT_ONCE = 10
ALONE = 300
"""Events before there is an endpoint, for comparison."""


async def test_every_live_endpoint_gets_each_event_once_and_in_order(tmp_path: Path) -> None:
    process, dead_port, clock = psutil.Process(), 9, FakeClock()
    with (
        receiving() as well,
        receiving(lambda _got: Say(wait_seconds=0.5)) as slow,
        receiving() as faltering,
        receiving(lambda _got: Say(410)) as gone,
    ):
        faltering.script += [Say(500)] * 3
        async with staged(tmp_path, clock=clock) as stage:
            alone = await _appended(stage, ALONE)
            for name, url in (
                ("well", well.url()),
                ("slow", slow.url()),
                ("dead", f"http://127.0.0.1:{dead_port}/"),
                ("faltering", faltering.url()),
                ("gone", gone.url()),
            ):
                await stage.add(url, name=name)
            before = process.memory_info().rss
            waits = await _appended(stage, EVENTS)
            hurrying = asyncio.create_task(_hurry(clock))
            await until(lambda: len(well.got) == EVENTS and len(faltering.got) == EVENTS + 3)
            hurrying.cancel()
            grown = (process.memory_info().rss - before) / 1e6
            failing = (await stage.alerts.deliveries(DeliveryQuery(status="waiting"))).total_count

    expected = list(range(ALONE + 1, ALONE + EVENTS + 1))
    print(
        f"{AT_ONCE} events are stored in {_shown(waits)} with five endpoints, {_shown(alone)} without any; "
        f"grown {grown:.0f} MB, {len(slow.got)} at the slow one"
    )
    assert _sequences(well) == expected
    assert _sequences(faltering) == [*expected[:1] * 3, *expected]
    assert _sequences(slow) == expected[: len(slow.got)]
    assert (len(gone.got), grown < 100, failing > EVENTS) == (1, True, True)


async def _appended(stage: Stage, count: int) -> list[float]:
    """Milliseconds that each batch took until it was stored: what detection waits for."""
    waits = []
    for _ in range(count // AT_ONCE):
        began = time.perf_counter()
        await stage.happen(AT_ONCE)
        waits.append(1_000 * (time.perf_counter() - began))
        await asyncio.sleep(0)
    return sorted(waits)


async def _hurry(clock: FakeClock) -> None:
    """A minute passes at each step, so that what is tried again after half an hour is tried in this test."""
    while True:
        await clock.advance(60)
        await asyncio.sleep(0.02)


def _shown(waits: list[float]) -> str:
    return f"{waits[len(waits) // 2]:.0f} ms (p99 {waits[-2]:.0f})"


def _sequences(receiver: Receiver) -> list[int]:
    return [json.loads(got.body)["sequence"] for got in receiver.got]
