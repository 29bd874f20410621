"""Status transitions of a prediction, as functions from one version to the next."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import chain, count
from types import MappingProxyType

from app.core.classification import Classification, Flag
from app.core.models import Block, SourceName, Transaction
from app.core.prediction import Forecast, Outcome, Prediction, Replacement, Status, thinned
from app.core.units import Height, SatPerVb, Txid
from app.errors import InvalidTransitionError

BLOCK_TIME_BELIEVED_AFTER = timedelta(minutes=30)
"""A block older than this when reported: its own timestamp is the better confirmation time."""

_MOVED_ON = "what it left over was moved on, lately by"

LEGAL_TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        # Unconfirmed: every status may follow.
        Status.PENDING: frozenset(Status),
        # After a reorg it is pending again (`unconfirm`); the other branch may contain it, too.
        Status.CONFIRMED: frozenset({Status.CONFIRMED, Status.PENDING}),
        # Broadcast again, or found in a block or replaced after all: it is pending first (`come_back`).
        Status.DROPPED: frozenset({Status.DROPPED, Status.PENDING}),
        # The block with its replacement may be reorged away, and the transaction may return.
        Status.REPLACED: frozenset({Status.REPLACED, Status.PENDING}),
    }
)
"""Which status may follow which, from one version to the next; keeping the status is always legal."""


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
    """Return a new pending prediction. Its id is derived from its first txid, so it is found again later.

    `taken`: whether an id belongs to another prediction, one that began with this transaction and continued
    with its replacement; the id is then made from the other half of the txid, or from a hash of it.
    """
    return Prediction(
        prediction_id=next(one for one in _ids(tx.txid) if not taken(one)),
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
        announced_flow=classification.flow,
        demo=demo,
    )


def seen_before(whale: Prediction, former: Prediction) -> Prediction:
    """Return a mined whale as seen when it was a version of `former`: not late, nor in its block first."""
    came = next((one.at for one in former.replacements if one.by == whale.txid), former.detected_at)
    return replace(
        whale,
        detected_at=came,
        detected_height=former.detected_height,
        first_seen_by=former.first_seen_by,
        first_seen_in_block=False,
        flags=whale.flags - {Flag.LATE_SEEN},
    )


def _ids(txid: Txid) -> Iterator[str]:
    """Yield the ids that a prediction may have that begins with this transaction, without end."""
    return map("whl_{}".format, chain((txid[:32], txid[32:]), map(partial(_hashed, txid), count())))


def _hashed(txid: Txid, turn: int) -> str:
    return sha256(f"{txid} {turn}".encode()).hexdigest()[:32]


def confirm(whale: Prediction, block: Block, at: datetime) -> Prediction:
    """Return it confirmed in `block`. `confirmed_at` is `at`, or the block's own time if that is long ago.

    The block time is not used if it is before first seen or if our clock was stepped meanwhile, since the
    two times cannot be compared then.
    """
    known = at
    old_news = block.time is not None and at - block.time > BLOCK_TIME_BELIEVED_AFTER
    if (
        block.time is not None
        and old_news
        and whale.detected_at <= block.time
        and not whale.clock_steps_seconds
    ):
        known = block.time
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
        **_outcome_in(block, whale),
    )


def confirmed_at_height(whale: Prediction, block: Block, at: datetime) -> Prediction:
    """Return it confirmed at the height of `block`, in which it is known to be at another one."""
    return _next(whale, at, confirmed_height=block.height, **_outcome_in(block, whale))


def unconfirm(whale: Prediction, at: datetime, reason: str) -> Prediction:
    """Return it pending again after its block was reorged away; detection times are kept."""
    return _next(
        _revive(whale),
        at,
        reorged=whale.reorged + 1,
        reason=reason,
    )


def detected_at_height(whale: Prediction, height: Height, at: datetime) -> Prediction:
    """Return it with another height of the tip at its detection, after a reorg."""
    return _next(whale, at, detected_height=height)


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
    """Return it pending again: broadcast again after it was dropped or replaced."""
    return _next(_revive(whale), at, reason="broadcast again")


def take_over(
    whale: Prediction,
    by: Transaction,
    classification: Classification,
    at: datetime,
    *,
    tip: Block | None,
    fee_spike: bool,
    in_block: bool = False,
) -> Prediction:
    """Return it with its replacement as current transaction, ready for a new opening forecast.

    `fee_spike`: whether fees are spiking now. `in_block`: the replacement was never seen unconfirmed, so
    there is nothing to forecast.
    """
    kept = whale.flags - {Flag.CONFLICT, Flag.FEE_SPIKE}
    if in_block:
        kept |= {Flag.LATE_SEEN}
    return _next(
        whale,
        at,
        tx=by,
        classification=classification,
        replaces=tuple(one for one in dict.fromkeys((*whale.replaces, whale.txid)) if one != by.txid),
        package_feerate=by.package_feerate,
        first_forecast=None,
        first_seen_in_block=in_block,
        left_unverified=False,
        reason=None,
        flags=kept | {Flag.FEE_SPIKE} if fee_spike else kept,
        conflicts_with=(),
        held_by=(),
        announced_flow=classification.flow,
        outcome=Outcome.CENSORED,
        overdue_since=None,
        replacements=_with_replacement(whale, by.txid, at, tip),
    )


def give_way(whale: Prediction, by: Txid, at: datetime, reason: str, *, tip: Block | None) -> Prediction:
    """Return it replaced: the prediction ends, because it cannot continue with the replacement."""
    return _next(
        whale,
        at,
        status=Status.REPLACED,
        replaced_by=by,
        ended_at=at,
        reason=reason,
        left_unverified=False,
        outcome=Outcome.REPLACED if whale.overdue_since is None else Outcome.LATE,
        replacements=_with_replacement(whale, by, at, tip),
    )


def may_both_be_mined(whale: Prediction, older: Transaction) -> bool:
    """Return whether an older version spends no outpoint of the current one, which replaced one between them.

    It is no longer a version of this prediction then: if it is broadcast again, it is a whale of its own.
    """
    spent = whale.tx.outpoints
    return whale.txid != older.txid and bool(spent) and spent.isdisjoint(older.outpoints)


def is_overdue(whale: Prediction, tip: Height) -> bool:
    """Return whether the scored forecast is due at `tip` and the whale is not marked overdue yet."""
    due = whale.first_forecast
    waits = whale.status is Status.PENDING and whale.overdue_since is None
    return waits and due is not None and tip >= due.due_height


def overdue(whale: Prediction, at: datetime) -> Prediction:
    """Return it marked late: it was pending when its predicted block was mined, whatever happens later."""
    return _next(whale, at, outcome=Outcome.LATE, overdue_since=at)


def contend(whale: Prediction, rival: Txid, at: datetime, reason: str) -> Prediction:
    """Return it flagged as in conflict with `rival`, which spends one of the same outpoints."""
    return _next(
        whale,
        at,
        flags=whale.flags | {Flag.CONFLICT},
        conflicts_with=tuple(dict.fromkeys((*whale.conflicts_with, rival))),
        reason=reason,
    )


def leave_unverified(whale: Prediction, at: datetime, reason: str) -> Prediction:
    return _next(whale, at, left_unverified=True, reason=reason)


def remark(whale: Prediction, at: datetime, reason: str, *, unverified: bool) -> Prediction:
    """Return it still pending, with a remark on which mempools hold it."""
    return _next(whale, at, left_unverified=unverified, reason=reason)


def held(whale: Prediction, by: tuple[SourceName, ...], at: datetime) -> Prediction:
    """Return it with the mempools that hold it."""
    return _next(whale, at, held_by=by)


def verify(whale: Prediction, at: datetime) -> Prediction:
    return _next(whale, at, left_unverified=False, reason=None)


def reclassify(
    whale: Prediction, tx: Transaction, classification: Classification, at: datetime
) -> Prediction:
    return _next(whale, at, tx=tx, classification=classification)


def go_on(whale: Prediction, txid: Txid, at: datetime) -> Prediction:
    """Return it with evidence that its coin was moved on by `txid`; only the latest move is named."""
    seen = whale.classification
    steps = tuple(step for step in seen.evidence if not step.startswith(_MOVED_ON))
    moved_on = replace(seen, evidence=(*steps, f"{_MOVED_ON} {txid}"))
    return _next(whale, at, classification=moved_on)


def learn_fee(whale: Prediction, tx: Transaction, at: datetime) -> Prediction:
    """Return it with the fee and size that were unknown when it was first seen."""
    paid = replace(whale.tx, fee=tx.fee, vsize=whale.tx.vsize or tx.vsize)
    return _next(whale, at, tx=paid, package_feerate=whale.package_feerate or tx.package_feerate)


def is_repriced(old: SatPerVb | None, new: SatPerVb) -> bool:
    """Return whether a package feerate is another one: a source may round it."""
    return old is None or abs(new - old) > 0.01 * old


def reprice(whale: Prediction, feerate: SatPerVb, at: datetime) -> Prediction:
    """Return it with a changed package feerate."""
    return _next(whale, at, package_feerate=feerate)


def with_forecast(whale: Prediction, forecast: Forecast, at: datetime) -> Prediction:
    """Return it with one more forecast; the first for the current txid is scored and recalibrated from."""
    if whale.first_forecast is not None:
        forecast = replace(forecast, raw=(), projected_block=None)
    again = whale.forecasts[-1:] == (forecast,)  # of the same moment: the store keeps it once
    return _next(
        whale,
        at,
        forecasts=whale.forecasts if again else thinned((*whale.forecasts, forecast)),
        first_forecast=whale.first_forecast or forecast,
    )


def step_clock(whale: Prediction, seconds: float, at: datetime) -> Prediction:
    """Return it with a clock step added, so that its waiting time can still be computed."""
    return _next(whale, at, clock_steps_seconds=whale.clock_steps_seconds + seconds)


def _next(whale: Prediction, at: datetime, **changes: object) -> Prediction:
    new = replace(whale, version=whale.version + 1, updated_at=at, **changes)  # type: ignore[arg-type]  # keys are fields
    if new.status not in LEGAL_TRANSITIONS[whale.status]:
        raise InvalidTransitionError(f"{whale.prediction_id}: {whale.status} does not become {new.status}")
    return new


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
        overdue_since=None,
    )


def _with_replacement(
    whale: Prediction, by: Txid, at: datetime, tip: Block | None
) -> tuple[Replacement, ...]:
    one = Replacement(
        txid=whale.txid,
        by=by,
        at=at,
        at_height=tip.height if tip else None,
        flow=whale.announced_flow,
        overdue_since=whale.overdue_since,
    )
    return (*whale.replacements, one)


def _outcome_in(block: Block, whale: Prediction) -> dict[str, object]:
    """Return the outcome, by which it was not overdue if it was in time; none where nothing was forecast."""
    forecast = whale.first_forecast
    if forecast is None:
        return {"outcome": None}
    if block.height > forecast.due_height:
        return {"outcome": Outcome.LATE}
    return {"outcome": Outcome.ON_TIME, "overdue_since": None}
