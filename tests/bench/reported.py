"""What the product itself said of whales, out of a replay, and what the truth says came of it."""

import asyncio
import gzip
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.core.forecasting.forecaster import Forecaster
from app.core.forecasting.passagetable import PassageTable
from app.core.prediction import Forecast, Prediction
from app.core.tracking.tracker import Tracker
from app.engine.replay import Replay, Summary
from app.engine.whale_policy import LabelsInForce, make_whale_policy
from app.settings import Settings
from app.source.recording.play import zero_of
from app.store.opening import open_database
from app.store.predictions import PredictionStore
from tests.backend.derive import write
from tests.bench.baselines import learn_frequencies
from tests.bench.recorded import FOLDER
from tests.bench.rows import BenchRow, shown
from tests.bench.scoring import CONFIRMED, DROPPED, PENDING, REPLACED, Outcomes, Stated, brier

PLAYED: Final = ("g12_fee_market", "mixed")
_FATES: Final = {
    "confirmed": CONFIRMED,
    "stale": CONFIRMED,
    "replaced": REPLACED,
    "never": PENDING,
    "in_mempool": PENDING,
}
Published = Mapping[str, Forecast]
Truth = Mapping[str, Mapping[str, Any]]


async def replayed(
    recording: Path, rest: Sequence[Path], table: PassageTable, folder: Path
) -> tuple[Summary, tuple[Prediction, ...]]:
    """Play one recording through the product, its own forecaster listening; return what came of it."""
    opened = await open_database(folder, at=zero_of(recording))
    forecaster = Forecaster(table)
    replay = Replay(
        tracker=Tracker(make_whale_policy(Settings(), LabelsInForce(), forecaster)),
        event_store=PredictionStore(opened),
        recordings=[recording],
        rest=rest,
        listeners=[forecaster],
    )
    try:
        summary = await replay.run(_no_wait, lambda _bytes: None)
    finally:
        await opened.database.close()
    return summary, tuple(replay.kept.predictions.values())


def opening_forecasts(predictions: Sequence[Prediction]) -> dict[str, Forecast]:
    """Return the first forecast that was told of each transaction, by txid."""
    reported: dict[str, Forecast] = {}
    for whale in predictions:
        for forecast in whale.forecasts:
            reported.setdefault(forecast.txid, forecast)
    return reported


def outcomes_by(truth: Truth, reported: Published, tip: int) -> Outcomes:
    """Return what the truth says came of each forecast, in their order; `tip` is where the recording ends."""
    fates = [_FATES.get(truth[txid]["fate"], DROPPED) for txid in reported]
    blocks = [
        max(1, int(truth[txid]["height"]) - forecast.at_height)
        if fate == CONFIRMED and truth[txid].get("height") is not None
        else max(0, _left_at(truth, txid, reported, tip) - forecast.at_height)
        for (txid, forecast), fate in zip(reported.items(), fates, strict=True)
    ]
    return Outcomes(fate=np.array(fates, dtype=np.intp), blocks=np.array(blocks, dtype=np.intp))


def published_rows(table: PassageTable) -> Iterator[BenchRow]:
    """Yield Brier at 1 and 3 of the whales' own opening forecasts, with N; climatology is in sample."""
    for name in PLAYED:
        recording, prefix = FOLDER / f"{name}.ws.jsonl.gz", f"forecast.told.{name}"
        if not recording.exists():
            yield shown(prefix, "absent: shared/recordings", "")
            continue
        truth = json.loads(gzip.decompress((FOLDER / "truth_final.json.gz").read_bytes()))
        with tempfile.TemporaryDirectory() as room:
            write(FOLDER, Path(room), [name])
            answers = [Path(room) / f"{name}.rest.jsonl.gz", FOLDER / "rest.jsonl.gz"]
            kept = Path(room) / "kept"
            kept.mkdir()
            _, predictions = asyncio.run(replayed(recording, answers, table, kept))
        reported = {txid: one for txid, one in opening_forecasts(predictions).items() if txid in truth}
        tip = max(one.at_height for one in reported.values())
        yield shown(f"{prefix}.whales", len(predictions), "predictions")
        yield shown(f"{prefix}.forecasts", len(reported), "opening")
        without = sum(not one.forecasts for one in predictions)
        yield shown(f"{prefix}.without", without, "no forecast")
        yield from _scores(prefix, reported, outcomes_by(truth, reported, tip))


def _scores(prefix: str, reported: Published, outcomes: Outcomes) -> Iterator[BenchRow]:
    one_class = np.zeros(len(reported), dtype=np.intp)
    stated = {
        "ours": Stated.from_chances(np.array([one.probabilities for one in reported.values()])),
        "climatology": learn_frequencies(one_class, outcomes, 1).stated(one_class),
    }
    for n in (1, 3):
        yield shown(f"{prefix}.n{n}", int(outcomes.evaluable(n).sum()), "evaluable")
        for forecaster, said in stated.items():
            yield shown(f"{prefix}.{forecaster}.brier{n}", brier(said, outcomes, n), "")


def _left_at(truth: Truth, txid: str, reported: Published, tip: int) -> int:
    """Return the tip when it was replaced, as far as its replacement was forecast; else the end."""
    successor = reported.get(str(truth[txid].get("replaced_by")))
    return tip if successor is None else successor.at_height


async def _no_wait(_seconds: float) -> None:
    pass
