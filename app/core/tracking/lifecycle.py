"""What can happen to a prediction: each step takes one version and returns the next."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from app.core.classification import Classification, Flag
from app.core.models import Block, SourceName, Transaction
from app.core.prediction import Forecast, Outcome, Prediction, Status, thinned
from app.core.units import SatPerVb, Txid

BLOCK_TIME_BELIEVED_AFTER = timedelta(minutes=30)
"""Beyond this a block is old news to us, and its own timestamp says better when it came."""


def begin(
    tx: Transaction,
    classification: Classification,
    *,
    source: SourceName,
    at: datetime,
    tip: Block | None,
    flags: frozenset[Flag] = frozenset(),
    peel_of: str | None = None,
    demo: bool = False,
    taken: Callable[[str], bool] = lambda _id: False,
) -> Prediction:
    """Return a new pending prediction. Its id is its first txid's, so that a return finds it again.

    `taken`: whether an id is another prediction's, one that began with this transaction and went on with
    its replacement; the other half of the txid makes a second one then.
    """
    first, second = f"whl_{tx.txid[:32]}", f"whl_{tx.txid[32:]}"
    return Prediction(
        prediction_id=second if taken(first) else first,
        version=1,
        tx=tx,
        classification=classification,
        status=Status.PENDING,
        detected_at=at,
        detected_height=tip.height if tip else None,
        first_seen_by=source,
        first_seen_in_block=source is SourceName.BLOCK,
        updated_at=at,
        flags=flags,
        peel_of=peel_of,
        package_feerate=tx.package_feerate,
        demo=demo,
    )


def confirm(whale: Prediction, block: Block, at: datetime) -> Prediction:
    """In a block. `confirmed_at` is when we knew, or the block's own time where that was long ago."""
    known = at
    if block.time is not None and at - block.time > BLOCK_TIME_BELIEVED_AFTER:
        known = max(block.time, min(whale.detected_at, at))
    return _next(
        whale,
        at,
        status=Status.CONFIRMED,
        confirmed_height=block.height,
        confirmed_hash=block.hash,
        confirmed_at=known,
        ended_at=known,
        reason=None,
        left_unverified=False,
        outcome=_outcome(whale.first_forecast, block),
    )


def unconfirm(whale: Prediction, at: datetime, reason: str) -> Prediction:
    """Its block was reorged away: pending again, with its first times."""
    return _next(
        _revive(whale),
        at,
        reorged=whale.reorged + 1,
        reason=reason,
    )


def drop(whale: Prediction, at: datetime, reason: str) -> Prediction:
    return _next(
        whale,
        at,
        status=Status.DROPPED,
        ended_at=at,
        reason=reason,
        left_unverified=False,
        outcome=Outcome.DROPPED,
    )


def come_back(whale: Prediction, at: datetime) -> Prediction:
    """Broadcast again after it was dropped."""
    return _next(_revive(whale), at, reason="broadcast again")


def take_over(
    whale: Prediction, by: Transaction, classification: Classification, at: datetime, *, fee_spike: bool
) -> Prediction:
    """Replaced, and the id goes on with the new transaction; a new forecast opens, in a fee spike or not."""
    kept = whale.flags - {Flag.CONFLICT, Flag.FEE_SPIKE}
    return _next(
        whale,
        at,
        tx=by,
        classification=classification,
        replaces=tuple(one for one in dict.fromkeys((*whale.replaces, whale.txid)) if one != by.txid),
        package_feerate=by.package_feerate,
        first_forecast=None,
        left_unverified=False,
        reason=None,
        flags=kept | {Flag.FEE_SPIKE} if fee_spike else kept,
        conflicts_with=(),
    )


def give_way(whale: Prediction, by: Txid, at: datetime, reason: str) -> Prediction:
    """Replaced, and the id cannot go on."""
    return _next(
        whale,
        at,
        status=Status.REPLACED,
        replaced_by=by,
        ended_at=at,
        reason=reason,
        left_unverified=False,
        outcome=Outcome.REPLACED,
    )


def contend(whale: Prediction, rival: Txid, at: datetime, reason: str) -> Prediction:
    """Another unconfirmed transaction spends one of its coins."""
    return _next(
        whale,
        at,
        flags=whale.flags | {Flag.CONFLICT},
        conflicts_with=tuple(dict.fromkeys((*whale.conflicts_with, rival))),
        reason=reason,
    )


def leave_unverified(whale: Prediction, at: datetime, reason: str) -> Prediction:
    return _next(whale, at, left_unverified=True, reason=reason)


def verify(whale: Prediction, at: datetime) -> Prediction:
    return _next(whale, at, left_unverified=False, reason=None)


def reclassify(
    whale: Prediction, tx: Transaction, classification: Classification, at: datetime
) -> Prediction:
    return _next(whale, at, tx=tx, classification=classification)


def learn_fee(whale: Prediction, tx: Transaction, at: datetime) -> Prediction:
    """What was not known at first sight."""
    paid = replace(whale.tx, fee=tx.fee, vsize=whale.tx.vsize or tx.vsize)
    return _next(whale, at, tx=paid, package_feerate=whale.package_feerate or tx.package_feerate)


def reprice(whale: Prediction, feerate: SatPerVb, at: datetime) -> Prediction:
    """Its package pays something else now."""
    return _next(whale, at, package_feerate=feerate)


def foretell(whale: Prediction, forecast: Forecast, at: datetime) -> Prediction:
    """Add a revision; the first for the present txid is the one that is scored, and learned from."""
    if whale.first_forecast is not None:
        forecast = replace(forecast, unstraightened=())
    return _next(
        whale,
        at,
        forecasts=thinned((*whale.forecasts, forecast)),
        first_forecast=whale.first_forecast or forecast,
    )


def _next(whale: Prediction, at: datetime, **changes: object) -> Prediction:
    return replace(whale, version=whale.version + 1, updated_at=at, **changes)  # type: ignore[arg-type]  # keys are fields


def _revive(whale: Prediction) -> Prediction:
    return replace(
        whale,
        status=Status.PENDING,
        confirmed_height=None,
        confirmed_hash=None,
        confirmed_at=None,
        ended_at=None,
        replaced_by=None,
        left_unverified=False,
        outcome=Outcome.CENSORED,
    )


def _outcome(forecast: Forecast | None, block: Block) -> Outcome | None:
    """None where nothing was forecast, so nothing can be scored."""
    if forecast is None:
        return None
    if forecast.predicted_block is None:
        return Outcome.LATE
    return Outcome.ON_TIME if block.height <= forecast.predicted_block else Outcome.LATE
