"""How soon a whale has its forecast after a start, beside a node alone whose mempool is nearly empty."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.journey.spout import SpoutProcess
from tests.journey.stage import FEE, THRESHOLD_BTC, fan_out
from tests.journey.waiting import until
from tests.node.node import Node

pytestmark = [pytest.mark.node, pytest.mark.timed, pytest.mark.timeout(120)]
BAR = timedelta(seconds=3)
Json = dict[str, Any]


def test_a_whale_that_waited_before_the_start_is_forecast_within_three_seconds_by_the_node_alone(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path / "node", settings=("txindex=1",))
    node.start()
    try:
        coin = fan_out(node, 1)[0]
        waiting = node.send(node.sign([coin], {node.address(): coin.amount - FEE}))
        spout = SpoutProcess(
            tmp_path,
            **node.settings_of_spout,
            SPOUT_WHALE_THRESHOLD_BTC=THRESHOLD_BTC,
        )
        with spout:
            whale = until(lambda: forecast_whale(spout, waiting), "it is forecast", seconds=30)
    finally:
        node.kill()

    seen, forecast = when(whale["detected_at"]), when(whale["first_forecast"]["made_at"])
    print(f"\nforecast {(forecast - seen).total_seconds():.1f} s after it was seen")
    assert forecast - seen < BAR


def forecast_whale(spout: SpoutProcess, txid: str) -> Json | None:
    whale = spout.whale(txid)
    return whale if whale is not None and whale["first_forecast"] is not None else None


def when(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).astimezone(UTC)
