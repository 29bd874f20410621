"""The simulator's traffic through the product: every whale is found and forecast, and scored as it went."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.core.prediction import Outcome, Prediction, Status
from app.engine.replay import Summary
from tests.bench.reported import opening_forecasts, replayed
from tests.core.fee_markets import a_table
from tests.simulation.traffic import Scenario, write_recording

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCENARIO = Scenario(regime="quiet", seed=6, seconds=1_500.0, limit_vbytes=2_000_000.0)


@dataclass(frozen=True, slots=True)
class Played:
    truth: dict[str, dict[str, Any]]
    summary: Summary
    predictions: tuple[Prediction, ...]

    @property
    def whales(self) -> dict[str, dict[str, Any]]:
        """By the truth."""
        return {txid: one for txid, one in self.truth.items() if one["whale"]}

    def of_fate(self, *fates: str) -> set[str]:
        return {txid for txid, one in self.whales.items() if one["fate"] in fates}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    path = tmp_path_factory.mktemp("traffic") / "quiet.ws.jsonl.gz"
    return path, write_recording(SCENARIO, path)


@pytest.fixture
async def played(recording: tuple[Path, dict[str, dict[str, Any]]], tmp_path: Path) -> Played:
    path, truth = recording
    summary, predictions = await replayed(path, (), a_table(), tmp_path)
    return Played(truth, summary, predictions)


async def test_the_product_tells_what_the_simulator_did(played: Played) -> None:
    txids = {txid for one in played.predictions for txid in (one.txid, *one.replaces)}
    confirmed = {one.txid for one in played.predictions if one.status is Status.CONFIRMED}
    heights = {one.txid: one.confirmed_height for one in played.predictions if one.confirmed_height}

    assert len(played.whales) > 20
    assert played.summary.blocks > 0
    assert txids == set(played.whales)
    assert confirmed == played.of_fate("confirmed")
    assert heights == {txid: played.truth[txid]["height"] for txid in confirmed}
    assert played.summary.skipped_messages == 0


async def test_every_whale_is_forecast_and_scored_by_what_really_came_of_it(played: Played) -> None:
    reported = opening_forecasts(played.predictions)
    on_time = {
        txid
        for txid in played.of_fate("confirmed")
        if (block := reported[txid].predicted_block) is not None and played.truth[txid]["height"] <= block
    }
    counted = played.summary.accuracy

    assert set(reported) == set(played.whales)
    assert counted["on_time"] == len(on_time) > 0
    assert counted["late"] == len(played.of_fate("confirmed") - on_time)
    assert {one.txid for one in played.predictions if one.outcome is Outcome.ON_TIME} == on_time
    assert played.summary.accuracy["first_seen_in_block"] == 0
