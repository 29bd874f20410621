"""Which prediction continues with a replacement, and which ones end by it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.core.classification import Classification
from app.core.encoding import with_derived_scripts
from app.core.events import EventType
from app.core.models import Transaction
from app.core.prediction import Prediction, Status
from app.core.questions import AskPackage, AskStatus
from app.core.tracking import endings, lifecycle, packages
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.candidates import Candidate
from app.core.tracking.prevouts import known_prevouts, missing_prevouts, with_prevouts
from app.core.tracking.weighing import weigh_again
from app.core.units import SatPerVb, Txid


def may_replace(by: Transaction, whale: Prediction) -> bool:
    """Return whether it spends an outpoint of the whale, as is said; of its line alone these are unknown."""
    return not whale.tx.inputs or bool(whale.tx.outpoints & by.outpoints)


def victims_among(beliefs: Beliefs, txids: Iterable[Txid], by: Transaction) -> list[Prediction]:
    """Return the pending whales that `by` really replaces, each once (`may_replace`).

    A backend names one twice that left, came back and left again within its last polls.
    """
    found = (beliefs.whales.current(txid) for txid in dict.fromkeys(txids))
    return [
        whale
        for whale in found
        if whale is not None
        and whale.status is Status.PENDING
        and whale.txid != by.txid
        and may_replace(by, whale)
    ]


def replace_whales(
    beliefs: Beliefs,
    victims: list[Prediction],
    by: Transaction,
    at: datetime,
    *,
    mined: bool = False,
    seen_before: bool = False,
) -> None:
    """Continue the largest victim's prediction with `by`; end all of them if `by` is not a whale.

    `mined`: `by` is in a block; `seen_before`: it was seen in a mempool before that.
    """
    victims = sorted(victims, key=lambda one: (one.classification.moved, one.txid), reverse=True)
    replacement = beliefs.whales.current(by.txid)
    if replacement is not None and replacement.status in (Status.DROPPED, Status.REPLACED):
        endings.said_to_be_back(beliefs, replacement, at)
    waiting = beliefs.candidates.pop(by.txid)
    beliefs.rivals.pop(by.txid)
    spent = {outpoint: one for victim in victims for outpoint, one in known_prevouts(victim.tx).items()}
    by = with_prevouts(waiting.tx if waiting else by, spent)  # it spends outpoints of its victims
    classification = beliefs.whale_policy.whale(by, beliefs.peels)
    if classification is None:
        beliefs.no_whales.put(by.txid, beliefs.whale_policy.threshold)
        _end(beliefs, victims, by.txid, at, f"replaced by {by.txid}, which is no whale")
        if not mined:
            beliefs.rivals.put(by.txid, by)  # another version may wait, or come back, in a late mempool
        return
    if replacement is None and not beliefs.is_unloaded(by.txid):
        first, *victims = victims
        _take_over(beliefs, first, by, classification, at, mined=mined, seen_before=seen_before)
        if ask := missing_prevouts(by):
            beliefs.ask(ask)
    _end(beliefs, victims, by.txid, at, f"replaced by {by.txid}, together with others")


def contest_answered(
    beliefs: Beliefs, candidate: Candidate, asked: AskStatus, at: datetime, *, gone: bool
) -> bool:
    """Take the status of one whale that the candidate contests; return whether more are being asked about.

    With the last answer the candidate replaces all that are gone at once, so that the largest one's
    prediction continues, and is in conflict with the others. Not one that pays more than the candidate: it
    was gone before, unless a source names the candidate as what replaced it (its child may have paid).
    """
    lost = (*candidate.lost, asked.txid) if gone else candidate.lost
    candidate = replace(candidate, waits_for=candidate.waits_for - {asked}, lost=lost)
    more = any(isinstance(one, AskStatus) for one in candidate.waits_for)
    gave_way = [] if more else victims_among(beliefs, lost, candidate.tx)
    victims = [
        one
        for one in gave_way
        if beliefs.awaited.names(candidate.tx.txid, one.txid) or not outpays(one, candidate.tx)
    ]
    if not victims:
        weigh_again(beliefs, candidate, at)
        return more
    replace_whales(beliefs, victims, candidate.tx, at)
    for rival in candidate.contests:
        endings.contest(beliefs, rival, candidate.tx, at)
    return False


def resume(
    beliefs: Beliefs, whale: Prediction, by: Transaction, at: datetime, *, mined: bool = False
) -> bool:
    """Continue the prediction of an ended whale with another version, if that is still a whale."""
    by = with_prevouts(with_derived_scripts(by), known_prevouts(whale.tx))
    classification = beliefs.whale_policy.whale(by, beliefs.peels)
    if classification is None:
        return False
    taken = _take_over(beliefs, lifecycle.come_back(whale, at), by, classification, at, mined=mined)
    if ask := missing_prevouts(by):
        beliefs.ask(ask)
    endings.ask_about_rivals(beliefs, taken)
    return True


def lose_to(
    beliefs: Beliefs,
    victims: Iterable[Prediction],
    winner: Transaction,
    at: datetime,
    *,
    seen_before: bool = False,
) -> None:
    """A block contains `winner`, which spends outpoints of the victims.

    A winner that pays more was a replacement we did not see: every mempool would have accepted it. One
    that pays less, or an unknown fee, reached the miner without replacing them in mempools: a conflict,
    unless a source names it as what replaced them (its child may have paid).
    """
    for victim in replace_outbid(beliefs, victims, winner, at, seen_before=seen_before):
        endings.lose_to_block(beliefs, victim, winner.txid, at)


def replace_outbid(
    beliefs: Beliefs, victims: Iterable[Prediction], winner: Transaction, at: datetime, *, seen_before: bool
) -> list[Prediction]:
    """Replace those that the winner, which is in a block, outbids or is named for; return the others.

    `seen_before`: it was seen in a mempool before.
    """
    outbid: list[Prediction] = []
    others: list[Prediction] = []
    for one in victims:
        is_replaced = beliefs.awaited.names(winner.txid, one.txid) or outbids(winner, one.tx)
        (outbid if is_replaced else others).append(one)
    if outbid:
        replace_whales(beliefs, outbid, winner, at, mined=True, seen_before=seen_before)
    return others


def outbids(winner: Transaction, victim: Transaction) -> bool:
    """Return whether `winner` pays a higher fee and a higher feerate, as a replacement must.

    Source: Bitcoin Core, doc/policy/mempool-replacements.md.
    """
    winner, victim = _with_coins_of(winner, victim), _with_coins_of(victim, winner)
    more, less, one, two = winner.paid, victim.paid, winner.feerate, victim.feerate
    if more is None or less is None or one is None or two is None:
        return False
    return more > less and one > two


def outpays(whale: Prediction, other: Transaction, rate: SatPerVb | None = None) -> bool:
    """Return whether it outbids the other one, for which no child pays: a package may replace it.

    `rate`: what is paid for the other one, with its package, if more was learnt of that.
    """
    other = _with_coins_of(other, whale.tx)
    paid = other.effective_feerate if rate is None else rate
    known = whale.effective_feerate
    return outbids(whale.tx, other) and known is not None and paid is not None and known >= paid


def _with_coins_of(tx: Transaction, other: Transaction) -> Transaction:
    """Fill in what the other one tells of the coins that both spend: a node tells of no coins itself."""
    return tx if tx.paid is not None else with_prevouts(tx, known_prevouts(other))


def rival_of(beliefs: Beliefs, whale: Prediction) -> Transaction | None:
    """Return a transaction we saw that spends an outpoint of this whale.

    Not one that it outbids, which cannot have replaced it, but for a former version that is back.
    """
    for other in beliefs.whales.spenders(whale.tx.outpoints):
        is_outpaid = outpays(whale, other.tx, other.effective_feerate)
        if other.prediction_id != whale.prediction_id and not is_outpaid:
            return other.tx
    for rival in beliefs.rivals.values():
        if rival.txid == whale.txid or not rival.outpoints & whale.tx.outpoints:
            continue
        if rival.txid in whale.replaces or not _is_outpaid_as_known(beliefs, rival, whale):
            return rival
    return None


def _is_outpaid_as_known(beliefs: Beliefs, rival: Transaction, whale: Prediction) -> bool:
    """Return whether the whale outpays a rival, by all that was learnt of that since it was first seen."""
    if (other := beliefs.whales.current(rival.txid)) is not None:
        return outpays(whale, other.tx, other.effective_feerate)
    waiting = beliefs.candidates.get(rival.txid)
    return outpays(whale, rival if waiting is None else waiting.tx)


def _take_over(
    beliefs: Beliefs,
    whale: Prediction,
    by: Transaction,
    classification: Classification,
    at: datetime,
    *,
    mined: bool,
    seen_before: bool = False,
) -> Prediction:
    """Continue a prediction with `by`. One that is in a block is not forecast: it has confirmed."""
    beliefs.no_longer_in_doubt(whale.txid)
    spiking = beliefs.whale_policy.forecast_source.spiking and not mined
    tip = beliefs.chain.tip
    is_new = mined and not seen_before
    taken = lifecycle.take_over(whale, by, classification, at, tip=tip, fee_spike=spiking, in_block=is_new)
    if not mined:
        taken = beliefs.with_forecast(taken, at)
        packages.begin(beliefs, by)
        beliefs.ask(AskPackage(by.txid))
    return beliefs.publish(EventType.REPLACED, taken, at)


def _end(beliefs: Beliefs, victims: list[Prediction], by: Txid, at: datetime, reason: str) -> None:
    for victim in victims:
        beliefs.publish(
            EventType.REPLACED, lifecycle.give_way(victim, by, at, reason, tip=beliefs.chain.tip), at
        )
