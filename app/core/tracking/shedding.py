"""Whales set aside when memory runs short: the lowest feerates first, the highest never.

Of one set aside only the txids, the id and the first time stay; the store has the rest. When something is
heard of it, it is recalled from there first, so that its end is accounted for like any other.
"""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from app.core.events import EventType, Happening
from app.core.observations import (
    BlockConnected,
    MemoryPressed,
    MempoolListed,
    Observation,
    PackageTold,
    PredictionRecalled,
    StatusTold,
    TransactionGlimpsed,
    TransactionLeft,
    TransactionReplaced,
    TransactionSeen,
    TransactionTold,
    Unanswered,
)
from app.core.prediction import Prediction, Status
from app.core.questions import AskStatus, AskStored
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.whales import Aside
from app.core.units import Txid

ALWAYS_KEPT: Final = 100
"""Of the highest feerates."""
SHARE: Final = 0.5
"""Of the others, at each step."""
AT_LEAST: Final = 50
DEFERRED_AT_MOST: Final = 1_000


def pressed(beliefs: Beliefs, told: MemoryPressed, at: datetime) -> None:
    """Set some aside; say it once an episode."""
    waiting = sorted(beliefs.whales.pending(), key=_feerate)
    excess = waiting[: max(0, len(waiting) - ALWAYS_KEPT)]
    shed = excess[: max(AT_LEAST, math.ceil(len(excess) * SHARE))]
    for whale in shed:
        beliefs.whales.remove(whale.prediction_id)
        for txid in (whale.txid, *whale.replaces):
            beliefs.aside[txid] = Aside(whale.prediction_id, whale.detected_at)
    beliefs.tally.shed += len(shed)
    if told.first:
        facts = {
            "rss_mb": round(told.rss_mb, 1),
            "limit_mb": told.limit_mb,
            "shed": len(shed),
            "pending": len(waiting) - len(shed),
        }
        beliefs.announce(Happening(type=EventType.MEMORY_PRESSURE, at=at, facts=facts))


def mind(beliefs: Beliefs, observation: Observation) -> Observation | None:
    """Return what the tracker is to handle now: all that is not of a whale set aside."""
    if not beliefs.aside:
        return observation
    for txid in _heard_of(beliefs, observation):
        if (aside := beliefs.aside.get(txid)) is not None:
            beliefs.ask(AskStored(aside.prediction_id))
    match observation:
        case TransactionReplaced() if _waits(beliefs, observation):
            beliefs.deferred = [*beliefs.deferred, observation][-DEFERRED_AT_MOST:]
            return None
        case TransactionSeen(tx=tx) | TransactionTold(tx=tx) if tx.txid in beliefs.aside:
            return None
        case TransactionGlimpsed(txid=txid) | PackageTold(txid=txid) | StatusTold(txid=txid) if (
            txid in beliefs.aside
        ):
            return None
    return observation


def recalled(beliefs: Beliefs, told: PredictionRecalled, _at: datetime) -> None:
    """It is back: where it is now is asked, because something was heard of it."""
    for txid in [txid for txid, aside in beliefs.aside.items() if aside.prediction_id == told.prediction_id]:
        del beliefs.aside[txid]
    whale = told.prediction
    if whale is not None and whale.status is Status.PENDING:
        beliefs.whales.put(whale)
        beliefs.ask(AskStatus(whale.txid))


def released(beliefs: Beliefs, observation: Observation) -> tuple[Observation, ...]:
    """What waited for a recall and need not wait any more."""
    if not beliefs.deferred or not isinstance(observation, PredictionRecalled | Unanswered):
        return ()
    gone = isinstance(observation, Unanswered) and isinstance(observation.question, AskStored)
    ready = [one for one in beliefs.deferred if gone or not _waits(beliefs, one)]
    beliefs.deferred = [one for one in beliefs.deferred if one not in ready]
    return tuple(ready)


def _waits(beliefs: Beliefs, told: TransactionReplaced) -> bool:
    return any(txid in beliefs.aside for txid in (*told.victims, told.by.txid))


def _heard_of(beliefs: Beliefs, observation: Observation) -> Iterable[Txid]:
    """Transactions that may have ended, or come to another place."""
    match observation:
        case TransactionReplaced(victims=victims, by=by):
            return (*victims, by.txid)
        case TransactionTold() | StatusTold():
            return (observation.txid if isinstance(observation, StatusTold) else observation.tx.txid,)
        case TransactionLeft(txids=txids):
            return txids
        case MempoolListed(txids=listed):
            return [txid for txid in _latest(beliefs) if txid not in listed]
        case BlockConnected(block=block):
            return (*(block.txids or ()), *(entry.txid for entry in block.entries or ()))
    return ()


def _latest(beliefs: Beliefs) -> list[Txid]:
    """The current txid of each: it was put in first."""
    first: dict[str, Txid] = {}
    for txid, aside in beliefs.aside.items():
        first.setdefault(aside.prediction_id, txid)
    return list(first.values())


def _feerate(whale: Prediction) -> tuple[float, datetime]:
    """Of its package, if known; unknown counts as the lowest."""
    known = whale.package_feerate or whale.tx.feerate
    return (-1.0 if known is None else known, whale.detected_at)
