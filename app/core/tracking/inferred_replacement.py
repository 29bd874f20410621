"""Replacements that were not reported, inferred from another spend of the outpoints.

They happen during a gap, while Spout is down, or ahead of the stream. A node's RPC replies run ahead of its
stream, and a stream can break: a whale may be found missing before its replacement is reported. Its
prediction continues all the same, with the transaction that spends its outpoints.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from app.core.encoding import with_derived_scripts
from app.core.events import EventType
from app.core.models import Transaction
from app.core.observations import Unanswered
from app.core.prediction import Prediction, Status
from app.core.questions import AskTransaction
from app.core.tracking import lifecycle, presence, replacing
from app.core.tracking.awaited import Awaiting
from app.core.tracking.beliefs import Beliefs
from app.core.units import Txid

UNEXPLAINED = timedelta(minutes=10)
"""How long after a drop another spend of the same outpoints is taken for the replacement."""
AWAITED_FOR = timedelta(minutes=1)
"""How long a whale waits for its named replacement while nobody can be asked for that."""


def await_replacement(beliefs: Beliefs, whale: Prediction, by: Txid, at: datetime) -> None:
    """A source names the replacement: fetch it first, because the prediction continues with it."""
    waits = beliefs.awaited.get(by)
    if waits is None and beliefs.whales.find(by) is None:
        beliefs.awaited.put(by, Awaiting(whale.txid, at))
        beliefs.ask(AskTransaction(by))
    elif waits is not None and waits.whale == whale.txid and not waits.given:
        beliefs.awaited.put(by, waits._replace(again=at))
        beliefs.ask(AskTransaction(by))
    else:
        _give_way(beliefs, whale, by, at)


def is_awaited(beliefs: Beliefs, whale: Prediction, at: datetime) -> bool:
    """Return whether what another source named as its replacement is asked for; once more, if that lasts."""
    named = beliefs.awaited.asked_for(whale.txid)
    for by, waits in named:
        if not _is_waited_for(waits, at):
            beliefs.ask(AskTransaction(by))
    return bool(named)


def _is_waited_for(waits: Awaiting, at: datetime) -> bool:
    return timedelta(0) <= at - waits.since < AWAITED_FOR


def replacement_reported(beliefs: Beliefs, by: Transaction, at: datetime) -> None:
    """The named replacement was reported before it could be fetched: of a whale's line it tells no rival."""
    whale = _awaiting(beliefs, by.txid)
    if whale is not None and not whale.tx.inputs:
        replacement_arrived(beliefs, by, at)


def replacement_arrived(beliefs: Beliefs, by: Transaction, at: datetime, *, mined: bool = False) -> None:
    """The named replacement was fetched; if it spends the whale's outpoints, it is handled as any rival.

    If these are unknown, what is said is believed. `mined`: it is in a block.
    """
    whale = _awaiting(beliefs, by.txid)
    if whale is None:
        return
    if not replacing.may_replace(by, whale):
        replacement_is_gone(beliefs, by.txid, at)
        return
    beliefs.awaited.put(by.txid, Awaiting(whale.txid, at, given=True))
    if not whale.tx.inputs:
        was_seen = by.txid in beliefs.projected or presence.is_held(beliefs, by.txid)
        by = with_derived_scripts(by)
        replacing.replace_whales(beliefs, [whale], by, at, mined=mined, seen_before=was_seen)


def replacement_unanswered(beliefs: Beliefs, failed: Unanswered, by: Txid, at: datetime) -> None:
    """Nobody could be asked for the named replacement: it is waited for a while if it is asked for again."""
    waits = beliefs.awaited.get(by)
    if waits is None or not failed.asked_again or not _is_waited_for(waits, at):
        replacement_is_gone(beliefs, by, at)


def replacement_is_placed(beliefs: Beliefs, by: Txid, at: datetime) -> None:
    """All that is said of the named replacement is that a mempool has it: after a while that is believed."""
    waits = beliefs.awaited.get(by)
    if waits is not None and not _is_waited_for(waits, at):
        replacement_is_gone(beliefs, by, at)


def replacement_is_gone(beliefs: Beliefs, by: Txid, at: datetime) -> None:
    """The named replacement cannot be fetched: the prediction ends with its txid as `replaced_by`."""
    whale, waits = _awaiting(beliefs, by), beliefs.awaited.get(by)
    if waits is not None and not waits.given:
        beliefs.awaited.pop(by)
    if whale is not None:
        _give_way(beliefs, whale, by, at)


def miss(beliefs: Beliefs, whale: Prediction) -> None:
    """Remember the outpoints of a whale dropped without a reported reason; their next spend explains it."""
    departure = beliefs.gone.get(whale.txid)
    if departure is None or not departure.reported:
        for outpoint in whale.tx.outpoints:
            beliefs.missed.put(outpoint, whale.txid)


def adopt(beliefs: Beliefs, by: Transaction, at: datetime) -> bool:
    """Continue a recently missed whale's prediction with `by` if it spends its outpoints; return whether."""
    whale = _missed(beliefs, by, at)
    if whale is None or replacing.outpays(whale, by):
        return False
    return replacing.resume(beliefs, whale, by, at)


def adopt_mined(beliefs: Beliefs, by: Transaction, at: datetime) -> None:
    """The same for one in a block: only if a mempool would have accepted it as the replacement."""
    whale = _missed(beliefs, by, at)
    if whale is not None and replacing.outbids(by, whale.tx):
        replacing.resume(beliefs, whale, by, at, mined=True)


def adopt_late(beliefs: Beliefs, victims: Iterable[Txid], by: Transaction, at: datetime) -> bool:
    """Continue a whale dropped before a source named its replacement; return whether one was continued."""
    if beliefs.whales.current(by.txid) is not None or beliefs.is_unloaded(by.txid):
        return False
    for victim in victims:
        whale = beliefs.whales.current(victim)
        if whale is None or not _ended_lately(whale, at) or not replacing.may_replace(by, whale):
            continue
        if replacing.resume(beliefs, whale, by, at):
            beliefs.candidates.pop(by.txid)
            return True
    return False


def _awaiting(beliefs: Beliefs, by: Txid) -> Prediction | None:
    waits = beliefs.awaited.get(by)
    whale = None if waits is None or waits.given else beliefs.whales.current(waits.whale)
    return whale if whale is not None and whale.status is Status.PENDING else None


def _missed(beliefs: Beliefs, by: Transaction, at: datetime) -> Prediction | None:
    if not len(beliefs.missed) or beliefs.whales.current(by.txid) is not None:
        return None  # no whale is missed, or another prediction has this transaction already
    for outpoint in sorted(by.outpoints):
        whale = beliefs.whales.current(beliefs.missed.get(outpoint) or by.txid)
        if whale is not None and whale.txid != by.txid and _ended_lately(whale, at):
            return whale
    return None


def _ended_lately(whale: Prediction, at: datetime) -> bool:
    """Return whether it was dropped so recently that its replacement may still be reported."""
    if whale.status is not Status.DROPPED or whale.ended_at is None:
        return False
    return at - whale.ended_at < UNEXPLAINED


def _give_way(beliefs: Beliefs, whale: Prediction, by: Txid, at: datetime) -> None:
    beliefs.publish(
        EventType.REPLACED, lifecycle.give_way(whale, by, at, f"replaced by {by}", tip=beliefs.chain.tip), at
    )
