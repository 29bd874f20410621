"""Outcomes of headline forecasts, from which the forecaster recalibrates (docs/accuracy.md)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.core.classification import Flag
from app.core.prediction import Forecast, Prediction, Status
from app.core.scoring.outcomes import SCORED_WITHIN_SECONDS, Fate
from app.core.units import Height, Txid


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredForecast:
    """An opening forecast and its outcome.

    `stated`: the probabilities by horizon, before recalibration. `blocks`: the number of blocks until
    confirmation (the next one is 1); if not confirmed, the number of blocks mined without it.
    """

    stated: tuple[float, ...]
    fate: Fate
    blocks: int

    def came_true(self, horizon: int) -> bool:
        return self.fate is Fate.CONFIRMED and self.blocks <= horizon

    def evaluable(self, horizon: int) -> bool:
        """Return whether the horizon can be scored: dropped always, replaced and pending up to `blocks`."""
        return self.fate in (Fate.CONFIRMED, Fate.DROPPED) or horizon <= self.blocks


def headline_outcomes(whale: Prediction, tip: Height | None) -> Iterator[ScoredForecast]:
    """Yield one per transaction of the whale that was forecast when new and has a known outcome.

    Left out: first seen late, in a block, or forecast after 60 s; whales left unverified; the demo.
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


def _was_new(whale: Prediction, opening: Forecast) -> bool:
    """Return whether the forecast was made when its transaction was new; a replacement's always is."""
    if whale.replaces and opening.txid != whale.replaces[0]:
        return True
    age = (opening.made_at - whale.detected_at).total_seconds()
    return age < SCORED_WITHIN_SECONDS and Flag.LATE_SEEN not in whale.all_flags


def _replaced_after(whale: Prediction, txid: Txid, openings: Mapping[Txid, Forecast]) -> int | None:
    """Return the number of blocks until its replacement was forecast; None if that never was."""
    chain = (*whale.replaces, whale.txid)
    successor = openings.get(chain[chain.index(txid) + 1])
    return None if successor is None else max(0, successor.at_height - openings[txid].at_height)


def _end(whale: Prediction, opening: Forecast, tip: Height | None) -> tuple[Fate, int]:
    if whale.status is Status.CONFIRMED and whale.confirmed_height is not None:
        return Fate.CONFIRMED, max(1, whale.confirmed_height - opening.at_height)
    if whale.status is Status.DROPPED:
        return Fate.DROPPED, 0
    if whale.status is Status.REPLACED:
        # The time of its end is known but not the height, which is at least that of its last revision.
        return Fate.REPLACED, max(0, whale.forecasts[-1].at_height - opening.at_height)
    return Fate.PENDING, 0 if tip is None else max(0, tip - opening.at_height)


def _scored(opening: Forecast, fate: Fate, blocks: int) -> ScoredForecast:
    return ScoredForecast(stated=opening.raw or opening.probabilities, fate=fate, blocks=blocks)
