"""Replacements that took place out of our sight: during a gap, while we were down, ahead of the stream.

A node's answers run ahead of its stream, and a stream can break: a whale may be found gone before anybody
told what took its coins. Its id goes on all the same, with the transaction that spends them.
"""

from datetime import datetime, timedelta

from app.core.events import EventType
from app.core.models import Transaction
from app.core.prediction import Prediction, Status
from app.core.questions import AskTransaction
from app.core.tracking import lifecycle, replacing
from app.core.tracking.beliefs import Beliefs
from app.core.units import Txid

UNEXPLAINED = timedelta(minutes=10)
"""So long after a drop, another spend of its coins may still say what happened."""


def await_heir(beliefs: Beliefs, whale: Prediction, by: Txid, at: datetime) -> None:
    """A source names what replaced it: that is read first, because the id goes on with it."""
    waits = beliefs.awaited.get(by)
    if waits == whale.txid or (waits is None and beliefs.whales.find(by) is None and whale.tx.outpoints):
        beliefs.awaited.put(by, whale.txid)
        beliefs.ask(AskTransaction(by))
    else:
        _give_way(beliefs, whale, by, at)


def heir_came(beliefs: Beliefs, by: Transaction, at: datetime) -> None:
    """What was awaited is told; where it spends the whale's coins, that decides as with any rival."""
    whale = _awaiting(beliefs, by.txid)
    if whale is None or whale.tx.outpoints & by.outpoints:
        beliefs.awaited.pop(by.txid)
    else:
        heir_is_gone(beliefs, by.txid, at)


def heir_is_gone(beliefs: Beliefs, by: Txid, at: datetime) -> None:
    """What was awaited is not to be had: only its name is known."""
    whale = _awaiting(beliefs, by)
    beliefs.awaited.pop(by)
    if whale is not None:
        _give_way(beliefs, whale, by, at)


def miss(beliefs: Beliefs, whale: Prediction) -> None:
    """It was dropped, and why was not told: the next spend of its coins is believed to be the reason."""
    departure = beliefs.gone.get(whale.txid)
    if departure is None or not departure.told:
        for outpoint in whale.tx.outpoints:
            beliefs.missed.put(outpoint, whale.txid)


def take_up(beliefs: Beliefs, by: Transaction, at: datetime) -> bool:
    """Hand the id of a whale that was lately missed on to `by`, if it spends its coins; return whether."""
    whale = _missed(beliefs, by, at)
    if whale is None or not replacing.resume(beliefs, whale, by, at):
        return False
    beliefs.tally.replacements += 1
    return True


def take_up_mined(beliefs: Beliefs, by: Transaction, at: datetime) -> None:
    """The same for one that a block holds: only if a mempool would have taken it instead."""
    whale = _missed(beliefs, by, at)
    if whale is not None and replacing.outbids(by, whale.tx) and replacing.resume(beliefs, whale, by, at):
        beliefs.tally.replacements += 1


def _awaiting(beliefs: Beliefs, by: Txid) -> Prediction | None:
    victim = beliefs.awaited.get(by)
    whale = None if victim is None else beliefs.whales.current(victim)
    return whale if whale is not None and whale.status is Status.PENDING else None


def _missed(beliefs: Beliefs, by: Transaction, at: datetime) -> Prediction | None:
    if not len(beliefs.missed) or beliefs.whales.current(by.txid) is not None:
        return None  # nothing is missed, or another id went on with it already
    for outpoint in by.outpoints:
        whale = beliefs.whales.current(beliefs.missed.get(outpoint) or by.txid)
        if whale is None or whale.txid == by.txid or whale.status is not Status.DROPPED:
            continue
        if whale.ended_at is not None and at - whale.ended_at < UNEXPLAINED:
            return whale
    return None


def _give_way(beliefs: Beliefs, whale: Prediction, by: Txid, at: datetime) -> None:
    beliefs.tally.replacements += 1
    beliefs.tell(EventType.REPLACED, lifecycle.give_way(whale, by, at, f"replaced by {by}"), at)
