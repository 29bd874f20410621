"""Outcomes of forecasts and of whales, by the rules of docs/accuracy.md.

A prediction has one opening forecast for each transaction it consisted of; each is scored separately. The
outcome depends on the prediction alone, so that it is recomputed after a reorg or a replacement.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.core.classification import Flow
from app.core.models import SourceName
from app.core.prediction import Forecast, Outcome, Prediction, Replacement, Status, Urgency
from app.core.units import Height, Txid

SCORED_WITHIN_SECONDS: Final = 60.0
"""A forecast made later than this after the transaction was first seen is not scored."""
EXCUSED_SECONDS: Final = 180.0
"""A whale first seen less than this before its block leaves little to forecast and no time to announce."""


class Fate(StrEnum):
    CONFIRMED = "confirmed"
    DROPPED = "dropped"
    REPLACED = "replaced"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastOutcome:
    """An opening forecast that is scored, and its outcome."""

    prediction_id: str
    txid: Txid
    at: datetime
    """When it was decided: confirmed, dropped, replaced or overdue; while censored, when it was made."""
    result: Outcome
    fate: Fate
    blocks: int | None
    """Number of blocks until confirmation (the next one is 1); if not confirmed, number of blocks mined
    before it ended. None while it is pending: all blocks until the tip."""
    made_at: datetime
    at_height: Height
    due_height: Height
    stated: tuple[float, ...]
    """Probabilities by HORIZONS, to four decimals, as published."""
    projected_block: int | None
    urgency: Urgency
    flow: Flow
    first_seen_by: SourceName


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleOutcome:
    """A whale that was confirmed or dropped. `urgency` is None where nothing was forecast."""

    prediction_id: str
    at: datetime
    confirmed: bool
    lead_time_seconds: float | None
    """None unless it was confirmed and first seen before its block."""
    excused: bool
    flow_right: bool | None
    """None unless it was confirmed and announced with a flow."""
    announced: bool
    """Whether it was announced before its block."""
    urgency: Urgency | None
    flow: Flow
    first_seen_by: SourceName

    @property
    def is_false_positive(self) -> bool:
        return self.announced and (not self.confirmed or self.flow_right is False)

    @property
    def is_false_negative(self) -> bool:
        return self.confirmed and not self.announced and not self.excused


def forecast_outcomes(whale: Prediction) -> Iterator[ForecastOutcome]:
    """Yield one per transaction of the whale that was forecast when new, in their order.

    Left out: forecasts made more than 60 s after first seen; whales left unverified; the demo.
    """
    if whale.demo or whale.left_unverified:
        return
    openings: dict[Txid, Forecast] = {}
    for forecast in whale.forecasts:
        openings.setdefault(forecast.txid, forecast)
    for txid in dict.fromkeys((*whale.replaces, whale.txid)):
        opening = openings.get(txid)
        if opening is not None and _was_new(whale, opening):
            yield _judged(whale, opening)


def whale_outcome(whale: Prediction) -> WhaleOutcome | None:
    """Return how the whale ended; None while pending, if it ended by replacement, and for the demo."""
    if whale.demo or whale.status not in (Status.CONFIRMED, Status.DROPPED):
        return None
    confirmed = whale.status is Status.CONFIRMED
    lead = whale.lead_time_seconds if confirmed else None
    announced = whale.announced_flow
    judged = confirmed and announced is not None and not whale.first_seen_in_block
    opening = whale.first_forecast
    return WhaleOutcome(
        prediction_id=whale.prediction_id,
        at=whale.ended_at or whale.confirmed_at or whale.updated_at,
        confirmed=confirmed,
        lead_time_seconds=lead,
        excused=is_excused(whale),
        flow_right=whale.classification.flow is announced if judged else None,
        announced=not (confirmed and _only_after_its_block(whale)),
        urgency=opening.urgency if opening else None,
        flow=announced or whale.classification.flow,
        first_seen_by=whale.first_seen_by,
    )


def is_excused(whale: Prediction) -> bool:
    """Return whether it was first seen less than 180 s before its block, but not in it."""
    lead = whale.lead_time_seconds if whale.status is Status.CONFIRMED else None
    return lead is not None and lead < EXCUSED_SECONDS


def _only_after_its_block(whale: Prediction) -> bool:
    """Return whether it was announced with or after its block: the tip had reached that height already."""
    if whale.first_seen_in_block:
        return True
    if whale.reorged or whale.detected_height is None or whale.confirmed_height is None:
        return False
    return not whale.replaces and whale.detected_height >= whale.confirmed_height


def _was_new(whale: Prediction, opening: Forecast) -> bool:
    age = (opening.made_at - _first_seen(whale, opening)).total_seconds()
    return age < SCORED_WITHIN_SECONDS


def _first_seen(whale: Prediction, opening: Forecast) -> datetime:
    came = next((one.at for one in whale.replacements if one.by == opening.txid), None)
    if came is not None:
        return came
    first = whale.replaces[0] if whale.replaces else whale.txid
    # An old record does not say when a replacement was first seen: assume with its own first forecast.
    return whale.detected_at if opening.txid == first else opening.made_at


def _judged(whale: Prediction, opening: Forecast) -> ForecastOutcome:
    gone = _replacement_of(whale, opening.txid)
    result, fate, at, blocks = _replaced(opening, gone) if gone is not None else _ended(whale, opening)
    flow = gone.flow if gone is not None else whale.announced_flow
    return ForecastOutcome(
        prediction_id=whale.prediction_id,
        txid=opening.txid,
        at=at,
        result=result,
        fate=fate,
        blocks=blocks,
        made_at=opening.made_at,
        at_height=opening.at_height,
        due_height=opening.due_height,
        stated=tuple(round(chance, 4) for chance in opening.probabilities),
        projected_block=opening.projected_block,
        urgency=opening.urgency,
        flow=flow or whale.classification.flow,
        first_seen_by=whale.first_seen_by,
    )


_Verdict = tuple[Outcome, Fate, datetime, int | None]


def _replacement_of(whale: Prediction, txid: Txid) -> Replacement | None:
    """Return the replacement that ended this transaction; None if none did, or if it came back since."""
    if txid == whale.txid and whale.status is not Status.REPLACED:
        return None
    known = next((one for one in reversed(whale.replacements) if one.txid == txid), None)
    if known is not None or txid == whale.txid:
        return known
    return _remembered_replacement(whale, txid)


def _remembered_replacement(whale: Prediction, txid: Txid) -> Replacement:
    """Reconstruct a replacement from a record older than `replacements`, by its first forecast."""
    chain = (*whale.replaces, whale.txid)
    by = chain[chain.index(txid) + 1]
    successor = next((one for one in whale.forecasts if one.txid == by), None)
    return Replacement(
        txid=txid,
        by=by,
        at=successor.made_at if successor else whale.updated_at,
        at_height=successor.at_height if successor else None,
        flow=None,
    )


def _replaced(opening: Forecast, gone: Replacement) -> _Verdict:
    """Return the verdict on a replaced transaction: REPLACED, or LATE if after its predicted block."""
    passed = 0 if gone.at_height is None else max(0, gone.at_height - opening.at_height)
    overdue = gone.overdue_since is not None or opening.at_height + passed >= opening.due_height
    result = Outcome.LATE if overdue else Outcome.REPLACED
    return result, Fate.REPLACED, gone.overdue_since or gone.at, passed


def _ended(whale: Prediction, opening: Forecast) -> _Verdict:
    if whale.status is Status.CONFIRMED and whale.confirmed_height is not None:
        on_time = whale.confirmed_height <= opening.due_height
        at = whale.confirmed_at or whale.updated_at
        blocks = max(1, whale.confirmed_height - opening.at_height)
        if on_time:
            return Outcome.ON_TIME, Fate.CONFIRMED, at, blocks
        return Outcome.LATE, Fate.CONFIRMED, whale.overdue_since or at, blocks
    if whale.status is Status.DROPPED:
        return Outcome.DROPPED, Fate.DROPPED, whale.ended_at or whale.updated_at, 0
    if whale.status is Status.REPLACED:  # in an old record
        latest = max(0, whale.forecasts[-1].at_height - opening.at_height)
        return Outcome.REPLACED, Fate.REPLACED, whale.ended_at or whale.updated_at, latest
    if whale.overdue_since is not None:
        return Outcome.LATE, Fate.PENDING, whale.overdue_since, None
    return Outcome.CENSORED, Fate.PENDING, opening.made_at, None
