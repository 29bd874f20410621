"""A source that was lost and is not any more rings no phone, whatever happened in between."""

from pathlib import Path

import pytest

from app.api.models import EndpointChange
from app.core.events import EventType
from tests.fakes import FakeClock
from tests.notifiers.receivers import receiving
from tests.notifiers.stage import staged, until, until_as_time_passes, until_settled
from tests.notifiers.test_rules import pass_time, types


@pytest.mark.parametrize(("returns", "sent"), [(True, []), (False, ["source.degraded"])])
async def test_a_source_that_was_lost_as_spout_stopped_is_told_only_if_it_stays_away(
    tmp_path: Path, *, returns: bool, sent: list[str]
) -> None:
    clock = FakeClock()
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url())
            await stage.happen(1, EventType.SOURCE_DEGRADED, reason="the node stops too")
        await clock.advance(600)
        async with staged(tmp_path, clock=clock) as stage:
            await pass_time(stage, 200)
            early = list(receiver.got)
            if returns:
                await stage.happen(1, EventType.SOURCE_RECOVERED)
            await pass_time(stage, 200)
            if sent:
                await until_as_time_passes(stage, lambda: len(receiver.got) == 1)

    assert (early, types(receiver)) == ([], sent)


async def test_a_loss_that_was_told_before_a_stop_is_told_to_be_over_after_it(tmp_path: Path) -> None:
    clock = FakeClock()
    with receiving() as receiver:
        async with staged(tmp_path, clock=clock) as stage:
            await stage.add(receiver.url())
            await stage.happen(1, EventType.SOURCE_DEGRADED, reason="the node stops too")
            await pass_time(stage, 400)
            await until_settled(stage, ["delivered"])
        async with staged(tmp_path, clock=clock) as stage:
            await stage.happen(1, EventType.SOURCE_RECOVERED)
            await until(lambda: len(receiver.got) == 2)

    assert types(receiver) == ["source.degraded", "source.recovered"]


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
            await until_as_time_passes(stage, lambda: len(receiver.got) >= len(sent))

    assert types(receiver) == sent
