"""A replay that a kill may end anywhere, with forecasts that depend on nothing but the whale and the tip.

The forecaster itself learns from what it watched, so after a restart it rightly says something else. What is
proven with this one is the rest: what was concluded, stored and added up.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.core.events import Happening
from app.core.models import SourceName
from app.core.observations import BlockConnected, ChainListed, Observation
from app.core.prediction import FARTHEST, HORIZONS, Forecast, Prediction, Urgency
from app.core.tracking import Tracker
from app.core.units import Height
from app.engine.replay import Replay
from app.engine.whale_policy import LabelsInForce, make_whale_policy
from app.settings import Settings
from app.store.opening import open_database
from app.store.predictions import PredictionStore


class SteadyForecasts:
    """Says by a txid in how many blocks it confirms; it listens for the tip."""

    spiking = False

    def __init__(self) -> None:
        self._tip: Height | None = None

    def receive(self, observation: Observation, _at: datetime) -> Iterable[Happening]:
        if isinstance(observation, BlockConnected):
            self._tip = observation.block.height
        elif isinstance(observation, ChainListed) and observation.blocks:
            self._tip = observation.blocks[-1].height
        return ()

    def moved(self, _at: datetime) -> bool:
        return False

    def mark_published(self, _at: datetime) -> None:
        pass

    def forecast(self, whales: Sequence[Prediction], at: datetime) -> Sequence[Forecast | None]:
        return [self._of(whale, at) for whale in whales]

    def _of(self, whale: Prediction, at: datetime) -> Forecast | None:
        rate = whale.effective_feerate
        if self._tip is None or rate is None:
            return None
        blocks = 1 + int.from_bytes(hashlib.sha256(whale.txid.encode()).digest()[:2], "big") % 6
        return Forecast(
            made_at=at,
            at_height=self._tip,
            txid=whale.txid,
            feerate=rate,
            probabilities=tuple(min(0.99, 0.8 * n / blocks) for n in HORIZONS),
            p_dropped=0.01,
            predicted_block=Height(self._tip + min(blocks, FARTHEST)),
            eta_seconds=600 * blocks,
            confidence_score=0.8,
            urgency_score=1 / blocks,
            urgency=Urgency.HIGH if blocks == 1 else Urgency.LOW,
            inputs="projected_blocks",
            projected_block=1 + blocks % 3,
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    recording: Path
    rest: tuple[Path, ...]


def play(data_dir: Path, recorded: Recorded, zero: datetime, reports: Any = None) -> None:
    """Play a recording into a data directory, as a run of its own; its sources' state begins anew.

    `reports`: a pipe's end, handed over by `multiprocessing`, into which goes the
    second of each line before it is read.
    """
    pipe = None if reports is None else reports.detach()

    async def pace(t: float) -> None:
        if pipe is not None:
            os.write(pipe, f"{t!r}\n".encode())

    async def work() -> None:
        opened = await open_database(data_dir, at=zero)
        store, forecasts = PredictionStore(opened), SteadyForecasts()
        tracker = Tracker(make_whale_policy(Settings(), LabelsInForce(), forecasts))
        restored = await store.restore(zero)
        tracker.restore(restored.predictions, restored.blocks, restored.unread)
        if restored.blocks:
            forecasts.receive(ChainListed(blocks=restored.blocks, source=SourceName.BLOCK), zero)
        replay = Replay(
            tracker=tracker,
            event_store=store,
            recordings=[recorded.recording],
            rest=recorded.rest,
            listeners=[forecasts],
            zero=zero,
        )
        await replay.run(pace, lambda _bytes: None)
        await opened.database.close()

    asyncio.run(work())
