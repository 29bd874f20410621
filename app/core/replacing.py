"""One transaction takes the place of others: which prediction goes on, and which end."""

from collections.abc import Iterable
from datetime import datetime

from app.core import endings, lifecycle
from app.core.beliefs import Beliefs
from app.core.events import EventType
from app.core.models import Transaction
from app.core.prediction import Prediction, Status
from app.core.units import Txid
from app.core.weighing import missing_prevouts, with_prevouts_of


def victims_among(beliefs: Beliefs, txids: Iterable[Txid], by: Transaction) -> list[Prediction]:
    """Those pending whales that `by` really replaces: it spends one of their coins."""
    found = (beliefs.whales.current(txid) for txid in txids)
    return [
        whale
        for whale in found
        if whale is not None
        and whale.status is Status.PENDING
        and whale.txid != by.txid
        and whale.tx.outpoints & by.outpoints
    ]


def replace_whales(beliefs: Beliefs, victims: list[Prediction], by: Transaction, at: datetime) -> None:
    """Hand the largest victim's id on to `by`; if `by` is no whale, all of them end."""
    beliefs.tally.replacements += len(victims)
    victims = sorted(victims, key=lambda one: (one.classification.moved, one.txid), reverse=True)
    heir = beliefs.whales.current(by.txid)
    waiting = beliefs.candidates.pop(by.txid)
    beliefs.rivals.pop(by.txid)
    by = with_prevouts_of(waiting.tx if waiting else by, victims)
    classification = beliefs.judgement.whale(by, beliefs.peels)
    if classification is None:
        _end(beliefs, victims, by.txid, at, f"replaced by {by.txid}, which is no whale")
        return
    if heir is None:
        first, *victims = victims
        spiking = beliefs.judgement.foreteller.spiking
        taken = lifecycle.take_over(first, by, classification, at, fee_spike=spiking)
        beliefs.tell(EventType.REPLACED, beliefs.with_forecast(taken, at), at)
        if ask := missing_prevouts(by):
            beliefs.ask(ask)
    _end(beliefs, victims, by.txid, at, f"replaced by {by.txid}, together with others")


def lose_to(beliefs: Beliefs, victims: Iterable[Prediction], winner: Transaction, at: datetime) -> None:
    """A block holds `winner`, which spends their coins.

    One that pays more was a replacement that took place out of our sight: every mempool would
    have taken it instead. One that pays less, or nobody knows how much, came past the mempools.
    """
    victims = tuple(victims)
    outbid = [one for one in victims if _outbids(winner, one.tx)]
    if outbid:
        replace_whales(beliefs, outbid, winner, at)
    for victim in victims:
        if victim not in outbid:
            endings.lose_to_block(beliefs, victim, winner.txid, at)


def rival_of(beliefs: Beliefs, whale: Prediction) -> Transaction | None:
    """A transaction we saw that spends a coin of this whale."""
    for rival in beliefs.rivals.values():
        if rival.txid != whale.txid and rival.outpoints & whale.tx.outpoints:
            return rival
    return None


def _end(beliefs: Beliefs, victims: list[Prediction], by: Txid, at: datetime, reason: str) -> None:
    for victim in victims:
        beliefs.tell(EventType.REPLACED, lifecycle.give_way(victim, by, at, reason), at)


def _outbids(winner: Transaction, victim: Transaction) -> bool:
    """Pays more in all and more a vbyte, as a replacement must.

    Source: Bitcoin Core, doc/policy/mempool-replacements.md.
    """
    one, two = winner.feerate, victim.feerate
    if winner.fee is None or victim.fee is None or one is None or two is None:
        return False
    return winner.fee > victim.fee and one > two
