"""What an endpoint watches, changed while Spout runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.api.models import EndpointChange
from tests.fakes import FakeClock
from tests.notifiers.receivers import receiving
from tests.notifiers.stage import staged, until_as_time_passes, until_settled
from tests.notifiers.test_rules import pass_time

OVER = {"watch": {"fee_over": 50}}


@pytest.mark.parametrize(
    ("changes", "limits"),
    [
        pytest.param([{"watch": None}, OVER], [50.0, 50.0], id="taken away and asked for again"),
        pytest.param([{"watch": {"fee_over": 55}}], [50.0, 55.0], id="another one"),
        pytest.param([{"watch": {"fee_over": 50, "fee_under": 2}}], [50.0], id="one more beside it"),
        pytest.param([OVER, {"name": "renamed"}], [50.0], id="saved again as it was"),
        pytest.param([{"enabled": False}, {"enabled": True}], [50.0, 50.0], id="off and on"),
    ],
)
async def test_a_limit_newly_asked_for_says_its_first_crossing(
    tmp_path: Path, changes: list[dict[str, Any]], limits: list[float]
) -> None:
    with receiving() as receiver:
        async with staged(tmp_path, clock=FakeClock(), fee=lambda: 60.0) as stage:
            made = await stage.add(receiver.url(), **OVER)
            await pass_time(stage, 6)
            await until_as_time_passes(stage, lambda: len(receiver.got) == 1)
            for change in changes:  # within one look
                await stage.alerts.change(made.id, EndpointChange.model_validate(change))
            await pass_time(stage, 6)
            await pass_time(stage, 6)
            await until_as_time_passes(stage, lambda: len(receiver.got) >= len(limits))

    assert [json.loads(got.body)["data"]["limit"] for got in receiver.got] == limits


async def test_a_limit_that_was_crossed_before_a_stop_is_not_said_again(tmp_path: Path) -> None:
    with receiving() as receiver:
        clock = FakeClock()
        async with staged(tmp_path, clock=clock, fee=lambda: 60.0) as stage:
            await stage.add(receiver.url(), **OVER)
            await pass_time(stage, 6)
            await until_settled(stage, ["delivered"])
        async with staged(tmp_path, clock=clock, fee=lambda: 60.0) as stage:
            await pass_time(stage, 6)

    assert len(receiver.got) == 1
