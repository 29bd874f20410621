"""A thousand events to five endpoints, of which only two are well."""

import asyncio
import json
import time
from pathlib import Path

import psutil

from app.views import DeliveryQuery
from tests.notifiers.receivers import Receiver, Say, receiving
from tests.notifiers.stage import staged, until

EVENTS = 1_000


async def test_every_live_endpoint_gets_each_event_once_and_in_order(tmp_path: Path) -> None:
    process, dead_port = psutil.Process(), 9
    with (
        receiving() as well,
        receiving(lambda _got: Say(wait_seconds=0.5)) as slow,
        receiving() as faltering,
        receiving(lambda _got: Say(410)) as gone,
    ):
        faltering.script += [Say(500)]
        async with staged(tmp_path) as stage:
            for name, url in (
                ("well", well.url()),
                ("slow", slow.url()),
                ("dead", f"http://127.0.0.1:{dead_port}/"),
                ("faltering", faltering.url()),
                ("gone", gone.url()),
            ):
                await stage.add(url, name=name)
            before, waits = process.memory_info().rss, []
            for _ in range(EVENTS // 10):
                began = time.perf_counter()
                await stage.happen(10)
                waits.append(time.perf_counter() - began)
                await asyncio.sleep(0)
            await until(lambda: len(well.got) == EVENTS and len(faltering.got) == EVENTS + 1)
            grown = (process.memory_info().rss - before) / 1e6
            failing = (await stage.alerts.deliveries(DeliveryQuery(status="waiting"))).total_count

    waits.sort()
    print(f"append p99 {1_000 * waits[-2]:.0f} ms, grown {grown:.0f} MB, {len(slow.got)} at the slow one")
    assert _sequences(well) == list(range(1, EVENTS + 1))
    assert _sequences(faltering)[1:] == list(range(1, EVENTS + 1))
    assert _sequences(slow) == list(range(1, len(slow.got) + 1))
    assert (len(gone.got), grown < 100, failing > EVENTS) == (1, True, True)


def _sequences(receiver: Receiver) -> list[int]:
    return [json.loads(got.body)["sequence"] for got in receiver.got]
