"""Transactions that come up: seen in the mempool, glimpsed in a projected block, told on request."""

from dataclasses import replace
from datetime import datetime

from app.core.encoding.scripts import with_derived_scripts
from app.core.events import EventType
from app.core.models import Transaction
from app.core.observations import (
    PackageTold,
    PrevoutsTold,
    TransactionGlimpsed,
    TransactionReplaced,
    TransactionSeen,
    TransactionTold,
)
from app.core.prediction import Prediction, Status
from app.core.questions import AskPackage, AskPrevouts, AskStatus, AskTransaction, Question
from app.core.tracking import blocks, endings, lifecycle, replacing, unseen, weighing
from app.core.tracking.beliefs import Beliefs
from app.core.tracking.candidates import Candidate
from app.core.tracking.prevouts import missing_prevouts, with_prevouts


def seen(beliefs: Beliefs, told: TransactionSeen, at: datetime) -> None:
    """In the mempool: new to us, known, or a rival of what is known."""
    beliefs.tally.transactions += 1
    tx = told.tx
    _look_for_parents(beliefs, tx)
    known = beliefs.whales.find(tx.txid)
    if known is not None:
        _seen_again(beliefs, known, tx, at)
        return
    rivals = beliefs.whales.spenders(tx.outpoints)
    if not rivals and tx.txid not in beliefs.candidates and unseen.take_up(beliefs, tx, at):
        return
    if tx.txid in beliefs.candidates or not (rivals or beliefs.judgement.may_be_whale(tx)):
        return
    tx = with_derived_scripts(tx)
    if rivals:
        beliefs.rivals.put(tx.txid, tx)
    questions: list[Question] = [AskStatus(rival.txid) for rival in rivals]
    if beliefs.judgement.may_be_whale(tx) and (ask := missing_prevouts(tx)):
        questions.append(ask)
    candidate = Candidate(
        tx=tx,
        source=told.source,
        at=at,
        late=told.late,
        waits_for=frozenset(questions),
        contests=tuple(rival.txid for rival in rivals),
    )
    weighing.weigh(beliefs, candidate, at)


def replaced(beliefs: Beliefs, told: TransactionReplaced, at: datetime) -> None:
    """A source says so; believed as far as the inputs prove it."""
    weighing.decide_waiting(beliefs, told.victims, at)
    by = with_derived_scripts(told.by)
    for txid in told.victims:
        beliefs.depart(txid, f"replaced by {by.txid}", at)
    victims = replacing.victims_among(beliefs, told.victims, by)
    if told.mined:
        replacing.lose_to(beliefs, victims, by, at)
        heir = beliefs.whales.current(by.txid)
        if heir is not None and heir.status is Status.PENDING:
            beliefs.ask(AskStatus(by.txid))  # its block may have been told before it was ours
    elif victims:
        replacing.replace_whales(beliefs, victims, by, at)
    else:
        seen(beliefs, TransactionSeen(tx=by, source=told.source), at)


def glimpsed(beliefs: Beliefs, line: TransactionGlimpsed, at: datetime) -> None:
    """A line of a projected block; the whole transaction is asked for if its total is big enough."""
    if line.value <= beliefs.judgement.threshold:
        return
    known = beliefs.whales.current(line.txid)
    if known is not None:
        if known.status in (Status.DROPPED, Status.REPLACED):
            beliefs.ask(AskStatus(line.txid))
        elif known.status is Status.PENDING and line.package_feerate is not None:
            beliefs.reprice(known, line.package_feerate, at)
    elif line.txid not in beliefs.candidates and line.txid not in beliefs.glimpsed:
        beliefs.glimpsed.put(line.txid, line)
        beliefs.ask(AskTransaction(line.txid))


def told_whole(beliefs: Beliefs, told: TransactionTold, at: datetime) -> None:
    """A whole transaction that was asked for: found waiting, or in a block."""
    entry = beliefs.entries.pop(told.tx.txid)
    beliefs.glimpsed.pop(told.tx.txid)
    unseen.heir_came(beliefs, told.tx, at)
    if entry is not None and told.block_hash in (None, entry[0].hash):
        blocks.found_in_block(beliefs, told.tx, entry[0], at)
    elif told.block_hash is not None and told.height is not None:
        block = blocks.block_of(beliefs, told.block_hash, told.height)
        blocks.found_in_block(beliefs, told.tx, block, at)
    else:
        seen(beliefs, TransactionSeen(tx=told.tx, source=told.source, late=True), at)
    if entry is not None:
        beliefs.settle(entry[0])


def prevouts_told(beliefs: Beliefs, told: PrevoutsTold, at: datetime) -> None:
    """What it spends: decides on a candidate, may correct what was said of a whale."""
    candidate = beliefs.candidates.get(told.txid)
    if candidate is not None:
        _candidate_completed(beliefs, candidate, told, at)
        return
    known = beliefs.whales.current(told.txid)
    if known is None or known.status not in (Status.PENDING, Status.CONFIRMED):
        return
    tx = with_prevouts(known.tx, told.prevouts)
    classification = beliefs.judgement.classify(tx, beliefs.peels)
    if tx != known.tx or classification != known.classification:
        beliefs.tell(EventType.UPDATED, lifecycle.reclassify(known, tx, classification, at), at)


def package_told(beliefs: Beliefs, told: PackageTold, at: datetime) -> None:
    known = beliefs.whales.current(told.txid)
    if known is not None and known.status is Status.PENDING:
        beliefs.reprice(known, told.package_feerate, at)


def _candidate_completed(beliefs: Beliefs, candidate: Candidate, told: PrevoutsTold, at: datetime) -> None:
    still = frozenset(one for one in candidate.waits_for if not isinstance(one, AskPrevouts))
    complete = replace(candidate, tx=with_prevouts(candidate.tx, told.prevouts), waits_for=still)
    weighing.weigh_again(beliefs, complete, at)


def _seen_again(beliefs: Beliefs, known: Prediction, tx: Transaction, at: datetime) -> None:
    if known.txid != tx.txid:
        # A replaced version is in the mempool again: has the one that took its place left?
        if known.status in (Status.DROPPED, Status.REPLACED):
            replacing.resume(beliefs, known, tx, at)
        else:
            beliefs.rivals.put(tx.txid, with_derived_scripts(tx))
            beliefs.ask(AskStatus(known.txid))
        return
    known = weighing.complete(beliefs, known, tx, at)
    match known.status:
        case Status.CONFIRMED:
            beliefs.ask(AskStatus(tx.txid))
        case Status.DROPPED | Status.REPLACED:
            endings.come_back(beliefs, known, at)
        case Status.PENDING:
            known = _with_fee(beliefs, endings.verify(beliefs, known, at), tx, at)
            if tx.package_feerate is not None:
                beliefs.reprice(known, tx.package_feerate, at)


def _with_fee(beliefs: Beliefs, known: Prediction, tx: Transaction, at: datetime) -> Prediction:
    """A node that was busy told it without its fee, and now with it: the forecast begins."""
    if known.tx.fee is not None or tx.fee is None:
        return known
    paid = lifecycle.learn_fee(known, tx, at)
    return beliefs.tell(EventType.UPDATED, beliefs.with_forecast(paid, at), at)


def _look_for_parents(beliefs: Beliefs, tx: Transaction) -> None:
    """A child of a waiting whale changes what the whale's package pays."""
    for parent in dict.fromkeys(spent.outpoint.txid for spent in tx.inputs):
        whale = beliefs.whales.current(parent)
        if whale is not None and whale.status is Status.PENDING:
            beliefs.ask(AskPackage(parent))
