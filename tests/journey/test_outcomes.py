"""Outcomes of the recordings' whales: those that follow from forecast, fate and height."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.forecasting import Forecaster, MinerBeliefs, PassageTable
from app.core.prediction import Outcome, Prediction
from app.core.scoring import ForecastOutcome, forecast_outcomes
from app.core.tracking import Tracker
from app.engine.replay import Replay
from app.engine.whale_policy import LabelsInForce, make_whale_policy
from app.settings import Settings
from app.source.recording.play import zero_of
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.backend.truth import RECORDINGS, Sent, Truth
from tests.soak import only_in_soak

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.timeout(600),  # whoever asks first waits until all answers are derived
    pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings do not lie beside the repository"),
]
ENDS = {
    "confirmed": Outcome.ON_TIME,
    "replaced": Outcome.REPLACED,
    "never": Outcome.CENSORED,
    "in_mempool": Outcome.CENSORED,
}
"""In time; any other fate is a drop."""
POLL_SECONDS = 2.0
"""The backend shows a replacement up to so much later: a block in between comes first."""


@pytest.fixture(scope="module")
def truths() -> dict[Path, Truth]:
    return {folder: Truth.load(folder) for folder in (RECORDINGS, RECORDINGS / "extra")}


@pytest.fixture(scope="module")
def table() -> PassageTable:
    return PassageTable(MinerBeliefs())


def names() -> list[object]:
    """`mixed.v331` has another zero, and the truth of `mixed`; those of `extra` have their own."""
    found = sorted(path.name.removesuffix(".ws.jsonl.gz") for path in RECORDINGS.glob("*.ws.jsonl.gz"))
    short = [name for name in found if "." not in name and name != "mixed"]
    long = [
        pytest.param(name, marks=only_in_soak) for name in ("mixed", "mixed.v331", "extra/g12_fee_market")
    ]
    return [*short, "extra/g09_reorg", *(pytest.param(name, marks=only_in_soak) for name in long)]


@pytest.mark.parametrize("name", names())
async def test_each_outcome_follows_from_its_forecast_and_the_truth(
    name: str, truths: dict[Path, Truth], derived_answers: Path, table: PassageTable, tmp_path: Path
) -> None:
    recording = RECORDINGS / f"{name}.ws.jsonl.gz"
    truth, recorded = truths[recording.parent], recording.parent / "rest.jsonl.gz"
    opened = await open_database(tmp_path, at=zero_of(recording))
    forecaster = Forecaster(table)
    tracker = Tracker(make_whale_policy(Settings(), LabelsInForce(), forecaster))
    replay = Replay(
        tracker=tracker,
        event_store=PredictionStore(opened),
        recordings=[recording],
        rest=[derived_answers / f"{name}.rest.jsonl.gz", *(() if "v331" in name else (recorded,))],
        listeners=[forecaster],
    )
    await replay.run(_at_once, lambda _bytes: None)
    await opened.database.close()
    tip = tracker.chain.tip.height if tracker.chain.tip else 0
    group = {one.txid: one for one in truth.group(recording.name.split(".")[0])}
    scored = list(_scored(replay.kept.predictions.values(), group))

    wrong = [
        (one.txid, one.result.value, group[one.txid].fate, group[one.txid].height, one.due_height)
        for one in scored
        if one.result not in expected(one, group[one.txid], truth, tip)
    ]
    print(f"{name}: {len(scored)} scored, {len(wrong)} wrong")
    assert wrong == []


def _scored(whales: object, group: dict[str, Sent]) -> Iterator[ForecastOutcome]:
    for whale in whales:
        assert isinstance(whale, Prediction)
        yield from (one for one in forecast_outcomes(whale) if one.txid in group)


def expected(one: ForecastOutcome, sent: Sent, truth: Truth, tip: int) -> set[Outcome]:
    """As far as the file reaches: what the truth says of later has not happened in it."""
    overdue = tip >= one.due_height
    mined = sent.height is not None and sent.height <= tip
    end = ENDS.get(sent.fate, Outcome.DROPPED)
    if end is Outcome.ON_TIME and mined:
        return {Outcome.ON_TIME if (sent.height or 0) <= one.due_height else Outcome.LATE}
    if end in (Outcome.ON_TIME, Outcome.CENSORED):
        return {Outcome.LATE if overdue else Outcome.CENSORED}
    if end is Outcome.REPLACED:
        by = truth.sent.get(sent.replaced_by or "")
        shown = (by.t, by.t + POLL_SECONDS) if by is not None else (float("inf"),)
        return {Outcome.LATE if _height_at(truth, at) >= one.due_height else Outcome.REPLACED for at in shown}
    if sent.fate == "stale":  # its coin is spent on the new branch, which the backend may call a replacement
        return {Outcome.DROPPED, Outcome.LATE}
    return {Outcome.DROPPED}


def _height_at(truth: Truth, moment: float) -> int:
    return max(
        (one["height"] for one in truth.events if one["event"] == "block" and one["t"] <= moment), default=0
    )


async def _at_once(_second: float) -> None:
    """As fast as it goes."""
