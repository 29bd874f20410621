"""What users of neighbouring tools reported about amounts, chains of spends and fees, as it lies there."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from app.core.events import EventType
from app.core.flow.classifier import classify
from app.core.flow.entities import Entities
from app.core.forecasting.forecaster import Forecaster
from app.core.models import SourceName
from app.core.observations import BlockConnected
from app.core.prediction import Forecast
from app.source.backend.frames import FrameReader
from app.source.bitcoind.fees import BitcoindFees
from app.source.resilience import OptionalQuestions
from tests.builders import a_block
from tests.core.fee_markets import a_table
from tests.core.story import Story
from tests.fakes import NOON, LeapingClock
from tests.hostile.reported import BESIDE, a_transaction_of, an_input
from tests.source.bitcoind.test_rpc import an_rpc

pytestmark = BESIDE
B4 = "b4_template_zero_fee_parent"
NODE = SourceName.BITCOIND


def test_d3_an_output_to_a_key_that_an_input_reveals_is_change() -> None:
    found = classify(a_transaction_of("d3_same_key_other_script"), Entities())

    assert found.moved == 0


@pytest.mark.parametrize("spent", ["second", "second_control"])
def test_d4_what_was_paid_beside_an_anchor_is_an_alert_of_its_own_when_it_is_spent(spent: str) -> None:
    story = Story()
    story.seen(a_transaction_of("d4_anchor_is_no_peel", "first"))
    story.seen(a_transaction_of("d4_anchor_is_no_peel", spent))

    assert story.types == ["detected", "detected"]


@pytest.mark.parametrize(("vsize", "spikes"), [(None, 0), (998_000, 1)], ids=["nearly empty", "were it full"])
def test_e1_a_mempool_that_was_nearly_empty_after_a_restart_makes_no_fee_spike(
    vsize: int | None, spikes: int
) -> None:
    forecaster, reader, reported = Forecaster(None), FrameReader(), []
    for step in an_input("e1_spike_after_restart")["steps"]:
        blocks = [block | {"blockVSize": vsize or block["blockVSize"]} for block in step["mempool-blocks"]]
        for observation in reader.feed(msgspec.json.encode({"mempool-blocks": blocks})):
            at = NOON + timedelta(seconds=step["at_s"])
            reported += [one.type for one in forecaster.receive(observation, at)]

    assert reported == [EventType.FEES_SPIKED] * spikes


class Core:
    """A node without a histogram, with the template of the report."""

    def __init__(self, rpc: dict[str, Any], template: Sequence[dict[str, Any]]) -> None:
        self._rpc = rpc
        self._template = template

    def answer(self, request: httpx.Request) -> httpx.Response:
        call = json.loads(request.content)
        method = call["method"]
        if method == "getmempoolinfo" and call["params"]:
            method += " with a histogram"
        found = {"result": None, "error": None, **self._rpc[method], "id": call["id"]}
        if method == "getblocktemplate":
            found["result"] = found["result"] | {"transactions": self._template}
        return httpx.Response(200 if found["error"] is None else 500, json=found)


async def forecast_under(template: Sequence[dict[str, Any]]) -> Forecast:
    """What the whale of the report is told under this next block."""
    core = Core(an_input(B4)["rpc"], template)
    fees = BitcoindFees(an_rpc(core.answer), OptionalQuestions("bitcoind", LeapingClock()))
    queue = await fees.queue()
    assert queue is not None
    forecaster, story = Forecaster(a_table()), Story()
    for observation in (BlockConnected(block=a_block(0), source=NODE), await fees.measure(), queue):
        list(forecaster.receive(observation, NOON))
    story.start()
    story.seen(a_transaction_of(B4, "whale"))
    [forecast] = forecaster.forecast([story.only], NOON)
    assert forecast is not None
    return forecast


async def test_b4_a_parent_without_a_fee_in_the_next_block_does_not_change_what_is_foretold() -> None:
    template = an_input(B4)["rpc"]["getblocktemplate"]["result"]["transactions"]
    control, forecast = await forecast_under(template[:-2]), await forecast_under(template)

    assert control.probabilities[1] < 0.1
    assert forecast.predicted_block == control.predicted_block
    assert forecast.probabilities == pytest.approx(control.probabilities, abs=0.05)
