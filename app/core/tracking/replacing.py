"""One transaction takes the place of others: which prediction goes on, and which end."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.core.encoding.scripts import with_derived_scripts
from app.core.events import EventType
from app.core.models import Transaction
from app.core.prediction import Prediction, Status
from app.core.questions import AskStatus
from app.core.tracking import endings, lifecycle
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.candidates import Candidate
from app.core.tracking.prevouts import known_prevouts, missing_prevouts, with_prevouts
from app.core.tracking.weighing import weigh_again
from app.core.units import Txid


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
    if heir is not None and heir.status in (Status.DROPPED, Status.REPLACED):
        endings.come_back(beliefs, heir, at)
    waiting = beliefs.candidates.pop(by.txid)
    beliefs.rivals.pop(by.txid)
    spent = {outpoint: one for victim in victims for outpoint, one in known_prevouts(victim.tx).items()}
    by = with_prevouts(waiting.tx if waiting else by, spent)  # what they spent, their winner spends too
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


def contest_answered(
    beliefs: Beliefs, candidate: Candidate, asked: AskStatus, at: datetime, *, gone: bool
) -> bool:
    """One of the whales that it contests is there still, or gone. Return whether more are asked about.

    With the last answer it takes the place of all that are gone together, so that the largest one's id
    goes on, and contests the others.
    """
    lost = (*candidate.lost, asked.txid) if gone else candidate.lost
    candidate = replace(candidate, waits_for=candidate.waits_for - {asked}, lost=lost)
    more = any(isinstance(one, AskStatus) for one in candidate.waits_for)
    victims = [] if more else victims_among(beliefs, lost, candidate.tx)
    if not victims:
        weigh_again(beliefs, candidate, at)
        return more
    replace_whales(beliefs, victims, candidate.tx, at)
    for rival in candidate.contests:
        endings.contest(beliefs, rival, candidate.tx, at)
    return False


def resume(beliefs: Beliefs, whale: Prediction, by: Transaction, at: datetime) -> bool:
    """Another version of a whale that ended: the same id goes on with it, if it is a whale still."""
    by = with_prevouts(with_derived_scripts(by), known_prevouts(whale.tx))
    classification = beliefs.judgement.whale(by, beliefs.peels)
    if classification is None:
        return False
    spiking = beliefs.judgement.foreteller.spiking
    taken = lifecycle.take_over(lifecycle.come_back(whale, at), by, classification, at, fee_spike=spiking)
    beliefs.tell(EventType.REPLACED, beliefs.with_forecast(taken, at), at)
    if ask := missing_prevouts(by):
        beliefs.ask(ask)
    endings.ask_about_rivals(beliefs, taken)
    return True


def lose_to(beliefs: Beliefs, victims: Iterable[Prediction], winner: Transaction, at: datetime) -> None:
    """A block holds `winner`, which spends their coins.

    One that pays more was a replacement that took place out of our sight: every mempool would
    have taken it instead. One that pays less, or nobody knows how much, came past the mempools.
    """
    victims = tuple(victims)
    outbid = [one for one in victims if outbids(winner, one.tx)]
    if outbid:
        replace_whales(beliefs, outbid, winner, at)
    for victim in victims:
        if victim not in outbid:
            endings.lose_to_block(beliefs, victim, winner.txid, at)


def outbids(winner: Transaction, victim: Transaction) -> bool:
    """Pays more in all and more a vbyte, as a replacement must.

    Source: Bitcoin Core, doc/policy/mempool-replacements.md.
    """
    one, two = winner.feerate, victim.feerate
    if winner.fee is None or victim.fee is None or one is None or two is None:
        return False
    return winner.fee > victim.fee and one > two


def rival_of(beliefs: Beliefs, whale: Prediction) -> Transaction | None:
    """A transaction we saw that spends a coin of this whale."""
    for other in beliefs.whales.spenders(whale.tx.outpoints):
        if other.prediction_id != whale.prediction_id:
            return other.tx
    for rival in beliefs.rivals.values():
        if rival.txid != whale.txid and rival.outpoints & whale.tx.outpoints:
            return rival
    return None


def _end(beliefs: Beliefs, victims: list[Prediction], by: Txid, at: datetime, reason: str) -> None:
    for victim in victims:
        beliefs.tell(EventType.REPLACED, lifecycle.give_way(victim, by, at, reason), at)
