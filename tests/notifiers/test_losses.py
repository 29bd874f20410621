"""A source that was lost and is not any more rings no phone, whatever happened in between."""

import json
from pathlib import Path

import pytest

from app.api.models import EndpointChange
from app.core.events import EventType
from tests.fakes import FakeClock
from tests.notifiers.receivers import receiving
from tests.notifiers.stage import staged, until
from tests.notifiers.test_rules import pass_time, types


async def test_a_source_that_was_lost_as_spout_stopped_is_not_told_after_a_start_that_went_well(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url())
            await stage.happen(1, EventType.SOURCE_DEGRADED, reason="the node stops too")
            await pass_time(stage, 5)
        async with staged(tmp_path, clock=clock) as stage:
            await pass_time(stage, 5)
            await pass_time(stage, 400)
            statuses = await stage.statuses()

    assert (receiver.got, statuses) == ([], ["dropped"])


async def test_a_source_that_is_lost_after_a_start_is_told(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url())
            await stage.happen(1, EventType.SOURCE_DEGRADED, reason="before")
            await pass_time(stage, 5)
        async with staged(tmp_path, clock=clock) as stage:
            await pass_time(stage, 60)
            await stage.happen(1, EventType.SOURCE_DEGRADED, reason="still")
            await pass_time(stage, 310)
            await until(lambda: len(receiver.got) == 1)

    assert [json.loads(got.body)["data"]["reason"] for got in receiver.got] == ["still"]


@pytest.mark.parametrize(("returns", "sent"), [(True, []), (False, ["source.degraded"])])
async def test_a_source_that_came_back_while_the_endpoint_was_disabled_is_not_told_as_lost(
    tmp_path: Path, *, returns: bool, sent: list[str]
) -> None:
    with receiving() as receiver:
        async with staged(tmp_path, clock=FakeClock()) as stage:
            made = await stage.add(receiver.url())
            await stage.happen(1, EventType.SOURCE_DEGRADED, reason="away")
            await stage.alerts.change(made.id, EndpointChange.model_validate({"enabled": False}))
            if returns:
                await stage.happen(1, EventType.SOURCE_RECOVERED)
            await pass_time(stage, 400)
            await stage.alerts.change(made.id, EndpointChange.model_validate({"enabled": True}))
            await pass_time(stage, 5)

    assert types(receiver) == sent
