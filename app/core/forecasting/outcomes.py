"""What became of forecasts: the rules by which they are scored and learned from (docs/accuracy.md)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from app.core.classification import Flag
from app.core.forecast import FRESH_SECONDS
from app.core.forecasting.recalibration import Recalibration, fit_recalibration
from app.core.prediction import HORIZONS, Forecast, Prediction, Status
from app.core.units import Height, Txid


class Fate(StrEnum):
    CONFIRMED = "confirmed"
    DROPPED = "dropped"
    REPLACED = "replaced"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredForecast:
    """An opening forecast and what came of it.

    `stated` by horizon, before the node's own outcomes straightened it. `blocks`: after how many it
    confirmed (the next one is 1); of others, how many were seen to pass without it.
    """

    stated: tuple[float, ...]
    fate: Fate
    blocks: int

    def came_true(self, horizon: int) -> bool:
        return self.fate is Fate.CONFIRMED and self.blocks <= horizon

    def evaluable(self, horizon: int) -> bool:
        """Dropped is never left out; replaced and pending are, beyond the blocks that were seen to pass."""
        return self.fate in (Fate.CONFIRMED, Fate.DROPPED) or horizon <= self.blocks


def headline_outcomes(whale: Prediction, tip: Height | None) -> Iterator[ScoredForecast]:
    """Yield one for each transaction it was, if that was forecast when it was new and something is known.

    Left out: first seen late, in a block, or forecast after 60 s; what nobody can verify any more; the demo.
    """
    if whale.demo or whale.left_unverified:
        return
    openings: dict[Txid, Forecast] = {}
    for forecast in whale.forecasts:
        openings.setdefault(forecast.txid, forecast)
    for txid in whale.replaces:
        if txid in openings and _was_new(whale, openings[txid]):
            blocks = _replaced_after(whale, txid, openings)
            if blocks:
                yield _scored(openings[txid], Fate.REPLACED, blocks)
    last = openings.get(whale.txid)
    if last is not None and _was_new(whale, last):
        fate, blocks = _end(whale, last, tip)
        if fate in (Fate.CONFIRMED, Fate.DROPPED) or blocks > 0:
            yield _scored(last, fate, blocks)


def learned_from(scored: Sequence[ScoredForecast], at: datetime) -> Recalibration:
    """Fit what the outcomes teach. Takes a fraction of a second; not for an event loop."""
    shape = (len(scored), len(HORIZONS))
    return fit_recalibration(
        np.array([one.stated for one in scored], dtype=np.float64).reshape(shape),
        np.array([[one.came_true(n) for n in HORIZONS] for one in scored], dtype=np.bool_).reshape(shape),
        np.array([[one.evaluable(n) for n in HORIZONS] for one in scored], dtype=np.bool_).reshape(shape),
        at,
    )


def _was_new(whale: Prediction, opening: Forecast) -> bool:
    """Whether the forecast was made when its transaction was first seen; a replacement's always is."""
    if whale.replaces and opening.txid != whale.replaces[0]:
        return True
    age = (opening.made_at - whale.detected_at).total_seconds()
    return age < FRESH_SECONDS and Flag.LATE_SEEN not in whale.all_flags


def _replaced_after(whale: Prediction, txid: Txid, openings: Mapping[Txid, Forecast]) -> int | None:
    """Return the blocks that passed until its replacement was forecast; None if that never was."""
    chain = (*whale.replaces, whale.txid)
    successor = openings.get(chain[chain.index(txid) + 1])
    return None if successor is None else max(0, successor.at_height - openings[txid].at_height)


def _end(whale: Prediction, opening: Forecast, tip: Height | None) -> tuple[Fate, int]:
    if whale.status is Status.CONFIRMED and whale.confirmed_height is not None:
        return Fate.CONFIRMED, max(1, whale.confirmed_height - opening.at_height)
    if whale.status is Status.DROPPED:
        return Fate.DROPPED, 0
    if whale.status is Status.REPLACED:
        # When it ended is known, at which height is not: at least at that of its last revision.
        return Fate.REPLACED, max(0, whale.forecasts[-1].at_height - opening.at_height)
    return Fate.PENDING, 0 if tip is None else max(0, tip - opening.at_height)


def _scored(opening: Forecast, fate: Fate, blocks: int) -> ScoredForecast:
    return ScoredForecast(stated=opening.unstraightened or opening.probabilities, fate=fate, blocks=blocks)
