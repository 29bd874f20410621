"""Unloads whales to the store when memory runs short, lowest feerates first, the highest never.

Of an unloaded whale only the txids, the id and the detection time stay in memory; the store has the rest.
When an observation mentions it, it is first recalled from the store, so that its end is recorded as usual.
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
    PackageReply,
    PredictionRecalled,
    ProjectedTransaction,
    StatusReply,
    TransactionLeft,
    TransactionReplaced,
    TransactionReply,
    TransactionSeen,
    Unanswered,
)
from app.core.prediction import Prediction, Status
from app.core.questions import AskStatus, AskStored
from app.core.tracking import lifecycle, presence
from app.core.tracking.beliefs import Beliefs, Deferred
from app.core.units import Txid

ALWAYS_KEPT: Final = 100
"""Number of whales, those of the highest feerates, that are never unloaded."""
SHARE: Final = 0.5
"""Share of the other whales that is unloaded at each step."""
AT_LEAST: Final = 50
DEFERRED_AT_MOST: Final = 1_000


def pressed(beliefs: Beliefs, report: MemoryPressed, at: datetime) -> None:
    """Unload some whales; publish that once per episode of memory pressure."""
    waiting = sorted(beliefs.whales.pending(), key=_feerate)
    excess = waiting[: max(0, len(waiting) - ALWAYS_KEPT)]
    unload_oldest = excess[: max(AT_LEAST, math.ceil(len(excess) * SHARE))]
    for whale in unload_oldest:
        beliefs.whales.remove(whale.prediction_id)
        beliefs.note_unloaded(whale)
    beliefs.tally.unloaded += len(unload_oldest)
    if report.first:
        facts = {
            "rss_mb": round(report.rss_mb, 1),
            "limit_mb": report.limit_mb,
            "shed": len(unload_oldest),
            "pending": len(waiting) - len(unload_oldest),
        }
        beliefs.announce(Happening(type=EventType.MEMORY_PRESSURE, at=at, facts=facts))


def defer_if_unloaded(beliefs: Beliefs, observation: Observation) -> Observation | None:
    """Return the observation, or None if it is about an unloaded whale, which is recalled first."""
    if not beliefs.unloaded:
        return observation
    for txid in _mentioned_in(beliefs, observation):
        if (unloaded := beliefs.unloaded.get(txid)) is not None:
            beliefs.ask(AskStored(unloaded.prediction_id))
    match observation:
        case TransactionReplaced() if _waits(beliefs, observation):
            beliefs.deferred = [*beliefs.deferred, observation][-DEFERRED_AT_MOST:]
            return None
        case TransactionSeen() | TransactionReply() | ProjectedTransaction() if _waits(beliefs, observation):
            if beliefs.was_unloaded_as_another(_txid_of(observation)):
                beliefs.deferred = [*beliefs.deferred, observation][-DEFERRED_AT_MOST:]
            return None
        case PackageReply(txid=txid) | StatusReply(txid=txid) if txid in beliefs.unloaded:
            return None
    return observation


def recalled(beliefs: Beliefs, reply: PredictionRecalled, at: datetime) -> None:
    """Reload a recalled whale and ask for its status, because an observation mentioned it."""
    asked = {txid: one for txid, one in beliefs.unloaded.items() if one.prediction_id == reply.prediction_id}
    for txid in asked:
        del beliefs.unloaded[txid]
        if replaced := beliefs.awaited.pop(txid):
            beliefs.ask(AskStatus(replaced.whale))  # it was asked for as the replacement, recalled or not
    whale = reply.prediction
    if asked and whale is not None and whale.status is Status.PENDING:
        if whale.txid not in beliefs.holders:
            presence.from_before(beliefs, whale)
        beliefs.whales.put(whale)
        fork = min((one.fork for one in asked.values() if one.fork is not None), default=None)
        if fork is not None and whale.detected_height is not None and whale.detected_height > fork:
            whale = beliefs.keep(lifecycle.detected_at_height(whale, fork, at))
        if _is_replaced(beliefs, whale):  # else its status, which is asked for, tells whether it is late
            beliefs.note_overdue(at, among=(whale,))
        beliefs.ask(AskStatus(whale.txid))


def _is_replaced(beliefs: Beliefs, whale: Prediction) -> bool:
    """Return whether a replacement that was reported of it waits."""
    return any(isinstance(one, TransactionReplaced) and whale.txid in one.victims for one in beliefs.deferred)


def released(beliefs: Beliefs, observation: Observation) -> tuple[Observation, ...]:
    """Return the deferred observations whose whales are recalled, or cannot be."""
    if not beliefs.deferred or not isinstance(observation, PredictionRecalled | Unanswered):
        return ()
    lost = None
    if isinstance(observation, Unanswered) and isinstance(observation.question, AskStored):
        lost = observation.question.prediction_id
    ready = [one for one in beliefs.deferred if lost in (waits := _awaited(beliefs, one)) or not waits]
    beliefs.deferred = [one for one in beliefs.deferred if one not in ready]
    return tuple(ready)


def _waits(beliefs: Beliefs, report: Deferred) -> bool:
    return bool(_awaited(beliefs, report))


def _awaited(beliefs: Beliefs, report: Deferred) -> set[str]:
    """Return the ids of the unloaded whales that a report is about."""
    named = (
        (*report.victims, report.by.txid) if isinstance(report, TransactionReplaced) else (_txid_of(report),)
    )
    return {unloaded.prediction_id for txid in named if (unloaded := beliefs.unloaded.get(txid)) is not None}


def _txid_of(report: TransactionSeen | TransactionReply | ProjectedTransaction) -> Txid:
    return report.txid if isinstance(report, ProjectedTransaction) else report.tx.txid


def _mentioned_in(beliefs: Beliefs, observation: Observation) -> Iterable[Txid]:
    """Return the txids that the observation mentions and whose status may have changed."""
    mentioned: Iterable[Txid] = ()
    match observation:
        case TransactionReplaced(victims=victims, by=by):
            mentioned = (*victims, by.txid)
        case StatusReply(txid=txid):
            mentioned = (txid,)
        case TransactionReply(tx=tx):
            mentioned = (tx.txid,)
        case TransactionSeen() | ProjectedTransaction() if beliefs.was_unloaded_as_another(
            txid := _txid_of(observation)
        ):
            mentioned = (txid,)
        case TransactionLeft(txids=txids):
            mentioned = txids
        case MempoolListed(txids=listed):
            mentioned = [txid for txid in beliefs.unloaded if (txid in listed) != beliefs.is_unloaded(txid)]
        case BlockConnected(block=block):
            mentioned = (*(block.txids or ()), *(entry.txid for entry in block.entries or ()))
    return mentioned


def _feerate(whale: Prediction) -> tuple[float, datetime]:
    """Sort key: package feerate if known, else its own; unknown counts as the lowest."""
    known = whale.package_feerate or whale.tx.feerate
    return (-1.0 if known is None else known, whale.detected_at)
