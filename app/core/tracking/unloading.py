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
from app.core.tracking import presence
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.whales import Unloaded
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
        for txid in (whale.txid, *whale.replaces):
            beliefs.unloaded[txid] = Unloaded(whale.prediction_id, whale.detected_at)
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
        case TransactionSeen(tx=tx) | TransactionReply(tx=tx) if tx.txid in beliefs.unloaded:
            return None
        case ProjectedTransaction(txid=txid) | PackageReply(txid=txid) | StatusReply(txid=txid) if (
            txid in beliefs.unloaded
        ):
            return None
    return observation


def recalled(beliefs: Beliefs, reply: PredictionRecalled, _at: datetime) -> None:
    """Reload a recalled whale and ask for its status, because an observation mentioned it."""
    for txid in [
        txid for txid, unloaded in beliefs.unloaded.items() if unloaded.prediction_id == reply.prediction_id
    ]:
        del beliefs.unloaded[txid]
    whale = reply.prediction
    if whale is not None and whale.status is Status.PENDING:
        if whale.txid not in beliefs.holders:
            presence.from_before(beliefs, whale)
        beliefs.whales.put(whale)
        beliefs.ask(AskStatus(whale.txid))


def released(beliefs: Beliefs, observation: Observation) -> tuple[Observation, ...]:
    """Return the deferred observations whose whales are recalled, or cannot be."""
    if not beliefs.deferred or not isinstance(observation, PredictionRecalled | Unanswered):
        return ()
    gone = isinstance(observation, Unanswered) and isinstance(observation.question, AskStored)
    ready = [one for one in beliefs.deferred if gone or not _waits(beliefs, one)]
    beliefs.deferred = [one for one in beliefs.deferred if one not in ready]
    return tuple(ready)


def _waits(beliefs: Beliefs, report: TransactionReplaced) -> bool:
    return any(txid in beliefs.unloaded for txid in (*report.victims, report.by.txid))


def _mentioned_in(beliefs: Beliefs, observation: Observation) -> Iterable[Txid]:
    """Return the txids that the observation mentions and whose status may have changed."""
    match observation:
        case TransactionReplaced(victims=victims, by=by):
            return (*victims, by.txid)
        case TransactionReply() | StatusReply():
            return (observation.txid if isinstance(observation, StatusReply) else observation.tx.txid,)
        case TransactionLeft(txids=txids):
            return txids
        case MempoolListed(txids=listed):
            return [txid for txid in _latest(beliefs) if txid not in listed]
        case BlockConnected(block=block):
            return (*(block.txids or ()), *(entry.txid for entry in block.entries or ()))
    return ()


def _latest(beliefs: Beliefs) -> list[Txid]:
    """Return the current txid of each unloaded whale: it was inserted first."""
    first: dict[str, Txid] = {}
    for txid, unloaded in beliefs.unloaded.items():
        first.setdefault(unloaded.prediction_id, txid)
    return list(first.values())


def _feerate(whale: Prediction) -> tuple[float, datetime]:
    """Sort key: package feerate if known, else its own; unknown counts as the lowest."""
    known = whale.package_feerate or whale.tx.feerate
    return (-1.0 if known is None else known, whale.detected_at)
